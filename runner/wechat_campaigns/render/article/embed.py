"""Pictures and mini programs of an article's tree: placeholders for the files, faults at their lines.

Each picture is listed once. Mini programs are a text link, a picture link or a card: in Markdown the address
of a link is `miniprogram://APPID/PATH`, and a picture in a link with the title `card` is a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from lxml.html import HtmlElement

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.html import CARD_PLACEHOLDER, PLACEHOLDER_SCHEME
from wechat_campaigns.core.i18n import _, current_language
from wechat_campaigns.messages import BodyImage
from wechat_campaigns.render.article.dom import elements, line_of, make
from wechat_campaigns.render.article.parts import IMAGE_PREFIXES, ArticleSource, Findings
from wechat_campaigns.source.files import FileError

if TYPE_CHECKING:
    from wechat_campaigns.render.article.images import ImageInspection

MAX_PATH_CHARS = 1_000
"""Of a picture's path; each step of it costs a look at the disk."""
_OWN = IMAGE_PREFIXES[1:]
LAZY_PREFIXES = ("data:image/gif", "data:image/svg")
"""What stands in `src` while a page has not loaded a picture; its address is in `data-src` then."""
STYLE_ADDRESS = re.compile(r"url\(\s*+(\"[^\"]*+\"|'[^']*+'|[^\"'()]*+)\s*+\)", re.IGNORECASE)


def resolve(root: HtmlElement, source: ArticleSource, findings: Findings) -> tuple[BodyImage, ...]:
    """Replace the address of every picture below `root` by a placeholder; list them in order, each once.

    Pictures are images, backgrounds in style attributes, and images inside drawings.

    Args:
        root: the article's tree; each image gains `data-w` (pixels) and `data-ratio`.
        findings: collects what is wrong; an image that cannot be used is removed.
    """
    resolver = _Resolver(source=source, findings=findings)
    for element in elements(root):
        if element.tag == "img":
            resolver.image(element)
        elif element.tag == "image":
            resolver.drawn(element)
        elif element.tag in (CARD, OLD_CARD):
            resolver.card(element)
        if "url(" in element.get("style", "").lower():
            resolver.style(element)
    return tuple(resolver.found.values())


@dataclass(slots=True, kw_only=True)
class _Resolver:
    """Reads the pictures of one article, each file once."""

    source: ArticleSource
    findings: Findings
    found: dict[str, BodyImage] = field(default_factory=dict)
    pictures: dict[str, PreparedPicture | None] = field(default_factory=dict)

    def image(self, image: HtmlElement) -> None:
        """Resolve an `img`; remove it when its picture cannot be used."""
        _check_alt(image, self.findings)
        address = image.get("src") or ""
        if address.startswith(LAZY_PREFIXES) or not address.strip():
            address = image.get("data-src") or address
        written = self._address(address, image, card=is_card_link(image.getparent()))
        if written is None:
            image.drop_tree()
            return
        image.set("src", written)
        if picture := self.pictures.get(unquote(address.strip())):
            image.set("data-w", str(picture.inspection.width))
            image.set("data-ratio", f"{picture.inspection.height / picture.inspection.width:.4g}")

    def card(self, card: HtmlElement) -> None:
        """Resolve the cover of a mini program's card."""
        if address := card.get(COVER):
            card.set(COVER, self._address(address, card, card=True) or "")

    def drawn(self, image: HtmlElement) -> None:
        """Resolve the `image` of a drawing; what cannot be used is taken out later, with its address."""
        for name in ("href", "xlink:href"):
            if address := image.get(name):
                image.set(name, self._address(address, image) or "")

    def style(self, element: HtmlElement) -> None:
        """Resolve the backgrounds of a style attribute."""

        def written(found: re.Match[str]) -> str:
            address = self._address(found[1].strip("\"' "), element)
            return "none" if address is None else f"url({address})"

        element.set("style", STYLE_ADDRESS.sub(written, element.get("style", "")))

    def _address(self, address: str, element: HtmlElement, *, card: bool = False) -> str | None:
        """Return what to write for an address; None after a problem.

        Args:
            card: of the cover of a card, which has to be permanent material.
        """
        src = re.sub(r"^(http:)?//(?=mm(biz|ecoa)\.qpic\.cn/)", "https://", address.strip())
        if src.startswith(_OWN):
            return quote(src, safe="/:?&=#%@!$,;~+*[]") if not src.isascii() or "(" in src else src
        path = unquote(src)
        if self.pictures.get(path) is None:  # a fault is reported wherever it stands
            picture = _read(element, path, self.source, self.findings)
            self.pictures[path] = picture and _judge(picture, element, self.findings)
        usable = self.pictures[path]
        if usable is None:
            return None
        placeholder = f"{CARD_PLACEHOLDER if card else PLACEHOLDER_SCHEME + ':'}{usable.file.sha256}"
        self.found.setdefault(placeholder, BodyImage(placeholder=placeholder, file=usable.file))
        return placeholder


def _read(image: HtmlElement, path: str, source: ArticleSource, findings: Findings) -> PreparedPicture | None:
    line = line_of(image)
    if not path or path.startswith(("data:", "//")) or "://" in path or len(path) > MAX_PATH_CHARS:
        findings.gather(
            "image-address",
            _("the image `{path}` is not a file in this repository").format(path=path[:60]),
            _("run `campaign import FILE.html`, which saves such pictures beside the article")
            if source.kind == "html"
            else _("save it next to the article and use its relative path: WeChat removes external images"),
            line=line,
            level="error",
        )
        return None
    try:
        info = source.files.info(source.file, path)
        return prepare(info, lambda: source.files.data(info.path), convert=source.options.fix_images)
    except FileError as error:
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


def _check_alt(image: HtmlElement, findings: Findings) -> None:
    if not (image.get("alt") or "").strip():
        what = _("the image has no alternative text")
        hint = _("describe it in `alt`, or in the brackets in Markdown, for readers who cannot see it")
        findings.advise("image-alt", what, hint, line=line_of(image))


# --- pictures: many articles show the same logo ------------------------------------------------


KEPT: Final = 2_000
"""Pictures of a few hundred bytes each, after which all are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPicture:
    """A picture as it will be uploaded, and what it looks like."""

    file: FileInfo
    inspection: ImageInspection
    note: str = ""
    """How it was converted, for people; empty when it was not."""


_known: dict[tuple[str, bool, str], PreparedPicture] = {}
"""By SHA-256 of the file, whether it may be converted, the language of its faults."""


def prepare(file: FileInfo, data: Callable[[], bytes], *, convert: bool) -> PreparedPicture:
    """Inspect a picture of an article, and convert it where that is wanted and mends it.

    Args:
        file: as it is in the campaigns folder.
        data: reads its bytes; called only for a picture that is not known.
    """
    key = file.sha256, convert, current_language()
    found = _known.get(key)
    if found is None:
        if len(_known) >= KEPT:
            _known.clear()
        found = _known[key] = _prepared(file, data(), convert)
    return replace(found, file=replace(found.file, path=file.path))


def _prepared(file: FileInfo, data: bytes, convert: bool) -> PreparedPicture:
    # Loads Pillow, which an article without pictures does without.
    from wechat_campaigns.render.article import images

    inspection = images.inspect_image(data, file.format)
    if not (convert and inspection.is_convertible):
        return PreparedPicture(file=file, inspection=inspection)
    file, data, note = images.convert_file(file, data, images.BODY)
    return PreparedPicture(file=file, inspection=images.inspect_image(data, file.format), note=note)


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
        yield what, _("write `wx` and 16 digits or letters a to f")
    if not _PATH.fullmatch(path):
        what = _("the mini program {appid} has no page").format(appid=appid[:40])
        yield what, _("write the page after the AppID: pages/index/index")
    if element.tag == CARD and not 0 < len(title.strip()) <= MAX_CARD_TITLE_CHARS:
        what = _("the title of a card has {count} characters; 1 to {most} are allowed")
        yield what.format(count=len(title.strip()), most=MAX_CARD_TITLE_CHARS), _("change the title")
    if element.tag == CARD and not element.get(COVER):
        yield _("the card has no picture"), _("add one of 1080 × 864 pixels")
