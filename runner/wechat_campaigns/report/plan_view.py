"""Build the view of a plan, and of an apply, that every report renders; a report decides nothing itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from wechat_campaigns.core.diagnostics import Diagnostic, by_level
from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.core.spoken_time import day_text, moment_text
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import CALLING, Plan, PlannedSend, PlanReason, SendKey
from wechat_campaigns.plan.quota import Budget, Overlap, budgets, overlaps
from wechat_campaigns.plan.review import Comparison, SendChange
from wechat_campaigns.plan.rule_changes import rules_text, written_rules
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.attention import FINISHED, Note, attention_notes
from wechat_campaigns.report.links import Hosts, linked_hosts
from wechat_campaigns.report.phrases import headcount, moment, recipients, sends, status_counts, window
from wechat_campaigns.send.outcome import Result, SendOutcome

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_TIMELESS = frozenset({PlanAction.CONFLICT, PlanAction.UNKNOWN, PlanAction.INVALID})
_NOW, _STAYS = date.min, date.max
_OBVIOUS = frozenset({Reason.NEW, Reason.WINDOW_NOT_OPEN})
APPLY = "campaign apply"
MOST_NAMED = 20
"""Sends that a sentence names; it counts the others."""
CONSOLE_QUOTA = N_("Sends made in the WeChat console use the same quota and are not counted here.")
"""What no ledger can know about a quota."""
ACCOUNT_KINDS = {
    AccountKind.SERVICE: N_("service account (服务号)"),
    AccountKind.SUBSCRIPTION: N_("subscription account (订阅号)"),
    AccountKind.TEST: N_("test account (测试号)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One send of a plan, a campaign that is invalid, or an unknown send whose file is gone."""

    action: PlanAction
    id: str
    status: str
    """The action as a word; of a send that was made and came to nothing, how it ended."""
    reason: str
    code: str
    """Of the reason: a `Reason` of the protocol, a `PlanReason`, or the rule of a problem."""
    hint: str = ""
    account: str = ""
    """Its name; empty where no campaign names one."""
    recipients: str = ""
    followers: str = ""
    kind: str = ""
    """Of the message, as people call it: `3 articles`."""
    description: str = ""
    """What its author says it is, in one line."""
    content: str = ""
    """What a follower sees, in one line."""
    window: str = ""
    begin: datetime | None = None
    """When its window opens, if it has such a moment."""
    problems: tuple[Diagnostic, ...] = ()
    """Of an invalid campaign, or of names that stand for nothing."""
    planned: PlannedSend | None = None
    change: str = ""
    """`added` or `edited`, since what the plan is compared with."""
    edits: str = ""
    """What was edited, as a sentence."""

    @property
    def headline(self) -> str:
        """What its author says it is, or what a follower sees."""
        return self.description or self.content or self.id

    @property
    def remark(self) -> str:
        """The reason, where the action and the hours beside it do not already give it."""
        return "" if self.code in _OBVIOUS else self.reason

    @property
    def note(self) -> str:
        """What was changed in it, and the remark."""
        change = status_word(self.change) if self.change else ""
        return _("; ").join(filter(None, (_(": ").join(filter(None, (change, self.edits))), self.remark)))


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """A plan, and what an apply made of it, as every report shows it."""

    plan: Plan
    timezone: str
    comparison: Comparison | None = None
    """With the commit on which the change is based."""
    errors: Sequence[Diagnostic] = ()
    """Of files and campaigns; they stand before everything else."""
    horizon: datetime | None = None
    """Until when the review covers what becomes due; a waiting apply leaves out what opens later."""
    command: str = APPLY
    """What sends the plan."""
    approved_in: str = ""
    """Where a CI run is approved, as a sentence; empty on a person's machine."""
    outcomes: Sequence[SendOutcome] = ()
    """Of an apply."""
    waiting: Collection[SendKey] = ()
    """Sends for whose windows an apply waits."""

    @cached_property
    def digest(self) -> str:
        """The digest of the plan."""
        return self.plan.plan_digest

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The sends, then invalid campaigns, then unknown sends that no file names."""
        changes = {one.id: one for one in self.comparison.changes} if self.comparison is not None else {}
        rows = _rows(self.plan, self.timezone)
        return tuple(_compared(row, changes.get(row.id), self.timezone) for row in rows)

    @cached_property
    def changes(self) -> list[tuple[Row | None, str]]:
        """How much differs from what the plan is compared with, then what: sentences, some about a row.

        New sends come first, then edited ones in the order of the table, then those that
        were removed and have no row.
        """
        if (found := self.comparison) is None:
            return []
        rows = list(self.in_order())
        edited = [row for row in rows if row.change == "edited"]
        added = [row.id for row in rows if row.change == "added"]
        removed = [one.id for one in found.changes if one.after is None]
        counts = status_counts({"added": len(added), "edited": len(edited), "removed": len(removed)})
        heading = _("Changed since {ref}: {counts}").format(ref=found.ref, counts=counts or _("no send"))
        texts = filter(None, (heading if found.commit else "", found.note))
        lines: list[tuple[Row | None, str]] = [(None, text) for text in texts]
        lines += [(None, _("added: {sends}").format(sends=first_of(added, MOST_NAMED)))] if added else []
        lines += [(None, one.message) for one in self.notes if one.rule == "settings"][:MOST_NAMED]
        lines += [(row, row.edits) for row in edited[:MOST_NAMED]]
        if (more := len(edited) - MOST_NAMED) > 0:
            lines.append((None, _("edited: {count:,} more, in their rows").format(count=more)))
        gone = _("removed: {sends}").format(sends=first_of(removed, MOST_NAMED))
        return [*lines, (None, gone)] if removed else lines

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What a person should read first."""
        return attention_notes(self.plan, self.overlaps)

    @cached_property
    def overlaps(self) -> tuple[Overlap, ...]:
        """The days on which followers may receive more than one message."""
        return overlaps(self.plan)

    @cached_property
    def budgets(self) -> tuple[Budget, ...]:
        """What each account may still send."""
        return budgets(self.plan)

    @cached_property
    def counts(self) -> Mapping[PlanAction, int]:
        """How many sends there are of each action."""
        return self.plan.counts()

    @cached_property
    def hosts(self) -> Hosts:
        """Where the links lead of what may still be sent."""
        return linked_hosts(self.plan, self.comparison)

    @property
    def figures(self) -> list[tuple[str, str, str]]:
        """What a reader of one minute has to know: words, a value, and how to mark it."""
        pending = (*self.plan.calls(), *self.plan.waiting(), *self.plan.coming())
        final = sum(not one.send.content.visible.is_recallable for one in pending)
        errors, notes = len(self.errors), len(self.notes)
        return [
            (_("recipients in all"), reach(pending), ""),
            (_("errors"), f"{errors:,}", "bad" if errors else ""),
            (_("notes"), f"{notes:,}", "look" if notes else ""),
            (_("cannot be recalled"), f"{final:,}", ""),
        ]

    @property
    def glance(self) -> str:
        """How many sends there are of each status, then the figures, in one sentence."""
        figures = [_(": ").join((words, value)) for words, value, _mark in self.figures]
        return _("; ").join([status_counts(self.counts) or _("no campaigns"), *figures])

    @property
    def created(self) -> str:
        """When the plan was made."""
        return moment(self.plan.created_at, self.timezone)

    @property
    def times(self) -> str:
        """When the plan was made and when it expires."""
        expires = moment(self.plan.expires_at, self.timezone)
        text = _("{made}, expires {expires} ({timezone})")
        return text.format(made=self.created, expires=expires, timezone=self.timezone)

    @property
    def results(self) -> str:
        """How many sends of an apply there are of each result: `4 accepted, 1 rejected`."""
        results = [outcome.result for outcome in self.outcomes]
        return status_counts({result: results.count(result) for result in Result})

    @property
    def headline(self) -> str:
        """How many sends there are, due or not."""
        return sends(len(self.listed()))

    @property
    def ready(self) -> bool:
        """Whether an apply would make calls, and none of what is known here refuses it."""
        plan = self.plan
        known = plan.ledger_known and not plan.uninitialized
        return known and bool(plan.calls()) and PlanAction.INVALID not in self.counts

    @property
    def next_step(self) -> str:
        """How the plan is approved and what comes of it, or why nothing does."""
        step = _("Running `{command}` now would send nothing.")
        if self.plan.calls() and not self.ready:
            step = _("`{command}` refuses this plan until its problems are solved.")
        elif self.approved_in:
            due, later = (to_followers(one) or "0" for one in (self.plan.calls(), self.plan.coming()))
            step = _("Due now: {due}. Later, each at its time: {later}.").format(due=due, later=later)
            return step if self.plan.approved else f"{self.approved_in} {step}"
        elif self.ready:
            step = _("To send this: `{command}` asks for confirmation; now it would make {total}.")
        if self.plan.unapproved():
            what = _("How to approve what waits: `campaign approve FILE`, of `campaign plan --out FILE`.")
            step = f"{what} {step}"
        return step.format(command=self.command, total=to_followers(self.plan.calls()))

    @property
    def coming(self) -> tuple[str, ...]:
        """What is sent later, that nothing goes out by itself, and what to run then, in sentences."""
        zone, now = ZoneInfo(self.timezone), self.plan.created_at
        decided = {outcome.key for outcome in self.outcomes}.union(self.waiting)
        coming = [one for one in self.plan.coming() if one.key not in decided]
        later = [one.send for one in coming]
        lines = []
        if self.horizon is not None:
            names = [
                _("{what} ({detail})").format(what=send.id, detail=moment_text(send.opens_at, now, zone))
                for send in later
                if send.opens_at <= self.horizon
            ]
            lines.append(_within(names, moment_text(self.horizon, now, zone)))
        if later:
            message = _(
                "Next: {send}, {when}. Nothing is sent by itself: run `{command}` at that time, or "
                "`{command} --wait` before it."
            )
            if self.approved_in or coming[0].code is PlanReason.UNAPPROVED:
                message = _("Next: {send}, {when}. A run at that time sends it, once it is approved.")
            when = moment_text(later[0].opens_at, now, zone)
            lines.append(message.format(send=later[0].id, when=when, command=self.command))
        return tuple(lines)

    @property
    def accounts(self) -> tuple[str, ...]:
        """What each account may still send, and what else holds for all, in sentences."""
        console = (_(CONSOLE_QUOTA),) if self.budgets else ()
        return (*map(account_line, self.budgets), *console)

    @property
    def has_accounts(self) -> bool:
        """Whether its sends come from more than one account, so that a row has to name it."""
        return len({row.account for row in self.rows if row.account}) > 1

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Every problem of the plan and its files once, errors first and advice last."""
        found = [*self.errors, *(note.at(note.place) for note in self.notes if note.place is not None)]
        return tuple(sorted(dict.fromkeys(found), key=by_level))

    def listed(self, *, everything: bool = False) -> tuple[Row, ...]:
        """List the rows without what was sent or is expired, unless everything is wanted."""
        return tuple(row for row in self.rows if everything or row.action not in FINISHED)

    def days(self) -> list[tuple[str, list[Row]]]:
        """Return the listed rows below titles: what goes out at once, then day by day, then what does not."""
        zone = ZoneInfo(self.timezone)
        now = self.plan.created_at.astimezone(zone)
        days: dict[date, list[Row]] = {}
        ordered = sorted(
            self.listed(), key=lambda row: (row.begin.timestamp() if row.begin else 0.0, row.account, row.id)
        )
        for row in ordered:
            days.setdefault(_day(row, now), []).append(row)
        return [(_day_title(day, now.date()), days[day]) for day in sorted(days)]

    def in_order(self) -> Iterator[Row]:
        """Yield the listed rows in the order of their days."""
        return (row for _title, rows in self.days() for row in rows)


def _day(row: Row, now: datetime) -> date:
    """Return the day of a row; `_NOW` for what apply would send at once, `_STAYS` for what it leaves."""
    if row.action not in _TIMELESS and row.begin is not None and row.begin > now:
        return row.begin.astimezone(now.tzinfo).date()
    return _NOW if row.action in CALLING else _STAYS


def _day_title(day: date, today: date) -> str:
    if day == _NOW:
        return _("As soon as the plan is applied")
    if day == _STAYS:
        return _("Not sent until somebody acts")
    title = _("{day} {weekday}").format(day=day.isoformat(), weekday=_(WEEKDAYS[day.weekday()]))
    if (day - today).days not in (0, 1):
        return title
    return _("{day}, {near}").format(day=title, near=day_text(day, today))


def _rows(plan: Plan, timezone: str) -> Iterator[Row]:
    for planned in plan.sends:
        send, problems = planned.send, planned.resolved.problems
        status, known = planned.action.value, planned.known
        ended_badly = (Fate.DELIVERY_FAILED, Fate.RECALLED)
        if planned.action is PlanAction.SENT and known is not None and known.fate in ended_badly:
            status = known.fate.value
        yield Row(
            action=planned.action,
            id=send.id,
            status=status_word(status),
            reason=planned.reason,
            code=problems[0].rule if planned.code is PlanReason.UNRESOLVED else planned.code.value,
            hint=planned.hint,
            account=planned.account.name,
            recipients=recipients(send.filter),
            followers=headcount(planned.resolved.audience),
            kind=send.content.kind_name(),
            description=" ".join(send.description.split()),
            content=" ".join(send.content.summary().split()),
            window=window(send, timezone),
            begin=send.not_before,
            problems=problems,
            planned=planned,
        )
    for invalid in plan.invalid:
        count = len(invalid.problems)
        yield Row(
            action=PlanAction.INVALID,
            id=invalid.id,
            status=status_word(PlanAction.INVALID),
            reason=ngettext("{count:,} problem", "{count:,} problems", count).format(count=count),
            code="invalid",
            problems=invalid.problems,
        )
    for unknown in plan.unknown_sends:
        yield Row(
            action=PlanAction.UNKNOWN,
            id=unknown.send_state.send,
            status=status_word(PlanAction.UNKNOWN),
            reason=unknown.reason,
            code=unknown.code.value,
            hint=unknown.hint,
        )


def _compared(row: Row, change: SendChange | None, timezone: str) -> Row:
    """Return a row with what was changed in its send."""
    if change is None or change.after is None:
        return row
    from wechat_campaigns.report.changes import change_text  # most plans compare nothing

    name = "added" if change.before is None else "edited"
    return replace(row, change=name, edits=change_text(change, timezone))


def to_followers(planned: Sequence[PlannedSend]) -> str:
    """Write how many sends and resends there are, and whom they reach together.

    Several add up to messages, not to followers: tags overlap, and one tag may be in several sends.
    """
    again = sum(one.action is PlanAction.RESEND for one in planned)
    resends = ngettext("{count:,} resend", "{count:,} resends", again).format(count=again)
    own = [one for one in planned if not one.send.by_hand]
    first = [sends(len(own) - again)] if again < len(own) else []
    by_hand = len(planned) - len(own)
    drafts = ngettext("{count:,} draft for a person to send", "{count:,} drafts for people to send", by_hand)
    handed = [drafts.format(count=by_hand)] if by_hand else []
    text = _(", ").join([*first, *([resends] if again else []), *handed])
    if by_hand == len(planned):
        return text
    template = _("{sends}, {count} messages in all")
    if len(planned) == 1:
        template = _("{sends} to {count} followers")
    return template.format(sends=text, count=reach(own))


def reach(planned: Sequence[PlannedSend]) -> str:
    """Write how many followers sends have, counted for each: `2,408`, `~940` of earlier sends, `30 + ?`."""
    audiences = [one.resolved.audience for one in planned]
    earlier = [one.last.count or 0 for one in audiences if one.count is None and one.last is not None]
    counts = [*earlier, *(one.count for one in audiences if one.count is not None)]
    parts = [f"{'~' if earlier else ''}{sum(counts):,}"] if counts or not audiences else []
    return " + ".join([*parts, *(["?"] if len(counts) < len(audiences) else [])])


def account_line(budget: Budget) -> str:
    """Write what an account may still send, the account before it."""
    account, template = budget.account, _("Account {name}, {kind}, {appid}: {quota}")
    kind = _(ACCOUNT_KINDS[account.kind])
    return template.format(name=account.heading, kind=kind, appid=account.appid, quota=quota_text(budget))


def quota_text(budget: Budget) -> str:
    """Write what an account has used and may still send, and which rules it has for itself."""
    template = _("{used} of {limit} sends used today (from the ledger)")
    if budget.account.kind is AccountKind.SERVICE:
        template = _("{used} of {limit} sends to everyone used this month (from the ledger)")
    text = template.format(used=budget.used, limit=budget.limit)
    text += _(", {count} more by this plan").format(count=budget.uses) if budget.uses else ""
    text += _(", {count} more scheduled").format(count=budget.scheduled) if budget.scheduled else ""
    if budget.calls_left is not None:
        left = _("; {left} of {limit} API sends left today")
        text += left.format(left=budget.calls_left, limit=budget.calls_limit)
    if rules := written_rules(budget.account, own=True):
        text += _("; rules of its own: {rules}").format(rules=rules_text(rules))
    return text


def _within(names: list[str], when: str) -> str:
    if not names:
        return _("Nothing becomes due before the horizon, {when}.").format(when=when)
    listed = first_of(names, MOST_NAMED)
    return _("Due before the horizon, {when}: {sends}.").format(when=when, sends=listed)
