"""The message that is articles (图文), written in the campaign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wechat_article.parts import CARD_PLACEHOLDER
from wechat_campaigns.core.content import (
    MATERIAL_ADDRESS,
    UPLOADIMG,
    Content,
    FileInfo,
    Media,
    MediaIds,
    Reading,
    Upload,
    distinct,
    numbered_pictures,
)
from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.messages.limits import (
    AUTHOR_CHARS,
    SUMMARY_CHARS,
    URL_BYTES,
    check_chars,
    check_comments,
    check_media,
    check_title,
)

if TYPE_CHECKING:
    from wechat_article.parts import Formula
    from wechat_campaigns.core.html import ArticleText

SOURCE_WORDS = "阅读原文"
"""What a follower taps below an article to get to its `content_source_url`."""
TEXTS = ("author", "digest", "content_source_url", "pic_crop_235_1", "pic_crop_1_1")
FLAGS = ("need_open_comment", "only_fans_can_comment")
"""What an article of a draft, of a file and of WeChat call by the same name, and may leave out."""
TITLE_PLACEHOLDER = "标题，不超过 32 字"
_CROP_NUMBER = r"(0(?:\.\d{1,6})?|1(?:\.0{1,6})?)"
_CROP = re.compile("_".join([_CROP_NUMBER] * 4))


@dataclass(frozen=True, kw_only=True)
class BodyImage:
    """An image inside an article's HTML; `placeholder` is the `src` it has until it is uploaded."""

    placeholder: str
    file: FileInfo

    @property
    def upload(self) -> Upload:
        """The call that makes an address of it."""
        is_material = self.file.format == "gif" or self.placeholder.startswith(CARD_PLACEHOLDER)
        return Upload(endpoint=MATERIAL_ADDRESS if is_material else UPLOADIMG, kind="image", file=self.file)


@dataclass(frozen=True, kw_only=True)
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
    formulas: tuple[Formula, ...] = field(default=(), metadata={"derived": True})
    """What its drawings show, in their order: `html` has them as lines only. No part of the digest."""

    @property
    def text(self) -> ArticleText:
        """What followers see of its HTML."""
        from wechat_campaigns.core.html import ArticleText  # needs a parser of HTML

        return ArticleText(self.html, self.formulas)

    def findings(self, path: KeyPath) -> Iterator[Finding]:
        """List what it breaks of WeChat's limits."""
        yield from check_title((*path, "title"), self.title)
        yield from check_chars((*path, "author"), self.author, AUTHOR_CHARS)
        yield from check_chars((*path, "digest"), self.digest, SUMMARY_CHARS)
        yield from _check_url((*path, "content_source_url"), self.content_source_url)
        yield from check_media((*path, "cover"), self.cover, "image")
        for name, crop in (("pic_crop_235_1", self.pic_crop_235_1), ("pic_crop_1_1", self.pic_crop_1_1)):
            yield from _check_crop((*path, name), crop)
        yield from check_comments(path, self.need_open_comment, self.only_fans_can_comment)

    def as_draft(self, ids: MediaIds) -> dict[str, Any]:
        """Write it for draft/add."""
        html = self.html
        for image in self.images:
            html = html.replace(image.placeholder, escape(ids.upload_results[image.upload.key]))
        optional = {name: getattr(self, name) for name in TEXTS} | {"cover_info": self._cover_info()}
        return {
            "article_type": "news",
            "title": self.title,
            "content": html,
            "thumb_media_id": ids.of(self.cover, "image"),
            **{name: int(getattr(self, name)) for name in FLAGS},
            **{key: value for key, value in optional.items() if value},
        }

    def _cover_info(self) -> dict[str, Any]:
        """Write the cuts of the cover once more: the newest reading of draft_add has them here."""
        cuts = (("2.35_1", self.pic_crop_235_1), ("1_1", self.pic_crop_1_1))
        crops = [
            {"ratio": ratio, **dict(zip(("x1", "y1", "x2", "y2"), crop.split("_"), strict=True))}
            for ratio, crop in cuts
            if crop
        ]
        return {"crop_percent_list": crops} if crops else {}

    def lines(self, number: int) -> list[str]:
        """Write what a follower would read, as lines."""
        facts = {
            "author": self.author,
            "digest": self.digest,
            "cover": self.cover.label,
            "content_source_url": self.content_source_url,
            "need_open_comment": self.need_open_comment,
            "only_fans_can_comment": self.only_fans_can_comment,
        }
        lines = [f"{key}: {value}" for key, value in facts.items() if value]
        return [
            f"{number}. {self.title}",
            *lines,
            "",
            *self.text.lines(),
            *numbered_pictures(Media(file=image.file) for image in self.images),
            "",
        ]


@dataclass(frozen=True, kw_only=True)
class Articles(Content):
    """msgtype mpnews, written in the campaign."""

    msgtype = N_("mpnews")
    key = "articles"
    needs_draft = True
    is_recallable = True
    option = "mpnews"
    placeholders = (TITLE_PLACEHOLDER,)
    scaffold = (
        f"content:\n  articles:\n    - title: {TITLE_PLACEHOLDER}\n"
        "      body: {name}/article.md\n      cover: {name}/cover.jpg\n"
    )
    asset = "cover.jpg"

    articles: tuple[Article, ...]

    def draft_articles(self, ids: MediaIds) -> list[dict[str, Any]]:
        return [article.as_draft(ids) for article in self.articles]

    def carried(self) -> tuple[Media, ...]:
        return tuple(article.cover for article in self.articles)

    def uploads(self) -> tuple[Upload, ...]:
        pictures = (image.upload for article in self.articles for image in article.images)
        return distinct((*super().uploads(), *pictures))

    def findings(self) -> Iterator[Finding]:
        path: KeyPath = ("content", "articles")
        for index, article in enumerate(self.articles):
            yield from article.findings((*path, index))
            if article.digest and len(self.articles) > 1:
                what = _("the digest is shown only when a message has one article")
                yield Finding("digest-unseen", what, _("remove it"), (*path, index, "digest"), "warning")

    def kind_name(self) -> str:
        count = len(self.articles)
        return ngettext("{count} article", "{count} articles", count).format(count=count)

    def summary(self) -> str:
        more = f" (+{len(self.articles) - 1})" if len(self.articles) > 1 else ""
        return self.articles[0].title + more

    def lines(self) -> list[str]:
        return [line for number, article in enumerate(self.articles, 1) for line in article.lines(number)]

    def titles(self) -> tuple[str, ...]:
        return tuple(article.title for article in self.articles)

    @cached_property
    def reading(self) -> Reading:
        """The words, links and pictures of its articles; 阅读原文 is a link, too."""
        from wechat_campaigns.core.html import Link  # as above

        texts: list[tuple[str, ...]] = []
        links: dict[Link, None] = {}
        fetched: list[str] = []
        joined: list[tuple[str, ...]] = []
        legible: list[tuple[str, ...]] = []
        for article in self.articles:
            text, source = article.text, article.content_source_url
            heading = (article.title, article.author, article.digest)
            texts.append((*heading, *text.words))
            joined.append(text.joined)
            legible.append((*heading, *text.legible))
            links |= dict.fromkeys([*text.links, *([Link(SOURCE_WORDS, source)] if source else [])])
            fetched += text.fetched
        return Reading(tuple(texts), tuple(links), tuple(fetched), tuple(joined), tuple(legible))


def _check_url(path: KeyPath, url: str) -> Iterator[Finding]:
    if not url:
        return
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)
    except ValueError:
        sound = False
    if not sound:
        what = _("`content_source_url` is not a web address")
        hint = _("write the full address, with https://")
        yield Finding("url", what, hint, path)
    elif len(url.encode()) > URL_BYTES:
        what = _("`{path}` has {count:,} bytes; the maximum is {most:,}").format(
            path=path[-1], count=len(url.encode()), most=URL_BYTES
        )
        yield Finding("url-too-long", what, _("shorten it"), path)


def _check_crop(path: KeyPath, crop: str) -> Iterator[Finding]:
    if not crop:
        return
    numbers = _CROP.fullmatch(crop)
    if numbers is None:
        what = _("`{name}` is not `X1_Y1_X2_Y2` with numbers from 0 to 1 and at most 6 decimals").format(
            name=path[-1]
        )
        yield Finding("crop", what, _("write, for example, 0_0.1_1_0.9"), path)
        return
    left, top, right, bottom = map(float, numbers.groups())
    if left >= right or top >= bottom:
        what = _("in `{name}`, the second corner is not below and to the right of the first").format(
            name=path[-1]
        )
        yield Finding("crop", what, _("write the top left corner first, then the bottom right one"), path)
