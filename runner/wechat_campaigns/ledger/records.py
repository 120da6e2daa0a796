"""Read what became of a send, and the other records that the fold of a ledger is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.i18n import _
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.state import Fate, SendState, Status

FATE_BY_MSG_STATUS = {
    "SEND_SUCCESS": Fate.SENT,
    "SEND_FAIL": Fate.DELIVERY_FAILED,
    "DELETE": Fate.RECALLED,
}
"""mass/get's words for ours; SENDING leaves a send accepted. Source: massmsgget, read 2026-11."""


UNRECEIVED = frozenset({Fate.REJECTED, Fate.NOT_SENT, Fate.DELIVERY_FAILED})


def may_have_reached(send: SendState) -> bool:
    """Return whether followers have, or may have, received a send."""
    return send.fate not in UNRECEIVED


def sent_at(send: SendState) -> datetime:
    """Return when a send was made: by hand, on the day that its figures name, once they are there."""
    accepted = acceptance(send) if send.is_by_hand else None
    day = accepted.data.get("sent_on") if accepted is not None else None
    return datetime.fromisoformat(f"{day}T12:00:00+08:00") if day else send.at


def acceptance(send: SendState) -> Event | None:
    """Return the event that names a send's job: WeChat's, else the last one of a person."""
    if send.status is not Status.ACCEPTED:
        return None
    by_kind = {event.kind: event for event in send.told if event.data.get("sent", True)}
    kinds = (EventKind.ACCEPTED, EventKind.SETTLED, EventKind.DUPLICATE, EventKind.BASELINE)
    return next((by_kind[kind] for kind in kinds if kind in by_kind), None)


def job_id(send: SendState, name: str = "msg_id") -> int | None:
    """Return the msg_id of a send's job, or its `msg_data_id`."""
    accepted = acceptance(send)
    return accepted.data.get(name) if accepted is not None else None


def has_no_job_id(send: SendState) -> bool:
    """Return whether WeChat took a send without a msg_id (45065 without one): its job cannot be queried."""
    return send.fate is Fate.ACCEPTED and job_id(send) is None


def wechat_answer(send: SendState) -> Event | None:
    """Return WeChat's last 45065 or 45066: a job with this clientmsgid exists or is being created."""
    kinds = (EventKind.DUPLICATE, EventKind.IN_USE)
    return next((event for event in reversed(send.told) if event.kind in kinds), None)


def existing_job_id(send: SendState) -> int | None:
    """Return the msg_id in WeChat's 45065, until a person decides whether that job is this send."""
    found = wechat_answer(send)
    return found.data.get("msg_id") if found is not None and send.fate is Fate.UNKNOWN else None


def resend_plan_digest(send: SendState) -> str:
    """Return the digest of the plan under which a send was posted once more, the last time; else empty."""
    resends = [event for event in send.told if event.kind == EventKind.RESEND]
    return str(resends[-1].data.get("plan_digest", "")) if resends else ""


def job_to_query(send: SendState) -> int | None:
    """Return the msg_id that mass/get can tell more about; None where there is nothing to ask."""
    return job_id(send) if send.fate is Fate.ACCEPTED else existing_job_id(send)


def account_of(send: SendState) -> str:
    """Return the name of its account when it was sent, as several may stand for one AppID; else the AppID."""
    return str(send.data.get("account") or send.appid)


def agreed_by(actor: Mapping[str, str]) -> str:
    """Return who agreed to a send on record: by `approvals`, or by typing it; empty where nobody did."""
    typed = actor.get("user", "") if actor.get("agreed") == "typed" else ""
    return actor.get("approved") or typed


def recipients_of(send: SendState) -> str:
    """Return `all`, `tag NAME`, `tag_id N` or `openids`; empty where the ledger does not have it."""
    return str(send.data.get("recipients", ""))


def is_to_all(send: SendState) -> bool:
    """Return whether a send went to every follower."""
    return recipients_of(send) == "all"


def audience_of(send: SendState) -> int | None:
    """Return the followers addressed, as they were counted when it was sent."""
    count: int | None = send.data.get("audience", {}).get("count")
    return count


def posted_tag_id(send: SendState) -> int | None:
    """Return the tag that was posted, however the campaign named it."""
    tag_id: int | None = send.data.get("body", {}).get("filter", {}).get("tag_id")
    return tag_id


def posted_tag(send: SendState) -> str | None:
    """Return the name of the tag that was posted, however the campaign named it."""
    name: str | None = send.data.get("tag") or send.data.get("filter", {}).get("tag")
    return name


def text_of(send: SendState) -> str:
    """Return the text that was posted, in one line; empty for another kind of message."""
    return " ".join(str(send.data.get("body", {}).get("text", {}).get("content", "")).split())


def errcode_of(send: SendState) -> int | None:
    """Return what WeChat answered when it rejected a send."""
    return send.told[-1].data.get("errcode") if send.fate is Fate.REJECTED else None


def recalled_articles(send: SendState) -> tuple[int, ...]:
    """Return the articles that were recalled, from 1; 0 stands for all of them."""
    return tuple(event.data.get("article_idx") or 0 for event in send.recalls)


def reason_text(send: SendState) -> str:
    """Write why a send stands so: the ledger keeps codes, and a person's own words."""
    if (errcode := errcode_of(send)) is not None:
        meaning = _(lookup(errcode, f"/cgi-bin/{send.data.get('endpoint', '')}").meaning)
        return _("{what} ({detail})").format(what=meaning, detail=f"errcode {errcode}")
    reason = str(send.told[-1].data.get("reason", "")) if send.told else ""
    return _("no call was made") if reason == Fate.NOT_SENT else reason


def answer_text(send: SendState | None) -> str:
    """Word what the ledger has of WeChat's answer to an unknown send: every message about one says this."""
    found = wechat_answer(send) if send is not None else None
    if found is None:
        return _("no response recorded")
    if found.kind == EventKind.IN_USE:
        return _("WeChat answered 45066: it was creating a job with this clientmsgid")
    text = _("WeChat answered 45065: it has a job with this clientmsgid, msg_id {msg_id}")
    return text.format(msg_id=found.data.get("msg_id") or "?")


class QuotaUse(NamedTuple):
    """What an allowance asks of a send, made or planned; a `Counter` of them has a day or a month."""

    recipients: str
    """As `recipients_of` has them."""
    tag_id: int | None = None
    """None also for a tag whose id was not asked."""
    is_baseline: bool = False
    """Dated when it was recorded, not when it was sent."""


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


class SeenByHand(NamedTuple):
    """What the console shows of a send by hand: words for a person, who alone says how it ended."""

    draft: str = ""
    """Fingerprint of its draft, as it was read last; empty until then."""
    is_gone: bool = False
    """Whether two answers said that the draft box has it no more: it was sent, or deleted."""
    published: tuple[tuple[int, str], ...] = ()
    """What came out with its titles since that day and is of no other send: msg_data_id, and day in China."""
    jobs: tuple[int, ...] = ()
    """The msg_id of each job that WeChat told of since and that is of no other send."""
    missing_since: str = ""
    """When its draft was not found, for the first time since it was read; empty while it is there."""
    used_by: str = ""
    """The send of this ledger that used its draft up: that it is gone speaks for nothing else."""

    @property
    def is_perhaps_sent(self) -> bool:
        """Whether anything speaks for it; a copy of the article, an older one or a deletion may, too."""
        return bool(self.is_gone or self.published or self.jobs)

    def is_edited(self, send: SendState) -> bool:
        """Return whether somebody edited the draft after it was handed over."""
        recorded = send.data.get("draft")
        return bool(self.draft and recorded) and self.draft != recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What WeChat's event said of a job; its counters are approximate.

    Source: Callback_on_finish, read 2026-11.
    """

    at: datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignsFolder:
    """A campaigns folder that uses the ledger, as far as it is known; see `guard.campaigns_folder`."""

    folder: str
    """Its path within the repository; outside git its name."""
    in_git: bool = False
    root: str = ""
    """The repository's first commit, where it is known."""
    namespace: str = field(default="", compare=False)
    """As its settings spelled it."""
