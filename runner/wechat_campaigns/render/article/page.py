"""A send → one self-contained HTML page that shows what a follower will see; and its parts.

No script, no network: pictures are data: addresses, each article stands in sandboxed frames.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from functools import lru_cache
from html import escape
from importlib import resources

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Article, Articles, FileInfo, Image, Images, Media, Newspic, Send, Text
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
_HEADINGS = (N_("level"), N_("location"), N_("rule"), N_("problem"), N_("hint"))

_POLICY = (
    "default-src 'none'; img-src data: https://mmbiz.qpic.cn; style-src 'unsafe-inline'; frame-src 'self'"
)
# The reader recolours each element by its own rules; this shows the same idea, not the same colours.
_DARK = (
    "html{background:#191919}body{filter:invert(.9) hue-rotate(180deg)}"
    "img{filter:hue-rotate(180deg) invert(1)}"
)


class Pictures:
    """Gives the addresses of pictures until a page is full; then a grey box, and counts what it left out.

    Args:
        data: gives the bytes of a picture.
        room: bytes of addresses for the whole page.
    """

    def __init__(self, data: Data, *, room: int = PICTURE_BYTES) -> None:
        self._data = data
        self.remaining_bytes = room
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
        said = _(
            "{count} pictures are shown as grey boxes here: a page can hold at most {most:,} "
            "bytes of pictures"
        )
        return f'<p class="warning">{escape(said.format(count=len(self.omitted), most=PICTURE_BYTES))}</p>\n'


def page(send: Send, *, data: Data) -> str:
    """Show a send as a follower will see it.

    Args:
        send: the rendered send, its findings included.
        data: gives the bytes of a picture.

    Returns:
        A whole HTML document.
    """
    pictures = Pictures(data)
    shown = content(send, pictures=pictures)
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(send.id)}</title>\n<style>\n{_css('page')}</style></head>\n<body>\n"
        f"<h1>{escape(send.id)}</h1>\n"
        f'<p class="facts">{send.msgtype} · {escape(_of_send(send))}</p>\n'
        f"{findings_table(send.diagnostics)}{pictures.note()}{shown}</body></html>\n"
    )


def _of_send(send: Send) -> str:
    return _("account {account} · revision {revision}").format(account=send.account, revision=send.revision)


def content(send: Send, *, pictures: Pictures) -> str:
    """Show what a send carries, as a fragment for another page that has `page.css` and ends with the note."""
    match send.content:
        case Articles(articles=articles):
            count = len(articles)
            return "".join(
                article_frames(article, pictures=pictures, index=index, count=count)
                for index, article in enumerate(articles, 1)
            )
        case Text(content=text):
            return f'<p class="bubble">{escape(text)}</p>\n'
        case Image(media=media):
            return _pictures([media], pictures)
        case Images(images=images):
            return _pictures(images, pictures)
        case Newspic(images=images, title=title, text=text):
            shown = f'<h2>{escape(title)}</h2>\n<p class="bubble">{escape(text)}</p>\n'
            return shown + _pictures(images, pictures)
    nothing = _("{msgtype}: there is nothing to show before it is sent").format(msgtype=send.msgtype)
    return f'<p class="bubble">{escape(nothing)}</p>\n'


def article_frames(article: Article, *, pictures: Pictures, index: int = 1, count: int = 1) -> str:
    """Show one article: its size, its cover in both crops, and a frame for each width.

    Args:
        article: the article, its images still placeholders.
        pictures: of the page it stands in.
        index: where it stands in its message, from 1.
        count: how many articles the message has.

    Returns:
        An HTML fragment without scripts.
    """
    position = _("article {index} of {count}").format(index=index, count=count)
    size = _("{chars:,} of {most:,} characters with markup, {images} images").format(
        chars=markup_chars(article.html, article.images), most=CONTENT_CHARS, images=len(article.images)
    )
    frames = [_frame(article, pictures, width) for width in WIDTHS]
    frames.append(_frame(article, pictures, DARK_WIDTH, dark=True))
    return (
        f"<h2>{escape(article.title)}</h2>\n"
        f'<p class="facts">{position} · {size} · {escape(_facts(article))}</p>\n'
        f'<div class="covers">{_cover(article, pictures)}</div>\n'
        f'<div class="frames">{"".join(frames)}</div>\n'
    )


def findings_table(findings: Iterable[Diagnostic]) -> str:
    """List findings; empty when there are none."""
    rows = "".join(
        f'<tr><td class="{finding.level}">{_(finding.level)}</td><td>{escape(str(finding.location))}</td>'
        f"<td>{escape(finding.rule)}</td><td>{escape(finding.message)}</td><td>{escape(finding.hint)}</td></tr>\n"
        for finding in findings
    )
    head = f"<tr>{''.join(f'<th>{escape(_(heading))}</th>' for heading in _HEADINGS)}</tr>\n"
    return f"<table>\n{head}{rows}</table>\n" if rows else ""


def _facts(article: Article) -> str:
    facts = [
        _("author {name}").format(name=article.author) if article.author else "",
        _("digest “{digest}”").format(digest=article.digest)
        if article.digest
        else _("digest: the first 54 characters of the text"),
        _("read more: {url}").format(url=article.content_source_url) if article.content_source_url else "",
        _("comments open") if article.need_open_comment else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def frame_document(article: Article, *, pictures: Pictures, dark: bool = False) -> str:
    """Show one article as the reader's app does: the whole document of a frame.

    Args:
        article: the article, its images still placeholders.
        pictures: of the page it stands in.
        dark: roughly as in dark mode.
    """
    by = f'<p class="by">{escape(article.author)}</p>' if article.author else ""
    return (
        f'<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<style>{_css('reader')}{_DARK if dark else ''}</style>"
        f'<h1>{escape(article.title)}</h1>{by}<div id="content">{_with_pictures(article, pictures)}</div>'
    )


def _frame(article: Article, pictures: Pictures, width: int, *, dark: bool = False) -> str:
    name = _("{width} px, dark mode (approximate)").format(width=width) if dark else f"{width} px"
    return (
        f'<figure><figcaption>{name}</figcaption><iframe sandbox title="{name}" width="{width}" '
        f'srcdoc="{escape(frame_document(article, pictures=pictures, dark=dark))}"></iframe></figure>\n'
    )


def _with_pictures(article: Article, pictures: Pictures) -> str:
    html = article.html
    for image in article.images:
        written = f'"{image.placeholder}"'
        if times := html.count(written):
            html = html.replace(written, f'"{pictures.address(image.file, times=times)}"')
    return html


def _cover(article: Article, pictures: Pictures) -> str:
    if article.cover.file is None:
        name = article.cover.name or article.cover.media_id or ""
        told = _("cover: material {name}, already uploaded to WeChat").format(name=name)
        return f'<p class="facts">{escape(told)}</p>'
    address = pictures.address(article.cover.file, times=2)
    wide = _crop(address, "wide", article.pic_crop_235_1, f"<b>{escape(article.title)}</b>")
    square = _crop(address, "square", article.pic_crop_1_1, "")
    first, further = _("first article, 2.35:1"), _("other articles and shares, 1:1")
    return (
        f"<figure><figcaption>{first}</figcaption>{wide}</figure>"
        f"<figure><figcaption>{further}</figcaption>{square}</figure>"
    )


def _crop(address: str, shape: str, crop: str, over: str) -> str:
    """Show the part of a cover that `X1_Y1_X2_Y2` names; without one the middle, as the platform does."""
    x1, y1, x2, y2 = _corners(crop)
    width, height = x2 - x1, y2 - y1
    style = (
        f"width:{100 / width:.4g}%;height:{100 / height:.4g}%;"
        f"left:{100 * (0 - x1) / width:.4g}%;top:{100 * (0 - y1) / height:.4g}%"
    )
    return f'<div class="crop {shape}"><img src="{address}" alt="" style="{style}">{over}</div>'


def _corners(crop: str) -> tuple[float, float, float, float]:
    try:
        x1, y1, x2, y2 = (float(part) for part in crop.split("_"))
    except ValueError:
        return 0, 0, 1, 1
    return (x1, y1, x2, y2) if 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1 else (0, 0, 1, 1)


def _pictures(medias: Iterable[Media], pictures: Pictures) -> str:
    shown = "".join(
        f'<img src="{pictures.address(media.file)}" alt="" width="187">'
        if media.file
        else f'<p class="facts">{escape(_material(media))}</p>'
        for media in medias
    )
    return f'<div class="covers">{shown}</div>\n'


def _material(media: Media) -> str:
    return _("material {name}").format(name=media.name or media.media_id or "")


@lru_cache(maxsize=2)
def _css(name: str) -> str:
    return (
        resources.files("wechat_campaigns.render.article").joinpath(f"{name}.css").read_text(encoding="utf-8")
    )
