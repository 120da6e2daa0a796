"""What the studio's phone shows of a send: a bubble in the chat, and the pages that open at a touch."""

import re
from urllib.parse import urlencode

from markupsafe import Markup

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.model import Send
from wechat_campaigns.messages import Articles, Images, Newspic
from wechat_campaigns.render.article.page import GAP, bubble, post, reader

_FOREIGN = re.compile(r'(<(?:img|image)\b[^>]*?\b(?:src|href)=")(?!/media/|data:)[^"]*"')
_STYLE = re.compile(r'\bstyle="[^"]*"')
_FOREIGN_GROUND = re.compile(r"url\((?!/media/|data:|#)[^)]*\)")


def shown_url(send: Send, number: int = 0) -> str:
    """Return the address of a send's bubble, or of the page behind its card of this number, from 1.

    The address is another one whenever what it shows is.
    """
    values = {"send": send.id, "n": number, "v": sha256(repr((send.account, send.content)))[:16]}
    return f"/shown?{urlencode(values)}"


def pages_of(send: Send) -> tuple[str, ...]:
    """List the titles of what opens as a page of its own."""
    match send.content:
        case Articles():
            return tuple(article.title for article in send.content.articles)
        case Newspic() | Images():
            return (send.content.title or "",)
    return ()


def shown_html(send: Send, number: int, *, dark: bool) -> Markup:
    """Return what is behind `shown_url`, as a fragment."""
    if not number:
        return bubble(send, address=media_url)
    if isinstance(send.content, Articles):
        article = send.content.articles[number - 1]
        html = reader(article, address=media_url, dark=dark, account=send.account)
        return Markup(local_pictures(html))  # noqa: S704 - `reader` wrote it
    return post(send, address=media_url, dark=dark)


def media_url(file: FileInfo, *, times: int = 1) -> str:  # noqa: ARG001 - see `page.Address`
    """Return where the page finds a file."""
    return f"/media/{file.sha256}"


def local_pictures(html: str) -> str:
    """Return HTML with a grey box for each picture that the page would request from elsewhere."""
    html = _FOREIGN.sub(lambda found: f'{found[1]}{GAP}"', html)
    return _STYLE.sub(lambda style: _FOREIGN_GROUND.sub(lambda _found: f"url({GAP})", style[0]), html)
