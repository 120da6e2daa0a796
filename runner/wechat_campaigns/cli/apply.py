"""Show the plan, ask for confirmation, send what is due."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from wechat_campaigns.api import (
    PlanResult,
    decision_context,
    prepare,
)
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.logs import record_outcome
from wechat_campaigns.cli.notifications import notify, refusal_told
from wechat_campaigns.cli.options import AUTO_APPROVE, DIR, ENV, FILE, VAR, campaign_ids
from wechat_campaigns.cli.output import check_writable, print_in_handler, print_message
from wechat_campaigns.cli.plan import (
    ALLOW,
    RESEND,
    apply_command,
    overridden_rules,
    plan_text,
    unknown_sends,
    view_of,
)
from wechat_campaigns.cli.prompt import ask, require_terminal
from wechat_campaigns.cli.registry import command
from wechat_campaigns.cli.signals import stop_signals
from wechat_campaigns.cli.waiting import UNTIL, WAIT, read_until, waiting_progress
from wechat_campaigns.core.errors import (
    ExitCode,
    PolicyError,
    StalePlanError,
    UsageError,
    worst_exit_code,
)
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.guard.recorded_rules import check_rules_agreed
from wechat_campaigns.guard.run import check_run
from wechat_campaigns.guard.secrets import check_approved
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.notify.notices import outcome_notices
from wechat_campaigns.plan import planfile, review
from wechat_campaigns.plan.hints import START_AGAIN
from wechat_campaigns.plan.plan import Plan, PlannedSend, SendKey
from wechat_campaigns.plan.policy.conditions import too_many_sends
from wechat_campaigns.plan.unknown_sends import unplanned_unknown_sends
from wechat_campaigns.report.json import outcomes_data
from wechat_campaigns.report.markdown import outcomes_markdown
from wechat_campaigns.report.plan_view import ApplyView
from wechat_campaigns.report.problems import Formats
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.send.outcome import SendOutcome, exit_code, left_outcome
from wechat_campaigns.send.posting import RunContext
from wechat_campaigns.send.wait import Send, WaitPorts, scheduled_sends, send_in_windows


@command(
    effect=Effect.WECHAT_WRITE,
    formats=("text", "json", "markdown"),
    options=(AUTO_APPROVE, RESEND, ALLOW, DIR, ENV, VAR),
    examples={
        "campaign apply sale": N_("show the plan, ask for confirmation, send"),
        "campaign apply --env production --plan plan.json": N_("send exactly what was reviewed"),
        "campaign apply --plan plan.json --wait --until 22:00": N_("send each at its time until tonight"),
        "campaign apply --allow quiet_hours='live show, agreed with the duty manager'": N_(
            "override one rule, once"
        ),
    },
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@WAIT
@UNTIL
@click.option(
    "--plan", "plan_file", type=FILE, help="The reviewed plan file; refuse if anything differs from it."
)
@click.option(
    "--expect-digest",
    metavar="DIGEST",
    help="Refuse unless the plan has this digest; without --plan, what names refer to is not compared.",
)
def apply(
    context: OnlineContext,
    select: tuple[str, ...],
    plan_file: Path | None,
    expect_digest: str | None,
    auto_approve: bool,
    resend: tuple[str, ...],
    allow: tuple[str, ...],
    wait: bool,
    until: str | None,
) -> int:
    """Show the plan, ask for confirmation, send what is due and record it.

    Each send is made only once, however often this runs. Unknown sends are resolved first, with the same
    clientmsgid. Ctrl-C lets the current send finish and starts no other.

    With --wait it stays until the last window of the plan has opened, and goes through every step again at
    each, files included. A hold ends the waiting for its account; a release does not resume it.
    """
    check_run(context)
    latest = read_until(until, wait=wait, now=context.clock(), zone=context.settings.policy.zone)
    check_writable(context.reports)
    overrides = overridden_rules(allow)
    data = planfile.read(plan_file) if plan_file is not None else None
    waits_until = _last_moment(latest, data) if wait else None
    # Who is asked before the sends reads a refusal, too.
    telling = partial(refusal_told, context) if auto_approve else nullcontext
    with telling():
        prepared = prepare(
            context,
            select,
            partial(_reviewed, context, data, expect_digest),
            overrides=overrides,
            resend=lambda state: unknown_sends(context, state, resend),
        )
        plan = prepared.plan
        context.show_progress(f"{plan_text(context, view_of(context, prepared.result), is_applied=True)}\n")
        # Who is asked at the terminal has not seen what an account that failed would send.
        waiting = scheduled_sends(plan, until=waits_until, failed=auto_approve) if wait else []
        check_approved(context, {planned.account.appid for planned in (*plan.due(), *waiting)})
        right = _right(plan, data, expect_digest, overrides)
        run = _ApplyRun(context, select, data, plan, waiting, right)
        run.check_number()
        run.agree(covered=data is not None or expect_digest is not None, auto_approve=auto_approve)
    with stop_signals(_on_stop(context)) as stopping:
        with telling():
            outcomes = prepared.send(plan, right, stopping)
        if waits_until is not None:
            told = plan.held_sends()
            outcomes += tuple(left_outcome(one) for one in plan.held_sends(waits_until) if one not in told)
        if waiting:
            keys = {one.key for one in waiting}
            outcomes = tuple(one for one in outcomes if one.key not in keys)
            run.report_early(outcomes)
            outcomes += run.send_later(stopping, until=latest)
        code = run.report(outcomes, prepared.state)
    return run.finish(outcomes, code)


@dataclass(frozen=True, slots=True)
class _ApplyRun:
    """What is sent now and, where the run waits, later; and what of it was reported."""

    context: OnlineContext
    select: tuple[str, ...]
    data: Mapping[str, Any] | None
    """Of the plan file, if there is one."""
    plan: Plan
    waiting: Sequence[PlannedSend]
    right: RunContext
    reported: list[SendOutcome] = field(default_factory=list)

    def check_number(self) -> None:
        """Count what is sent later too: the rule is about one run, and a plan has only what is due."""
        rule, policy = "max_sends_per_apply", self.context.settings.policy
        found = too_many_sends(len(self.plan.calls()) + len(self.waiting), policy) if self.waiting else None
        if found and rule not in self.right.overrides and policy.levels.get(rule, found.level) == "mandatory":
            raise PolicyError(found.message, hint=found.hint)

    def agree(self, *, covered: bool, auto_approve: bool) -> None:
        """Require agreement to sends and changed rules: by a review that covers them, or at the terminal."""
        later = [one.account.appid for one in self.waiting]
        check_rules_agreed(self.context, self.plan, covered=covered, asking=not auto_approve, later=later)
        if (self.plan.calls() or self.waiting) and not auto_approve:
            _confirm(self.plan, self.waiting, timezone=self.context.settings.policy.timezone)

    def send_later(self, stopping: threading.Event, *, until: datetime | None) -> tuple[SendOutcome, ...]:
        """Send what is scheduled in its window, and show the time until then."""

        @contextmanager
        def prepare_again() -> Iterator[tuple[Plan, Send]]:
            with self.context.reopened() as fresh:
                check_run(fresh)
                reviewed, holds = partial(self._still_reviewed, fresh), self.plan.last_holds
                try:
                    prepared = prepare(
                        fresh, self.select, reviewed, overrides=self.right.overrides, last_holds=holds
                    )
                except UsageError as gone:  # what was selected is there no more
                    raise StalePlanError(gone.message, hint=_(START_AGAIN)) from gone
                yield prepared.plan, lambda part: prepared.send(part, self.right, stopping)

        ports = WaitPorts(
            clock=self.context.clock,
            stopping=stopping,
            prepare=prepare_again,
            held=self._held,
            show=waiting_progress(self.context),
            report=self.report_early,
            until=until,
        )
        return tuple(send_in_windows(self.waiting, ports))

    def _held(self) -> list[str]:
        before, now = self.plan.last_holds or {}, self.context.fold_ledger(verified=True).last_holds()
        return [appid for appid, hold in now.items() if hold != before.get(appid, "")]

    def _still_reviewed(self, fresh: OnlineContext, result: PlanResult, _state: LedgerState) -> Plan:
        """Refuse what nobody reviewed for the whole plan; each send is compared before it is made."""
        if self.data is not None:
            planfile.check_not_expired(self.data, fresh.clock())
        plan = result.valid_plan()
        if self.data is not None:
            plan = review.with_seen_names(plan, self.data)
        review.check_rules(self.plan, plan)
        # Another run may have gone by other rules meanwhile.
        agreed = {*plan.settings_changes} <= {*self.plan.settings_changes}
        check_rules_agreed(fresh, plan, covered=agreed, asking=False)
        return plan

    def report_early(self, outcomes: Sequence[SendOutcome]) -> None:
        """Show and notify what was decided before the run waits: hours may pass, and it may be killed."""
        if outcomes:
            keys = [one.key for one in self.waiting]
            self.context.show_progress(self._formats(tuple(outcomes), waiting=keys)["text"]())
            notify(self.context, outcome_notices(outcomes, self.plan), commit=self.plan.commit)
            self.reported.extend(outcomes)

    def report(self, outcomes: tuple[SendOutcome, ...], state: LedgerState) -> int:
        """Log and show what became of the sends; give the exit code."""
        for outcome in outcomes:
            record_outcome(outcome)
        written = self.context.output_at_end(self._formats(outcomes))
        if self.select:
            _print_unselected(self.context, self.plan, state)
        return exit_code(outcomes) or written

    def finish(self, outcomes: tuple[SendOutcome, ...], code: int) -> int:
        """Notify about what is not reported yet; Ctrl-C hides no outcome."""
        new = [outcome for outcome in outcomes if outcome not in self.reported]
        try:
            notify(self.context, outcome_notices(new, self.plan), commit=self.plan.commit)
        except click.Abort as interrupted:
            print_message(str(interrupted))
            return worst_exit_code((exit_code(outcomes), ExitCode.INTERRUPTED))
        return code

    def _formats(self, outcomes: tuple[SendOutcome, ...], *, waiting: Collection[SendKey] = ()) -> Formats:
        from wechat_campaigns.report.text import outcomes_text

        timezone, command = self.context.settings.policy.timezone, apply_command(self.context)
        view = ApplyView(
            plan=self.plan, outcomes=outcomes, timezone=timezone, command=command, waiting=waiting
        )
        return {
            "text": lambda: outcomes_text(view, self.context.text_options),
            "json": lambda: json_text(outcomes_data(view)),
            "markdown": lambda: outcomes_markdown(view),
        }


def _on_stop(context: OnlineContext) -> Callable[[], None]:
    message = _("Stopping: the current send will finish, and no other send will start.")
    return lambda: None if context.quiet else print_in_handler(message)


def _last_moment(until: datetime | None, data: Mapping[str, Any] | None) -> datetime:
    """Bound the waiting: by the plan file's horizon and its expiry."""
    never = datetime.max.replace(tzinfo=UTC)
    limits = (planfile.expires_at(data), planfile.horizon(data)) if data is not None else ()
    return min(filter(None, (until, *limits)), default=never)


def _reviewed(
    context: OnlineContext,
    data: Mapping[str, Any] | None,
    digest: str | None,
    result: PlanResult,
    state: LedgerState,
) -> Plan:
    """Check the plan against what was reviewed, and return it without what was not."""
    if result.plan.invalid:
        _print_unknown(result.plan)
    plan = result.valid_plan()
    if data is not None:
        if digest is not None:
            planfile.check_plan_digest(data, digest)
        plan = review.check_file(data, plan, state, context.clock())
        if names := planfile.unresolved_names(data, plan):
            message = _(
                "The plan file was made offline, so the review did not cover what these "
                "names stand for: {names}."
            )
            print_message(message.format(names=_(", ").join(names)))
        return review.within_horizon(plan, planfile.horizon(data))
    if digest is not None:
        return review.check_digest(digest, plan, state)
    if context.settings.environment.protected:
        raise PolicyError(
            _("`campaign apply` requires a reviewed plan, because this environment is protected"),
            hint=_("pass `--plan FILE` or `--expect-digest DIGEST` from the reviewed plan"),
            location=_("environment {name}").format(name=plan.environment),
        )
    return plan


def _right(
    plan: Plan, data: Mapping[str, Any] | None, digest: str | None, overrides: Mapping[str, str]
) -> RunContext:
    """Return the digest, reviewed or confirmed, under which a plan is sent, and the counted followers."""
    audiences = {planned.key: planned.resolved.audience.count for planned in plan.sends}
    if data is not None:
        digest, audiences = str(data["plan_digest"]), planfile.audiences(data)
    elif digest is not None:
        audiences = {}
    return RunContext(plan_digest=digest or plan.plan_digest, overrides=overrides, audiences=audiences)


def _confirm(plan: Plan, waiting: Sequence[PlannedSend], *, timezone: str) -> None:
    require_terminal(_("add `--auto-approve` after reviewing the plan"))
    from wechat_campaigns.cli.confirmation import calls_confirmed, calls_text, rules_text

    if plan.settings_changes:
        print_message(rules_text(plan.settings_changes))
    print_message(calls_text(plan, waiting, timezone=timezone))
    if not calls_confirmed(plan, ask, waiting):
        raise click.Abort(_("Not confirmed: nothing was done."))


def _print_unknown(plan: Plan) -> None:
    """Print the unknown sends that a refused run leaves as they are: their time for a resend runs out."""
    unknown = {p.send.id for p in plan.sends if p.action in (PlanAction.RESEND, PlanAction.UNKNOWN)}
    unknown |= {orphan.send_state.send for orphan in plan.unknown_sends}
    if unknown:
        message = _(
            "Outcome still unknown: {sends}. Correct the files and run `campaign apply` again "
            "soon: a resend is safe only for a few hours."
        )
        print_message(message.format(sends=_(", ").join(sorted(unknown))))


def _print_unselected(context: OnlineContext, plan: Plan, state: LedgerState) -> None:
    """Print how many unknown sends are outside the selection; they do not change the exit code."""
    sends = (planned.send for planned in plan.sends)
    count = len(unplanned_unknown_sends(sends, decision_context(context, state)))
    if count:
        message = ngettext(
            "{count} unknown send outside the selection is still waiting: run `campaign apply` "
            "without a selection soon.",
            "{count} unknown sends outside the selection are still waiting: run `campaign apply` "
            "without a selection soon.",
            count,
        )
        print_message(message.format(count=count))
