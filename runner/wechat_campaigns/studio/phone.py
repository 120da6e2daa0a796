"""Turn a send into what the phone draws, in the shape that the sandbox's inbox draws messages from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from wechat_campaigns.core.content import FileInfo, Media
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.model import Send
from wechat_campaigns.messages import Article, Articles, Image, Images, Mpvideo, Newspic, Text, Voice, Wxcard
from wechat_campaigns.report.sanitize import visible_record

MISSING = (
    "data:image/svg+xml,%3Csvg%20xmlns=%27http://www.w3.org/2000/svg%27%20width=%27160%27%20height=%2790%27%3E"
    "%3Crect%20width=%27160%27%20height=%2790%27%20fill=%27%23bbb%27/%3E%3C/svg%3E"
)
"""Stands for a picture that only WeChat has: the page requests nothing from elsewhere."""
_FOREIGN = re.compile(r'(<(?:img|image)\b[^>]*?\b(?:src|href)=")(?!/media/|data:)[^"]*"')
_STYLE = re.compile(r'\bstyle="[^"]*"')
_FOREIGN_GROUND = re.compile(r"url\((?!/media/|data:|#)[^)]*\)")


def message_data(send: Send) -> dict[str, Any]:
    """Return a send as the inbox's `bubbles.js` takes it: its content, and a line for what it cannot draw."""
    shown = visible_record(send)
    return {"summary": shown.content.summary(), "content": _content(shown)}


def article_url(send: Send, number: int) -> str:
    """Return the page behind the card of an article, from 1, or of a picture post.

    The address is another one whenever the page is.
    """
    values = {"send": send.id, "n": number, "v": sha256(repr(send.content))[:16]}
    return f"/article?{urlencode(values)}"


def media_url(media: Media) -> str:
    """Return where the page finds a file; empty for material that only WeChat has."""
    return f"/media/{media.file.sha256}" if media.file is not None else ""


def files_of(send: Send) -> Iterator[FileInfo]:
    """List the files that a send shows."""
    match send.content:
        case Articles():
            for article in send.content.articles:
                yield from (image.file for image in article.images)
                if article.cover.file is not None:
                    yield article.cover.file
        case Newspic() | Images():
            yield from (media.file for media in send.content.images if media.file is not None)
        case Voice() | Image() | Mpvideo():
            if send.content.media.file is not None:
                yield send.content.media.file


def pages_of(send: Send) -> tuple[str, ...]:
    """List the titles of what opens as a page of its own."""
    match send.content:
        case Articles():
            return tuple(article.title for article in send.content.articles)
        case Newspic():
            return (send.content.title,)
        case Images():
            return (send.content.title or "",)
    return ()


def article_html(article: Article, *, dark: bool = False) -> str:
    """Return the HTML of an article, each picture at the address where this server has it.

    Args:
        dark: recoloured as in the reader's dark mode.
    """
    html = article.html
    if dark:
        from wechat_campaigns.render.article.dark import darken  # needs the libraries of articles

        html = darken(html)
    for image in article.images:
        url = media_url(Media(file=image.file))
        for begin, end in (('"', '"'), ("url(", ")")):
            html = html.replace(f"{begin}{image.placeholder}{end}", f"{begin}{url}{end}")
    return local_pictures(html)


def local_pictures(html: str) -> str:
    """Return HTML with a grey box for each picture that would be requested from elsewhere."""
    html = _FOREIGN.sub(lambda found: f'{found[1]}{MISSING}"', html)
    return _STYLE.sub(lambda style: _FOREIGN_GROUND.sub(lambda _found: f"url({MISSING})", style[0]), html)


def _content(send: Send) -> dict[str, Any]:
    page = article_url(send, 1)
    match send.content:
        case Text():
            return {"text": send.content.content}
        case Articles():
            cards = enumerate(send.content.articles, 1)
            return {"articles": [_card(item, article_url(send, n)) for n, item in cards]}
        case Newspic():
            return {"articles": [_post_card(send.content, page)]}
        case Image():
            return {"images": {"pictures": _pictures(send.content.media)}, "page": page}
        case Images():
            words = {"title": send.content.title or "", "recommend": send.content.recommend or ""}
            return {"images": {"pictures": _pictures(*send.content.images), **words}, "page": page}
        case Voice():
            return {"voice": {"src": media_url(send.content.media), "name": _name(send.content.media)}}
        case Mpvideo():
            words = {"title": send.content.title, "description": send.content.description}
            return {"video": {"src": media_url(send.content.media), **words}}
        case Wxcard():
            return {"card": {"card_id": send.content.card_id}}
    return {}


def _card(article: Article, page: str) -> dict[str, Any]:
    return {
        "title": article.title,
        "digest": article.digest,
        "author": article.author,
        "type": "news",
        "cover": media_url(article.cover),
        "crop_wide": article.pic_crop_235_1,
        "crop_square": article.pic_crop_1_1,
        "pictures": 0,
        "page": page,
        "gone": False,
    }


def _post_card(post: Newspic, page: str) -> dict[str, Any]:
    pictures = _pictures(*post.images)
    return {
        "title": post.title,
        "digest": post.text,
        "type": "newspic",
        "cover": next(iter(pictures), ""),
        "pictures": len(post.images),
        "page": page,
        "gone": False,
    }


def _pictures(*media: Media) -> list[str]:
    return [media_url(one) or MISSING for one in media]


def _name(media: Media) -> str:
    return media.file.path.name if media.file is not None else media.name or media.media_id or ""
