"""The message that is a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.messages.limits import TEXT_BYTES, TEXT_CHARS_USUAL, check_not_empty

TEXT_PLACEHOLDER = "这里写要发的话"


@dataclass(frozen=True, kw_only=True)
class Text(Content):
    """msgtype text."""

    msgtype = N_("text")
    posted = ("content",)
    option = "text"
    scaffold = f"content: |\n  {{{{ greeting }}}}，{TEXT_PLACEHOLDER}。\nvars: {{greeting: 你好}}\n"
    placeholders = (TEXT_PLACEHOLDER,)

    content: str

    def findings(self) -> Iterator[Finding]:
        path: KeyPath = ("content",)
        yield from check_not_empty(path, self.content)
        size_bytes = len(self.content.encode())
        if size_bytes > TEXT_BYTES:
            what = _("the text has {count:,} bytes; WeChat may reject more than {most:,} (45002)").format(
                count=size_bytes, most=TEXT_BYTES
            )
            yield Finding("text-too-long", what, _("shorten it, or send an article"), path)
        elif len(self.content) > TEXT_CHARS_USUAL:
            what = _("the text has {count} characters; the WeChat console allows {most}").format(
                count=len(self.content), most=TEXT_CHARS_USUAL
            )
            yield Finding("text-long", what, _("shorten it, or preview it first"), path, "warning")

    def summary(self) -> str:
        return " ".join(self.content.split())
