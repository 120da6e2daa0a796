"""Build the view of a plan, and of an apply, that every report renders; a report decides nothing itself."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.core.model import InvalidCampaign, PlanAction
from wechat_campaigns.core.spoken_time import day_text
from wechat_campaigns.plan.plan import CALLING, Plan, PlannedSend, PlanReason, SendKey, UnknownSend
from wechat_campaigns.plan.quota import Budget, budgets
from wechat_campaigns.plan.review import Comparison
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.attention import FINISHED, Note, attention_notes, plan_problems
from wechat_campaigns.report.outlook import APPLY, account_line, coming_lines, console_quota
from wechat_campaigns.report.phrases import calls, headcount, moment, recipients, status_counts, window
from wechat_campaigns.send.outcome import Result, SendOutcome

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_TIMELESS = frozenset({PlanAction.CONFLICT, PlanAction.UNKNOWN, PlanAction.INVALID})
_NOW, _STAYS = date.min, date.max
_OBVIOUS = frozenset({Reason.NEW, Reason.WINDOW_NOT_OPEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One send of a plan, a campaign that is invalid, or an unknown send whose file is gone."""

    action: PlanAction
    id: str
    reason: str
    code: str
    """Of the reason: a `Reason` of the protocol, a `PlanReason`, or the rule of a problem."""
    hint: str = ""
    recipients: str = ""
    followers: str = ""
    kind: str = ""
    """Of the message, as people call it: `3 articles`."""
    content: str = ""
    """What a follower sees, in one line."""
    window: str = ""
    problems: tuple[Diagnostic, ...] = ()
    """Of an invalid campaign, or of names that stand for nothing."""
    planned: PlannedSend | None = None

    @property
    def account(self) -> str:
        """The account's name; empty where no campaign names one."""
        return self.planned.account.name if self.planned is not None else ""

    @property
    def status(self) -> str:
        """The action as a word; of a send that was made and came to nothing, how it ended."""
        known = self.planned.known if self.planned is not None else None
        ended_badly = (Fate.DELIVERY_FAILED, Fate.RECALLED)
        if self.action is PlanAction.SENT and known is not None and known.fate in ended_badly:
            return status_word(known.fate)
        return status_word(self.action)

    @property
    def remark(self) -> str:
        """The reason, where the action and the hours beside it do not already give it."""
        return "" if self.code in _OBVIOUS else self.reason

    @property
    def message(self) -> str:
        """The kind of the message, and what a follower sees."""
        return _("{msgtype}: {content}").format(msgtype=self.kind, content=self.content) if self.kind else ""

    @property
    def begin(self) -> datetime | None:
        """When its window opens, if it has such a moment."""
        return self.planned.send.not_before if self.planned is not None else None


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """A plan as every report shows it."""

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

    @cached_property
    def digest(self) -> str:
        """The digest of the plan."""
        return self.plan.plan_digest

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The sends, then invalid campaigns, then unknown sends that no file names."""
        sends = (_send_row(planned, self.timezone) for planned in self.plan.sends)
        unknown = map(_orphan_row, self.plan.unknown_sends)
        return (*sends, *map(_invalid_row, self.plan.invalid), *unknown)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What a person should read first."""
        return attention_notes(self.plan)

    @cached_property
    def budgets(self) -> tuple[Budget, ...]:
        """What each account may still send."""
        return budgets(self.plan)

    @property
    def created(self) -> str:
        """When the plan was made."""
        return moment(self.plan.created_at, self.timezone)

    @property
    def expires(self) -> str:
        """When the plan expires."""
        return moment(self.plan.expires_at, self.timezone)

    @property
    def counts(self) -> Mapping[PlanAction, int]:
        """How many sends there are of each action."""
        return self.plan.counts()

    @property
    def summary(self) -> str:
        """How many sends there are of each status: `4 to send, 1 scheduled`."""
        return status_counts(self.counts) or _("no campaigns")

    @property
    def total(self) -> str:
        """What apply would do now: `2 sends, 1 resend, 1,204 messages in all`."""
        if not self.plan.calls():
            return _("nothing to send now")
        return to_followers(calls(len(self.plan.due()), len(self.plan.resends())), self.plan.calls())

    @property
    def ready(self) -> bool:
        """Whether an apply would make calls, and none of what is known here refuses it."""
        plan = self.plan
        known = plan.ledger_known and not plan.uninitialized
        return known and bool(plan.calls()) and PlanAction.INVALID not in self.counts

    @property
    def coming(self) -> tuple[str, ...]:
        """What is sent later and what to run then, in sentences."""
        return coming_lines(self.plan, timezone=self.timezone, command=self.command, horizon=self.horizon)

    @property
    def uploads(self) -> str:
        """How many files will be uploaded first; empty when none."""
        missing = {
            item.key for p in self.plan.due() for item, reusable in p.resolved.uploads if reusable is None
        }
        template = ngettext(
            "Before sending, {count:,} file will be uploaded.",
            "Before sending, {count:,} files will be uploaded.",
            len(missing),
        )
        return template.format(count=len(missing)) if missing else ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """What each account may still send, and what else holds for all, in sentences."""
        lines = map(account_line, self.budgets)
        console = (console_quota(),) if self.budgets else ()
        return (*lines, *console, *filter(None, [self.uploads]))

    @property
    def attention(self) -> tuple[str, ...]:
        """What a person should read first, in sentences."""
        return tuple(note.text for note in self.notes)

    @property
    def has_accounts(self) -> bool:
        """Whether its sends come from more than one account, so that a row has to name it."""
        return len({row.account for row in self.rows if row.account}) > 1

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Every problem of the plan and its files once, errors first."""
        return plan_problems(self.plan, self.errors)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyView:
    """The outcomes of an apply as every report shows them."""

    plan: Plan
    outcomes: Sequence[SendOutcome]
    timezone: str
    command: str = APPLY
    """What sends the plan."""
    waiting: Collection[SendKey] = ()
    """Sends for whose windows this run waits."""

    @property
    def counts(self) -> Mapping[Result, int]:
        """How many sends there are of each result."""
        return {result: sum(one.result is result for one in self.outcomes) for result in Result}

    @property
    def summary(self) -> str:
        """How many sends there are of each result: `4 accepted, 1 rejected`."""
        return status_counts(self.counts)

    @property
    def hints(self) -> Mapping[SendOutcome, str]:
        """What to do, where something went wrong."""
        return {one: one.hint for one in self.outcomes if one.exit_code and one.hint}

    @property
    def coming(self) -> tuple[str, ...]:
        """What is still scheduled and what to run then, in sentences."""
        decided = {outcome.key for outcome in self.outcomes}
        return coming_lines(
            self.plan, timezone=self.timezone, command=self.command, without=decided.union(self.waiting)
        )


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


def _send_row(planned: PlannedSend, timezone: str) -> Row:
    send, problems = planned.send, planned.resolved.problems
    code = problems[0].rule if planned.code is PlanReason.UNRESOLVED else planned.code.value
    return Row(
        action=planned.action,
        id=send.id,
        reason=planned.reason,
        code=code,
        hint=planned.hint,
        recipients=recipients(send.filter),
        followers=headcount(planned.resolved.audience),
        kind=send.content.kind_name(),
        content=" ".join(send.content.summary().split()),
        window=window(send, timezone),
        problems=problems,
        planned=planned,
    )


def _invalid_row(invalid: InvalidCampaign) -> Row:
    count = len(invalid.problems)
    template = ngettext("{count:,} problem", "{count:,} problems", count)
    return Row(
        action=PlanAction.INVALID,
        id=invalid.id,
        reason=template.format(count=count),
        code="invalid",
        problems=invalid.problems,
    )


def _orphan_row(unknown: UnknownSend) -> Row:
    return Row(
        action=PlanAction.UNKNOWN,
        id=unknown.send_state.send,
        reason=unknown.reason,
        code=unknown.code.value,
        hint=unknown.hint,
    )


def to_followers(sends: str, planned: Iterable[PlannedSend]) -> str:
    """Write whom some sends reach together; `sends` says how many they are.

    Several sends add up to messages, not to followers: tags overlap, and one tag may be in several sends.
    """
    counts = [one.resolved.audience.count for one in planned]
    if None in counts:
        return _("{sends} to an unknown number of followers").format(sends=sends)
    template = (
        _("{sends} to {count:,} followers") if len(counts) == 1 else _("{sends}, {count:,} messages in all")
    )
    return template.format(sends=sends, count=sum(n or 0 for n in counts))
