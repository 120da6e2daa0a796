"""Write a send as lines of text, and the difference between two."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from wechat_campaigns.core.html_reader import HtmlReader
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Article, Articles, Mpvideo, Newspic, Send, Text, visible_content
from wechat_campaigns.plan.compare import SendChange
from wechat_campaigns.report.phrases import media, recipients, summary, window

_BREAKS = frozenset({
    "address", "blockquote", "br", "div", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip


def send_lines(send: Send, timezone: str) -> list[str]:
    """Write a send as lines: to whom, when, what."""
    head = [
        _("to: {recipients}").format(recipients=recipients(send.filter)),
        _("account: {name}").format(name=send.account),
        _("when: {window}").format(window=window(send, timezone)),
    ]
    if send.revision > 1:
        head.append(f"revision: {send.revision}")
    if send.send_ignore_reprint:
        head.append("send_ignore_reprint: true")
    return [*head, f"msgtype: {send.msgtype}", "", *content_lines(send)]


def content_lines(send: Send) -> list[str]:
    """Write what a follower would read, as lines."""
    match visible_content(send.content):
        case Text(content=text):
            return text.splitlines()
        case Articles(articles=articles):
            return [line for number, article in enumerate(articles, 1) for line in _article(number, article)]
        case Newspic(title=title, text=text, images=images):
            return [title, *text.splitlines(), *(f"[{media(image)}]" for image in images)]
        case Mpvideo(title=title, description=description):
            return [title, description, f"[{summary(send.content)}]"]
    return [f"[{summary(send.content)}]"]


def html_lines(html: str) -> list[str]:
    """Read an article's HTML as a person would: its paragraphs, pictures as `[picture]`."""
    reader = _TextExtractor()
    reader.read(html)
    return reader.lines()


def diff(before: Sequence[str], after: Sequence[str]) -> str:
    """Write a unified diff without file names, three lines around each change."""
    return "\n".join(list(difflib.unified_diff(before, after, lineterm=""))[2:])


def change_diff(change: SendChange, timezone: str) -> str:
    """Write what was edited in a send as a diff; a sentence where its text is the same."""
    if change.before is None or change.after is None:
        return ""
    lines = diff(send_lines(change.before, timezone), send_lines(change.after, timezone))
    return lines or _("the text is the same; a file, an option or the markup of an article differs")


def _article(number: int, article: Article) -> list[str]:
    facts = {
        "author": article.author,
        "digest": article.digest,
        "cover": media(article.cover),
        "content_source_url": article.content_source_url,
        "need_open_comment": article.need_open_comment,
        "only_fans_can_comment": article.only_fans_can_comment,
    }
    lines = [f"{key}: {value}" for key, value in facts.items() if value]
    template = _("[picture {file}, {digest}]")
    pictures = [
        template.format(file=image.file.path, digest=image.file.sha256[:12]) for image in article.images
    ]
    return [f"{number}. {article.title}", *lines, "", *html_lines(article.html), *pictures, ""]


class _TextExtractor(HtmlReader):
    """Collects the text of an HTML fragment, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a new line for a block, mark a picture."""
        if tag in _BREAKS:
            self._parts.append("\n")
        if tag == "img":
            alt = dict(attrs).get("alt")
            self._parts.append(_("[picture: {alt}]").format(alt=alt) if alt else _("[picture]"))

    def handle_endtag(self, tag: str) -> None:
        """End the line of a block."""
        if tag in _BREAKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep text; line breaks in it are blanks, as in a browser."""
        self._parts.append(data.replace("\n", " "))

    def lines(self) -> list[str]:
        """Give the lines that hold something."""
        lines = (" ".join(line.split()) for line in "".join(self._parts).split("\n"))
        return [line for line in lines if line]
