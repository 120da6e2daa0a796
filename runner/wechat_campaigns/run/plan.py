"""Plan the campaigns of a workspace: by its files, its ledger and, where it may connect, WeChat's answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError, worst_exit_code
from wechat_campaigns.core.git_checkout import commit_of, unread_checkout
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.names import full_id, namespace_of
from wechat_campaigns.core.spoken_time import moment_text
from wechat_campaigns.guard.campaigns_folder import check_campaigns_folder, former_appids
from wechat_campaigns.ledger.fold import LedgerState, uninitialized_error, wrong_secrets
from wechat_campaigns.plan import planner
from wechat_campaigns.plan.approval import with_approvals
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import COMPARED, Plan, is_covered
from wechat_campaigns.plan.resolve import RemoteFacts, refresh
from wechat_campaigns.plan.review import Comparison, with_warnings
from wechat_campaigns.plan.unknown_sends import stored_unknown_sends
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.render.compile import CompileResult, Failed, compile_campaigns
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.workspace import OnlineWorkspace, Workspace


class Selected(NamedTuple):
    """Campaigns as they were rendered, and those of their sends that are meant."""

    compiled: CompileResult
    sends: tuple[Send, ...]
    campaigns: tuple[str, ...]
    """The words that selected them: for the id of one send, its campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """A plan and what it was made from."""

    compiled: CompileResult
    plan: Plan
    """Of the accounts selected."""
    whole: Plan
    """Of all accounts: those that are not selected were not asked, and their sends are blocked."""
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
        failures = [one.failure for one in self.plan.sends]
        return worst_exit_code([*filter(None, failures), *([ExitCode.INVALID] if self.plan.invalid else [])])


def plan_selected(
    workspace: Workspace,
    select: tuple[str, ...],
    state: LedgerState,
    *,
    overrides: Mapping[str, str] | None = None,
    since: str | None = None,
    compiled: CompileResult | None = None,
    resend: Sequence[str] = (),
    last_holds: Mapping[str, str] | None = None,
    checked: bool = True,
) -> PlanResult:
    """Plan the campaigns selected; without a request by a workspace that has no way to WeChat.

    Args:
        select: ids or patterns of campaigns, or ids of single sends; empty means all.
        overrides: policy rules set aside once.
        since: a commit to compare with, as the user wrote it.
        compiled: what the campaigns were rendered to, when they were already.
        resend: unknown sends to post as they were, whatever is selected; ids as a person wrote them.
        last_holds: as in `DecisionContext`.
        checked: run the programs of `policy.checks` on it, where WeChat can be queried.

    Raises:
        UsageError: nothing has one of the ids, or no unknown send has one of those to resend.
    """
    resend_ids = _resend_ids(workspace, state, resend)
    check_campaigns_folder(workspace.root, workspace.settings, state)
    chosen = selected(workspace, select) if compiled is None else Selected(compiled, compiled.sends, select)
    comparison = _compared_since(workspace, chosen, since)
    before_reads = replace(
        decision_context(workspace, state),
        overrides=overrides or {},
        is_current=chosen.compiled.presence_check(),
        resend=resend_ids,
        last_holds=last_holds,
    )
    unknown = stored_unknown_sends(chosen.sends, before_reads)
    environment = workspace.settings.environment.name
    sends = (*chosen.sends, *chosen.compiled.with_readiness(unknown, environment))
    facts, context = _asked_wechat(workspace, sends, before_reads)
    decided = planner.make_plan(
        sends,
        invalid=chosen.compiled.invalid,
        context=context,
        remote_facts=facts,
        with_unplanned=not select,
        guards=workspace.newest_guards(),
    )
    traced = _with_provenance(workspace, decided, state)
    compared = with_warnings(traced, comparison) if comparison is not None else traced
    warned = _compared_with_console(workspace, compared, state, context.now)
    passed = _checked(workspace, warned, context) if checked else warned
    whole = with_approvals(passed, workspace.settings, state)
    part = selected_part(workspace, whole)
    return PlanResult(compiled=chosen.compiled, plan=part, whole=whole, comparison=comparison)


def _compared_since(workspace: Workspace, chosen: Selected, since: str | None) -> Comparison | None:
    """Compare what is selected with a commit, if one is named."""
    if since is None:
        return None
    from wechat_campaigns.fetch.changed_since import compare_since

    return compare_since(workspace, chosen.compiled, chosen.campaigns, since)


def _asked_wechat(
    workspace: Workspace, sends: Sequence[Send], context: DecisionContext
) -> tuple[Mapping[str, RemoteFacts] | None, DecisionContext]:
    """Return what WeChat says of each account, and the context by its clock; no facts without a way to it."""
    if not isinstance(workspace, OnlineWorkspace):
        return None, context
    asked = [send for send in sends if send.account in workspace.selected_accounts]
    facts = refresh(asked, context, connect=workspace.read_api, clock=workspace.clock)
    facts |= _without_past(workspace, context.state) | _unselected(workspace)
    return facts, replace(context, now=workspace.clock(), clock_skew=workspace.watch.current_skew())


def selected_part(workspace: Workspace, plan: Plan) -> Plan:
    """Return what a plan has of the accounts selected."""
    if not workspace.selection:
        return plan
    names = workspace.selected_accounts
    return replace(
        plan,
        sends=tuple(one for one in plan.sends if one.account.name in names),
        unknown_sends=tuple(one for one in plan.unknown_sends if workspace.selects(one.send_state.appid)),
        used={name: used for name, used in plan.used.items() if name in names},
        uninitialized=tuple(name for name in plan.uninitialized if name in names),
        unselected=sum(is_covered(one) and one.account.name not in names for one in plan.sends),
    )


def compared_with_approvals(workspace: Workspace, result: PlanResult, select: Sequence[str]) -> PlanResult:
    """Return a plan with what changed of each send that waits since it was approved last, and what is new.

    Args:
        select: what was selected of the campaigns; empty means all.
    """
    waiting = {one.send.id: one.approval for one in result.plan.unapproved()}
    newest = {name: one.last for name, one in waiting.items() if one is not None and one.last is not None}
    if not newest:
        return result
    zone, at = workspace.settings.policy.zone, result.plan.created_at
    names = (f"{one.approver}, {moment_text(one.at, at, zone)}" for one in newest.values())
    ref = _("the approval by {who}").format(who=_("; ").join(dict.fromkeys(names)))
    found = Comparison(ref=ref, commit="")
    from wechat_campaigns.fetch.changed_since import compare_since

    for commit in dict.fromkeys(str(one.event.data.get("commit") or "") for one in newest.values()):
        others = {name for name, one in newest.items() if str(one.event.data.get("commit") or "") != commit}
        try:
            other = compare_since(workspace, result.compiled, select, commit)
        except UsageError as error:  # such as a shallow clone
            message = _("What changed since {ref} cannot be shown: {error}; {hint}.")
            note = message.format(ref=ref, error=error.message, hint=error.hint)
            other = Comparison(ref=ref, commit="", note=note)
        found = found.joined(other.of_sends(waiting.keys() - others))
    return replace(result, plan=replace(result.plan, settings_edits=found.settings), comparison=found)


def _unselected(workspace: OnlineWorkspace) -> dict[str, RemoteFacts]:
    """Leave out each account that is not selected, as one that could not be asked."""
    message, hint = _("this account is not selected"), _("add it to `--accounts`, or use another `--shard`")
    others = workspace.settings.environment.accounts.keys() - workspace.selected_accounts.keys()
    return {name: RemoteFacts(offline=True, error=UsageError(message, hint=hint)) for name in others}


def _compared_with_console(workspace: Workspace, plan: Plan, state: LedgerState, now: datetime) -> Plan:
    """Return a plan with warnings of sends that were perhaps made by hand, by the articles known here."""
    appids = {planned.account.appid for planned in plan.sends if planned.action in COMPARED}
    files = {appid: file for appid in appids if (file := workspace.statistics_file(appid)).exists()}
    if not files:
        return plan
    from wechat_campaigns.plan.statistics import with_console_warnings
    from wechat_campaigns.wechat.statistics import read_statistics

    published = {appid: read_statistics(file, with_figures=False) for appid, file in files.items()}
    return with_console_warnings(plan, published, state, now)


def _checked(workspace: Workspace, plan: Plan, context: DecisionContext) -> Plan:
    """Return a plan after the programs of `policy.checks` have seen it; what one does not pass is blocked."""
    if not isinstance(workspace, OnlineWorkspace) or not workspace.settings.policy.checks:
        return plan
    from wechat_campaigns.guard.plan_checks import may_run_checks, run_checks
    from wechat_campaigns.report.json import plan_data
    from wechat_campaigns.report.plan_view import PlanView

    if not plan.calls() or not may_run_checks(workspace.settings):
        return plan
    view = PlanView(plan=plan, timezone=workspace.settings.policy.timezone)
    failed = run_checks(workspace.secrets, json_text(plan_data(view)))
    return planner.with_failed_checks(plan, failed, context)


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


def _resend_ids(workspace: Workspace, state: LedgerState, names: Sequence[str]) -> frozenset[str]:
    """Return the ids of unknown sends that a person named, by `normalize_id`."""
    namespace = workspace.settings.namespace
    mine = normalize_id(namespace)
    names_of_unknown = (normalize_id(send.send) for send in state.unended_sends if send.fate is Fate.UNKNOWN)
    unknown = {name for name in names_of_unknown if namespace_of(name) == mine}
    chosen = {normalize_id(full_id(namespace, name)): name for name in names}
    for send_id, name in chosen.items():
        if send_id not in unknown:
            raise UsageError(
                _("--resend {send}: no unknown send has this id").format(send=name),
                hint=_("run `campaign status` to list all sends"),
            )
    return frozenset(chosen)


def _without_past(workspace: OnlineWorkspace, state: LedgerState) -> dict[str, RemoteFacts]:
    """Stop each account whose past the ledger does not know, or nobody here can verify: it is not certain."""
    environment, missing = workspace.settings.environment, workspace.secrets.missing
    unverified = ((name, environment.accounts[name].appid) for name in workspace.unverified)
    errors = {name: missing[appid] for name, appid in unverified if appid in missing}
    if workspace.is_sandbox or state.is_initialized:  # else an apply is refused as a whole
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
        former_appids=former_appids(workspace.root, workspace.settings, state),
    )


def compile_selected(
    workspace: Workspace, select: Sequence[str], failed: Failed | None = None
) -> CompileResult:
    """Render the campaigns a workspace names: all of them when `select` is empty."""
    return compile_campaigns(
        workspace.root,
        settings=workspace.settings,
        files=workspace.files,
        variables=workspace.variables,
        only=select,
        failed=failed,
    )


def selected(workspace: Workspace, select: Sequence[str]) -> Selected:
    """Render what is selected: campaigns by id, pattern or file, and `sale[beijing]`, one send of a campaign.

    Raises:
        UsageError: nothing is meant by one of the words.
    """
    namespace, parts = workspace.settings.namespace, [word for word in select if campaign_of(word) != word]
    if parts:  # `sale[ab]` may also be a pattern
        known = {normalize_id(item.id) for item in find_campaigns(workspace.root, (), namespace)[0]}
        parts = [word for word in parts if normalize_id(full_id(namespace, campaign_of(word))) in known]
    campaigns = tuple(campaign_of(word) if word in parts else word for word in select)
    compiled = compile_selected(workspace, campaigns)
    if not parts:
        return Selected(compiled, compiled.sends, campaigns)
    whole = [word for word in select if word not in parts]
    names = [full_id(namespace, part) for part in parts]
    names += [item.id for item in find_campaigns(workspace.root, whole, namespace)[0]] if whole else []
    for name in names:
        if not compiled.errors and not any(stands_for(name, send.id) for send in compiled.sends):
            ids = _(", ").join(send.id for send in compiled.sends)
            raise UsageError(
                _("no send has the id {name}").format(name=name),
                hint=_("use one of: {names}").format(names=ids),
            )
    sends = (send for send in compiled.sends if any(stands_for(name, send.id) for name in names))
    return Selected(compiled, tuple(sends), campaigns)


def campaign_of(send_id: str) -> str:
    """Return the campaign of a send: `sale` of `sale[beijing]#2`; a text that is not an id stays as it is."""
    try:
        return SendId.parse(send_id).campaign
    except ValueError:
        return send_id


def stands_for(name: str, send_id: str) -> bool:
    """Return whether a name on a command line means a send: its own id, its openid list's, its campaign's."""
    try:
        send = SendId.parse(send_id)
    except ValueError:
        return name == send_id
    names = (send_id, str(replace(send, batch=None)), send.campaign)
    return normalize_id(name) in map(normalize_id, names)


def fits(wanted: str, send_id: str) -> bool:
    """Return whether a word means a send of the ledger: as `stands_for`, by a folder, or by `*` and `?`.

    Brackets stand for themselves, as ids have them.
    """
    pattern = re.escape(normalize_id(wanted)).replace(r"\*", ".*").replace(r"\?", ".")
    is_fit = re.fullmatch(f"{pattern}(?:/.*)?", normalize_id(send_id)) is not None
    return is_fit or stands_for(wanted, send_id)
