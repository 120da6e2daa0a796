"""What the fold of a ledger is made of: one send's state, uploads, drafts, what WeChat told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.i18n import _
from wechat_campaigns.protocol.events import Event, EventKind


class SendStatus(StrEnum):
    """Where a send stands."""

    UNKNOWN = "unknown"
    """An intent without an outcome."""
    REJECTED = "rejected"
    """WeChat refused it with a certain errcode; may be tried again."""
    NOT_SENT = "not_sent"
    """The call was certainly not made, or a person settled it as not sent; may be tried again."""
    ACCEPTED = "accepted"
    """Taken by WeChat, not yet known to be delivered."""
    SENT = "sent"
    DELIVERY_FAILED = "delivery_failed"
    """WeChat gave the job up (SEND_FAIL)."""
    RECALLED = "recalled"
    BASELINE = "baseline"
    """Sent before the ledger existed."""


FINAL_BY_MSG_STATUS = {
    "SEND_SUCCESS": SendStatus.SENT,
    "SEND_FAIL": SendStatus.DELIVERY_FAILED,
    "DELETE": SendStatus.RECALLED,
}
"""mass/get's words for ours; SENDING leaves a send accepted. Source: massmsgget, read 2026-11."""

RETRYABLE_STATUSES = frozenset({SendStatus.REJECTED, SendStatus.NOT_SENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRecord:
    """One send at one revision, as the ledger knows it."""

    appid: str
    send: str
    revision: int
    status: SendStatus
    at: datetime
    """When the latest intent (or baseline) was written."""
    account: str = ""
    """The account's name when it was sent; several names may stand for one appid."""
    content_digest: str = ""
    recipients: str = ""
    """`all`, `tag NAME`, `tag_id N` or `openids`."""
    audience: int | None = None
    """Followers addressed, as counted when it was sent."""
    intent: Event | None = None
    msg_id: int | None = None
    msg_data_id: int | None = None
    is_settled: bool = False
    """A person said that it was accepted, and under which msg_id; WeChat did not."""
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    """When the ledger learnt that WeChat had finished it, or had given it up."""
    reason: str = ""
    """What a person said, or why a call was not made."""
    errcode: int | None = None
    """What WeChat answered when it rejected the send."""
    answer: Event | None = None
    """WeChat's 45065 or 45066: a job with this clientmsgid exists or is being created, perhaps another's."""
    resend_plan_digest: str = ""
    """Digest of the plan under which it was posted once more, the last time."""
    recalled_articles: tuple[int, ...] = ()
    """Articles that were recalled, from 1; 0 stands for all of them."""

    @property
    def reason_text(self) -> str:
        """Why it stands so, in the reader's language: the ledger keeps codes, and a person's own words."""
        if self.errcode is not None:
            endpoint = self.intent.data.get("endpoint", "") if self.intent is not None else ""
            meaning = _(lookup(self.errcode, f"/cgi-bin/{endpoint}").meaning)
            return _("{meaning} ({details})").format(meaning=meaning, details=f"errcode {self.errcode}")
        return _("no call was made") if self.reason == SendStatus.NOT_SENT else self.reason

    @property
    def existing_msg_id(self) -> int | None:
        """The msg_id in WeChat's 45065, until a person decides whether that job is this send."""
        answer = self.answer
        if answer is None or answer.kind != EventKind.DUPLICATE or self.status is not SendStatus.UNKNOWN:
            return None
        return answer.data.get("msg_id")

    @property
    def job_to_query(self) -> int | None:
        """The msg_id that mass/get can tell more about; None where there is nothing to ask."""
        return self.msg_id if self.status is SendStatus.ACCEPTED else self.existing_msg_id

    @property
    def has_no_msg_id(self) -> bool:
        """True when WeChat took it without a msg_id (45065 without one): its job cannot be queried."""
        return self.status is SendStatus.ACCEPTED and self.msg_id is None

    @property
    def may_get_msg_id(self) -> bool:
        """True when a person may record the msg_id: none is recorded, or one that a person gave."""
        return self.status is SendStatus.ACCEPTED and (self.msg_id is None or self.is_settled)

    @property
    def to_all(self) -> bool:
        """True when it went to every follower."""
        return self.recipients == "all"

    @property
    def tag_id(self) -> int | None:
        """The tag that was posted, however the campaign named it."""
        body = self.intent.data.get("body", {}) if self.intent is not None else {}
        tag_id: int | None = body.get("filter", {}).get("tag_id")
        return tag_id

    @property
    def tag(self) -> str | None:
        """The name of the tag that was posted, however the campaign named it."""
        data = self.intent.data if self.intent is not None else {}
        name: str | None = data.get("tag") or data.get("filter", {}).get("tag")
        return name

    @property
    def may_have_reached(self) -> bool:
        """True when followers have, or may have, received it."""
        return self.status not in (*RETRYABLE_STATUSES, SendStatus.DELIVERY_FAILED)

    @property
    def was_accepted(self) -> bool:
        """True when followers have, or may yet have, received it by our knowledge."""
        return self.status not in RETRYABLE_STATUSES and self.status is not SendStatus.UNKNOWN


def answer_text(known: SendRecord | None) -> str:
    """Word what the ledger has of WeChat's answer to an unknown send: every message about one says this."""
    match known.answer.kind if known is not None and known.answer is not None else None:
        case EventKind.DUPLICATE:
            text = _("WeChat answered 45065: it has a job with this clientmsgid, msg_id {msg_id}")
            return text.format(msg_id=(known.existing_msg_id if known is not None else None) or "?")
        case EventKind.IN_USE:
            return _("WeChat answered 45066: it was creating a job with this clientmsgid")
    return _("no response recorded")


class QuotaUsage(NamedTuple):
    """What an allowance asks of a send."""

    recipients: str
    """As in `SendRecord`."""
    to_all: bool
    baseline: bool = False
    tag_id: int | None = None
    """None also for a tag whose id was not asked."""

    @property
    def tag(self) -> str | int | None:
        """Return a tag by its id, else as it was written; None for other recipients."""
        return (self.tag_id or self.recipients) if self.recipients.startswith("tag") else None


@dataclass(slots=True)
class QuotaUses:
    """Sends of a day or a month, counted so that a question takes as long with ten thousand as with one."""

    made: int = 0
    made_to_all: int = 0
    """Without baselines: one is dated when it was recorded, not when it was sent."""
    to_all: int = 0
    by_tag: Counter[str | int] = field(default_factory=Counter)
    by_name: Counter[str] = field(default_factory=Counter)
    by_name_alone: Counter[str] = field(default_factory=Counter)
    """Of tags whose id is not known."""

    def add(self, use: QuotaUsage) -> None:
        """Count one more."""
        self.made += not use.baseline
        self.made_to_all += use.to_all and not use.baseline
        self.to_all += use.to_all
        if (tag := use.tag) is not None:
            self.by_tag[tag] += 1
            self.by_name[use.recipients] += 1
            self.by_name_alone[use.recipients] += use.tag_id is None

    def to_tag_of(self, use: QuotaUsage) -> int:
        """Count the sends to the tag of one: by ids where both are known, else as they were written."""
        if use.tag is None or use.tag_id is None:
            return self.by_name[use.recipients]
        return self.by_tag[use.tag_id] + self.by_name_alone[use.recipients]


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """What WeChat called an uploaded file."""

    result: str
    """A media_id, or a url for images of article bodies."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRecord:
    """A draft that this program made."""

    send: str
    """The id of the send that it was made for."""
    revision: int
    sha256: str
    """Over the articles as they were given to draft/add."""
    media_id: str
    stored_digest: str | None = None
    """Fingerprint of what WeChat told right after; None until it was read back."""
    stored_changes: tuple[str, ...] = ()
    """What WeChat stored otherwise than it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What WeChat's event said of a job; its counters are approximate.

    Source: Callback_on_finish, read 2026-11.
    """

    msg_id: int
    status: str
    """`send success`, `send fail` or `err(N)`."""
    addressed: int
    """Followers in all."""
    sent: int
    left_out: int
    """Those whom WeChat's filters took out, four a month among them."""
    failed: int
    links: tuple[str, ...] = ()
    """Permanent links of the articles, in order."""
    originals: tuple[tuple[str, str], ...] = ()
    """Number of an article, and address of the one that the originality check found it to repeat."""
