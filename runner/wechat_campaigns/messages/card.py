"""The message that is a card or coupon, which WeChat retired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.messages.limits import check_name


@dataclass(frozen=True, kw_only=True)
class Wxcard(Content):
    """A card or coupon; WeChat retired this kind on 2024-08-10 (errcode 45113)."""

    msgtype = N_("wxcard")
    word = N_("coupon")
    posted = ("card_id",)
    unread = ("card_id",)
    option = "wxcard"
    placeholders = ("这里写卡券编号",)
    scaffold = f"content:\n  card_id: {placeholders[0]}\n"

    card_id: str
    """The card's id in WeChat."""

    def findings(self) -> Iterator[Finding]:
        yield from check_name(("content", "card_id"), self.card_id)
        what = _("WeChat retired cards in mass messages in August 2024 and returns 45113")
        yield Finding("retired-wxcard", what, _("send an article or a text instead"), ("msgtype",), "warning")

    def summary(self) -> str:
        return self.card_id
