"""Mini programs in an article: a text link, a picture link, a card; checked and written as WeChat takes them.

In Markdown the address of a link is `miniprogram://APPID/PATH`; a picture in a link with the title `card` is
a card.
Source: uploadnewsmsg, section 4, read 2026-11; that draft/add takes them is what projects of 2026 do.
"""

import re
from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article.dom import line_of, make
from wechat_campaigns.render.article.parts import Findings

SCHEME: Final = "miniprogram://"
CARD: Final = "mp-common-miniprogram"
OLD_CARD: Final = "mp-miniprogram"
"""The name of the same element until 2021; editors' pages still have it."""
CARD_TITLES: Final = ("card", "卡片")
MAX_TITLE_CHARS: Final = 35
APPID, PATH, TITLE, COVER, KIND = (
    f"data-miniprogram-{name}" for name in ("appid", "path", "title", "imageurl", "type")
)
ATTRIBUTES: Final = frozenset(
    (APPID, PATH, TITLE, COVER, KIND, "data-miniprogram-nickname", "data-miniprogram-avatar")
)
_APPID = re.compile("wx[0-9a-f]{16}")
_PATH = re.compile(r"[^\s<>\"'`]{1,1024}")


def is_card_link(element: HtmlElement | None) -> bool:
    """Return whether a link of Markdown asks for a card."""
    if element is None or element.tag != "a" or not (element.get("href") or "").startswith(SCHEME):
        return False
    return (element.get("title") or "").strip().lower() in CARD_TITLES


def rewrite_link(element: HtmlElement, findings: Findings) -> None:
    """Write a link of Markdown as WeChat takes it."""
    appid, _slash, path = (element.get("href") or "").removeprefix(SCHEME).partition("/")
    picture, card = element.find("img"), is_card_link(element)
    element.attrib.clear()
    element.set(APPID, appid)
    element.set(PATH, path)
    element.set("href", "")
    if card and picture is not None:
        made = make(
            CARD,
            **{APPID: appid, PATH: path, TITLE: picture.get("alt") or "", COVER: picture.get("src") or ""},
        )
        made.set(KIND, "card")
        made.tail = element.tail
        element.getparent().replace(element, made)
        element = made
    check(element, findings)


def check(element: HtmlElement, findings: Findings) -> None:
    """Report what WeChat refuses of a mini program's link or card."""
    for what, hint in _faults(element):
        findings.error("mini-program", what, hint, line=line_of(element))


def _faults(element: HtmlElement) -> Iterator[tuple[str, str]]:
    """Yield each fault with its hint."""
    appid, path, title = (element.get(name) or "" for name in (APPID, PATH, TITLE))
    if not _APPID.fullmatch(appid):
        what = _("`{appid}` is not the AppID of a mini program").format(appid=appid[:40])
        yield what, _("write `wx` and 16 digits or letters a to f")
    if not _PATH.fullmatch(path):
        what = _("the mini program {appid} has no page").format(appid=appid[:40])
        yield what, _("write the page after the AppID: pages/index/index")
    if element.tag == CARD and not 0 < len(title.strip()) <= MAX_TITLE_CHARS:
        what = _("the title of a card has {count} characters; 1 to {most} are allowed")
        yield what.format(count=len(title.strip()), most=MAX_TITLE_CHARS), _("change the title")
    if element.tag == CARD and not element.get(COVER):
        yield _("the card has no picture"), _("add one of 1080 × 864 pixels")
