"""Choose what is told of an apply, its refusal, finished sends or a plan file, and write it as plain text.

The ledger keeps which of them were told, and what happened: a run also reports what no target took before.
What lasts, such as a blocked send, is told once a day, all else and a missed window once. In plain text no
name of a campaign can mention anybody or become a link.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError, WeChatError
from wechat_campaigns.core.i18n import _, english_text
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.plan import planfile
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate, SendState, Status
from wechat_campaigns.report.phrases import moment as moment_text
from wechat_campaigns.report.phrases import status_counts
from wechat_campaigns.report.sanitize import FORMAT_VERSION, line
from wechat_campaigns.report.send_status import send_status
from wechat_campaigns.send.outcome import Result, SendOutcome


class Moment(StrEnum):
    """What `notify.when` can name; those of an outcome and of a status are called as these are."""

    APPROVAL_NEEDED = "approval_needed"
    """No approval covers it; where none is asked for, it is due or within the plan's horizon."""
    ACCEPTED = "accepted"
    HANDED_OVER = "handed_over"
    """Its draft is ready, and a person is to send it in the WeChat console."""
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    HELD = "held"
    """Blocked or in conflict."""
    SCHEDULED_MISSED = "scheduled_missed"
    """Its window ended before it was sent."""
    RUN_REFUSED = "run_refused"
    """A whole apply was refused before it decided on any send."""
    SENT = "sent"
    """WeChat has finished sending it."""
    DELIVERY_FAILED = "delivery_failed"


CALLED: Final = frozenset({Moment.ACCEPTED, Moment.HANDED_OVER, Moment.REJECTED})
"""Of one call, which no later run makes."""
ENDED: Final = frozenset({Moment.SENT, Moment.DELIVERY_FAILED})
ONCE: Final = CALLED | ENDED | {Moment.SCHEDULED_MISSED}
"""They are told once; the others last until a person has acted, and are told once a day."""
EXPECTED: Final = frozenset({Moment.HELD, Moment.SCHEDULED_MISSED})
"""Of sends that were expected and not made: a run fails for them."""
LATELY: Final = timedelta(days=14)
"""How long what happened is told; what a person still has to send, for ever."""


MAX_BYTES = 2000
"""企业微信 takes 2048 bytes of text, the others more."""
MAX_LINES = 20
_MARKS = {
    Moment.APPROVAL_NEEDED: "•",
    **dict.fromkeys((Moment.ACCEPTED, Moment.SENT), "✓"),
    **dict.fromkeys((Moment.HELD, Moment.SCHEDULED_MISSED), "!"),
    Moment.HANDED_OVER: "→",
    Moment.UNKNOWN: "?",
}
"""What stands before a line; a cross before any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What may be told of one send, or of a whole run, which has neither id nor account."""

    moment: Moment
    id: str = ""
    account: str = ""
    appid: str = ""
    """Whose stream of the ledger keeps that it was told; empty: of no account of the settings."""
    reason: str = ""
    msg_id: int | None = None
    followers: int | None = None
    """How many were addressed, or will be."""
    digest: str = ""
    """Of the content, its revision and the cause, of the call or job, or of why a run was refused: another
    one is another notice."""

    def key(self, day: date) -> str:
        """Return the notice of a day, or the end of a job, as the ledger keeps it."""
        # A call and the end of a job have their own digest, by whatever id their folder knows them.
        named = [self.moment.value, *(() if self.moment in CALLED | ENDED else (self.appid, self.id))]
        if self.moment not in ONCE:
            named = [day.isoformat(), *named]
        return sha256([*named, self.digest])[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What stands in a message besides the notices of a run."""

    environment: str
    commit: str = ""
    url: str = ""
    """Of the CI run."""


def outcome_notices(outcomes: Iterable[SendOutcome], plan: Plan) -> list[Notice]:
    """Return a notice for each outcome; for a skipped send only where it was expected to be made."""
    followers = {one.key: one.resolved.audience.count for one in plan.sends}
    digests = {one.key: one.content_digest for one in plan.sends}
    digests |= {one.key: one.send_state.content_digest for one in plan.unknown_sends}
    rules = {one.key: [found.rule for found in one.violations if found.blocks] for one in plan.sends}
    return [
        Notice(
            moment=moment,
            id=outcome.id,
            account=outcome.account,
            appid=outcome.key[0],
            reason="" if moment is Moment.ACCEPTED else outcome.reason,
            msg_id=outcome.msg_id,
            followers=followers.get(outcome.key),
            digest=f"{plan.environment} {outcome.key[2]} {digests.get(outcome.key, '')}"
            + (
                _cause(outcome.code, outcome.errcode, rules.get(outcome.key, ()))
                if moment in EXPECTED
                else ""
            ),
        )
        for outcome in outcomes
        if (moment := _moment_of(outcome)) is not None
    ]


def recorded_notices(
    state: LedgerState, environment: Environment, now: datetime, found: Iterable[Notice] = ()
) -> list[Notice]:
    """Return what a run found and what the ledger has: a run that was cancelled told nothing of its calls.

    Args:
        state: of the ledger, which records what the run did.
        found: the notices of the run; their words go before the ledger's.
    """
    notices = {(one.moment, one.appid, normalize_id(one.id), one.digest): one for one in found}
    for known in state.sends:
        is_late = now - (known.ended_at or known.at) >= LATELY and known.fate is not Fate.HANDED_OVER
        moments = () if is_late or known.appid not in environment.by_appid else _recorded_moments(known)
        for moment, digest in moments:
            row = send_status(known, state, now, environment)
            planned = f"{environment.name} {known.revision} {known.content_digest}"
            of_send = moment, known.appid, normalize_id(known.send)
            recorded = Notice(
                moment=moment,
                id=known.send,
                account=row.account,
                appid=known.appid,
                reason="" if moment is Moment.ACCEPTED else row.note,
                msg_id=job_id(known),
                followers=row.addressed,
            )
            worded = notices.pop((*of_send, planned), None) or notices.get((*of_send, digest), recorded)
            notices[*of_send, digest] = replace(worded, digest=digest)
    return list(notices.values())


def _recorded_moments(known: SendState) -> Iterator[tuple[Moment, str]]:
    """Yield each moment of a send that the ledger records, with the digest of the call or job."""
    call = next(reversed([*known.calls]), "")
    if known.ends.get(call) in (EventKind.ACCEPTED, EventKind.DUPLICATE) and known.status is Status.ACCEPTED:
        yield Moment.ACCEPTED, call
    elif known.fate.value in CALLED and call:
        yield Moment(known.fate.value), call
    if known.ended_at and known.fate.value in ENDED:
        yield Moment(known.fate.value), f"{known.appid} {job_id(known) or job_id(known, 'msg_data_id')}"


def plan_notices(data: Mapping[str, Any], state: LedgerState | None, *, timezone: str) -> Iterator[Notice]:
    """List the sends of a plan file that wait for approval, and those that are expected and not made.

    Args:
        data: as `planfile.read` returns it.
        state: of the ledger, which records what was made meanwhile; None where it cannot be read.
        timezone: the one that windows are shown in.
    """
    for send in data["sends"]:
        cause = ""
        if planfile.waits_for_approval(send):
            is_due = planfile.is_due(send, data)
            moment, reason = Moment.APPROVAL_NEEDED, _when(send, timezone, is_due=is_due)
        elif send["held"]:
            missed = send["action"] == PlanAction.EXPIRED
            moment, reason = Moment.SCHEDULED_MISSED if missed else Moment.HELD, send["reason"]
            rules = [one["rule"] for one in send["violations"] if one["blocks"]]
            cause = _cause(send["code"], send["errcode"], rules)
        else:  # it is approved, or an invalid campaign, which has no account
            continue
        appid = send["account"]["appid"]
        # An account that left the settings after the plan was made is not read: its send is reported.
        is_read = state is not None and state.has_read(appid)
        record = state.send(appid, send["id"], send["revision"]) if state is not None and is_read else None
        if record is not None and (record.status is Status.ACCEPTED or record.fate is Fate.HANDED_OVER):
            continue
        yield Notice(
            moment=moment,
            id=send["id"],
            account=send["account"]["name"],
            appid=appid,
            reason=reason,
            followers=send["audience"]["count"],
            digest=f"{data['environment']} {send['revision']} {send['content_digest']}{cause}",
        )


def refusal_notice(error: CampaignError, environment: Environment) -> Notice:
    """Return the notice of a refused apply; its record goes into the stream of the first account."""
    reason = error.text
    if isinstance(error, InvalidError):
        first = error.problems[0]
        reason = f"{first.location}{_(': ')}{first.message}"
        if len(error.problems) > 1:
            reason += " " + _("… and {count} more").format(count=len(error.problems) - 1)
    # What WeChat answers has a number of its own each time.
    why = type(error).__name__ if isinstance(error, WeChatError) else reason
    appid, why = min(environment.by_appid, default=""), f"{environment.name} {why}"
    return Notice(moment=Moment.RUN_REFUSED, appid=appid, reason=reason, digest=why)


def failing(notices: Iterable[Notice]) -> list[Notice]:
    """Return the causes for which a run fails once a day, as the ledger keeps for which one has failed."""
    expected = [one for one in notices if one.moment in EXPECTED]
    # A missed window is told once, and red each day until somebody has acted.
    return [replace(one, moment=Moment.HELD, digest=f"failed {one.moment} {one.digest}") for one in expected]


def untold(notices: Iterable[Notice], told: Collection[str], day: date) -> list[Notice]:
    """Return the notices that are still to be made: a moment once a day, one of `ONCE` a single time."""
    return [one for one in notices if one.key(day) not in told]


def _moment_of(outcome: SendOutcome) -> Moment | None:
    if outcome.result is not Result.SKIPPED:
        return Moment(outcome.result.value)
    if outcome.missed:
        return Moment.SCHEDULED_MISSED
    if outcome.exit_code in (ExitCode.OK, ExitCode.RACE, ExitCode.INTERRUPTED):
        return None
    return Moment.HELD if outcome.exit_code is ExitCode.POLICY else Moment.NOT_SENT


def _cause(code: str, errcode: int | None, rules: Iterable[str]) -> str:
    """Return why a send is not made without the words, which may hold the time of day."""
    return " ".join(["", code, str(errcode or ""), *sorted(rules)])


def _when(send: Mapping[str, Any], timezone: str, *, is_due: bool) -> str:
    begin, end = (
        moment_text(datetime.fromisoformat(at), timezone) if (at := send.get(key)) else ""
        for key in ("not_before", "not_after")
    )
    begins = _("due now") if is_due else _("from {begin}").format(begin=begin)
    return _("{begins}, until {end}").format(begins=begins, end=end) if end else begins


def message(notices: Sequence[Notice], run: RunSummary) -> str:
    """Write a message."""
    counts = {moment: sum(notice.moment is moment for notice in notices) for moment in Moment}
    message = _("Campaigns, {environment}: {counts}")
    lines = [line(message.format(environment=run.environment, counts=status_counts(counts)))]
    lines += [_line(notice) for notice in notices[:MAX_LINES]]
    if len(notices) > MAX_LINES:
        lines.append(_("… and {count} more").format(count=len(notices) - MAX_LINES))
    lines += [_("commit {commit}").format(commit=run.commit[:12])] if run.commit else []
    lines += [run.url] if run.url else []
    return _shortened("\n".join(lines))


def notices_payload(text: str, notices: Sequence[Notice], run: RunSummary) -> dict[str, Any]:
    """Return the JSON of a `webhook`: codes and English for programs, a text for people."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": run.environment,
        "commit": run.commit or None,
        "url": run.url or None,
        "text": text,
        "outcomes": [
            {
                "id": notice.id or None,
                "account": notice.account or None,
                "result": notice.moment.value,
                "reason": english_text(notice.reason),
                "msg_id": notice.msg_id,
                "followers": notice.followers,
            }
            for notice in notices
        ],
    }


def _line(notice: Notice) -> str:
    mark = _MARKS.get(notice.moment, "✗")
    if not notice.id:
        return line(f"{mark} {notice.reason}")
    count = notice.followers
    to = _(" → {count:,} followers").format(count=count) if count is not None else ""
    why = f"{_(': ')}{notice.reason}" if notice.reason else ""
    return line(f"{mark} {notice.id} ({notice.account}){to}{why}")


def _shortened(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MAX_BYTES else raw[: MAX_BYTES - 3].decode(errors="ignore") + "…"
