"""Apply what was reviewed: the same steps for the command line, other programs and a run that waits."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wechat_campaigns.core.errors import (
    TRANSIENT,
    CampaignError,
    CodeHostError,
    ExitCode,
    PolicyError,
    StalePlanError,
    TamperedLedgerError,
    UsageError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.threads import AT_A_TIME
from wechat_campaigns.guard.campaigns_folder import record_campaigns_folder
from wechat_campaigns.guard.recorded_rules import check_rules_agreed, record_guards
from wechat_campaigns.guard.run import check_run
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.plan import planfile, review
from wechat_campaigns.plan.approval import waiting as waiting_for_approval
from wechat_campaigns.plan.hints import HELD_SINCE, START_AGAIN
from wechat_campaigns.plan.plan import CALLING, PLAN_LIFE, Plan, PlannedSend, PlanReason
from wechat_campaigns.plan.policy import stops_run
from wechat_campaigns.plan.unknown_sends import decide_unknown, unplanned_unknown_sends
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.run.plan import PlanResult, decision_context, plan_selected, selected_part
from wechat_campaigns.send.apply import apply as send_due
from wechat_campaigns.send.outcome import (
    SendOutcome,
    expected_error,
    left_outcome,
    not_sent_outcome,
    planned_outcome,
    unknown_outcome,
)
from wechat_campaigns.send.posting import RunContext
from wechat_campaigns.workspace import OnlineWorkspace

LOOK_EVERY: Final = timedelta(seconds=30)
"""How often a waiting run looks at the clock: it may be set, and a machine may sleep."""
TRY_AGAIN_AFTER: Final = timedelta(seconds=20)
TRY_FOR: Final = timedelta(minutes=15)
"""How long after its window opened a send is tried while ledger, WeChat, git or clock does not let it."""
PASSING: Final = frozenset({Reason.CLOCK_SKEW, PlanReason.ACCOUNT_FAILED})
"""What may have passed at the next try."""
MAY_PASS: Final = (*TRANSIENT, ExitCode.WECHAT)
"""Why an account could not be asked when the run began, and perhaps can once a window opens."""


@dataclass(kw_only=True)
class ApplyRun:
    """One apply. Other programs see nothing of it; a subclass shows and asks a person what it says here.

    A run that waits goes through `prepare` again at each moment, with a workspace that has read nothing yet.
    """

    workspace: OnlineWorkspace
    select: tuple[str, ...] = ()
    file: Mapping[str, Any] | None = None
    """The data of the plan file that was reviewed."""
    digest: str | None = None
    """Of the plan that was reviewed."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Policy rules set aside once, with their reasons."""
    resend: Sequence[str] = ()
    """Unknown sends to post as they were, although their campaigns were edited or removed."""
    asks: bool = False
    """Whether a person confirms the sends; else somebody agreed to them before."""
    jobs: int = AT_A_TIME
    """Accounts that it sends for at a time."""
    waits: bool = False
    """Whether it stays and makes each scheduled send when its window opens."""
    until: datetime | None = None
    """The end of the waiting, as a person gave it: a machine that slept past it sends nothing."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set once the run is asked to stop: it ends every sleep; the send in hand is finished."""
    begun: Plan | None = None
    """At a moment of a run that waits: the plan that somebody agreed to when the run began."""
    approved_only: bool = False
    """Whether it also leaves out sends for which no approval is asked."""
    state: LedgerState = field(init=False)
    result: PlanResult = field(init=False)
    """The plan without what was not reviewed, and what it was made from."""

    @property
    def plan(self) -> Plan:
        """What may be sent."""
        return self.result.plan

    # --- what a person sees and is asked ---------------------------------------------------------

    def open(self) -> None:
        """Read and open what the run was given, once it may be made; raise what ends it if that fails."""

    @contextmanager
    def refusals_told(self) -> Iterator[None]:
        """Notify people when the block refuses the run as a whole."""
        yield

    @contextmanager
    def signals_obeyed(self) -> Iterator[None]:
        """Set `stopping` at a signal while the block runs."""
        yield

    def tell(self, message: str) -> None:
        """Print what else a person should know."""

    def show_plan(self) -> None:
        """Show what may be sent."""

    def confirm(self, waiting: Sequence[PlannedSend]) -> None:
        """Ask a person to confirm the sends, also those of later windows; raise what ends the run if not."""

    def show_waiting(self, waiting: Sequence[PlannedSend]) -> None:
        """Show what is waited for; called each time the clock is looked at."""

    def report_early(self, outcomes: Sequence[SendOutcome], waiting: Sequence[PlannedSend]) -> None:
        """Report what was decided before the run waits on: hours may pass, and it may be killed."""

    def report(self, outcomes: tuple[SendOutcome, ...]) -> None:
        """Report what became of every send."""

    # --- the steps ---------------------------------------------------------------------------------

    def run(self) -> tuple[SendOutcome, ...]:
        """Go through every step, and send what is due.

        Returns:
            An outcome for each send that was tried or left out.

        Raises:
            CampaignError: the run is refused as a whole; nothing was sent.
        """
        check_run(self.workspace.root, self.workspace.settings)
        self.open()
        with self.refusals_told():
            self.prepare()
            plan, waiting = self.plan, list[PlannedSend]()
            if self.waits:
                # Who is asked at the terminal has not seen what an account that failed would send.
                waiting = scheduled_sends(plan, until=self._last_moment(), failed=not self.asks)
                if self.approved_only:  # another run makes what is approved later
                    waiting = [one for one in waiting if one.approval and one.approval.lack is None]
            self.show_plan()
            self._check_number(waiting)
            later = [one.account.appid for one in waiting]
            covered = self.file is not None or self.digest is not None
            check_rules_agreed(plan, covered=covered, asking=self.asks, later=later)
            if self.asks and (plan.calls() or waiting):
                self.confirm(waiting)
        with self.signals_obeyed():
            with self.refusals_told():
                outcomes = self.send(plan)
            outcomes += tuple(self._left_unknown(outcomes))
            if self.waits:
                before = plan.held_sends()
                held = (one for one in plan.held_sends(self._last_moment()) if one not in before)
                outcomes += tuple(map(left_outcome, held))
            if waiting:
                keys = {one.key for one in waiting}
                outcomes = tuple(one for one in outcomes if one.key not in keys)
                if outcomes:
                    self.report_early(outcomes, waiting)
                self.workspace.push_appended(self.workspace.ledger)
                outcomes += tuple(self.send_in_windows(waiting))
                outcomes += tuple(self._left_unknown(outcomes))
            self.report(outcomes)
        return outcomes

    def prepare(self) -> None:
        """Read the ledger, compile, plan, and compare with what was reviewed.

        Raises:
            CampaignError: nothing may be sent.
        """
        if self.file is not None:  # before an account is asked
            planfile.check_usable(self.file, self.workspace.settings.environment.name, self.workspace.clock())
        self.state = self.workspace.initialized_state(sending=False)
        result = plan_selected(
            self.workspace,
            self.select,
            self.state,
            overrides=self.overrides,
            resend=self.resend,
            last_holds=self.begun.last_holds if self.begun is not None else None,
        )
        reviewed = self._reviewed(result) if self.begun is None else self._still_reviewed(self.begun, result)
        self.result = replace(result, plan=reviewed)
        if self.approved_only:
            why, hint = (
                _("no approval is asked for, and this run sends only what is approved"),
                _("write `approvals` in the settings"),
            )
            sends = (one if one.approval else waiting_for_approval(one, why, hint) for one in reviewed.sends)
            self.result = replace(result, plan=replace(reviewed, sends=tuple(sends)))

    def send(self, plan: Plan) -> tuple[SendOutcome, ...]:
        """Record by which rules and from which folder a plan is sent, then send what is due.

        Args:
            plan: the one of this run, or with some of its sends.
        """
        workspace = self.workspace
        covered = self.file is not None or self.digest is not None
        agreed = "typed" if self.asks else "reviewed" if covered else "auto_approve"
        who = {**workspace.actor(), "agreed": agreed}
        record_guards(workspace.secrets, workspace.ledger, plan, who)
        record_campaigns_folder(
            workspace.root, workspace.settings, workspace.ledger, self.state, plan.reaching(), who
        )
        return send_due(
            plan,
            workspace=workspace,
            run_context=self._right(who, self._others(plan.calls())),
            stopping=self.stopping,
            jobs=self.jobs,
        )

    def _reviewed(self, result: PlanResult) -> Plan:
        """Return the plan without what was not reviewed; refuse it where the review saw another one."""
        if result.plan.invalid:
            self._tell_unknown(result.plan)
        plan = result.valid_plan()
        if self.file is not None:
            return self._reviewed_as_file(self.file, result)
        if self.digest is not None:
            return self._reviewed_as_digest(self.digest, result)
        if self.workspace.settings.environment.protected:
            raise PolicyError(
                _("`campaign apply` requires a reviewed plan, because this environment is protected"),
                hint=_("pass `--plan FILE` or `--expect-digest DIGEST` from the reviewed plan"),
                location=_("environment {name}").format(name=plan.environment),
            )
        return plan

    def _reviewed_as_file(self, file: Mapping[str, Any], result: PlanResult) -> Plan:
        if self.digest not in (None, file["plan_digest"]):
            raise planfile.digest_error(file["plan_digest"], self.digest)
        is_all_selected = all(self.workspace.selects(row["appid"]) for row in planfile.covered_rows(file))
        compared = result.plan if is_all_selected else result.whole
        seen = review.check_file(file, compared, self.state, self.workspace.clock())
        part = selected_part(self.workspace, seen)
        if names := planfile.unresolved_names(file, part):
            message = _(
                "The plan file was made offline, so the review did not cover what these "
                "names stand for: {names}."
            )
            self.tell(message.format(names=_(", ").join(names)))
        return review.within_horizon(part, planfile.horizon(file))

    def _reviewed_as_digest(self, digest: str, result: PlanResult) -> Plan:
        """Compare with the part that is selected, else with the plan of all accounts, and return the part."""
        with suppress(StalePlanError):
            return review.check_digest(digest, result.plan, self.state)
        return selected_part(self.workspace, review.check_digest(digest, result.whole, self.state))

    def _still_reviewed(self, begun: Plan, result: PlanResult) -> Plan:
        """Refuse what nobody reviewed for the whole plan; each send is compared before it is made."""
        plan = result.valid_plan()
        if self.file is not None:
            plan = review.with_seen_names(plan, self.file)
        review.check_rules(begun, plan)
        # Another run may have gone by other rules meanwhile.
        agreed = {*plan.settings_changes} <= {*begun.settings_changes}
        check_rules_agreed(plan, covered=agreed, asking=False)
        return plan

    def _tell_unknown(self, plan: Plan) -> None:
        """Print which unknown sends a refused run leaves as they are: their time for a resend runs out."""
        unknown = {p.send.id for p in plan.sends if p.action in (PlanAction.RESEND, PlanAction.UNKNOWN)}
        unknown |= {orphan.send_state.send for orphan in plan.unknown_sends}
        if unknown:
            message = _(
                "Outcome still unknown: {sends}. Correct the files and run `campaign apply` again "
                "soon: a resend is safe only for a few hours."
            )
            self.tell(message.format(sends=_(", ").join(sorted(unknown))))

    def _check_number(self, waiting: Sequence[PlannedSend]) -> None:
        """Count what is sent later too, and by other parts: a plan has only what is due of its accounts."""
        calls, policy = (*self.plan.calls(), *waiting), self.workspace.settings.policy
        if found := stops_run(len(calls) + self._others(calls), policy, self.overrides) if calls else None:
            raise PolicyError(found.message, hint=found.hint)

    def _others(self, calls: Iterable[PlannedSend]) -> int:
        """Count the other sends of the reviewed plan: made already, or in its file for other accounts."""
        if self.workspace.settings.policy.max_sends_per_apply is None:
            return 0
        digest, since = self._right({}).plan_digest, self.workspace.clock() - 2 * PLAN_LIFE
        keys = {
            (one.appid, one.send, one.revision)
            for one in self.state.sends_since(since)
            if one.data.get("plan_digest") == digest and may_have_reached(one)
        }
        if self.file is not None:
            actions = {PlanAction.SCHEDULED, *CALLING}
            rows = (one for one in self.file["sends"] if one["covered"] and one["action"] in actions)
            others = (planfile.row_key(one) for one in rows)
            keys |= {key for key in others if not self.workspace.selects(key[0])}
        return len(keys - {one.key for one in calls})

    def _left_unknown(self, outcomes: Sequence[SendOutcome]) -> Iterator[SendOutcome]:
        """Report what the ledger has as unknown now and no outcome names, whether it was planned or not."""
        present = self.workspace.settings.environment.by_appid
        with suppress(Exception):  # what was sent is reported, whatever the ledger answers now
            for appid in filter(self.workspace.selects, present):
                for event in self.workspace.ledger.read(appid, self.state.stream(appid).head):
                    self.state.add(event)
        records = {one.key: one.known.send for one in self.plan.sends if one.known is not None}
        told = {
            (one.key[0], normalize_id(name))
            for one in outcomes
            if one.exit_code in (ExitCode.UNKNOWN, ExitCode.RACE)
            for name in (one.id, records.get(one.key, one.id))
        }
        context = decision_context(self.workspace, self.state)
        for known in unplanned_unknown_sends((), context):
            is_ours = known.appid not in present or self.workspace.selects(known.appid)
            if is_ours and (known.appid, normalize_id(known.send)) not in told:
                yield unknown_outcome(decide_unknown(known, context))

    def _right(self, who: Mapping[str, str], others: int = 0) -> RunContext:
        """Return by what right this sends: the digest, reviewed or confirmed, and the followers counted."""
        agreed = self.begun or self.plan
        digest, audiences = agreed.plan_digest, {one.key: one.resolved.audience.count for one in agreed.sends}
        if self.file is not None:
            digest, audiences = str(self.file["plan_digest"]), planfile.audiences(self.file)
        elif self.digest is not None:
            digest, audiences = self.digest, {}
        return RunContext(
            plan_digest=digest,
            overrides=self.overrides,
            audiences=audiences,
            actor=who,
            others=others,
        )

    # --- waiting -----------------------------------------------------------------------------------

    def _last_moment(self) -> datetime:
        """Bound the waiting: by what a person gave, and by the plan file's horizon and expiry."""
        limits = (
            (planfile.expires_at(self.file), planfile.horizon(self.file)) if self.file is not None else ()
        )
        return min(filter(None, (self.until, *limits)), default=datetime.max.replace(tzinfo=UTC))

    def send_in_windows(self, waiting: Sequence[PlannedSend]) -> list[SendOutcome]:
        """Make each send once its window is open.

        Args:
            waiting: from `scheduled_sends`.

        Returns:
            An outcome for each, in the order in which they were decided. Never raises for a failed send.
        """
        outcomes = list[SendOutcome]()
        while waiting and not self.stopping.is_set():
            due = [planned for planned in waiting if planned.send.opens_at <= self.workspace.clock()]
            made = self._made(due) if due else self._held(waiting)
            outcomes += made
            decided = {outcome.key for outcome in made}
            waiting = [planned for planned in waiting if planned.key not in decided]
            if made and waiting:
                self.report_early(made, waiting)
            elif waiting and due:
                self.stopping.wait(TRY_AGAIN_AFTER.total_seconds())
            elif waiting:
                self.show_waiting(waiting)
                opens_in = waiting[0].send.opens_at - self.workspace.clock()
                self.stopping.wait(max(0.0, min(opens_in, LOOK_EVERY).total_seconds()))
        return [*outcomes, *map(_stopped, waiting)]

    def _held(self, waiting: Sequence[PlannedSend]) -> list[SendOutcome]:
        """End the waiting of accounts that were stopped meanwhile: what they send may have been corrected."""
        before = now = self.plan.last_holds or {}
        with suppress(Exception):  # a call is decided on the ledger as it is then, anyway
            now = self.workspace.state().last_holds()
        held = {appid for appid, hold in now.items() if hold != before.get(appid, "")}
        why: dict[str, Any] = {"hint": _(START_AGAIN), "code": Reason.HELD_SINCE.value}
        return [
            planned_outcome(planned, _(HELD_SINCE), exit_code=ExitCode.POLICY, **why)
            for planned in waiting
            if planned.account.appid in held
        ]

    def _made(self, due: Sequence[PlannedSend]) -> list[SendOutcome]:
        """Decide again on what is due, and send it; leave out what a later try may send."""
        error: CampaignError | None = None
        outcomes: list[SendOutcome] = []
        try:
            for outcome in self._decided(due):
                outcomes.append(outcome)  # noqa: PERF402 - what was sent before an error stays reported
        except Exception as fault:  # one that ended the run would hide what was sent before
            error = expected_error(fault)
        is_final = isinstance(error, PolicyError | TamperedLedgerError) and not isinstance(
            error, CodeHostError
        )
        late = {one.key: one for one in due if is_final or self._is_late(one)}
        # Nothing was sent, because another run holds the account or something does not respond.
        outcomes = [one for one in outcomes if one.exit_code not in TRANSIENT or one.key in late]
        if error is not None:
            decided = {outcome.key for outcome in outcomes}
            outcomes += [not_sent_outcome(one, error) for key, one in late.items() if key not in decided]
        return outcomes

    def _is_late(self, planned: PlannedSend) -> bool:
        return self.workspace.clock() - planned.send.opens_at >= TRY_FOR

    def _decided(self, due: Sequence[PlannedSend]) -> Iterator[SendOutcome]:
        if self.until is not None and self.workspace.clock() - self.until > TRY_FOR:
            raise PolicyError(
                _("this machine slept, and the time of `--until` has passed"),
                hint=_("run `campaign apply` again to send it now"),
            )
        with self.moment() as run:
            now = {one.key: one for one in run.plan.sends}
            to_send: list[PlannedSend] = []
            for reviewed in due:
                planned = now.get(reviewed.key)
                if planned is None or planned.is_due or planned.action is PlanAction.SCHEDULED:
                    if error := review.change_error(reviewed, run.plan, self.file):
                        yield not_sent_outcome(reviewed, error)
                    elif planned is not None and planned.is_due:
                        to_send.append(planned)  # else the clock was set back
                elif planned.code not in PASSING or self._is_late(reviewed):
                    yield left_outcome(planned)
            # A resend was not approved with the plan: only what has never been called for is sent here.
            if to_send:
                yield from run.send(replace(run.plan, sends=tuple(to_send), unknown_sends=()))

    @contextmanager
    def moment(self) -> Iterator[ApplyRun]:
        """Go through every step before the sends once more, files included.

        Raises:
            CampaignError: nothing may be sent now.
        """
        with self.workspace.reopened() as fresh:
            run = replace(self, workspace=fresh, resend=(), begun=self.plan)
            check_run(fresh.root, fresh.settings)
            try:
                run.prepare()
            except UsageError as gone:  # what was selected is there no more
                raise StalePlanError(gone.message, hint=_(START_AGAIN)) from gone
            yield run


def scheduled_sends(plan: Plan, *, until: datetime | None, failed: bool = False) -> list[PlannedSend]:
    """List the sends of a plan whose windows open later, the first to open first, else in its order.

    Args:
        until: leaves out what opens after it; None leaves out nothing.
        failed: also those of an account that could not be asked, which may have passed by then.
    """
    scheduled = (
        one
        for one in plan.sends
        if plan.is_later(one)
        or (
            failed
            and one.action is PlanAction.BLOCKED
            and one.failure in MAY_PASS
            and (one.send.not_before or plan.created_at) > plan.created_at
        )
    )
    within = (planned for planned in scheduled if until is None or planned.send.opens_at <= until)
    return sorted(within, key=lambda planned: planned.send.opens_at)


def _stopped(planned: PlannedSend) -> SendOutcome:
    return planned_outcome(
        planned,
        _("the run was stopped before this send"),
        hint=_("run the same command again: it waits for what is left"),
        exit_code=ExitCode.INTERRUPTED,
    )
