"""The commit of a CI run in, the merged request that it came by and the sends that this changed out."""

from pathlib import Path
from typing import NamedTuple

from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest
from wechat_campaigns.code_host.merged_requests import merged_request, unapproved_request_error
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.fetch.changed_since import compare_since, resolve_ref, tree_at
from wechat_campaigns.guard.checkout import check_clean, fetch_missing
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.workspace import Workspace


class MergedChanges(NamedTuple):
    """What a merged request changed."""

    request: MergedRequest
    sends: frozenset[str]
    """The ids of those that it added or edited."""
    before: Settings
    """Of the commit's first parent."""


def merged_changes(workspace: Workspace, compiled: CompileResult, run: CiRun) -> MergedChanges:
    """Return what the merged request of the checked-out commit changed, by that commit's first parent.

    Raises:
        PolicyError: it came by none, or the campaigns are not those that the request's reviewers saw.
        CodeHostError: the code host does not tell.
        UsageError: git lacks the parent.
    """
    root = workspace.root
    check_clean(root)
    commit, parent = resolve_ref(root, "HEAD"), resolve_ref(root, "HEAD^1")
    request = merged_request(run, commit, root)
    if request is None:
        what = _("commit {commit} reached {branch} without a merged request")
        raise unapproved_request_error(what.format(commit=commit[:12], branch=run.branch))
    fetch_missing(root, request.head)
    if _folder_at(root, request.head) != _folder_at(root, commit):
        what = _(
            "the campaigns at {commit} differ from the version approved in #{number}: another change "
            "was merged into it"
        )
        raise unapproved_request_error(what.format(commit=commit[:12], number=request.number))
    found = compare_since(workspace, compiled, (), parent)
    if found.note:  # what could not be rendered would count as changed
        raise unapproved_request_error(found.note)
    with tree_at(root, parent) as base:
        try:
            before = load_settings(base, environment=workspace.settings.environment.name)
        except InvalidError as error:
            raise unapproved_request_error(error.message) from error
    changed = frozenset(one.id for one in found.changes if one.after is not None)
    return MergedChanges(request, changed, before)


def _folder_at(root: Path, commit: str) -> str:
    """Return the object id of the campaigns folder at a commit."""
    answer = run_in_checkout(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}:./")
    if answer.code:
        what = _("git does not have the campaigns folder of commit {commit}")
        raise unapproved_request_error(what.format(commit=commit[:12]))
    return answer.text
