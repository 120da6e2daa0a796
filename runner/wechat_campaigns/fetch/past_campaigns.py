"""Find the message of a past send: render its campaign as the folder was at the commit that was sent.

The content digest in the ledger decides: a message that does not have it is not the one that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.stored_intent import stored_send
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.render.article import image_bytes
from wechat_campaigns.render.compile import Compiler
from wechat_campaigns.render.openids import TABLES
from wechat_campaigns.report.archive_data import Origin, SentMessage
from wechat_campaigns.source.base_tree import tree_at
from wechat_campaigns.source.files import FileError, Files, RecordingFiles, read_regular
from wechat_campaigns.source.load import MAX_YAML_BYTES, find_campaigns
from wechat_campaigns.source.settings import load_settings

DIRTY: Final = "-dirty"
"""Ends the commit of a folder with files that differed from it."""
_WORD: Final = re.compile(rb"[A-Za-z0-9_-]+")
"""What an openid is, whatever its length."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A campaign of one folder: its sends by normalized id, and the files that have a part in them."""

    sends: Mapping[str, Send] = field(default_factory=dict)
    sources: Mapping[PurePosixPath, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class PastCampaigns:
    """Renders campaigns as they were; each commit is written out once, below a temporary folder."""

    root: Path
    """The campaigns folder."""
    environment: str
    variables: Mapping[str, str]
    stack: ExitStack
    """Ends with the temporary folders."""
    _folders: dict[str, Path | None] = field(default_factory=dict)
    _rendered: dict[tuple[Path, str], _Rendered] = field(default_factory=dict)

    def message(self, record: SendRecord) -> SentMessage:
        """Find the message of a send: at its commit, else in the folder as it is, else in the ledger."""
        for origin, root in self._places(record):
            rendered = self._campaign(root, SendId.parse(record.send).campaign)
            written = rendered.sends.get(normalize_id(record.send))
            send = with_recorded_draft(written, record.intent) if written is not None else None
            if send is not None and compute_content_digest(send) == record.content_digest:
                data = partial(image_bytes, files=Files(root))
                return SentMessage(origin=origin, send=send, data=data, sources=rendered.sources)
        kept = (
            stored_send(record.intent, send_id=record.send, account=record.account) if record.intent else None
        )
        kept = with_recorded_draft(kept, record.intent) if kept is not None else None
        if kept is not None and compute_content_digest(kept) == record.content_digest:
            return SentMessage(origin=Origin.LEDGER, send=kept)
        return SentMessage(origin=Origin.MISSING)

    def _places(self, record: SendRecord) -> Iterator[tuple[Origin, Path]]:
        actor = record.intent.data.get("actor", {}) if record.intent is not None else {}
        commit = str(actor.get("commit", "")).removesuffix(DIRTY)
        root = self._folder(commit) if _COMMIT.fullmatch(commit) else None
        if root is not None:
            yield Origin.COMMIT, root
        yield Origin.FOLDER, self.root

    def _folder(self, commit: str) -> Path | None:
        """Write the folder of a commit out; None where git does not have it."""
        if commit not in self._folders:
            self._folders[commit] = None
            with suppress(CampaignError, ValueError):
                self._folders[commit] = self.stack.enter_context(tree_at(self.root, commit))
        return self._folders[commit]

    def _campaign(self, root: Path, campaign: str) -> _Rendered:
        key = (root, normalize_id(campaign))
        if key not in self._rendered:
            self._rendered[key] = _Rendered()
            # A folder of long ago need not suit the settings of today: then the next place is tried.
            with suppress(CampaignError, FileError, OSError):
                self._rendered[key] = self._render(root, campaign)
        return self._rendered[key]

    def _render(self, root: Path, campaign: str) -> _Rendered:
        settings = load_settings(root, environment=self.environment)
        used: dict[PurePosixPath, bytes] = {}
        files = RecordingFiles(root, used.__setitem__)
        compiler = Compiler(settings=settings, files=files, variables=self.variables)
        for item in find_campaigns(root)[0]:
            if normalize_id(item.id) == normalize_id(campaign):
                data = read_regular(item.display_path, MAX_YAML_BYTES)
                sends = {normalize_id(send.id): send for send in compiler.make(item, data).sends}
                sources = {item.file: data, **used}
                return _Rendered(sends, _without_recipients(sources, sends.values(), campaign=item.file))
        return _Rendered()


def _without_recipients(
    sources: Mapping[PurePosixPath, bytes], sends: Iterable[Send], *, campaign: PurePosixPath
) -> dict[PurePosixPath, bytes]:
    """Leave out lists of recipients, with the names and numbers in them; mask openids in the campaign."""
    openids = {openid.encode() for send in sends for openid in send.filter.openids}
    return {
        path: _WORD.sub(lambda word: b"o***" if word[0] in openids else word[0], data)
        for path, data in sources.items()
        if path == campaign or not (path.suffix.lower() in TABLES or openids & set(_WORD.findall(data)))
    }
