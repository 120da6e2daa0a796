"""The picture post (贴图): pictures with a title and plain text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wechat_article.parts import CONTENT_CHARS
from wechat_article.text import is_blank
from wechat_campaigns.core.content import Content, Media, MediaIds
from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.messages.articles import TITLE_PLACEHOLDER
from wechat_campaigns.messages.limits import check_chars, check_media, check_title
from wechat_campaigns.messages.text import TEXT_PLACEHOLDER


@dataclass(frozen=True, kw_only=True)
class Newspic(Content):
    """msgtype mpnews, a picture post (贴图)."""

    msgtype = N_("mpnews")
    key = "newspic"
    word = N_("picture post")
    needs_draft = True
    is_recallable = True
    option = "newspic"
    scaffold = (
        f"content:\n  newspic:\n    title: {TITLE_PLACEHOLDER}\n    text: {TEXT_PLACEHOLDER}\n"
        "    images: {name}/*.jpg\n"
    )
    asset = "*.jpg"

    title: str
    text: str = ""
    images: tuple[Media, ...]

    def draft_articles(self, ids: MediaIds) -> list[dict[str, Any]]:
        pictures = [{"image_media_id": ids.of(image, "image")} for image in self.images]
        return [
            {
                "article_type": "newspic",
                "title": self.title,
                "content": self.text,
                "image_info": {"image_list": pictures},
            }
        ]

    def findings(self) -> Iterator[Finding]:
        path: KeyPath = ("content", "newspic")
        yield from check_title((*path, "title"), self.title)
        yield from check_chars((*path, "text"), self.text, CONTENT_CHARS - 1)
        if is_blank(self.text):
            what = _("WeChat may reject a picture post without text (44003)")
            yield Finding("newspic-text", what, _("write a line in `text`"), path, "warning")
        for index, media in enumerate(self.images):
            yield from check_media((*path, "images", index), media, "image")

    def summary(self) -> str:
        pictures = ngettext("{title} ({count} picture)", "{title} ({count} pictures)", len(self.images))
        return pictures.format(title=self.title, count=len(self.images))

    def titles(self) -> tuple[str, ...]:
        return (self.title,)
