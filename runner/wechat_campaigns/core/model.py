"""The records that every package uses: frozen, no behaviour beyond what their fields say.

`Send` is what a follower would receive. Times are aware datetimes, sizes are bytes, lengths are characters.

Thousands of these come from child processes; without slots they are pickled in half the time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.digest import DIGEST_VERSION, OpenidList, openids_sha256, sha256, to_plain_data


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Who receives: exactly one of the four is set. Names are the user's, ids are WeChat's."""

    is_to_all: bool = False
    tag: str | None = None
    tag_id: int | None = None
    openids: tuple[str, ...] = ()
    rows: Sequence[int] = field(default=(), compare=False)
    """Where each openid stands in its list, from 1: what a message calls it by."""
    skip_unsubscribed: bool = False
    """Leave out the openids that do not follow the account any more."""


def recipients_word(recipient_filter: Filter) -> str:
    """Return who receives in one word, as the ledger has it and sends are compared: `all`, `tag 会员`."""
    if recipient_filter.is_to_all:
        return "all"
    if recipient_filter.tag is not None:
        return f"tag {recipient_filter.tag}"
    return f"tag_id {recipient_filter.tag_id}" if recipient_filter.tag_id is not None else "openids"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Which part of a long openid list a send is; `list_sha256` ties the parts of one list together."""

    index: int
    """From 1."""
    count: int
    list_sha256: str
    openids: OpenidList = field(default=OpenidList(), compare=False, repr=False)
    """The whole list."""


@dataclass(frozen=True, kw_only=True)
class Send:
    """One unit that can be sent once: a campaign, one `for_each` entry, or one openid batch."""

    id: str
    """`sale`, `sale[beijing]`, `sale#1`, `sale[beijing]#1`."""
    campaign: str
    account: str
    account_name: str = ""
    """What followers see as its name, where that is another."""
    for_account: bool = False
    """Whether `for_each: {accounts: …}` makes it: it is all that its account gets of the campaign."""
    revision: int
    filter: Filter
    content: Content
    send_ignore_reprint: bool = False
    by_hand: bool = False
    """Whether a person sends it in the WeChat console: apply makes its draft, and no mass call."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    batch: Batch | None = None
    formerly: tuple[str, ...] = ()
    """Ids that it has had: a file that was renamed is still the same message."""
    description: str = ""
    """What it is for, and who answers for it, as its file says; followers see neither."""
    owner: str = ""
    ready: bool = True
    """False while its campaign is being written; no part of what is digested."""
    location: Location
    filter_path: str = "$.filter"
    """Where in the campaign file the recipients are named; a `for_each` entry may name its own."""
    filter_position: tuple[int | None, int | None] = (None, None)
    """Line and column of that, in the file of `location`; a pair, because workers hand over thousands."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Warnings found while rendering (retired kinds, size warnings of articles)."""

    @property
    def msgtype(self) -> str:
        """WeChat's word for the kind of its content."""
        return self.content.msgtype

    @cached_property
    def content_digest(self) -> str:
        """The fingerprint that `compute_content_digest` makes, once: in the child that renders it."""
        return compute_content_digest(self)

    @property
    def shown_account(self) -> str:
        """What followers see as the name of the account."""
        return self.account_name or self.account

    @property
    def opens_at(self) -> datetime:
        """When the window of a send that is scheduled opens."""
        if self.not_before is None:
            raise ValueError(self.id)  # nothing is scheduled without it
        return self.not_before


@dataclass(frozen=True, kw_only=True)
class InvalidCampaign:
    """A campaign that cannot be planned; the other campaigns still are."""

    id: str
    problems: tuple[Diagnostic, ...]


# --- what is fingerprinted of a send ------------------------------------------------------------


def filter_form(send: Send) -> dict[str, Any]:
    """Return who receives, in the names the user wrote; an openid list as its sha256 and count."""
    if send.filter.is_to_all:
        return {"is_to_all": True}
    if send.filter.tag is not None:
        return {"tag": send.filter.tag}
    if send.filter.tag_id is not None:
        return {"tag_id": send.filter.tag_id}
    openids = send.filter.openids
    skip = {"skip_unsubscribed": True} if send.filter.skip_unsubscribed else {}
    return {"openids": {"sha256": openids_sha256(openids), "count": len(openids), **skip}}


def compute_content_digest(send: Send) -> str:
    """Fingerprint what a follower would receive and who would receive it.

    Covers filter, msgtype, rendered content and options, and what was read of a draft in the console. Leaves
    out the clock, paths, media ids of uploads, the send window and the revision; and the account, whose name
    in the settings may change while its AppID stays.
    """
    return sha256({"filter": filter_form(send), **_message_form(send)})


def compute_message_digest(send: Send) -> str:
    """Fingerprint what a follower would receive, not who: a trial and the rest have the same."""
    return sha256(_message_form(send))


def _message_form(send: Send) -> dict[str, Any]:
    return {
        "version": DIGEST_VERSION,
        "msgtype": send.msgtype,
        "content": {"kind": type(send.content).__name__, **send.content.digest_form()},
        "send_ignore_reprint": send.send_ignore_reprint,
    }


def plan_row(send: Send, digest: str, appid: str) -> dict[str, Any]:
    """Return what a plan's digest covers of a send.

    Args:
        appid: from which it goes out: the same account name with another one has other followers.
    """
    return {
        "id": send.id,
        "revision": send.revision,
        "content_digest": digest,
        "appid": appid,
        "not_before": to_plain_data(send.not_before),
        "not_after": to_plain_data(send.not_after),
        **({"by_hand": True} if send.by_hand else {}),
        **({"batch": batch_form(send)} if send.batch is not None else {}),
    }


def batch_form(send: Send) -> dict[str, str]:
    """Return what the batches of an openid list have in common: the message, and the whole list."""
    list_sha256 = send.batch.list_sha256 if send.batch is not None else ""
    return {"message_digest": compute_message_digest(send), "list_sha256": list_sha256}


# --- plan --------------------------------------------------------------------------------------


class PlanAction(StrEnum):
    """What apply would do with a send."""

    SEND = "send"
    HAND_OVER = "hand_over"
    """Make its draft; a person sends it in the WeChat console."""
    HANDED_OVER = "handed_over"
    """Its draft was made, and nothing shows yet that a person sent it."""
    RESEND = "resend"
    """Post an unknown send once more, as the ledger has it."""
    SCHEDULED = "scheduled"
    WAITS_FOR_APPROVAL = "waits_for_approval"
    """It is sent, now or once its window opens, as soon as enough approvers agree to it."""
    DRAFT = "draft"
    """Its campaign says `ready: false`."""
    EXPIRED = "expired"
    SENT = "sent"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True, kw_only=True)
class Audience:
    """How many followers a send would reach; `count` is None when nobody could be asked."""

    count: int | None
    source: Literal["tags/get", "user/get", "openids", "ledger", "console", "unknown offline", "unknown"]
    as_of: datetime | None = None
    last: "Audience | None" = None
    """Of the newest send to the same recipients, where nobody was asked now. For people: no rule uses it."""


Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""

Sleep = Callable[[float], object]
"""Waits that many seconds."""
