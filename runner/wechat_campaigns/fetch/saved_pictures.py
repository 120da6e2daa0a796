"""The pictures of a saved page → files beside the article: downloaded, decoded or copied."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, unquote_to_bytes

from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import _
from wechat_campaigns.fetch.public_download import Downloader, DownloadError
from wechat_campaigns.source.files import FileError, Files
from wechat_campaigns.source.sniff import sniff

SUFFIXES = {name: name for name in ("png", "gif", "webp", "bmp", "heic", "avif")} | {"jpeg": "jpg"}
_DATA = re.compile(r"data:image/[\w.+-]+(?:;[\w=.-]+)*,(?P<data>.*)", re.DOTALL)


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
    names: dict[str, str] = field(default_factory=dict)
    """By address: the name of the file."""
    failed: dict[str, DownloadError] = field(default_factory=dict)
    _bytes: int = 0
    _by_content: dict[str, str] = field(default_factory=dict)

    def save(self, address: str) -> None:
        """Save the picture of one address, or note why not."""
        limits = self.downloader.limits
        try:
            if len(self.names) + len(self.failed) >= limits.files:
                raise DownloadError(_("more than {most} pictures").format(most=limits.files))
            data = self._data(address)
            self._bytes += len(data)
            if len(data) > limits.file_bytes or self._bytes > limits.total_bytes:
                raise DownloadError(_("it is too large, or all pictures together are"))
            kind = sniff(data)
            if kind not in SUFFIXES:
                raise DownloadError(_("it is not a picture that WeChat can show"))
        except DownloadError as error:
            self.failed[address] = error
            return
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._by_content:
            name = f"{len(self._by_content) + 1:02d}.{SUFFIXES[kind]}"
            write_file(self.folder / name, data)
            self._by_content[digest] = name
        self.names[address] = self._by_content[digest]

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
    found = _DATA.fullmatch(address)
    if found is None:
        raise DownloadError(_("it is not a picture that WeChat can show"))
    try:
        if ";base64" in address[: found.start("data")]:
            return base64.b64decode(unquote_to_bytes(found["data"]))
        return unquote_to_bytes(found["data"])
    except binascii.Error as error:
        raise DownloadError(_("it is not a picture that WeChat can show")) from error
