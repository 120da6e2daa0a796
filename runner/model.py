"""The words every room speaks: frozen records, no behaviour beyond what their fields say.

`Campaign` is what a user wrote, `Send` is what a follower would receive. Times are aware
datetimes, sizes are bytes, lengths are characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from runner.errors import KeyPath, Place, Problem


class Msgtype(StrEnum):
    """The kinds of content a campaign can carry; the names are the platform's."""

    MPNEWS = "mpnews"
    TEXT = "text"
    VOICE = "voice"
    IMAGE = "image"
    MPVIDEO = "mpvideo"
    WXCARD = "wxcard"


class AccountKind(StrEnum):
    """What sort of Official Account; decides which calls it may make."""

    SERVICE = "service"
    """服务号: mass/sendall and mass/send; four a month per follower."""
    SUBSCRIPTION = "subscription"
    """订阅号 (now 公众号): mass/sendall only; one a day."""
    TEST = "test"
    """测试号: may not mass send at all (48001)."""


# --- what a user wrote -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign file, valid by the schema, nothing rendered yet.

    `filter`, `content`, `for_each` and `vars` are plain data (dict, list, str, int, float, bool)
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
    for_each: Mapping[str, Mapping[str, Any]] | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    owner: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source: Source


class Source(Protocol):
    """The text of a YAML file, asked only when a position is needed (`document.Document` is one)."""

    def place(self, path: KeyPath = (), *, key: bool = False) -> Place:
        """Say where the value at `path` (or its key) stands; the nearest parent when it is absent."""
        ...

    def line(self, path: KeyPath, number: int) -> Place:
        """Say where line `number` (from 1) of the string at `path` stands, inside a block scalar too."""
        ...


# --- what a follower would receive -------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Who receives: exactly one of the four is set. Names are the user's, ids are the platform's."""

    is_to_all: bool = False
    tag: str | None = None
    tag_id: int | None = None
    openids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A file under the campaigns folder, known by its bytes.

    `format` is told from magic bytes, never from the suffix: png jpeg gif bmp webp svg mp3 amr wav
    wma mp4, or "unknown". `duration_s` is set for sound where the format tells it.
    """

    path: PurePosixPath
    """Relative to the campaigns folder."""
    sha256: str
    size_bytes: int
    format: str
    duration_s: float | None = None
    mended: bool = False
    """True when what is sent is made from the file: sha256, size and format are those of the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A MEDIA value: exactly one of the three is set."""

    media_id: str | None = None
    file: FileInfo | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """msgtype text."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyImage:
    """An image inside an article's HTML; `placeholder` is the `src` it has until it is uploaded."""

    placeholder: str
    file: FileInfo


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Articles:
    """msgtype mpnews, written in the campaign."""

    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newspic:
    """msgtype mpnews, a picture post (贴图)."""

    title: str
    text: str
    images: tuple[Media, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """msgtype mpnews, an existing draft of the platform."""

    media_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """msgtype voice."""

    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """msgtype image, the single picture form: wire key `image`."""

    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """msgtype image, the current form: wire key `images`."""

    images: tuple[Media, ...]
    title: str | None = None
    recommend: str | None = None
    need_open_comment: bool | None = None
    only_fans_can_comment: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mpvideo:
    """msgtype mpvideo."""

    media: Media
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wxcard:
    """msgtype wxcard (retired by the platform, 45113)."""

    card_id: str


Content = Text | Articles | Newspic | Draft | Voice | Image | Images | Mpvideo | Wxcard


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Which part of a long openid list a send is; `list_sha256` ties the parts of one list together."""

    index: int
    """From 1."""
    count: int
    list_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
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
    place: Place
    findings: tuple[Problem, ...] = ()
    """Warnings found while rendering (retired kinds, size warnings of articles)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """A campaign that cannot be planned; the other campaigns still are."""

    id: str
    problems: tuple[Problem, ...]


# --- settings ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Where an AppSecret comes from; never the secret itself. Exactly one is set."""

    env: str | None = None
    command: tuple[str, ...] = ()
    sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSecrets:
    """What the console's server settings and `campaign listen` both know."""

    token: Secret
    aes_key: Secret | None = None
    """The EncodingAESKey; None in plain mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One Official Account of one environment."""

    name: str
    kind: AccountKind
    appid: str
    secret: Secret
    callback: CallbackSecrets | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far an audience may move between review and send: whichever of the two is more."""

    percent: int
    floor: int = 100
    """Followers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of `_settings.yaml`; `None` or empty means the rule is off."""

    allow_to_all: bool = False
    max_recipients: int | None = None
    audience_drift: Drift | None = None
    max_sends_per_apply: int | None = None
    require_preview: bool = False
    require_not_after: bool = False
    quiet_hours: str | None = None
    timezone: str = "Asia/Shanghai"
    allowed_tags: tuple[str | int, ...] = ()
    """Names or ids."""
    allowed_links: tuple[str, ...] = ()
    """Hosts; what lies below one is allowed with it."""
    duplicate_content_days: int = 30
    """Within how many days the same content to the same receivers under another id is refused; 0 is off."""
    quota_reserve: int = 0
    """Sends of a day (订阅号) or month (服务号) that are kept back."""
    hold: bool | tuple[str, ...] = False
    """True for every account, or the names of those that send nothing."""
    levels: Mapping[str, Literal["mandatory", "advisory"]] = field(default_factory=dict)
    """By rule id; a rule that is not named is mandatory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """Who must have approved the pull or merge request that brought a campaign in."""

    approvers: tuple[str, ...]
    """User names at GitHub or GitLab; upper and lower case are the same."""
    count: int = 1
    not_author: bool = True
    """Nobody approves their own change, nor one that holds a commit of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One place to send to: an API, its accounts, a ledger."""

    name: str
    api: str
    """`sandbox` or a base URL."""
    ledger: str
    protected: bool = False
    accounts: Mapping[str, Account]
    default_account: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    approvals: Approvals | None = None
    repeat_after_s: int = 60
    repeat_until_s: int = 20 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleOptions:
    """How articles are made: `articles:` in the settings."""

    theme: str = "default"
    """A shipped theme's name, or the name of a CSS file under `_themes/`."""
    brand_color: str = "#07c160"
    fix_images: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tester:
    """Who receives previews: exactly one of the two is set."""

    wxname: str | None = None
    openid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """A chat robot that is told how a run ended."""

    kind: Literal["wecom", "feishu", "dingtalk", "slack"]
    url: Secret
    """Its address is a secret: whoever has it can write to the chat."""
    when: tuple[str, ...] = ("accepted", "failed", "unknown")
    """Outcomes; not `on`, which YAML readers take for true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`_settings.yaml` with one environment chosen."""

    environment: Environment
    environments: tuple[str, ...]
    vars: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    articles: ArticleOptions = field(default_factory=ArticleOptions)
    testers: Mapping[str, Tester] = field(default_factory=dict)
    """By alias."""
    notify: tuple[Notify, ...] = ()


# --- plan --------------------------------------------------------------------------------------


class Action(StrEnum):
    """What apply would do with a send."""

    SEND = "send"
    WAIT = "wait"
    EXPIRED = "expired"
    DONE = "done"
    BLOCKED = "blocked"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """How many followers a send would reach; `count` is None when nobody could be asked."""

    count: int | None
    source: Literal["tags/get", "user/get", "openids", "ledger", "unknown offline", "unknown"]
    as_of: datetime | None = None
