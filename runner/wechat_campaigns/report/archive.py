"""Build the archive of a send as files in memory: what was sent, why it was allowed, what came of it.

The same ledger, figures, language and version give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from wechat_campaigns import __version__
from wechat_campaigns.core.digest import content_form, sha256
from wechat_campaigns.core.i18n import current_language
from wechat_campaigns.core.model import Articles, FileInfo, Send, visible_content
from wechat_campaigns.core.redact import redact
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.article.page import Pictures, frame_document
from wechat_campaigns.report.archive_data import ArchiveInput, SentMessage, found_figures, ledger_data
from wechat_campaigns.report.figures import articles_data
from wechat_campaigns.report.html import archive_html
from wechat_campaigns.report.sanitize import json_text, visible_record
from wechat_campaigns.wechat import payloads

VERSION: Final = 1
"""Of the form of an archive."""
MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.jsonl"
CONTENT: Final = "content.json"
MEDIA: Final = "media"
_UNSAFE = re.compile(r"[^\w\[\]#-]+")
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can hold: the same bytes whenever it is written."""

ArchiveFiles = Mapping[str, bytes]
"""The files of one archive by path, with `/`."""


def archive_name(record: SendRecord) -> str:
    """Name the folder of a send: its day in China, its id and a part of its digest."""
    key = sha256([record.appid, normalize_id(record.send), record.revision])[:8]
    readable = _UNSAFE.sub(".", record.send)[:60].strip(".")
    return f"{china_day(record.at).isoformat()}_{readable}_r{record.revision}_{key}"


def archive_files(archive: ArchiveInput) -> dict[str, bytes]:
    """Make every file of an archive, its manifest too; no openid and no secret is in any of them."""
    files = {
        **_json_files(ledger_data(archive.record, archive.state, archive.events)),
        EVENTS: _lines(event.as_dict() for event in archive.events),
        **_json_files({"figures.json": {"articles": articles_data(found_figures(archive.articles))}}),
        **_message_files(archive.message),
        "index.html": archive_html(archive).encode(),
    }
    return {**files, MANIFEST: _json(_manifest(archive, files))}


def media_files(send: Send) -> dict[str, FileInfo]:
    """Name each picture, voice and video of a send by its digest."""
    uploads = payloads.uploads(visible_content(send.content))
    return {
        f"{MEDIA}/{one.file.sha256}.{one.file.format}": one.file for one in uploads if one.file is not None
    }


def _message_files(message: SentMessage) -> dict[str, bytes]:
    send = message.send
    if send is None:
        return {}
    files = {CONTENT: _json(content_form(send))}
    files |= {name: message.data(file) for name, file in media_files(send).items()}
    shown = visible_content(send.content)
    if isinstance(shown, Articles):
        for number, article in enumerate(visible_record(shown).articles, 1):
            page = frame_document(article, pictures=Pictures(message.data))
            files[f"article-{number}.html"] = page.encode()
    for path, data in message.sources.items():
        try:
            files[f"campaign/{path}"] = redact(data.decode()).encode()
        except UnicodeDecodeError:
            continue  # a picture or a voice: what was sent of it is among the media
    return files


def _manifest(archive: ArchiveInput, files: ArchiveFiles) -> dict[str, Any]:
    record, events = archive.record, archive.events
    return {
        "archive_version": VERSION,
        "made_by": f"wechat-campaigns {__version__}",
        "language": current_language(),
        "environment": archive.environment,
        "account": record.account,
        "appid": record.appid,
        "send": record.send,
        "revision": record.revision,
        "origin": archive.message.origin.value,
        "events": [{"seq": event.seq, "hash": event.hash} for event in events],
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in sorted(files.items())
        },
    }


def zip_bytes(name: str, files: ArchiveFiles) -> bytes:
    """Pack an archive below a folder of its name; not compressed: the same bytes with every library."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        for path, data in sorted(files.items()):
            entry = ZipInfo(f"{name}/{path}", _ZIP_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Linux, wherever it is made
            archive.writestr(entry, data)
    return packed.getvalue()


def _json_files(data: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    return {name: _json(value) for name, value in data.items()}


def _json(data: Any) -> bytes:
    return f"{json_text(data)}\n".encode()


def _lines(rows: Iterable[Any]) -> bytes:
    return b"".join(map(_json, rows))
