"""The draft of the WeChat console: articles that stand in no file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.messages.articles import Articles
from wechat_campaigns.messages.limits import check_name
from wechat_campaigns.messages.newspic import Newspic


@dataclass(frozen=True, kw_only=True)
class Draft(Content):
    """msgtype mpnews, an existing draft of WeChat, named by its media_id or by its title."""

    msgtype = N_("mpnews")
    word = N_("draft")
    posted = ("media_id",)
    unread = ("media_id", "title", "fingerprint")
    is_recallable = True

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

    @property
    def visible(self) -> Content:
        return self if self.stored is None else self.stored

    def digest_form(self) -> dict[str, Any]:
        """Return its name as it is written, and what was read of it."""
        named = {"title": self.title} if self.title else {"media_id": self.media_id}
        return {**named, "fingerprint": self.fingerprint} if self.fingerprint else named

    def findings(self) -> Iterator[Finding]:
        if self.title:
            yield from check_name(("content", "draft"), self.title, is_chosen=True)
        else:
            yield from check_name(("content", "media_id"), self.media_id)

    def summary(self) -> str:
        return self.name if self.stored is None else self.stored.summary()

    def titles(self) -> tuple[str, ...]:
        return (self.title,)
