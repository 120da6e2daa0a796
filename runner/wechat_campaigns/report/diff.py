"""Write a send as lines of text, and the difference between two."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from wechat_campaigns.core.article_text import ArticleText
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Article, Articles, Mpvideo, Newspic, Send, Text, visible_content
from wechat_campaigns.plan.compare import SendChange
from wechat_campaigns.report.phrases import media, recipients, summary, window


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
    return [
        f"{number}. {article.title}",
        *lines,
        "",
        *ArticleText(article.html, article.formulas).lines(),
        *pictures,
        "",
    ]
