"""Sends in, what `campaign render` shows of them out."""

from __future__ import annotations

from wechat_campaigns.core.model import Articles, Newspic, Send, Text
from wechat_campaigns.core.words import _
from wechat_campaigns.report.neutral import inert
from wechat_campaigns.report.words import receivers, summary


def shown(send: Send) -> str:
    """Write a send for the terminal: a heading, then the text as a follower reads it, made harmless."""
    return inert(_shown(send))


def _shown(send: Send) -> str:
    to = _("to {receivers}").format(receivers=receivers(send.filter))
    heading = f"── {send.id} · {send.msgtype} · {to} ──"
    match send.content:
        case Text():
            return f"{heading}\n{send.content.content}"
        case Articles():
            lines = [f"{n}. {a.title}" for n, a in enumerate(send.content.articles, 1)]
            return "\n".join([heading, *lines])
        case Newspic():
            return f"{heading}\n{send.content.title}\n{send.content.text}"
        case _:
            return f"{heading}\n{summary(send.content)}"
