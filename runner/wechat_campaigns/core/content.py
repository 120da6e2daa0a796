"""What a message is, whatever its kind: its files, what WeChat makes of them, what it can be asked.

Each kind is a module of `messages`, which says only what is special about it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from wechat_article.files import PictureFile
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.digest import sha256, to_plain_data
from wechat_campaigns.core.i18n import _

if TYPE_CHECKING:
    from wechat_campaigns.core.html import Link
    from wechat_campaigns.core.links import Host

MaterialKind = Literal["image", "video", "voice"]
ADD_MATERIAL = "material/add_material"
MATERIAL_ADDRESS = "material/add_material/url"
"""The same call, of which an article uses the address: `UPLOADIMG` takes no GIF."""
MEDIA_UPLOAD = "media/upload"
UPLOADIMG = "media/uploadimg"
UPLOADVIDEO = "media/uploadvideo"


@dataclass(frozen=True, kw_only=True)
class FileInfo(PictureFile):
    """A file under the campaigns folder, known by its bytes.

    `format` is that of a picture, mp3 amr wav wma mp4, or "unknown". `duration_s` is set for sound where the
    format records it.
    """

    duration_s: float | None = None

    def plain_data(self) -> str:
        """Return what is digested of it: moving an asset changes nothing a follower sees."""
        return self.sha256


@dataclass(frozen=True, kw_only=True)
class Media:
    """A MEDIA value: exactly one of the three is set."""

    media_id: str | None = None
    file: FileInfo | None = None
    name: str | None = None

    @property
    def written(self) -> str:
        """What its author called it, without folders."""
        if self.file is not None:
            return self.file.path.name
        return self.name or f"media_id {self.media_id}"

    @property
    def label(self) -> str:
        """The same, with the beginning of a file's fingerprint."""
        return self.written if self.file is None else f"{self.written}, {self.file.sha256[:12]}"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One call that turns a file (or, for video, a media id) into something a message can name."""

    endpoint: str
    kind: MaterialKind
    file: FileInfo | None = None
    of: Upload | None = None
    """uploadvideo only: the upload that it converts."""
    title: str = ""
    description: str = ""
    life: timedelta | None = None
    """How long its result may be reused; None is for good."""

    @cached_property
    def key(self) -> str:
        """The same in every run, by content."""
        of = None if self.of is None else self.of.key
        parts = [self.endpoint, self.kind, to_plain_data(self.file), of, self.title, self.description]
        return f"{self.endpoint}:{sha256(parts)}"


def distinct(uploads: Iterable[Upload]) -> tuple[Upload, ...]:
    """Return each upload once, in the order they can be made."""
    return tuple({upload.key: upload for upload in uploads}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaIds:
    """What uploads and material names have become on WeChat."""

    upload_results: Mapping[str, str]
    """By `Upload.key`: media_id, or the url of a picture in an article."""
    material_ids: Mapping[tuple[str, str], str]
    """By (kind, material name)."""

    def of(self, media: Media, kind: MaterialKind) -> str:
        """Resolve one MEDIA value to its media_id."""
        if media.media_id is not None:
            return media.media_id
        if media.file is not None:
            return self.upload_results[Upload(endpoint=ADD_MATERIAL, kind=kind, file=media.file).key]
        return self.material_ids[kind, str(media.name)]


class Reading(NamedTuple):
    """What followers read of a message, and where it leads."""

    texts: tuple[tuple[str, ...], ...] = ()
    links: tuple[Link, ...] = ()
    fetched: tuple[str, ...] = ()
    """The addresses from which it fetches pictures and the like."""
    joined: tuple[tuple[str, ...], ...] = ()
    """Of articles: the texts as the eye joins them."""
    legible: tuple[tuple[str, ...], ...] = ()
    """Of articles: these without what is hard to see."""


@dataclass(frozen=True, kw_only=True)
class Content(ABC):
    """What followers get: a record of each kind, whose fields are read from YAML by their types."""

    msgtype: ClassVar[str]
    """WeChat's name; several kinds may share it. Marked for translation."""
    key: ClassVar[str] = ""
    """The key under `content` by which its msgtype becomes this kind."""
    body_key: ClassVar[str]
    """Where its part stands in the body of a mass call: by its msgtype, unless it says otherwise."""
    material: ClassVar[MaterialKind] = "image"
    """What the files and materials are that it refers to."""
    posted: ClassVar[tuple[str, ...]] = ()
    """The fields that its part has as they are."""
    word: ClassVar[str] = ""
    """For somebody who does not know WeChat's words, unless its msgtype is plain; marked for translation."""
    unread: ClassVar[tuple[str, ...]] = ()
    """The texts among its fields that no follower reads: ids, and names in WeChat."""
    has_links: ClassVar[bool] = True
    """Whether phones make links of the addresses in its texts; in a `title` they never do."""
    needs_draft: ClassVar[bool] = False
    """Whether a draft has to be added before it can be sent."""
    is_recallable: ClassVar[bool] = False
    """Whether WeChat deletes it once it is sent. Source: Delete_Mass_Message, read 2026-11."""
    option: ClassVar[str] = ""
    """What `campaign new --msgtype` calls it; empty for a kind that it does not write."""
    scaffold: ClassVar[str] = ""
    """What a new file says; `{name}` is the folder of its assets."""
    placeholders: ClassVar[tuple[str, ...]] = ()
    """What a new file says in place of texts, and no follower should read."""
    asset: ClassVar[str] = ""
    """What its author has to add to a new file: a file, or a pattern of files, in its folder."""

    def __init_subclass__(cls) -> None:
        cls.body_key = vars(cls).get("body_key", cls.msgtype)

    # --- what WeChat gets

    def part(self, ids: MediaIds) -> dict[str, Any]:
        """Write its part of the body of a mass call; one that needs a draft goes out as that."""
        if self.posted:
            return {name: getattr(self, name) for name in self.posted}
        (media,) = self.carried()
        return {"media_id": ids.of(media, self.material)}

    @classmethod
    def from_part(cls, part: Mapping[str, Any]) -> Self:
        """Read back what `part` wrote.

        Raises:
            KeyError, TypeError: another program wrote it.
        """
        make: Callable[..., Self] = cls
        if cls.posted:
            return make(**{name: text_in(part, name) for name in cls.posted})
        return make(media=Media(media_id=text_in(part, "media_id")))

    def draft_articles(self, ids: MediaIds) -> list[dict[str, Any]]:  # noqa: ARG002
        """Write the `articles` of draft/add; none of a kind that goes out as it is.

        Source: draft_add, read 2026-11.
        """
        return []

    @abstractmethod
    def findings(self) -> Iterator[Finding]:
        """List what it breaks of WeChat's limits; paths begin with `content`."""

    def carried(self) -> tuple[Media, ...]:
        """List the files and materials that it refers to."""
        values = (getattr(self, entry.name) for entry in fields(self))
        listed = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(one for some in listed for one in some if isinstance(one, Media))

    def uploads(self) -> tuple[Upload, ...]:
        """List the uploads that it needs, each once, in the order they can be made."""
        return distinct(
            Upload(endpoint=ADD_MATERIAL, kind=self.material, file=one.file)
            for one in self.carried()
            if one.file is not None
        )

    def names(self) -> tuple[tuple[str, str], ...]:
        """List the (kind, material name) pairs that it refers to."""
        return tuple(
            dict.fromkeys((self.material, one.name) for one in self.carried() if one.name is not None)
        )

    def digest_form(self) -> dict[str, Any]:
        """Return what is digested of it."""
        form: dict[str, Any] = to_plain_data(self)
        return form

    # --- what followers get

    @property
    def visible(self) -> Content:
        """What followers see of it: of a draft that was read, its articles."""
        return self

    def kind_name(self) -> str:
        """Return the kind for somebody who does not know WeChat's words: `3 articles`."""
        return _(self.word or self.msgtype)

    def summary(self) -> str:
        """Write what a follower would see, in one line."""
        return _(", ").join(one.written for one in self.carried())

    def lines(self) -> list[str]:
        """Write what a follower would read, as lines."""
        title, texts = self.written()
        words = [*title, *(line for text in texts.values() for line in text.splitlines())]
        files = [f"[{one.label}]" for one in self.carried()]
        if self.material == "image":
            files = numbered_pictures(self.carried())
        return [*words, *files] or [f"[{self.summary()}]"]

    def titles(self) -> tuple[str, ...]:
        """List the titles that followers would see of its articles."""
        return ()

    @cached_property
    def reading(self) -> Reading:
        """What followers read of it and where it leads; found once, by the child that renders it."""
        from wechat_campaigns.core.html import ArticleText  # needs a parser of HTML
        from wechat_campaigns.core.links import in_text  # as above

        title, texts = self.written()
        if not (title or texts):
            return Reading()
        words = (word for text in texts.values() for word in ArticleText(text).words)
        links = (link for text in texts.values() for link in in_text(text))
        return Reading(((*title, *words),), tuple(dict.fromkeys(links)))

    def texts(self) -> tuple[tuple[str, ...], ...]:
        """Return the words of it, or of each of its articles: a part for each block, title and so on."""
        return self.reading.texts

    def links(self) -> tuple[Link, ...]:
        """Return its links in their order, each once."""
        return self.reading.links

    def written(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return its title, if it has one, and by their names all other fields that followers read."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in self.unread}
        texts = {name: value for name, value in values.items() if value and isinstance(value, str)}
        title: str = texts.pop("title", "")
        return (title,) if title else (), texts

    def hosts(self) -> set[Host]:
        """Return where its links lead, and from where its articles fetch; not WeChat's pictures."""
        from wechat_campaigns.core.links import host_of, hosts_of  # as above

        fetching, pictures = map(host_of, self.reading.fetched), ("qpic.cn", "qlogo.cn")
        return {
            *(host for link in self.links() for host in hosts_of(link)),
            *(host for host in fetching if host is not None and not host.is_among(pictures)),
        }


def numbered_pictures(pictures: Iterable[Media]) -> list[str]:
    """Write a line for each picture of a message."""
    template = _("[picture {number}: {file}]")
    return [template.format(number=number, file=one.label) for number, one in enumerate(pictures, 1)]


def text_in(part: Mapping[str, Any], name: str) -> str:
    """Return a text of a stored body.

    Raises:
        KeyError, TypeError: it has none there.
    """
    found = part[name]
    if not isinstance(found, str):
        raise TypeError(name)
    return found
