"""The records that every package uses: frozen, no behaviour beyond what their fields say.

`Campaign` is what a user wrote, `Send` is what a follower would receive. Times are aware
datetimes, sizes are bytes, lengths are characters.

Thousands of these come from child processes; without slots they are pickled in half the time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from wechat_campaigns.core.diagnostics import Diagnostic, KeyPath, Location


class Msgtype(StrEnum):
    """The kinds of content a campaign can carry; the names are WeChat's."""

    MPNEWS = "mpnews"
    TEXT = "text"
    VOICE = "voice"
    IMAGE = "image"
    MPVIDEO = "mpvideo"
    WXCARD = "wxcard"


# --- what a user wrote -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign file, valid by the schema, nothing rendered yet.

    `filter`, `content`, `for_each`, `links` and `vars` are plain data (dict, list, str, int, float, bool)
    exactly as written; strings in them may be templates. `source` can say where each value stands.
    """

    id: str
    file: PurePosixPath
    """Relative to the campaigns folder."""
    filter: Mapping[str, Any] | None
    msgtype: Msgtype
    content: Any
    account: str | None = None
    send_ignore_reprint: bool = False
    not_before: datetime | None = None
    not_after: datetime | None = None
    revision: int = 1
    ready: bool = True
    """False while it is being written: shown, never sent."""
    formerly: tuple[str, ...] = ()
    """Ids that it, or one of its sends, has had."""
    environments: tuple[str, ...] = ()
    """The only ones that may send it; empty for every one."""
    for_each: Mapping[str, Mapping[str, Any]] | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, Any] = field(default_factory=dict)
    """Query parameters for its links; they win over those of the settings."""
    description: str | None = None
    owner: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source: SourceMap


class SourceMap(Protocol):
    """The text of a YAML file, asked only when a position is needed (`source.document.Document` is one)."""

    def location(self, path: KeyPath = (), *, key: bool = False) -> Location:
        """Return where the value at `path` (or its key) stands; the nearest parent when it is absent."""
        ...

    def line_location(self, path: KeyPath, number: int) -> Location:
        """Return where line `number` (from 1) of the string at `path` stands, inside a block scalar too."""
        ...


# --- what a follower would receive -------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Who receives: exactly one of the four is set. Names are the user's, ids are WeChat's."""

    is_to_all: bool = False
    tag: str | None = None
    tag_id: int | None = None
    openids: tuple[str, ...] = ()
    rows: tuple[int, ...] = field(default=(), compare=False)
    """Where each openid stands in its list, from 1: what a message calls it by."""
    skip_unsubscribed: bool = False
    """Leave out the openids that do not follow the account any more."""


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """A file under the campaigns folder, known by its bytes.

    `format` is told from magic bytes, never from the suffix: png jpeg gif bmp webp svg mp3 amr wav
    wma mp4, or "unknown". `duration_s` is set for sound where the format records it.
    """

    path: PurePosixPath
    """Relative to the campaigns folder."""
    sha256: str
    size_bytes: int
    format: str
    duration_s: float | None = None
    converted: bool = False
    """True when what is sent is made from the file: sha256, size and format are those of the result."""


@dataclass(frozen=True, kw_only=True)
class Media:
    """A MEDIA value: exactly one of the three is set."""

    media_id: str | None = None
    file: FileInfo | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Text:
    """msgtype text."""

    content: str


PLACEHOLDER_SCHEME = "wximg"
"""With what the `src` of a campaign's own picture begins until it is uploaded."""
CARD_PLACEHOLDER = f"{PLACEHOLDER_SCHEME}:card-"
"""Begins what stands for the cover of a mini program's card, which has to be permanent material."""


@dataclass(frozen=True, kw_only=True)
class BodyImage:
    """An image inside an article's HTML; `placeholder` is the `src` it has until it is uploaded."""

    placeholder: str
    file: FileInfo


@dataclass(frozen=True)
class Formula:
    """What a drawing of an article shows: as it was written, and its characters alone."""

    latex: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Article:
    """One article of an mpnews message; `html` is final but for the image placeholders."""

    title: str
    html: str
    cover: Media
    images: tuple[BodyImage, ...] = ()
    author: str = ""
    digest: str = ""
    content_source_url: str = ""
    need_open_comment: bool = False
    only_fans_can_comment: bool = False
    pic_crop_235_1: str = ""
    pic_crop_1_1: str = ""
    formulas: tuple[Formula, ...] = field(default=(), metadata={"derived": True})
    """What its drawings show, in their order: `html` has them as lines only. No part of the digest."""


@dataclass(frozen=True, kw_only=True)
class Articles:
    """msgtype mpnews, written in the campaign."""

    articles: tuple[Article, ...]


@dataclass(frozen=True, kw_only=True)
class Newspic:
    """msgtype mpnews, a picture post (贴图)."""

    title: str
    text: str
    images: tuple[Media, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """msgtype mpnews, an existing draft of WeChat, named by its media_id or by its title."""

    media_id: str = ""
    """Empty until the draft of this title is found."""
    title: str = ""
    """Of its first article, as the campaign writes it; empty when it is named by its media_id."""
    fingerprint: str = ""
    """Of its articles as they were read or, once it was sent, as the ledger has it; empty when unknown."""
    stored: Articles | Newspic | None = None
    """What was read of it."""

    @property
    def name(self) -> str:
        """What the campaign calls it."""
        return self.title or self.media_id


@dataclass(frozen=True, kw_only=True)
class Voice:
    """msgtype voice."""

    media: Media


@dataclass(frozen=True, kw_only=True)
class Image:
    """msgtype image, the single picture form: wire key `image`."""

    media: Media


@dataclass(frozen=True, kw_only=True)
class Images:
    """msgtype image, the current form: wire key `images`."""

    images: tuple[Media, ...]
    title: str | None = None
    recommend: str | None = None
    need_open_comment: bool | None = None
    only_fans_can_comment: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Mpvideo:
    """msgtype mpvideo."""

    media: Media
    title: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Wxcard:
    """msgtype wxcard (retired by WeChat, 45113)."""

    card_id: str


Content = Text | Articles | Newspic | Draft | Voice | Image | Images | Mpvideo | Wxcard


def visible_content(content: Content) -> Content:
    """Return what followers see of a content: of a draft that was read, its articles."""
    return content.stored if isinstance(content, Draft) and content.stored is not None else content


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Which part of a long openid list a send is; `list_sha256` ties the parts of one list together."""

    index: int
    """From 1."""
    count: int
    list_sha256: str
    openids: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The whole list."""


@dataclass(frozen=True, kw_only=True)
class Send:
    """One unit that can be sent once: a campaign, one `for_each` entry, or one openid batch."""

    id: str
    """`sale`, `sale[beijing]`, `sale#1`, `sale[beijing]#1`."""
    campaign: str
    account: str
    revision: int
    filter: Filter
    msgtype: Msgtype
    content: Content
    send_ignore_reprint: bool = False
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


# --- plan --------------------------------------------------------------------------------------


class PlanAction(StrEnum):
    """What apply would do with a send."""

    SEND = "send"
    RESEND = "resend"
    """Post an unknown send once more, as the ledger has it."""
    SCHEDULED = "scheduled"
    DRAFT = "draft"
    """Its campaign says `ready: false`."""
    EXPIRED = "expired"
    SENT = "sent"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True)
class PastAudience:
    """How many followers an earlier send was made for, and when."""

    count: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Audience:
    """How many followers a send would reach; `count` is None when nobody could be asked."""

    count: int | None
    source: Literal["tags/get", "user/get", "openids", "ledger", "unknown offline", "unknown"]
    as_of: datetime | None = None
    last: PastAudience | None = None
    """Of the newest send to the same recipients, where nobody was asked now. For people: no rule uses it."""


Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""

Sleep = Callable[[float], object]
"""Waits that many seconds."""
