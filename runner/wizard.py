"""Questions for a person in, the parameters of a new campaign out; how to ask is a parameter."""

from __future__ import annotations

from typing import Protocol

from runner.model import Msgtype
from runner.scaffold import Wanted

KINDS = {
    Msgtype.TEXT: "文字 text",
    Msgtype.MPNEWS: "图文 articles",
    Msgtype.IMAGE: "图片 pictures",
    Msgtype.VOICE: "语音 voice",
    Msgtype.MPVIDEO: "视频 video",
    Msgtype.WXCARD: "卡券 card (retired by WeChat)",
}
RECEIVERS = {"tag": "标签 by tag name", "tag_id": "by tag id", "all": "所有人 everyone"}


class Asks(Protocol):
    """Puts a question to a person and gives the answer."""

    def line(self, question: str, default: str | None) -> str:
        """Ask for a line; an empty answer takes the default."""

    def number(self, question: str) -> int:
        """Ask for a whole number."""

    def choice(self, question: str, options: dict[str, str]) -> str:
        """Ask for one of the options, given as key to its explanation; the first is the default."""


def ask(asks: Asks) -> Wanted:
    """Ask what a new campaign shall be, five questions at most."""
    name = asks.line("Name, a path without .yaml (2026/spring/sale)", None)
    kind = Msgtype(asks.choice("What is sent?", {kind.value: told for kind, told in KINDS.items()}))
    to = asks.choice("To whom?", RECEIVERS)
    tag = asks.line("Tag name", "会员") if to == "tag" else None
    tag_id = asks.number("Tag id (`campaign tags` lists them)") if to == "tag_id" else None
    media_id = None
    if kind is not Msgtype.TEXT:
        what = "card_id" if kind is Msgtype.WXCARD else "media_id that exists; empty to use files"
        media_id = asks.line(what, "") or None
    return Wanted(id=name, msgtype=kind, tag=tag, tag_id=tag_id, to_all=to == "all", media_id=media_id)
