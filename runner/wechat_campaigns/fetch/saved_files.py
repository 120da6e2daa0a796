"""A saved page or a draft of the console → files: a campaign, an HTML file for each article, and pictures."""

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.sniff import sniff
from wechat_campaigns.fetch.public_download import Downloader, DownloadError
from wechat_campaigns.messages.articles import FLAGS, TEXTS
from wechat_campaigns.render.articles import read_draft_article
from wechat_campaigns.source.files import FileError, Files
from wechat_campaigns.source.scaffold import fetched_campaign_text, literal

SUFFIXES = {name: name for name in ("png", "gif", "webp", "bmp", "heic", "avif")} | {"jpeg": "jpg"}
_DATA = re.compile(r"data:image/[\w.+-]+(?:;[\w=.-]+)*,(?P<data>.*)", re.DOTALL)
Save = Callable[[str], str | None]
"""Saves the picture of an address; gives the name of its file, or None when it stays where it is."""


@dataclass(slots=True, kw_only=True)
class SavedPictures:
    """Saves pictures into a folder; the same picture once, whatever its addresses.

    The limits of the downloader hold for files beside the page and `data:` addresses, too.
    """

    page: Path | None = None
    """The saved page; pictures beside it are named relative to it, and none outside its folder is read. None
    reads no file of this machine."""
    folder: Path
    downloader: Downloader = field(default_factory=Downloader)
    show: Callable[[str], object] = lambda _address: None
    """Called with each address that is about to be read."""
    names: dict[str, str] = field(default_factory=dict)
    """By address: the name of the file."""
    failed: dict[str, DownloadError] = field(default_factory=dict)
    _bytes: int = 0
    _by_content: dict[str, str] = field(default_factory=dict)

    def save(self, address: str) -> str | None:
        """Save the picture of one address once, or note why not; return the name of its file."""
        if address in self.names or address in self.failed:
            return self.names.get(address)
        self.show(address)
        limits = self.downloader.limits
        try:
            if len(self.names) + len(self.failed) >= limits.files:
                raise DownloadError(_("more than {most} pictures").format(most=limits.files))
            data = self._data(address)
            self._bytes += len(data)
            most = min(limits.file_bytes, limits.total_bytes - self._bytes + len(data))
            if len(data) > most:
                raise DownloadError(_("more than {most:,} bytes").format(most=most))
            kind = sniff(data)
            if kind not in SUFFIXES:
                raise DownloadError(_("it is not a picture that WeChat can show"))
        except (DownloadError, ValueError) as error:  # it cannot be decoded, or be a name of a file
            unreadable = DownloadError(_("it is not a picture that WeChat can show"))
            self.failed[address] = error if isinstance(error, DownloadError) else unreadable
            return None
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._by_content:
            name = f"{len(self._by_content) + 1:02d}.{SUFFIXES[kind]}"
            write_file(self.folder / name, data)
            self._by_content[digest] = name
        name = self.names[address] = self._by_content[digest]
        return name

    def _data(self, address: str) -> bytes:
        if address.startswith("//"):
            return self.downloader.get(f"https:{address}")
        if re.match(r"https?://", address, re.IGNORECASE):
            return self.downloader.get(address)
        if address.startswith("data:"):
            return _decoded(address)
        if self.page is None:
            raise DownloadError(_("it is not an address of the form https://HOST/PATH"))
        path = unquote(address.split("#")[0].split("?")[0]).removeprefix("./")
        try:
            return Files(self.page.parent.absolute()).data(PurePosixPath(path))
        except FileError as error:
            raise DownloadError(error.message) from error


def _decoded(address: str) -> bytes:
    """Return the bytes of a `data:` address. Raises ValueError."""
    found = _DATA.fullmatch(address)
    if found is None:
        raise ValueError(address)
    data = unquote_to_bytes(found["data"])
    return base64.b64decode(data) if ";base64" in address[: found.start("data")] else data


@dataclass(slots=True)
class DraftFiles:
    """The files of one draft, as texts; its pictures are saved on the way."""

    id: str
    """Of the new campaign; its files are in the folder of this name."""
    news_items: Sequence[Mapping[str, Any]]
    """As draft/get gives them."""
    save: Save
    bodies: dict[str, str] = field(default_factory=dict)
    """The HTML of each article by the name of its file."""

    def campaign_text(self) -> str:
        """Make every file; give the text of the campaign."""
        first = self.news_items[0]
        pictures = (first.get("image_info") or {}).get("image_list") or []
        if len(self.news_items) == 1 and pictures:
            return fetched_campaign_text(self.id, {"newspic": self._picture_post(first, pictures)})
        return fetched_campaign_text(self.id, {"articles": list(self._articles())})

    def _articles(self) -> Iterator[dict[str, Any]]:
        alone = len(self.news_items) == 1
        for number, item in enumerate(self.news_items, 1):
            name = "article.html" if alone else f"article-{number}.html"
            cover = self._picture(item.get("thumb_url"), item.get("thumb_media_id"))
            page = read_draft_article(_text(item, "content"))
            saved = {address: self.save(address) for address in page.addresses}
            self.bodies[name] = literal(page.html({one: file for one, file in saved.items() if file}))
            texts = [name for name in TEXTS if alone or name != "digest"]  # the console fills in every digest
            yield {
                "title": _text(item, "title"),
                "body": f"{self._folder}/{name}",
                "cover": cover,
                **{key: text for key in texts if (text := _text(item, key))},
                **{key: True for key in FLAGS if _text(item, key) == "1"},
            }

    def _picture_post(self, item: Mapping[str, Any], pictures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        text = _text(item, "content")
        return {
            "title": _text(item, "title"),
            **({"text": text} if text else {}),
            "images": [self._picture(one.get("url"), one.get("image_media_id")) for one in pictures],
        }

    def _picture(self, address: object, media_id: object) -> dict[str, str]:
        """Return a picture by its file; by its media_id where it was not saved."""
        name = self.save(str(address)) if address else None
        return {"file": f"{self._folder}/{name}"} if name else {"media_id": str(media_id or "")}

    @property
    def _folder(self) -> str:
        return self.id.rpartition("/")[2]


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return "" if value is None else str(value)
