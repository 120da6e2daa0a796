"""A send → one self-contained HTML page that shows what a follower will see; and its parts.

No script, no network: pictures are data: addresses, each article stands in sandboxed frames. Templates escape
all but articles and style sheets.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import Article, Articles, FileInfo, Send
from wechat_campaigns.render.article.parts import markup_chars
from wechat_campaigns.render.limits.table import CONTENT_CHARS

WIDTHS = (375, 585, 677)
"""A phone, a small tablet, the reader on a computer: CSS pixels."""
DARK_WIDTH = 375
Data = Callable[[FileInfo], bytes]
PICTURE_BYTES = 32_000_000
"""Of all pictures of a page, as they stand in it: each frame is a document of its own and holds its own."""
MESSAGE_CHARS = 16_000_000
"""Of all messages of a page, without pictures."""
_GAP = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='160' height='90'%3E"
    "%3Crect width='160' height='90' fill='%23bbb'/%3E%3C/svg%3E"
)


class Pictures:
    """Gives the addresses of pictures until a page is full; then a grey box, and counts what it left out."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self.remaining_bytes = PICTURE_BYTES
        self.omitted: set[str] = set()

    def address(self, file: FileInfo, *, times: int = 1) -> str:
        """Return a `data:` address that will be written `times` times."""
        cost = file.size_bytes * 4 // 3 * times
        if cost > self.remaining_bytes:
            self.omitted.add(file.sha256)
            return _GAP
        self.remaining_bytes -= cost
        return f"data:image/{file.format};base64,{base64.b64encode(self._data(file)).decode()}"

    def note(self) -> str:
        """Tell what was left out, as a fragment; empty when nothing was."""
        if not self.omitted:
            return ""
        message = ngettext(
            "{count} picture is shown as a grey box here: a page can hold at most {most:,} bytes of pictures",
            "{count} pictures are shown as grey boxes here: a page can hold at most {most:,} bytes of "
            "pictures",
            len(self.omitted),
        )
        return (
            f'<p class="warning">{escape(message.format(count=len(self.omitted), most=PICTURE_BYTES))}</p>\n'
        )


def page(send: Send, *, data: Data) -> str:
    """Show a send as a follower will see it: a whole HTML document."""
    pictures = Pictures(data)
    return _render(
        "page.html",
        send=send,
        content=content(send, pictures=pictures),
        findings=findings_table(send.diagnostics),
        pictures=pictures,
        css=_css("page"),
    )


def content(send: Send, *, pictures: Pictures) -> str:
    """Show what a send carries, as a fragment for another page that has `page.css` and ends with the note."""
    count = len(send.content.articles) if isinstance(send.content, Articles) else 0
    return _render(
        "content.html",
        kind=type(send.content).__name__,
        content=send.content,
        msgtype=send.msgtype,
        pictures=pictures,
        frames=lambda article, index: article_frames(article, pictures=pictures, index=index, count=count),
    )


def article_frames(article: Article, *, pictures: Pictures, index: int = 1, count: int = 1) -> str:
    """Show one article as a fragment: its size, its cover in both crops, and a frame for each width.

    Args:
        article: the article, its images still placeholders.
        index: where it stands in its message, from 1.
    """
    return _render(
        "article.html",
        article=article,
        pictures=pictures,
        index=index,
        count=count,
        chars=markup_chars(article.html, article.images),
        most=CONTENT_CHARS,
        frames=[*((width, False) for width in WIDTHS), (DARK_WIDTH, True)],
        document=lambda dark: frame_document(article, pictures=pictures, dark=dark),
    )


def findings_table(findings: Iterable[Diagnostic]) -> str:
    """List findings; empty when there are none."""
    return _render("findings.html", findings=list(findings))


def frame_document(article: Article, *, pictures: Pictures, dark: bool = False) -> str:
    """Show one article as the reader's app does: the whole document of a frame.

    Args:
        dark: roughly as in dark mode.
    """
    html = article.html
    for image in article.images:
        for begin, end in (('"', '"'), ("url(", ")")):
            written = f"{begin}{image.placeholder}{end}"
            if times := html.count(written):
                html = html.replace(written, f"{begin}{pictures.address(image.file, times=times)}{end}")
    return _render("frame.html", article=article, html=html, css=_css("reader"), dark=dark)


def crop_style(crop: str) -> str:
    """Show the part of a cover that `X1_Y1_X2_Y2` names; without one the middle, as the platform does."""
    x1, y1, x2, y2 = _corners(crop)
    width, height = x2 - x1, y2 - y1
    return (
        f"width:{100 / width:.4g}%;height:{100 / height:.4g}%;"
        f"left:{100 * (0 - x1) / width:.4g}%;top:{100 * (0 - y1) / height:.4g}%"
    )


def _corners(crop: str) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(part) for part in crop.split("_"))
    except ValueError:
        return 0, 0, 1, 1
    return (x1, y1, x2, y2) if 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1 else (0, 0, 1, 1)


def _render(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.globals |= {"_": _, "ngettext": ngettext, "crop_style": crop_style}
    return environment


@cache
def _css(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.css").read_text(encoding="utf-8")
