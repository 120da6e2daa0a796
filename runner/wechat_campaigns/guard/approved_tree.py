"""Whether the campaigns are what was approved last, and nothing since: one question of everything in force.

A commit is accepted if it came by a request that enough approvers agreed to, by the rules of what was
accepted before; if it holds what that request's newest commit holds; and if the reviewers saw the change
against what was accepted before. Everything else, pushed or merged in whatever order, leaves what was
approved as it was. A run goes on only where the checked-out commit holds the same as the one accepted last.
Compared are git's trees: that of the campaigns folder, or of the whole repository where the settings name
programs, which may read all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from wechat_campaigns.code_host.ci_run import CiRun, current_run
from wechat_campaigns.code_host.merged_request import MergedRequest
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.guard.approvals import approval_error, check_approval
from wechat_campaigns.guard.checkout import (
    check_clean,
    check_committed,
    commits_since,
    fetch_missing,
    head_of,
    is_ancestor,
    is_shallow,
    merge_bases,
    objects_of,
    read_blob,
    require_history,
    without_ancestors,
)
from wechat_campaigns.guard.ports import OnlinePort, WorkspacePort
from wechat_campaigns.guard.reviews import request_finder
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.source.settings import approvals_in, approvals_of, names_programs


class ApprovedTree(NamedTuple):
    """What a run goes by; empty where nobody was asked."""

    told: str = ""
    """Who approved what, for the ledger: `#12 by ann, bob`."""
    commit: str = ""
    tree: str = ""


class Anchor(NamedTuple):
    """What the ledger holds of the last apply; its mac is checked once the AppSecret is there."""

    commit: str = ""
    """It held what was approved; empty where nobody was asked."""
    approvals: Approvals | None = None
    told: str = ""


def anchor_of(guard: Event | None) -> Anchor:
    """Read the rules of the last apply, and the commit that it was run at."""
    if guard is None:
        return Anchor()
    commit, actor = guard.data.get("commit"), guard.data.get("actor")
    told = actor.get("approved") if isinstance(actor, Mapping) else None
    return Anchor(
        commit=commit if isinstance(commit, str) and commit.isalnum() else "",
        approvals=guard_approvals(guard),
        told=told if isinstance(told, str) else "",
    )


def guard_approvals(guard: Event | None) -> Approvals | None:
    """Read the approvals that an apply went by, as the ledger says: good enough to ask for more."""
    rules = guard.data.get("rules") if guard is not None else None
    data = rules.get("approvals") if isinstance(rules, Mapping) else None
    return approvals_of(data) if isinstance(data, Mapping) else None


def approving_run() -> CiRun | None:
    """Describe the CI run that can be told who approved what; None on a person's machine."""
    run = current_run()
    return run if run is not None and run.default_branch is not None else None


def check_approved(workspace: OnlinePort, appids: Collection[str]) -> dict[str, str]:
    """Refuse to send for accounts where nobody approved the campaigns, or nobody can be asked.

    Returns:
        `approved`: who approved what, for the ledger; empty when nothing was asked.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
    """
    environment, secrets = workspace.settings.environment, workspace.secrets
    if approving_run() is None:
        if appids and (environment.approvals or any(guard_approvals(workspace.guard(one)) for one in appids)):
            raise PolicyError(
                _("this environment requires approvals, which can only be checked in a GitHub or GitLab run"),
                hint=_("apply in the CI workflow"),
                location=_("environment {name}").format(name=environment.name),
            )
        return {}
    told = "; ".join(
        dict.fromkeys(filter(None, (secrets.check_approved(one).told for one in sorted(appids))))
    )
    return {"approved": told} if told else {}


def check_tree_approved(workspace: WorkspacePort, run: CiRun, anchor: Anchor) -> ApprovedTree:
    """Refuse a commit that does not hold what was approved last.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
    """
    folder, environment = workspace.root, workspace.settings.environment
    if not workspace.settings.source:
        return ApprovedTree()
    if environment.approvals or anchor.approvals:
        require_history(folder)
    elif is_shallow(folder):
        if workspace.is_sandbox and not environment.protected:
            return ApprovedTree()
        require_history(folder)
    if anchor.commit and not is_ancestor(folder, anchor.commit):
        anchor = anchor._replace(commit="")
    if anchor.approvals and not anchor.commit:
        raise approval_error(
            _("the history of the branch does not hold the commit that was approved at the last apply"),
            _(
                "restore the branch; or check the campaigns and run `campaign ledger guard --env {name}` "
                "in a clean checkout of it, on a machine that holds the AppSecret"
            ).format(name=environment.name),
        )
    history = _History(workspace, run, anchor)
    if not (environment.approvals or history.asks()):
        return ApprovedTree()
    check_committed(folder)
    return history.check_head()


def present_tree(workspace: WorkspacePort) -> ApprovedTree:
    """Read the commit that is checked out, for a person who vouches for what it holds; empty outside git.

    Raises:
        PolicyError: files differ from it.
    """
    head = head_of(workspace.root)
    if not head:
        return ApprovedTree()
    check_clean(workspace.root)
    return ApprovedTree(commit=head, tree=_History(workspace, None, Anchor(commit=head)).tree(head))


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What was accepted last, as of some commit."""

    commit: str = ""
    rules: tuple[Approvals, ...] = ()
    """By which whatever comes next is approved."""
    told: tuple[str, ...] = ()
    """Who approved what since the last apply."""
    error: PolicyError | None = None
    """Why the first commit since was not accepted."""


class _History:
    """The commits since the last apply that lead to the one that is checked out."""

    def __init__(self, workspace: WorkspacePort, run: CiRun | None, anchor: Anchor) -> None:
        self._folder, self._environment = workspace.root, workspace.settings.environment
        self._anchor = anchor
        self._branch = (run.default_branch if run else None) or ""
        self._find = request_finder(run, self._branch) if run else lambda _commit: None
        self.head = head_of(self._folder)
        self._parents = commits_since(self._folder, anchor.commit)
        around = {*self._parents, *(one for parents in self._parents.values() for one in parents)}
        self._objects = objects_of(self._folder, filter(None, {*around, anchor.commit}))
        self._read_settings = cache(self._settings)
        kept = (*((self.rules(anchor.commit) if anchor.commit else None) or ()), anchor.approvals)
        self._start = _State(commit=anchor.commit, rules=tuple(dict.fromkeys(filter(None, kept))))

    def tree(self, commit: str) -> str:
        """Give the id of the tree that is asked about; empty where a commit has none."""
        if commit not in self._objects:
            self._objects |= objects_of(self._folder, [commit])
        held = self._objects[commit]
        return held.root if self._read_settings(held.settings)[1] else held.folder

    def rules(self, commit: str) -> tuple[Approvals, ...] | None:
        """List the approvals that a commit asks for after it; None where its settings are lost."""
        return self._read_settings(self._objects[commit].settings)[0]

    def _settings(self, blob: str) -> tuple[tuple[Approvals, ...] | None, bool]:
        source = read_blob(self._folder, blob) if blob else b""
        return approvals_in(source, self._environment), names_programs(source)

    def asks(self) -> bool:
        """Tell whether anything that leads to the head asks for approvals."""
        return bool(self._start.rules) or any(map(self.rules, self._parents))

    def check_head(self) -> ApprovedTree:
        """Refuse the checked-out commit unless it holds the same as the one accepted last.

        Raises:
            PolicyError: says why the first commit since was not accepted.
        """
        states: dict[str, _State] = {}
        for commit, (request, follows) in self._steps().items():
            before = self._newest([self._state_of(one, states) for one in follows])
            states[commit] = self._state_at(commit, request, follows, before)
        state = self._state_of(self.head, states)
        if state.error is not None or not state.commit:
            raise state.error or self._unclear_error(self.head)
        told = "; ".join(dict.fromkeys(state.told)) or self._anchor.told
        return ApprovedTree(told=told, commit=self.head, tree=self.tree(self.head))

    def _state_of(self, commit: str, states: Mapping[str, _State]) -> _State:
        """Give the state as of a commit; of one that nobody was asked about, itself."""
        if commit in self._parents:
            return states.get(commit) or _State(commit=commit)
        return self._start

    def _steps(self) -> dict[str, tuple[MergedRequest | None, tuple[str, ...]]]:
        """List the steps that lead to the head, oldest first: the request each came by, and what it follows.

        The commits of a request are one step, and the code host is not asked about each of them. They begin
        where approvals are asked for first.
        """
        asking: dict[str, bool] = {}
        for commit, parents in self._parents.items():
            before = (asking.get(one, bool(self._start.rules)) for one in parents)
            asking[commit] = bool(self.rules(commit)) or any(before)
        steps, needed = {}, {self.head}
        for commit in filter(asking.get, reversed(self._parents)):
            if commit in needed:
                parents = self._parents[commit]
                changes = any(self.tree(one) != self.tree(commit) for one in parents)
                request = self._find(commit) if changes else None
                follows = self._outside(commit, request.commits) if request is not None else parents
                steps[commit] = (request, follows)
                needed.update(follows)
        return dict(reversed(steps.items()))

    def _outside(self, commit: str, own: Collection[str]) -> tuple[str, ...]:
        """List the commits that a request's own commits follow."""
        outside: list[str] = []
        seen, waiting = {commit}, [commit]
        while waiting:
            for one in self._parents[waiting.pop()]:
                if one not in seen:
                    seen.add(one)
                    is_own = one in own and one in self._parents
                    (waiting if is_own else outside).append(one)
        return tuple(outside)

    def _newest(self, states: Iterable[_State]) -> _State:
        """Give the state that all others led to; one without a commit where there is none."""
        found = {state.commit: state for state in states}
        # A branch of a time when nobody was asked may hold anything.
        found = {commit: state for commit, state in found.items() if state.rules} or found
        last = [*found] if len(found) < 2 else without_ancestors(self._folder, filter(None, found))
        return found[last[0]] if len(last) == 1 else _State()

    def _state_at(
        self, commit: str, request: MergedRequest | None, follows: Collection[str], before: _State
    ) -> _State:
        if before.commit and self.tree(commit) == self.tree(before.commit):
            return replace(before, error=None)
        asked = self.rules(commit)
        # Who is let in by a commit cannot approve that very commit; where nobody was asked, it asks itself.
        rules = before.rules or asked or ()
        try:
            told = [check_approval(commit, request, rule, branch=self._branch) for rule in rules]
            if request is not None and rules:
                self._check_as_seen(commit, request, follows, before.commit)
        except PolicyError as error:
            return replace(before, error=before.error or error)
        kept = before.rules if asked is None else asked
        return _State(commit=commit, rules=kept, told=(*before.told, *told))

    def _check_as_seen(
        self, commit: str, request: MergedRequest, follows: Collection[str], before: str
    ) -> None:
        """Refuse a merge of other campaigns than the reviewers saw, or that they saw against others."""
        fetch_missing(self._folder, request.head)
        if self.tree(request.head) != self.tree(commit):
            raise approval_error(
                _(
                    "the campaigns at {commit} differ from the version approved in #{number}: another change "
                    "was merged into it"
                ).format(commit=commit[:12], number=request.number),
                self._redo_hint(),
            )
        tips = without_ancestors(self._folder, follows)
        bases = merge_bases(self._folder, request.head, tips[0]) if len(tips) == 1 else []
        if not before or not bases or any(self.tree(base) != self.tree(before) for base in bases):
            raise approval_error(
                _("#{number} was reviewed against other campaigns than those approved before it").format(
                    number=request.number
                ),
                self._redo_hint(),
            )

    def _redo_hint(self) -> str:
        return _(
            "revert it, then submit it again in a request that is up to date with the branch, and allow "
            "merging only those; or check the campaigns and run `campaign ledger guard --env {name}` on a "
            "machine that holds the AppSecret"
        ).format(name=self._environment.name)

    def _unclear_error(self, commit: str) -> PolicyError:
        return approval_error(
            _("the campaigns at {commit} are not those approved last").format(commit=commit[:12]),
            self._redo_hint(),
        )
