"""Keep what sent drafts of the console said, in files beside the ledger: WeChat removes a draft that is sent.

A file counts only while its articles have the fingerprint that the ledger recorded of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Articles, Draft, Newspic
from wechat_campaigns.core.state_folder import private_folder, replace_private_file
from wechat_campaigns.plan.draft_box import stored_content
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.stored_draft import Stored, fingerprint
from wechat_campaigns.render.article import draft_article_html
from wechat_campaigns.send.outcome import Result, SendOutcome

VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024 * 1024
"""A larger file is not ours: eight articles of the greatest length take a fourth of it."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeptDraft:
    """What a draft said when it was sent."""

    news_items: Stored

    def content(self) -> Articles | Newspic:
        """Give its articles, clean enough to stand in a page of ours."""
        content = stored_content(self.news_items)
        if isinstance(content, Newspic):
            return content
        articles = (replace(one, html=draft_article_html(one.html)) for one in content.articles)
        return Articles(articles=tuple(articles))


@dataclass(frozen=True, slots=True)
class KeptDrafts:
    """The files of one environment, each named by the content digest of its send."""

    folder: Path

    def write(self, content_digest: str, draft: KeptDraft) -> None:
        """Keep a draft, for this user alone.

        Raises:
            OSError: it cannot be written.
        """
        private_folder(self.folder)
        body = json.dumps({"version": VERSION, "news_item": list(draft.news_items)})
        replace_private_file(self._file(content_digest), body.encode())

    def read(self, content_digest: str, mark: str) -> KeptDraft | None:
        """Read the draft of a send; None when it is missing, or was changed.

        Args:
            mark: its fingerprint by the ledger.
        """
        if not (mark and _DIGEST.fullmatch(content_digest)):
            return None
        file = self._file(content_digest)
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if file.stat().st_size <= MAX_BYTES:
                data = json.loads(file.read_bytes())
                if data["version"] == VERSION and fingerprint(data["news_item"]) == mark:
                    return KeptDraft(data["news_item"])
        return None

    def _file(self, content_digest: str) -> Path:
        return self.folder / f"{content_digest}.json"


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
