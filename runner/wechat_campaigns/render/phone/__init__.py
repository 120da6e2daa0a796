"""A send → the HTML of what a follower will see: a self-contained page, and its parts for other pages.

No script, no network: pictures have the addresses that a page of ours gives them. Templates make hidden
characters visible and escape all but articles and style sheets; an article passes nh3 once more, so that
whatever is in it stays inside its box.
"""

import base64
import re
from collections.abc import Callable
from functools import cache, partial
from html import escape, unescape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from wechat_article.parts import CONTENT_CHARS, markup_chars
from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import by_level
from wechat_campaigns.core.html import design_css
from wechat_campaigns.core.i18n import HTML_LANGUAGE, _, current_language, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.redact import escape_invisible
from wechat_campaigns.messages import Article

SCREENS = (320, 677)
"""Besides the usual phone, light and dark: a small one, the reader on a computer: CSS pixels."""
LINE_CHARS, LINE_PX, PICTURE_PX = 45, 29, 230
"""Of an article on a phone, roughly: its HTML for each line, a line, a picture."""
LONG_PX, SHORT_PX = 1500, 500
"""The heights above which an article is folded on a computer's screen, and on a phone's."""
Data = Callable[[FileInfo], bytes]
Address = Callable[..., str]
"""Returns what to write for a file that is shown; `times` says how often it will be written."""
PICTURE_BYTES = 32_000_000
"""Of all pictures of a page, as they stand in it."""
MESSAGE_CHARS = 16_000_000
"""Of all messages of a page, without pictures."""
SUMMARY_CHARS = 54
"""Of the text, as the summary of an article that has none."""
_TAG = re.compile(r"<[^>]*>")
GAP = (
    "data:image/svg+xml,%3Csvg%20xmlns=%27http://www.w3.org/2000/svg%27%20width=%27160%27%20height=%2790%27%3E"
    "%3Crect%20width=%27160%27%20height=%2790%27%20fill=%27%23bbb%27/%3E%3C/svg%3E"
)
"""A grey box, for a picture that a page cannot show."""
_LINK = re.compile(
    r"<a\b[^>]{0,4096}>(?P<words>[^<]*)</a>|https?://[^\s<>\"'“”‘’，。；：！？、（）【】《》]+", re.IGNORECASE
)
"""What WeChat shows as a link in a text."""


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
            return GAP
        self.remaining_bytes -= cost
        return f"data:image/{file.format};base64,{base64.b64encode(self._data(file)).decode()}"

    def note(self) -> str:
        """Return what was left out, as a fragment; empty when nothing was."""
        if not self.omitted:
            return ""
        message = ngettext(
            "{count} picture is shown as a grey box here: a page can hold at most {most:,} bytes of pictures",
            "{count} pictures are shown as grey boxes here: a page can hold at most {most:,} bytes of "
            "pictures",
            len(self.omitted),
        )
        text = escape(message.format(count=len(self.omitted), most=PICTURE_BYTES))
        return f'<p class="notice warning">{text}</p>\n'


def page(send: Send, *, data: Data, to: str) -> str:
    """Show a send as a follower will see it: a whole HTML document.

    Args:
        to: whom it is for, in words.
    """
    pictures = Pictures(data)
    return _fragment(
        "page.html",
        send=send,
        to=to,
        headline=" ".join(send.content.summary().split()) or send.id,
        shown=send.content.visible,
        language=HTML_LANGUAGE[current_language()],
        content=content(send, address=pictures.address, is_alone=True),
        findings=sorted(send.diagnostics, key=by_level),
        facts=_facts,
        pictures=pictures,
        css=design_css(),
        screens=SCREENS,
        reader=partial(reader, address=pictures.address, foldable=True),
    )


def content(send: Send, *, address: Address, is_alone: bool = False) -> Markup:
    """Show what a send carries, as phones for an element of the class `phones`.

    The page around them has `design_css` and ends with the note of the pictures.

    Args:
        is_alone: show each article in dark mode too, and leave its facts to the page.
    """
    opened = partial(reader, address=address, foldable=True)
    values = {"reader": opened, "facts": _facts, "is_alone": is_alone}
    return _message("message.html", send, address, live=False, **values)


def bubble(send: Send, *, address: Address) -> Markup:
    """Show a send as it stands in the conversation; a script may open its cards and play its voice."""
    return _message("bubble.html", send, address, live=True)


def post(send: Send, *, address: Address, dark: bool = False) -> Markup:
    """Show a picture post as it opens from its card: pictures to swipe, title, text."""
    return _message("post.html", send, address, live=False, dark=dark)


def reader(
    article: Article, *, address: Address, dark: bool = False, foldable: bool = False, account: str = ""
) -> Markup:
    """Show an article as a fragment: its title, its author, its text with the pictures inside.

    Args:
        account: written beside the author, above links that can be followed; without it links lead nowhere.
    """
    # Here, not above: pages of texts are made without the libraries of articles too.
    from wechat_article.colours import darken
    from wechat_article.keep import without_links

    html = escape_invisible(article.html)
    html = _with_covers(html if account else without_links(html))
    html = _with_pictures(darken(html) if dark else html, article, address)
    body = Markup(html)  # noqa: S704 - nh3 has cleaned it
    folded = _fold(article) if foldable else ""
    return _fragment("reader.html", article=article, body=body, dark=dark, folded=folded, account=account)


def _with_covers(html: str) -> str:
    """Write the cover of a mini program's card where followers see it."""
    from wechat_article.embed import CARD, COVER  # needs the libraries of articles

    written = re.compile(rf' {COVER}="([^"]+)"')

    def shown(card: re.Match[str]) -> str:
        cover = written.search(card[0])
        return f'{written.sub("", card[0])}<img src="{cover[1]}" alt="">' if cover else card[0]

    return re.sub(rf'<{CARD}(?: [\w-]+="[^"]*")*>', shown, html)


def _with_pictures(html: str, article: Article, address: Address) -> str:
    for image in article.images:
        for begin, end in (('"', '"'), ("url(", ")")):
            written = f"{begin}{image.placeholder}{end}"
            if times := html.count(written):
                html = html.replace(written, f"{begin}{address(image.file, times=times)}{end}")
    return html


def _fold(article: Article) -> str:
    """Choose where an article is shown in part at first: `long` everywhere, `short` on a phone only."""
    height_px = len(article.html) // LINE_CHARS * LINE_PX + len(article.images) * PICTURE_PX
    return "long" if height_px > LONG_PX else "short" if height_px > SHORT_PX else ""


def _facts(article: Article) -> Markup:
    """Write what an article carries that its text does not show."""
    chars = markup_chars(article.html, (image.placeholder for image in article.images))
    return _fragment("facts.html", article=article, chars=chars, most=CONTENT_CHARS, start=_start(article))


def _start(article: Article) -> str:
    """Return the summary that WeChat uses where none is given. Source: draft_add, read 2026-11."""
    text = " ".join(unescape(_TAG.sub("", article.html)).split())
    return text if len(text) <= SUMMARY_CHARS else f"{text[:SUMMARY_CHARS]}…"


def rich_text(text: str) -> Markup:
    """Write a text message with its links marked; they lead nowhere here."""
    text = escape_invisible(text)
    parts, at = [], 0
    for found in _LINK.finditer(text):
        parts.append(escape(text[at : found.start()]))
        parts.append(f"<a>{escape(found['words'] or found.group())}</a>")
        at = found.end()
    return Markup("".join([*parts, escape(text[at:])]))  # noqa: S704


def crop_box(crop: str) -> str:
    """Return the part of a cover that `X1_Y1_X2_Y2` names as a `viewBox`; empty for the middle, as WeChat."""
    try:
        x1, y1, x2, y2 = (float(part) for part in crop.split("_"))
    except ValueError:
        return ""
    is_part = 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1
    return f"{x1:g} {y1:g} {x2 - x1:.6g} {y2 - y1:.6g}" if is_part else ""


def _message(template: str, send: Send, address: Address, **values: Any) -> Markup:
    shown = send.content.visible
    kind = type(shown).__name__
    return _fragment(template, kind=kind, send=send, content=shown, address=address, **values)


def _fragment(template: str, **values: Any) -> Markup:
    made = _environment().get_template(template).render(**values)
    return Markup(made)  # noqa: S704 - the template has escaped what people wrote


@cache
def _environment() -> Environment:
    environment = templates_of(__package__)
    environment.globals |= {"crop_box": crop_box, "rich_text": rich_text}
    return environment


def templates_of(package: str) -> Environment:
    """Return the templates of a package: what they print is escaped, and what is hidden in it visible."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
    )
    environment.globals |= {"_": _, "ngettext": ngettext, "backticked": _backticked}
    return environment


def _backticked(text: str) -> list[str]:
    """Cut a sentence at its backticks: every second part is code."""
    parts = text.split("`")
    return parts if len(parts) % 2 else [text]


def _visible(value: Any) -> Any:
    return escape_invisible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
