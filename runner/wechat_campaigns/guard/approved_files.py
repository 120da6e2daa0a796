"""Whether the files of what is due were approved as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import PolicyError, StalePlanError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.guard.approvals import check_approvals
from wechat_campaigns.guard.approved_settings import SETTINGS, guard_approvals
from wechat_campaigns.guard.checkout import blob_id, check_committed, check_same, last_changes
from wechat_campaigns.guard.ports import OnlinePort, WorkspacePort
from wechat_campaigns.guard.reviews import head_of, request_finder
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.render.compile import Compiler
from wechat_campaigns.source.files import RecordingFiles, read_regular
from wechat_campaigns.source.load import MAX_YAML_BYTES, find_campaigns
from wechat_campaigns.source.settings import load_settings


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
    workspace: OnlinePort,
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
    request = request_finder(run, run.default_branch)
    files_told = check_approvals(
        {commit: request(commit) for commit in changes}, wanted, branch=run.default_branch
    )
    for commit, files in changes.items():
        check_same(folder, head_of(request(commit)), {file: blobs[file] for file in files})
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


@dataclass(slots=True)
class Sources:
    """What some campaigns are made of: the bytes of each file, and the digest of each send."""

    files: dict[PurePosixPath, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def add(self, file: PurePosixPath, data: bytes) -> None:
        """Note the bytes of a file.

        Raises:
            StalePlanError: it had others before.
        """
        if self.files.setdefault(file, data) != data:
            raise StalePlanError(
                _("the file changed while it was being read"), hint=_("run it again"), location=str(file)
            )


def sources_of(workspace: WorkspacePort, campaigns: Collection[str]) -> Sources:
    """Render some campaigns once more, alone, and keep every byte that has a part in them.

    Nothing is taken over from the rendering before, not even the settings: whatever else the folder holds
    cannot have a part in the result. In this process, because what another one reads would not be seen.
    """
    root, made = workspace.root, Sources()
    settings = load_settings(root, environment=workspace.environment)
    made.add(SETTINGS, workspace.settings.source)
    made.add(SETTINGS, settings.source)
    files = RecordingFiles(root, made.add)
    workshop = Compiler(settings=settings, files=files, variables=workspace.variables)
    for item in find_campaigns(root, sorted(campaigns))[0]:
        if item.id not in campaigns:
            continue
        data = read_regular(item.display_path, MAX_YAML_BYTES)
        made.add(item.file, data)
        made.digests |= {send.id: compute_content_digest(send) for send in workshop.make(item, data).sends}
    return made
