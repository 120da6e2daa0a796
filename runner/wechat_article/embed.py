"""Pictures and mini programs of an article's tree: placeholders for the files, faults at their lines.

Each picture is listed once. Mini programs are a text link, a picture link or a card: in Markdown the address
of a link is `miniprogram://APPID/PATH`, and a picture in a link with the title `card` is a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from lxml.html import HtmlElement

from wechat_article.dom import elements, line_of, make
from wechat_article.files import PictureFile, UnusableError
from wechat_article.parts import (
    CARD_PLACEHOLDER,
    PLACEHOLDER_SCHEME,
    WECHAT_IMAGES,
    ArticleSource,
    Findings,
    with_https,
)
from wechat_article.program import _

if TYPE_CHECKING:
    from wechat_article.images import PreparedPicture

MAX_PATH_CHARS = 1_000
"""Of a picture's path; each step of it costs a look at the disk."""
_LAZY_PREFIXES = ("data:image/gif", "data:image/svg")
"""What stands in `src` while a page has not loaded a picture; its address is in `data-src` then."""
_STYLE_ADDRESS = re.compile(r"url\(\s*+(\"[^\"]*+\"|'[^']*+'|[^\"'()]*+)\s*+\)", re.IGNORECASE)


def each_address(
    root: HtmlElement, written: Callable[[str, HtmlElement], str | None], *, mark: str = ""
) -> None:
    """Replace the address of every picture below `root`: of images, drawings, cards and backgrounds.

    Args:
        written: returns what to write for an address; None for a picture that cannot be used: an image is
            removed then.
        mark: the quotation mark around the addresses in styles.
    """

    def in_style(element: HtmlElement, found: re.Match[str]) -> str:
        address = written(found[1].strip("\"' "), element)
        return "none" if address is None else f"url({mark}{address}{mark})"

    for element in elements(root):
        if element.tag == "img":
            address, lazy = element.get("src") or "", element.attrib.pop("data-src", None)
            if lazy and (not address.strip() or address.startswith(_LAZY_PREFIXES)):
                address = lazy
            made = written(address, element)
            if made is None:
                element.drop_tree()
            else:
                element.set("src", made)
        for name in _PICTURES.get(element.tag, ()):
            if address := element.get(name):
                element.set(name, written(address, element) or "")
        if "url(" in element.get("style", "").lower():
            element.set("style", _STYLE_ADDRESS.sub(partial(in_style, element), element.get("style", "")))


def resolve(root: HtmlElement, source: ArticleSource, findings: Findings) -> dict[str, PictureFile]:
    """Replace the address of every picture below `root` by a placeholder; return the files by placeholder.

    Args:
        root: the article's tree; each image gains `data-w` (pixels) and `data-ratio`.
        findings: collects what is wrong; an image that cannot be used is removed.
    """
    files: dict[str, PreparedPicture | None] = {}
    pictures: dict[str, PreparedPicture] = {}

    def placeholder(address: str, element: HtmlElement) -> str | None:
        src = with_https(address)
        if src.startswith(WECHAT_IMAGES):
            return quote(src, safe="/:?&=#%@!$,;~+*[]") if not src.isascii() or "(" in src else src
        path = unquote(src)
        if files.get(path) is None:  # a fault is reported wherever it stands
            picture = _read(element, path, source, findings)
            files[path] = picture and _judge(picture, element, findings)
        usable = files[path]
        if usable is None:
            return None
        # The cover of a card has to be permanent material.
        is_cover = element.tag in (CARD, OLD_CARD) or is_card_link(element.getparent())
        written = f"{CARD_PLACEHOLDER if is_cover else PLACEHOLDER_SCHEME + ':'}{usable.file.sha256}"
        pictures.setdefault(written, usable)
        return written

    for image in root.iter("img"):
        if not (image.get("alt") or "").strip():
            what = _("the image has no alternative text")
            hint = _("describe it in `alt`, or in the brackets in Markdown, for readers who cannot see it")
            findings.gather("image-alt", what, hint, line=line_of(image), level="advice")
    each_address(root, placeholder)
    for image in root.iter("img"):
        if picture := pictures.get(image.get("src", "")):
            image.set("data-w", str(picture.inspection.width))
            image.set("data-ratio", f"{picture.inspection.height / picture.inspection.width:.4g}")
    return {written: picture.file for written, picture in pictures.items()}


def _read(image: HtmlElement, path: str, source: ArticleSource, findings: Findings) -> PreparedPicture | None:
    line = line_of(image)
    if not path or path.startswith(("data:", "//")) or "://" in path or len(path) > MAX_PATH_CHARS:
        findings.gather(
            "image-address",
            _("the image `{path}` is not a file in this repository").format(path=path[:60]),
            _("save it next to the article and use its relative path: WeChat removes external images"),
            line=line,
            level="error",
        )
        return None
    # Loads Pillow, which an article without pictures does without.
    from wechat_article.images import BODY, prepare

    try:
        info = source.files.info(source.file, path)
        return prepare(info, source.files, BODY, convert=source.fix_images)
    except UnusableError as error:
        what = _("`{path}`: {fault}").format(path=path[:120], fault=error.message)
        findings.error("image-file", what, error.hint, line=line)
        return None


def _judge(picture: PreparedPicture, image: HtmlElement, findings: Findings) -> PreparedPicture | None:
    """Report what is wrong with a picture; return it, or None when it cannot be sent."""
    line, name = line_of(image), picture.file.path.name
    if picture.note:
        what = _("`{name}` will be converted before it is sent: {note}").format(name=name, note=picture.note)
        hint = _("check it in the preview")
        findings.warning("image-fixed", what, hint, line=line)
    for fault in picture.inspection.faults:
        what = _("`{path}`: {fault}").format(path=name, fault=fault.message)
        findings.add(fault.rule, what, fault.hint, line=line, level=fault.level)
    return picture if all(fault.level == "warning" for fault in picture.inspection.faults) else None


# --- mini programs ------------------------------------------------------------------------------
# Source: uploadnewsmsg, section 4, read 2026-11; that draft/add takes them is what projects of 2026 do.

SCHEME: Final = "miniprogram://"
CARD: Final = "mp-common-miniprogram"
OLD_CARD: Final = "mp-miniprogram"
"""The name of the same element until 2021; editors' pages still have it."""
CARD_TITLES: Final = ("card", "卡片")
MAX_CARD_TITLE_CHARS: Final = 35
APPID, PATH, CARD_TITLE, COVER, KIND = (
    f"data-miniprogram-{name}" for name in ("appid", "path", "title", "imageurl", "type")
)
PROGRAM_ATTRIBUTES: Final = frozenset(
    (APPID, PATH, CARD_TITLE, COVER, KIND, "data-miniprogram-nickname", "data-miniprogram-avatar")
)
_PICTURES: Final = {"image": ("href", "xlink:href"), CARD: (COVER,), OLD_CARD: (COVER,)}
"""Attributes with the address of a picture, besides those of `img`."""
_APPID = re.compile("wx[0-9a-f]{16}")
_PATH = re.compile(r"[^\s<>\"'`]{1,1024}")


def is_card_link(element: HtmlElement | None) -> bool:
    """Return whether a link of Markdown asks for a card."""
    if element is None or element.tag != "a" or not (element.get("href") or "").startswith(SCHEME):
        return False
    return (element.get("title") or "").strip().lower() in CARD_TITLES


def rewrite_program_link(element: HtmlElement, findings: Findings) -> None:
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
            **{
                APPID: appid,
                PATH: path,
                CARD_TITLE: picture.get("alt") or "",
                COVER: picture.get("src") or "",
            },
        )
        made.set(KIND, "card")
        made.tail = element.tail
        element.getparent().replace(element, made)
        element = made
    check_mini_program(element, findings)


def check_mini_program(element: HtmlElement, findings: Findings) -> None:
    """Report what WeChat refuses of a mini program's link or card."""
    for what, hint in _program_faults(element):
        findings.error("mini-program", what, hint, line=line_of(element))


def _program_faults(element: HtmlElement) -> Iterator[tuple[str, str]]:
    """Yield each fault with its hint."""
    appid, path, title = (element.get(name) or "" for name in (APPID, PATH, CARD_TITLE))
    if not _APPID.fullmatch(appid):
        what = _("`{appid}` is not the AppID of a mini program").format(appid=appid[:40])
        yield what, _("write a mini program's AppID: `wx` and 16 digits or letters a to f")
    if not _PATH.fullmatch(path):
        what = _("the mini program {appid} has no page").format(appid=appid[:40])
        yield what, _("write the page after the AppID: pages/index/index")
    if element.tag == CARD and not 0 < len(title.strip()) <= MAX_CARD_TITLE_CHARS:
        what = _("the title of a card has {count} characters; 1 to {most} are allowed")
        yield what.format(count=len(title.strip()), most=MAX_CARD_TITLE_CHARS), _("change the title")
    if element.tag == CARD and not element.get(COVER):
        yield _("the card has no picture"), _("add one of 1080 × 864 pixels")
