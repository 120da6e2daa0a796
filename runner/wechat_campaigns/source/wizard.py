"""Questions for a person in, the parameters of a new campaign out; how to ask is a parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Msgtype
from wechat_campaigns.source.scaffold import ScaffoldOptions

KINDS = {
    Msgtype.TEXT: N_("文字 text"),
    Msgtype.MPNEWS: N_("图文 articles"),
    Msgtype.IMAGE: N_("图片 pictures"),
    Msgtype.VOICE: N_("语音 voice"),
    Msgtype.MPVIDEO: N_("视频 video"),
    Msgtype.WXCARD: N_("卡券 card (retired by WeChat)"),
}
RECIPIENT_KINDS = {"tag": N_("标签 by tag name"), "tag_id": N_("by tag id"), "all": N_("所有人 everyone")}


class Prompter(Protocol):
    """Puts a question to a person and gives the answer."""

    def line(self, question: str, default: str | None, fit: Callable[[str], str] = str) -> str:
        """Ask for a line; an empty answer takes the default.

        Args:
            question: what is asked.
            default: what an empty answer stands for.
            fit: makes an answer what it is taken for; after a UsageError the question comes again.
        """

    def number(self, question: str) -> int:
        """Ask for a whole number."""

    def choice(self, question: str, options: dict[str, str]) -> str:
        """Ask for one of the options, given as key to its explanation; the first is the default."""


def prompt_campaign(asks: Prompter, name_of: Callable[[str], str]) -> ScaffoldOptions:
    """Ask what a new campaign shall be, five questions at most.

    Args:
        asks: the way to a person.
        name_of: gives the id that an answer names; a UsageError says why it names none.
    """
    name = asks.line(_("Name: a path without .yaml, such as 2026/spring/sale"), None, name_of)
    kind = Msgtype(asks.choice(_("What is sent?"), {kind.value: _(told) for kind, told in KINDS.items()}))
    to = asks.choice(_("To whom?"), {key: _(told) for key, told in RECIPIENT_KINDS.items()})
    tag = asks.line(_("Tag name"), "会员") if to == "tag" else None
    tag_id = asks.number(_("Tag id (`campaign tags` lists them)")) if to == "tag_id" else None
    media_id = None
    if kind is not Msgtype.TEXT:
        what = "card_id" if kind is Msgtype.WXCARD else _("an existing media_id; leave empty to use files")
        media_id = asks.line(what, "") or None
    return ScaffoldOptions(
        id=name, msgtype=kind, tag=tag, tag_id=tag_id, to_all=to == "all", media_id=media_id
    )
