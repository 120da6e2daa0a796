"""Whether this run may apply: the right event, the branch's newest campaigns, the approvals asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import Path

from wechat_campaigns.code_host.ci_run import CiRun, check_ci_run, ci_run
from wechat_campaigns.code_host.merged_request import MergedRequest
from wechat_campaigns.core.errors import PolicyError, StalePlanError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.core.settings import Approvals, Secret
from wechat_campaigns.guard.approvals import check_approvals
from wechat_campaigns.guard.checkout import (
    blob_id,
    check_committed,
    check_same,
    check_up_to_date,
    is_shallow,
    last_changes,
    newer_than,
    require_history,
    versions,
)
from wechat_campaigns.guard.ports import WorkspacePort
from wechat_campaigns.guard.sources import SETTINGS, sources_of
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.source.settings import (
    approvals_in,
    approvals_of,
)

REVIEW_TOKEN = "CAMPAIGN_REVIEW_TOKEN"  # noqa: S105 (the name of a variable, no secret)


def current_run() -> CiRun | None:
    """Describe the CI run this process belongs to; None on a person's machine."""
    return ci_run(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))


def check_run(workspace: WorkspacePort) -> None:
    """Refuse to apply from a pull request, another branch or an outdated checkout.

    A rehearsal reaches nobody and may run anywhere, unless its environment is protected.

    Raises:
        PolicyError: says why, and what to run instead.
    """
    run = current_run()
    if run is None or (workspace.is_sandbox and not workspace.settings.environment.protected):
        return
    check_ci_run(run)
    if run.default_branch is not None:
        check_up_to_date(workspace.root, run.default_branch)


def check_secret_place(place: Secret) -> None:
    """Refuse to run a `secret: {command: …}` or to read a file where the settings may be a stranger's.

    Raises:
        PolicyError: this is the run of a pull request, or of another branch than the default one.
    """
    if place.command or place.file:
        check_ci_run(current_run())


# --- the settings, before they make this run read a secret --------------------------------------------


def check_settings_approved(workspace: WorkspacePort, appid: str) -> str:
    """Refuse settings that nobody approved, by the rules that were in force before each change of them.

    Every commit that changed the file since the last apply is asked about, each by the approvals that the
    version before it asked for, a merge also by those of the versions that it dropped: who is let in by a
    commit cannot approve that very commit.

    Args:
        appid: of the account whose secret is about to be read; its stream of the ledger holds the last apply.

    Returns:
        Who approved what; empty where nothing is asked, and on a person's machine, where nobody can be.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
    """
    run, folder = current_run(), workspace.root
    if run is None or run.default_branch is None or not workspace.settings.source:
        return ""

    environment = workspace.settings.environment
    guard = workspace.guard(appid)
    in_force = [*filter(None, [environment.approvals, guard_approvals(guard)])]
    if in_force:
        require_history(folder)
    elif is_shallow(folder):
        if workspace.is_sandbox and not environment.protected:
            return ""
        require_history(folder)
    steps = list(_changes_to_ask(workspace, guard))
    if not (in_force or any(rules for _commit, _data, rules in steps)):
        return ""
    check_committed(folder, {SETTINGS: blob_id(folder, workspace.settings.source)})
    told = {}
    request = _requests(run, run.default_branch)
    for commit, data, rules in steps:
        for rule in rules:
            told[commit] = check_approvals({commit: request(commit)}, rule, branch=run.default_branch)
            if data is not None:
                check_same(folder, _head(request(commit)), {SETTINGS: blob_id(folder, data)})
    return "; ".join(dict.fromkeys(told.values()))


def _changes_to_ask(
    workspace: WorkspacePort, guard: Event | None
) -> Iterator[tuple[str, bytes | None, tuple[Approvals, ...]]]:
    """Go back through the versions of the settings to the one of the last apply."""
    environment, folder = workspace.settings.environment, workspace.root
    accepted = guard.data.get("settings_sha256") if guard is not None else None
    # The same bytes may have come back since: without the rules that were asked for in between.
    since = newer_than(folder, _commit_of(guard))
    asked: list[tuple[str, bytes | None, tuple[Approvals, ...]]] = []
    reached = False
    for version, older in pairwise(chain(versions(folder, SETTINGS), [None])):
        if version is None:
            break
        data, before = version.data, older.data if older is not None else None
        is_accepted = data is not None and sha256(data).hexdigest() == accepted
        if is_accepted and version.commit not in since:
            reached = True
            break
        held = [*version.dropped_parents, *([before] if before is not None and before != data else [])]
        before_it = chain.from_iterable(approvals_in(one, environment) for one in held)
        asked.append((version.commit, data, tuple(dict.fromkeys(before_it))))
    for number, (commit, data, rules) in enumerate(asked):
        if number == 0:
            # By its own rules where there were none before; by the guard's where its version is not found.
            kept = None if reached else guard_approvals(guard)
            rules = tuple(filter(None, dict.fromkeys([*rules, kept]))) or tuple(
                filter(None, [environment.approvals])
            )
        yield commit, data, rules


def _commit_of(guard: Event | None) -> str:
    """Name the commit that an apply was run at; empty when the ledger does not say, or says no commit."""
    actor = guard.data.get("actor") if guard is not None else None
    commit = str(actor.get("commit")).removesuffix("-dirty") if isinstance(actor, Mapping) else ""
    return commit if commit.isalnum() else ""


def guard_approvals(guard: Event | None) -> Approvals | None:
    """Read the approvals that an apply went by, as the ledger says: good enough to ask for more."""
    rules = guard.data.get("rules") if guard is not None else None
    data = rules.get("approvals") if isinstance(rules, Mapping) else None
    return approvals_of(data) if isinstance(data, Mapping) else None


# --- the files of what is due -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What was approved, before the first secret was read."""

    actor: Mapping[str, str] = field(default_factory=dict)
    """`approved`: who approved what, for the ledger; empty when nothing was asked."""
    digests: Mapping[str, str] | None = None
    """By send id, the digest of what the approved files make; None when nothing was asked."""

    def check(self, plan: Plan) -> None:
        """Refuse a plan that would send something else than what the approved files make.

        Raises:
            StalePlanError: another file had a part in it, or it became due only now.
        """
        for planned in plan.due() if self.digests is not None else ():
            if (self.digests or {}).get(planned.send.id) != planned.source_digest:
                raise StalePlanError(
                    _("the approved files render a different message: another file changed this send"),
                    hint=_(
                        "run it again; if it is refused again, look for a campaign that changes shared `vars`"
                    ),
                    location=planned.send.id,
                )


def check_approved(
    workspace: WorkspacePort,
    sends: Collection[Send],
    state: LedgerState,
    *,
    waits_until: datetime | None = None,
) -> Approval:
    """Refuse due sends whose files did not come by requests that were approved as they are.

    Runs before the platform is asked anything, so before any secret is read.

    Args:
        sends: everything that was rendered; those that the ledger and the clock make due are looked at.
        waits_until: of a run that waits: what opens until then becomes due while it runs.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
        StalePlanError: a file changed while this ran.
    """
    wanted, accounts = workspace.settings.environment.approvals, workspace.settings.environment.accounts
    due = _due(workspace, sends, state, waits_until)
    appids = sorted({accounts[send.account].appid for send in due})
    if not (wanted and due) and not any(guard_approvals(workspace.guard(appid)) for appid in appids):
        return Approval()
    run, folder = current_run(), workspace.root
    if run is None or run.default_branch is None:
        raise PolicyError(
            _("this environment requires approvals, which can only be checked in a GitHub or GitLab run"),
            hint=_("apply in the CI workflow"),
            location=_("environment {name}").format(name=workspace.settings.environment.name),
        )
    settings_told = [workspace.secrets.check_settings_approved(appid) for appid in appids]
    if wanted is None:  # taken back by a change that was approved
        return Approval(actor=_approval_actor(settings_told))

    made = sources_of(workspace, {send.campaign for send in due})
    blobs = {file: blob_id(folder, data) for file, data in made.files.items()}
    check_committed(folder, blobs)
    # The settings were asked about already, by the rules that were in force before.
    changes = last_changes(folder, blobs.keys() - {SETTINGS})
    request = _requests(run, run.default_branch)
    files_told = check_approvals(
        {commit: request(commit) for commit in changes}, wanted, branch=run.default_branch
    )
    for commit, files in changes.items():
        check_same(folder, _head(request(commit)), {file: blobs[file] for file in files})
    return Approval(actor=_approval_actor([*settings_told, files_told]), digests=made.digests)


def _approval_actor(sayings: Sequence[str]) -> dict[str, str]:
    told = "; ".join(dict.fromkeys(filter(None, sayings)))
    return {"approved": told} if told else {}


def _due(
    workspace: WorkspacePort, sends: Collection[Send], state: LedgerState, waits_until: datetime | None
) -> list[Send]:
    """List what this run may send, whatever the platform will say."""
    context = DecisionContext(settings=workspace.settings, state=state, now=workspace.clock())
    decisions = ((send, decide(send, context.content_digest(send), context)) for send in sends)
    return [
        send
        for send, decision in decisions
        if decision.action is PlanAction.SEND
        or (
            decision.action is PlanAction.SCHEDULED
            and waits_until is not None
            and send.not_before is not None
            and send.not_before <= waits_until
        )
    ]


# --- the code host ----------------------------------------------------------------------------------------


def _requests(run: CiRun, branch: str) -> Callable[[str], MergedRequest | None]:
    """Give what finds the request that brought a commit in; the code host is asked once about each."""
    host = cache(lambda: _code_host(run, branch))
    return cache(lambda commit: host()(commit))


def _head(request: MergedRequest | None) -> str:
    return request.head if request is not None else ""


def _code_host(run: CiRun, branch: str) -> Callable[[str], MergedRequest | None]:
    own = os.environ.get("GITHUB_TOKEN") if run.service == "GitHub" else None
    token = os.environ.get(REVIEW_TOKEN) or own
    if not token:
        raise PolicyError(
            _("cannot check who approved the changes: {variable} is not set").format(variable=REVIEW_TOKEN),
            hint=_("provide a token that can read pull requests (GitHub) or the API (GitLab: `read_api`)"),
            location=_("{service} run").format(service=run.service),
        )
    if run.service == "GitHub":
        from wechat_campaigns.code_host.github import API, github, pull_of

        hub = github(os.environ.get("GITHUB_API_URL", API), token)
        return lambda commit: pull_of(hub, run.repository, branch, commit)
    from wechat_campaigns.code_host.gitlab import gitlab, merge_request_of

    lab = gitlab(os.environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4"), token)
    return lambda commit: merge_request_of(lab, run.repository, branch, commit)
