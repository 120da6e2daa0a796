"""The tool for other programs: `load` a campaigns folder, `plan` it, `apply` what was reviewed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ExitCode, InvalidError, worst_exit_code
from wechat_campaigns.core.git_checkout import commit_of, unread_checkout
from wechat_campaigns.fetch.changed_since import compare_since
from wechat_campaigns.guard.campaigns_folder import (
    check_campaigns_folder,
    former_appids,
    record_campaigns_folders,
)
from wechat_campaigns.guard.plan_checks import may_run_checks, run_checks
from wechat_campaigns.guard.recorded_rules import ledger_changes, record_guards
from wechat_campaigns.guard.run import check_run
from wechat_campaigns.guard.secrets import check_approved
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.initialization import uninitialized_error, wrong_secrets
from wechat_campaigns.plan import planner, review
from wechat_campaigns.plan.compare import Comparison, with_warnings
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.resolve import RemoteFacts, refresh
from wechat_campaigns.plan.statistics import COMPARED, with_console_warnings
from wechat_campaigns.plan.unknown_sends import stored_unknown_sends
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.send.outcome import SendOutcome, exit_code
from wechat_campaigns.wechat.statistics import Days, read_statistics
from wechat_campaigns.workspace import OnlineWorkspace, Workspace

if TYPE_CHECKING:
    from wechat_campaigns.send.posting import RunContext

__all__ = ["apply", "exit_code", "load", "plan"]


def load(
    root: Path | str = "campaigns",
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> OnlineWorkspace:
    """Open a campaigns folder; use it in a `with` block, which closes ledger and sandbox.

    Args:
        root: the campaigns folder.
        environment: a name of `_settings.yaml`; None takes the default one.
        variables: template variables that win over all others.

    Returns:
        What `plan` and `apply` take. Of the folder only `_settings.yaml` is read now.

    Raises:
        UsageError: the folder or the environment does not exist.
        InvalidError: the settings have problems; it carries all of them.
    """
    workspace = OnlineWorkspace(Path(root), environment=environment, variables=dict(variables or {}))
    _ = workspace.settings
    return workspace


def plan(campaigns: OnlineWorkspace, select: Sequence[str] = (), *, offline: bool = False) -> Plan:
    """Decide what would be sent; only reads are made.

    Args:
        campaigns: from `load`.
        select: ids or patterns; empty means all.
        offline: use no network: neither WeChat nor the ledger's server is asked.

    Returns:
        The plan: `plan.plan_digest`, `plan.counts()`, and `plan.sends` with an action and a reason each.

    Raises:
        InvalidError: campaigns have problems; it carries all of them.
        CampaignError: WeChat or the ledger did not do what was asked.
    """
    select = tuple(select)
    if offline:
        with Workspace(campaigns.root, campaigns.environment, campaigns.variables) as files:
            return plan_selected(files, select, files.unverified_state()).valid_plan()
    return plan_selected(campaigns, select, campaigns.state()).valid_plan()


def apply(
    campaigns: OnlineWorkspace,
    select: Sequence[str] = (),
    *,
    digest: str,
    stopping: threading.Event | None = None,
) -> tuple[SendOutcome, ...]:
    """Plan again and send what is due, if the plan is still the one that was reviewed.

    Args:
        campaigns: from `load`.
        select: ids or patterns, the same as of the plan that was reviewed.
        digest: of that plan.
        stopping: once set, the send in hand is finished and no other is started.

    Returns:
        What happened to each send, in the order in which it happened; then the sends that were held back,
        because they are blocked, in conflict or expired.

    Raises:
        StalePlanError: the plan has changed; nothing was sent.
        PolicyError: this run may not apply, or an approval is missing.
        InvalidError: as for `plan`.
    """
    from wechat_campaigns.send.posting import RunContext

    check_run(campaigns)

    def reviewed(result: PlanResult, state: LedgerState) -> Plan:
        return review.check_digest(digest, result.valid_plan(), state)

    prepared = prepare(campaigns, tuple(select), reviewed)
    stopping = stopping or threading.Event()
    return prepared.send(prepared.plan, RunContext(plan_digest=digest), stopping)


def prepare(
    workspace: OnlineWorkspace,
    select: tuple[str, ...],
    reviewed: Callable[[PlanResult, LedgerState], Plan],
    *,
    overrides: Mapping[str, str] | None = None,
    resend: Callable[[LedgerState], Collection[str]] = lambda _state: (),
    last_holds: Mapping[str, str] | None = None,
) -> Prepared:
    """Go through every step before the sends of an apply, at its start and at each moment it waited for.

    Whether this run may apply at all, `check_run`, is asked before anything is opened or told.

    Args:
        reviewed: refuses a plan that is not what was reviewed; gives it without what the review left out.
        overrides: policy rules set aside once.
        resend: gives the normalized ids of unknown sends to post as they were.
        last_holds: of the plan with which the run began; None: it begins now.

    Raises:
        CampaignError: nothing may be sent.
    """
    state = workspace.initialized_state(sending=False)
    result = plan_selected(
        workspace, select, state, overrides=overrides, resend=resend(state), last_holds=last_holds
    )
    return Prepared(workspace, replace(result, plan=reviewed(result, state)), state)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan that passed every step before its sends."""

    workspace: OnlineWorkspace
    result: PlanResult
    state: LedgerState

    @property
    def plan(self) -> Plan:
        """What may be sent of it."""
        return self.result.plan

    def send(self, plan: Plan, right: RunContext, stopping: threading.Event) -> tuple[SendOutcome, ...]:
        """Record by which rules and from which folder a plan is sent, then send what is due.

        Args:
            plan: this one, or with some of its sends.
            right: by which it sends; who approved and started it is added.

        Raises:
            PolicyError: nobody approved the campaigns.
        """
        # A plan does without: these would be a fortieth of its time.
        from wechat_campaigns.send.apply import apply as send_due

        workspace = self.workspace
        approved = check_approved(workspace, {planned.account.appid for planned in plan.due()})
        ports, who = workspace.ports(stopping), {**workspace.actor(), **approved}
        record_guards(workspace, plan, who)
        record_campaigns_folders(workspace, plan, self.state, who)
        right = replace(right, actor=who)
        return send_due(plan, ports=ports, settings=workspace.settings, run_context=right)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A plan and what it was made from."""

    compiled: CompileResult
    plan: Plan
    comparison: Comparison | None = None

    def valid_plan(self) -> Plan:
        """Return the plan. Raises InvalidError: campaigns have problems; it carries all of them."""
        if self.compiled.errors:
            raise InvalidError(self.compiled.errors)
        return self.plan

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """What must be corrected, in files or because of what WeChat said."""
        resolutions = (planned.resolved for planned in self.plan.sends)
        return (*self.compiled.errors, *(one for resolution in resolutions for one in resolution.problems))

    @property
    def exit_code(self) -> ExitCode:
        """The worst of what is wrong with files, sends and accounts; that a rule blocks is not wrong."""
        failures = [one.decision.failure for one in self.plan.sends]
        return worst_exit_code([*filter(None, failures), *([ExitCode.INVALID] if self.plan.invalid else [])])


def plan_selected(
    workspace: Workspace,
    select: tuple[str, ...],
    state: LedgerState,
    *,
    overrides: Mapping[str, str] | None = None,
    since: str | None = None,
    compiled: CompileResult | None = None,
    resend: Collection[str] = (),
    last_holds: Mapping[str, str] | None = None,
    checked: bool = True,
) -> PlanResult:
    """Plan the campaigns selected; without a request by a workspace that has no way to WeChat.

    Args:
        select: ids or patterns; empty means all.
        overrides: policy rules set aside once.
        since: a commit to compare with, as the user wrote it.
        compiled: what the campaigns were rendered to, when they were already.
        resend: normalized ids of unknown sends that are named themselves, whatever is selected.
        last_holds: as in `DecisionContext`.
        checked: run the programs of `policy.checks` on it, where WeChat can be queried.
    """
    check_campaigns_folder(workspace, state)
    compiled = compiled or compile_selected(workspace, select)
    name = workspace.settings.environment.name
    comparison = None
    if since is not None:
        variables = workspace.variables
        comparison = compare_since(
            workspace.root, compiled, select, since, environment=name, variables=variables
        )
    context = replace(
        decision_context(workspace, state),
        overrides=overrides or {},
        is_current=compiled.presence_check(),
        resend=frozenset(resend),
        last_holds=last_holds,
    )
    unknown = compiled.with_readiness(stored_unknown_sends(compiled.sends, context), name)
    sends = (*compiled.sends, *unknown)
    online, facts = workspace if isinstance(workspace, OnlineWorkspace) else None, None
    if online is not None:
        facts = refresh(sends, context, connect=online.read_api, clock=online.clock)
        facts |= _without_past(online, state)
        # The reads said what time it is there.
        context = replace(context, now=online.clock(), clock_skew=online.watch.current_skew())
    plan = planner.make_plan(
        sends,
        invalid=compiled.invalid,
        context=context,
        remote_facts=facts,
        with_unplanned=not select,
        guards=workspace.newest_guards(),
        ledger_changes=ledger_changes(workspace),
    )
    plan = _with_provenance(workspace, plan, state)
    plan = with_warnings(plan, comparison) if comparison is not None else plan
    plan = with_console_warnings(plan, _published(workspace, plan), state, context.now)
    if checked and online is not None and plan.calls() and may_run_checks(online):
        from wechat_campaigns.report.json import plan_data
        from wechat_campaigns.report.plan_view import PlanView

        view = PlanView(plan=plan, timezone=workspace.settings.policy.timezone)
        plan = planner.with_failed_checks(plan, run_checks(online, json_text(plan_data(view))), context)
    return PlanResult(compiled=compiled, plan=plan, comparison=comparison)


def _without_past(workspace: OnlineWorkspace, state: LedgerState) -> dict[str, RemoteFacts]:
    """Stop each account whose past the ledger does not know, or nobody here can verify: it is not certain."""
    environment, missing = workspace.settings.environment, workspace.secrets.missing
    unverified = ((name, environment.accounts[name].appid) for name in workspace.unverified)
    errors = {name: missing[appid] for name, appid in unverified if appid in missing}
    if state.initialized:  # else an apply is refused as a whole
        errors |= {
            name: uninitialized_error(state, environment, [name]) for name in workspace.uninitialized(state)
        }
    return {name: RemoteFacts(offline=True, error=error, past_known=False) for name, error in errors.items()}


def decision_context(workspace: Workspace, state: LedgerState) -> DecisionContext:
    """Gather what decides on a send now, whatever was rendered."""
    return DecisionContext(
        settings=workspace.settings,
        state=state,
        now=workspace.clock(),
        former_appids=former_appids(workspace, state),
    )


def _with_provenance(workspace: Workspace, plan: Plan, state: LedgerState) -> Plan:
    """Return a plan with its commit, and how much of the ledger it was made with."""
    commit, wrong = commit_of(workspace.root), wrong_secrets(state, workspace.settings.environment)
    return replace(
        plan,
        commit=commit,
        unread_checkout=unread_checkout(workspace.root) if commit is None else None,
        uninitialized=tuple(name for name in workspace.uninitialized(state) if name not in wrong),
        ledger_known=workspace.ledger_known,
        unverified=workspace.unverified,
    )


def _published(workspace: Workspace, plan: Plan) -> dict[str, Days]:
    """Read which articles this machine knows, of the accounts with pending sends."""
    appids = {planned.account.appid for planned in plan.sends if planned.action in COMPARED}
    files = {appid: workspace.statistics_file(appid) for appid in appids}
    return {appid: read_statistics(file, with_figures=False) for appid, file in files.items()}


def compile_selected(workspace: Workspace, select: Sequence[str]) -> CompileResult:
    """Render the campaigns a workspace names: all of them when `select` is empty."""
    return compile_campaigns(
        workspace.root,
        settings=workspace.settings,
        files=workspace.files,
        variables=workspace.variables,
        only=select,
    )
