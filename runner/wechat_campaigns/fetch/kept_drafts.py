"""Keep what sent drafts of the console said, in files beside the ledger: WeChat removes a draft that is sent.

A file counts only while its articles have the fingerprint that the ledger recorded of them. Their pictures
are fetched later: until then, and where one cannot be had, the articles are without it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import (
    PLACEHOLDER_SCHEME,
    Article,
    Articles,
    BodyImage,
    Draft,
    FileInfo,
    Media,
    Newspic,
)
from wechat_campaigns.core.state_folder import replace_file
from wechat_campaigns.fetch.public_download import DownloadError
from wechat_campaigns.fetch.saved_pictures import SUFFIXES
from wechat_campaigns.plan.draft_box import stored_content
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.stored_draft import Stored, fingerprint
from wechat_campaigns.render.article import draft_article_html, read_draft_article
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.source.sniff import sniff

VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024
"""A larger file is not ours: eight articles of the greatest length take a fourth of it."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_SERVED: Final = re.compile(r"(?:https?:)?(//mm(?:biz|ecoa)\.qpic\.cn/.*)", re.IGNORECASE | re.DOTALL)
_UNREADABLE: Final = (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ServedPicture:
    """A picture that WeChat served."""

    file: FileInfo
    data: bytes


def read_picture(data: bytes) -> ServedPicture | None:
    """Describe the bytes of a picture; None for anything else."""
    sha256, kind = hashlib.sha256(data).hexdigest(), sniff(data)
    path = PurePosixPath(f"{sha256}.{kind}")
    file = FileInfo(path=path, sha256=sha256, size_bytes=len(data), format=kind)
    return ServedPicture(file, data) if kind in SUFFIXES else None


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """What a draft said when it was sent."""

    news_items: Stored
    pictures: Mapping[str, ServedPicture] = field(default_factory=dict)
    """By the address that `addresses` gives, as far as they were fetched."""

    def addresses(self) -> tuple[str, ...]:
        """List the pictures that WeChat serves of it, each once: of its articles, their covers, a post."""
        content = stored_content(self.news_items)
        written = list(map(_cover_address, self.news_items))
        if isinstance(content, Newspic):
            written += _post_addresses(self.news_items)
        else:
            written += (url for one in content.articles for url in read_draft_article(one.html).addresses)
        return tuple(dict.fromkeys(filter(None, map(_served, written))))

    @property
    def missing_pictures(self) -> int:
        """Count the pictures that were not fetched."""
        return len(set(self.addresses()) - set(self.pictures))

    def data(self, file: FileInfo) -> bytes:
        """Give the bytes of a picture that `content` names."""
        return next(one.data for one in self.pictures.values() if one.file == file)

    def content(self) -> Articles | Newspic:
        """Give its articles, clean enough to stand in a page of ours, with the pictures that were fetched."""
        content = stored_content(self.news_items)
        if isinstance(content, Newspic):
            urls = _post_addresses(self.news_items)
            images = (self._media(one, url) for one, url in zip(content.images, urls, strict=True))
            return replace(content, images=tuple(images))
        covers = map(_cover_address, self.news_items)
        pairs = zip(content.articles, covers, strict=True)
        return Articles(articles=tuple(self._article(one, cover) for one, cover in pairs))

    def _article(self, article: Article, cover: str) -> Article:
        names, images = dict[str, str](), dict[str, BodyImage]()
        for url in read_draft_article(article.html).addresses:
            names[url] = _served(url) or url
            if (picture := self.pictures.get(names[url])) is not None:
                names[url] = f"{PLACEHOLDER_SCHEME}:{picture.file.sha256}"
                images[names[url]] = BodyImage(placeholder=names[url], file=picture.file)
        html = draft_article_html(article.html, names)
        return replace(
            article, html=html, images=tuple(images.values()), cover=self._media(article.cover, cover)
        )

    def _media(self, media: Media, url: str) -> Media:
        picture = self.pictures.get(_served(url))
        return Media(file=picture.file) if picture is not None else media


def _cover_address(item: Mapping[str, Any]) -> str:
    return str(item.get("thumb_url") or "")


def _post_addresses(items: Stored) -> list[str]:
    listed = (items[0].get("image_info") or {}).get("image_list") or []
    return [str(image.get("url") or "") for image in listed]


def _served(url: str) -> str:
    """Give the address at which WeChat serves a picture; empty for any other address."""
    found = _SERVED.fullmatch(url.strip())
    return f"https:{found[1]}" if found else ""


@dataclass(frozen=True, slots=True)
class KeptDrafts:
    """The files of one environment, each named by the content digest of its send."""

    folder: Path

    def write(self, content_digest: str, draft: KeptDraft) -> None:
        """Keep a draft, for this user alone.

        Raises:
            OSError: it cannot be written.
        """
        body = json.dumps({"version": VERSION, "news_item": list(draft.news_items)})
        replace_file(self._file(content_digest), body.encode(), private=True)

    def read(self, content_digest: str, mark: str) -> KeptDraft | None:
        """Read the draft of a send; None when it is missing, or was changed.

        Args:
            mark: its fingerprint by the ledger.
        """
        if not (mark and _DIGEST.fullmatch(content_digest)):
            return None
        with suppress(*_UNREADABLE):
            items = _json_of(self._file(content_digest))["news_item"]
            if fingerprint(items) == mark:
                return KeptDraft(items, self._pictures(content_digest))
        return None

    def without_pictures(self) -> dict[str, tuple[str, ...]]:
        """List the addresses of the drafts whose pictures nobody tried to fetch, by content digest.

        Raises:
            MissingExtraError: when the extra `articles` is not installed.
        """
        found = dict[str, tuple[str, ...]]()
        for file in sorted(self.folder.glob("*.json")):
            if _DIGEST.fullmatch(file.stem) and not self._pictures_file(file.stem).exists():
                with suppress(*_UNREADABLE):
                    found[file.stem] = KeptDraft(_json_of(file)["news_item"]).addresses()
        return found

    def write_pictures(self, content_digest: str, pictures: Mapping[str, ServedPicture]) -> None:
        """Keep the pictures of a draft, each by its SHA-256, and note that no other can be had.

        Raises:
            OSError: they cannot be written.
        """
        for picture in pictures.values():
            replace_file(self.folder / picture.file.path, picture.data, private=True)
        names = {url: picture.file.path.name for url, picture in pictures.items()}
        body = {"version": VERSION, "pictures": names}
        replace_file(self._pictures_file(content_digest), json.dumps(body).encode(), private=True)

    def _pictures(self, content_digest: str) -> dict[str, ServedPicture]:
        """Read the pictures of a draft; one that was changed is left out."""
        found = dict[str, ServedPicture]()
        with suppress(*_UNREADABLE):
            for url, name in _json_of(self._pictures_file(content_digest))["pictures"].items():
                with suppress(OSError):
                    picture = read_picture((self.folder / PurePosixPath(name).name).read_bytes())
                    if picture is not None and picture.file.path.name == name:
                        found[url] = picture
        return found

    def _file(self, content_digest: str) -> Path:
        return self.folder / f"{content_digest}.json"

    def _pictures_file(self, content_digest: str) -> Path:
        return self.folder / f"{content_digest}.pictures.json"


def _json_of(file: Path) -> dict[str, Any]:
    """Read a file of ours.

    Raises:
        OSError, ValueError, TypeError, LookupError, RecursionError: it is missing, or not a file of ours.
    """
    if file.stat().st_size > MAX_BYTES:
        raise ValueError
    data: dict[str, Any] = json.loads(file.read_bytes())
    if data["version"] != VERSION:
        raise ValueError
    return data


def keep_sent_drafts(
    plan: Plan, outcomes: Iterable[SendOutcome], drafts: KeptDrafts
) -> tuple[SendOutcome, ...]:
    """Keep the drafts of the console that were sent, or may have been.

    Returns:
        The outcomes; one whose draft cannot be kept has a note that says why.
    """
    planned = {one.send.id: one for one in plan.sends}

    def kept(outcome: SendOutcome) -> SendOutcome:
        mine = planned.get(outcome.id)
        content = mine.send.content if mine is not None else None
        is_sent = outcome.result in (Result.ACCEPTED, Result.UNKNOWN)
        if mine is None or not isinstance(content, Draft) or not content.news_items or not is_sent:
            return outcome
        try:
            drafts.write(mine.content_digest, KeptDraft(content.news_items))
        except OSError as error:
            note = _("the articles of the draft were not kept for `campaign archive`: {error}")
            return replace(outcome, notes=(*outcome.notes, note.format(error=error.strerror)))
        return outcome

    return tuple(map(kept, outcomes))


def fetch_pictures(
    drafts: KeptDrafts,
    get: Callable[[str], bytes],
    *,
    stop_requested: Callable[[], bool],
    show: Callable[[str], None],
) -> None:
    """Fetch the pictures of drafts that were kept; one that cannot be had is left out. Never raises.

    Args:
        get: downloads the file of an address. Raises DownloadError.
        stop_requested: once true, those of the draft in hand and of later ones are left to a later run.
        show: told what is done, and why pictures cannot be kept.
    """
    try:
        for content_digest, urls in drafts.without_pictures().items():
            show(_("downloading the pictures of a sent draft: {count}").format(count=len(urls)))
            found = dict[str, ServedPicture]()
            for url in urls:
                if stop_requested():
                    return
                with suppress(DownloadError):
                    if (picture := read_picture(get(url))) is not None:
                        found[url] = picture
            drafts.write_pictures(content_digest, found)
    except (OSError, CampaignError) as error:
        message = _("the pictures of the draft were not kept for `campaign archive`: {error}")
        show(message.format(error=error.strerror if isinstance(error, OSError) else error))
