"""The message that is a recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wechat_campaigns.core.content import Content, Media, Msgtype
from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.messages.limits import check_media


@dataclass(frozen=True, kw_only=True)
class Voice(Content):
    """msgtype voice."""

    msgtype = Msgtype.VOICE
    body_key = "voice"
    material = "voice"
    word = N_("voice")
    option = "voice"
    scaffold = "content:\n  file: {name}/voice.mp3\n"
    asset = "voice.mp3"

    media: Media

    def findings(self) -> Iterator[Finding]:
        return check_media(("content",), self.media, "voice")
