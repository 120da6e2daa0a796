"""Write where a send stands, from what the ledger and WeChat's event hold."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from wechat_campaigns.core.errcodes import lookup, mass_event_status
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger import records
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.approval import asked_of, judged
from wechat_campaigns.plan.by_hand import is_overdue, what_to_press
from wechat_campaigns.plan.decision import DecisionContext, decide
from wechat_campaigns.plan.hints import (
    ACCOUNT_LEFT,
    Stop,
    foreign_hint,
    msg_id_hint,
    recalled_hint,
    seen_text,
    settle_hint,
    what_stops,
)
from wechat_campaigns.plan.plan import PlanReason
from wechat_campaigns.plan.quota import CHINA, china_time
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.state import Fate, SendState, Status

CONFIRM_WITHIN = timedelta(minutes=30)
"""How long an administrator has under API 群发保护. Source: mass-send protection, read 2026-11."""
_SUCCESS = re.compile(r"send[\W_]?success", re.IGNORECASE)
"""Some pages and field reports write it in one word."""
_ERR = re.compile(r"err\D{0,2}(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRow:
    """One send's line of `campaign status`."""

    account: str
    known: SendState
    told: records.JobResult | None
    """What WeChat's event said; None before it arrives."""
    note: str
    hint: str = ""
    action: PlanAction | None = None
    """Of a campaign that was not sent: it expired, at the moment of the row, or it waits for an approval. A
    send by hand that nothing shows in time is expired too."""

    is_perhaps_sent: bool = False
    """Whether something speaks for a send by hand: a person settles it."""
    stop: str = ""
    """Why a person must not send what was handed over: `hold` or `withdrawn`."""

    @property
    def status(self) -> Fate | PlanAction:
        """What became of it."""
        return self.action or self.known.fate

    @property
    def code(self) -> str:
        """Why it has this status, for programs: an errcode's name, WeChat's own word, or a word of ours."""
        known = self.known
        if self.is_perhaps_sent:
            return "perhaps_sent"
        if self.stop:
            return self.stop
        if self.action is not None:
            return (Reason.WINDOW_ENDED if self.action is PlanAction.EXPIRED else PlanReason.UNAPPROVED).value
        if (errcode := records.errcode_of(known)) is not None:
            return lookup(errcode).name
        if known.fate in (Fate.ACCEPTED, Fate.DELIVERY_FAILED) and self.told is not None:
            return _event_word(self.told.status)
        if records.existing_job_id(known) is not None:
            return "existing_job"
        return "no_msg_id" if records.has_no_job_id(known) else known.fate.value

    @property
    def unfinished(self) -> bool:
        """True while asking again may tell more."""
        return self.known.fate is Fate.ACCEPTED and not records.has_no_job_id(self.known)

    @property
    def moment(self) -> datetime:
        """When it was begun, in China time."""
        return self.known.at.astimezone(CHINA)

    @property
    def recipients(self) -> str:
        """The recipients as JSON has them: `everyone`, `tag 会员`, `tag_id 2` or `openids`."""
        return "everyone" if records.is_to_all(self.known) else records.recipients_of(self.known)

    @property
    def addressed(self) -> int | None:
        """The followers addressed: by the event, else as they were counted before the send."""
        return self.told.addressed if self.told is not None else records.audience_of(self.known)

    @property
    def commit(self) -> str:
        """The commit of the campaigns, as the run knew it; empty when it did not."""
        return str(self.known.data.get("actor", {}).get("commit", ""))[:12]

    @property
    def agreed_by(self) -> str:
        """Who agreed to it on record; empty where nobody did."""
        return records.agreed_by(self.known.data.get("actor", {}))

    @property
    def links(self) -> tuple[str, ...]:
        """The permanent links of the articles, as the event has them."""
        return self.told.links if self.told is not None else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """What `campaign status` shows."""

    environment: str
    rows: tuple[SendRow, ...]
    unverified: tuple[str, ...] = ()
    """Accounts whose events were shown without their AppSecret."""
    failed: Mapping[str, CampaignError] = field(default_factory=dict)
    """By AppID, why WeChat was not asked about its sends, or did not answer."""

    @property
    def attention(self) -> tuple[SendRow, ...]:
        """The sends that a person has to do something about."""
        return tuple(
            row
            for row in self.rows
            if records.has_no_job_id(row.known)
            or row.status in (Fate.UNKNOWN, Fate.DELIVERY_FAILED, PlanAction.EXPIRED)
        )


def unsent_rows(sends: Iterable[Send], context: DecisionContext) -> Iterator[SendRow]:
    """Yield the lines of sends whose window ended before they were made, or that lack an approval."""
    for send in sends:
        planned = decide(send, context.content_digest(send), context)
        if planned.action is not PlanAction.EXPIRED:
            stream = context.state.stream(planned.account.appid)
            planned = judged(
                planned, stream, asked_of(context.settings, planned.account, stream), "", offline=True
            )
        if planned.action in (PlanAction.EXPIRED, PlanAction.WAITS_FOR_APPROVAL):
            at = (send.not_after if planned.action is PlanAction.EXPIRED else send.not_before) or context.now
            unsent = SendState(planned.account.appid, send.id, send.revision, first_at=at)
            words: dict[str, Any] = {"note": planned.reason, "hint": planned.hint}
            yield SendRow(account=send.account, known=unsent, told=None, action=planned.action, **words)


def send_status(
    known: SendState,
    state: LedgerState,
    now: datetime,
    environment: Environment | None = None,
    job_statuses: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> SendRow:
    """Find where a send stands.

    Args:
        now: for the minutes an administrator has left.
        environment: of the commands of a hint.
        job_statuses: what mass/get returned in this run, by AppID and msg_id.
    """
    told = state.job_result(known)
    seen = state.stream(known.appid).seen(known)
    env = environment.env_option if environment else ""
    stop = what_stops(state.stream(known.appid), known, now, env)
    note, hint = _words(known, told, now, environment, seen, stop)
    if (msg_id := records.existing_job_id(known)) is not None:
        status = job_statuses.get((known.appid, msg_id), _("not known"))
        note = _("{note}; status of that job: {status}").format(note=note, status=status)
    name, late = records.account_of(known), PlanAction.EXPIRED if is_overdue(known, now) else None
    return SendRow(
        account=name, known=known, told=told, note=note, hint=hint, action=late,
        stop=stop.code,
        is_perhaps_sent=known.fate is Fate.HANDED_OVER and seen.is_perhaps_sent,
    )  # fmt: skip


def send_rows(
    state: LedgerState,
    environment: Environment,
    now: datetime,
    job_statuses: Mapping[tuple[str, int], str] = MappingProxyType({}),
) -> list[SendRow]:
    """Find where each send of the ledger stands, the earliest first; as `send_status`."""
    rows = (send_status(known, state, now, environment, job_statuses) for known in state.sends)
    return sorted(rows, key=lambda row: (row.known.at, row.known.appid, row.known.send))


def begun_rows(state: LedgerState, environment: Environment, now: datetime) -> list[SendRow]:
    """Find where the sends of an environment stand; baselines have no time of their own."""
    rows = send_rows(state, environment, now)
    return [
        row for row in rows if row.known.appid in environment.by_appid and row.known.fate is not Fate.BASELINE
    ]


def past_send(row: SendRow) -> dict[str, Any]:
    """Return a send of the ledger as plain data; the counts are missing without an event."""
    known, told = row.known, row.told
    return {
        "id": known.send,
        "revision": known.revision,
        "account": row.account,
        "recipients": row.recipients,
        "status": row.status.value,
        "code": row.code,
        "msg_id": records.job_id(known),
        "existing_msg_id": records.existing_job_id(known),
        "msg_data_id": records.job_id(known, "msg_data_id"),
        "at": known.at.astimezone(UTC).isoformat(timespec="seconds"),
        "note": row.note,
        "hint": row.hint,
        "recalled": list(records.recalled_articles(known)),
        "addressed": row.addressed,
        **{key: getattr(told, key, None) for key in ("sent", "left_out", "failed")},
        "commit": row.commit,
        "agreed_by": row.agreed_by,
        "links": list(row.links),
    }


def ended(status: str) -> tuple[str, str]:
    """Explain the Status of an event: what it means, what to do."""
    word = _event_word(status)
    if (found := mass_event_status(word)) is None:
        return (
            _("WeChat ended this send with the status {status}").format(status=status),
            _("check it in the WeChat console"),
        )
    meaning, hint = map(_, found)
    if _ERR.search(word):
        meaning = _(": ").join((word, meaning))
    return meaning, hint


def _event_word(status: str) -> str:
    """Write the Status of an event as the table has it.

    WeChat's own punctuation of `err(N)` varies. Source: Callback_on_finish, read 2026-11.
    """
    match = _ERR.search(status)
    return f"err({match.group(1)})" if match else status.strip().lower()


def reach(told: records.JobResult) -> str:
    """Write how many followers a job reached, and what became of the others."""
    parts = [_("{sent:,} of {total:,} followers received it").format(sent=told.sent, total=told.addressed)]
    if told.left_out:
        left_out = _("{count:,} were left out (four this month already, or messages turned off)")
        parts.append(left_out.format(count=told.left_out))
    if told.failed:
        parts.append(_("{count:,} failed").format(count=told.failed))
    return _(", ").join(parts)


def _words(
    known: SendState,
    told: records.JobResult | None,
    now: datetime,
    environment: Environment | None,
    seen: records.SeenByHand,
    stop: Stop,
) -> tuple[str, str]:
    env = environment.env_option if environment else ""
    match known.fate:
        case Fate.ACCEPTED if told is not None:
            return (reach(told), "") if _SUCCESS.fullmatch(told.status) else _ended(told)
        case Fate.ACCEPTED if records.has_no_job_id(known):
            return (
                _("WeChat accepted this send but returned no msg_id to query"),
                msg_id_hint(known.send, env),
            )
        case Fate.ACCEPTED:
            return _underway(known, now)
        case Fate.HANDED_OVER:
            note = (
                what_to_press(known.data, now)
                if not is_overdue(known, now)
                else _("overdue: nothing shows that its draft was sent in the WeChat console")
            )
            parts = [stop.note or ("" if seen.is_perhaps_sent else note), seen_text(seen, known)]
            settle = settle_hint(known.send, env, sent="--sent")
            return _("; ").join(filter(None, parts)), settle if seen.is_perhaps_sent else stop.hint or settle
        case Fate.UNKNOWN:
            return _unknown(known, now), _unknown_hint(known, environment)
        case Fate.DELIVERY_FAILED if told is not None:
            return _ended(told)
        case Fate.DELIVERY_FAILED:
            return (
                _("delivery failed; WeChat gives the reason only in its event, which has not arrived"),
                _("check the WeChat console, or receive events with `campaign listen`"),
            )
        case Fate.SENT | Fate.RECALLED:
            return _reached(known, told, now)
        case _:
            return records.reason_text(known), ""


def _ended(told: records.JobResult) -> tuple[str, str]:
    """Explain the end of a job, with the articles that the originality check found elsewhere."""
    meaning, hint = ended(told.status)
    repeats = _("article {number} repeats {url}")
    found = (repeats.format(number=number, url=url) for number, url in told.originals)
    return _("; ").join((meaning, *found)), hint


def _unknown(known: SendState, now: datetime) -> str:
    if not (left := _minutes_left(known, now)):
        return _("posted, {answer}: it may have been sent").format(answer=records.answer_text(known))
    # 89504 and 89505 say that a job waits for the administrator, and leave a send unknown too.
    return _(
        "posted, {answer}: it may have been sent, or it may be waiting for an administrator to confirm it "
        "({minutes} of 30 minutes left)"
    ).format(answer=records.answer_text(known), minutes=left)


def _unknown_hint(known: SendState, environment: Environment | None) -> str:
    env = environment.env_option if environment else ""
    if environment and known.appid not in environment.by_appid:
        return _(ACCOUNT_LEFT)
    if (msg_id := records.existing_job_id(known)) is not None:
        return foreign_hint(known.send, env, msg_id)
    if known.status is Status.DISPUTED:  # no call resolves it
        return settle_hint(known.send, env)
    hint = _("run `campaign apply{env}` to resolve it")
    return hint.format(env=environment.apply_option if environment else "")


def _underway(known: SendState, now: datetime) -> tuple[str, str]:
    if not records.is_to_all(known):
        return _("accepted by WeChat; delivery is not confirmed yet"), ""
    if not (left := _minutes_left(known, now)):
        return (
            _("accepted; if an administrator had to confirm it, the 30 minutes are over"),
            _("run `campaign status` again in a minute"),
        )
    template = _(
        "accepted; if mass-send protection (群发保护) is on, an administrator has {minutes} of 30 "
        "minutes left to confirm it"
    )
    return template.format(minutes=left), _("ask the administrator to confirm it on the phone")


def _minutes_left(known: SendState, now: datetime) -> int:
    """Count the minutes in which a send to everyone may still be confirmed, begun ones too."""
    left = CONFIRM_WITHIN - (now - (records.acceptance(known) or known).at)
    return max(0, math.ceil(left.total_seconds() / 60)) if records.is_to_all(known) else 0


def _reached(known: SendState, told: records.JobResult | None, now: datetime) -> tuple[str, str]:
    parts = [reach(told)] if told is not None else []
    for recall in known.recalls:
        article, reason = recall.data.get("article_idx"), recall.data.get("reason")
        what = _("article {number} recalled {when}") if article else _("recalled {when}")
        what = what.format(number=article, when=china_time(recall.at, now))
        parts.append(_(": ").join((what, str(reason))) if reason else what)
    note = _("; ").join(parts)
    if told is not None and told.sent == 0 and known.fate is Fate.SENT:
        return note, _("check whether these followers have already received four this month")
    hint = recalled_hint() if known.fate is Fate.RECALLED else ""
    return note or records.reason_text(known), hint
