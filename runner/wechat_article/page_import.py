"""A page saved from an editor → the article in it, and the addresses of its pictures."""

import hashlib
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import PurePosixPath
from typing import Any, Final

from lxml import etree
from lxml.html import HtmlElement

from wechat_article import css, dom, keep, styles, theme
from wechat_article.body import assemble
from wechat_article.embed import each_address
from wechat_article.files import UnusableError
from wechat_article.parts import IMAGE_URL_CHARS, WECHAT_IMAGES, ArticleBody, ArticleSource, with_https
from wechat_article.program import _

MAX_CHARS = 2 * 1024 * 1024
"""Of an article with its markup: nothing longer can be shortened to what WeChat takes."""
MAX_ADDRESS_CHARS = 2_000
"""Of a picture's address that stays; a longer one that was not saved is written cut, as no picture has it."""
_PUBLISHED = "js_content"
_CONTENT = (_PUBLISHED, "nice", "output", "wenyan", "write")
"""The ids of the element that holds the article: a published article, mdnice, doocs/md, wenyan, Typora."""
_LAID_OUT = ("nice", "output", "wenyan")
"""Those whose own style belongs to the article; the others only place it on the page."""
_INHERITED = (
    "background", "background-color", "color", "font-size", "line-height", "letter-spacing", "text-align",
)  # fmt: skip
"""What text has from the page around the article."""
_PAGE = "data-page"
_LINKED_SHEET = re.compile(r"<link\b[^>]{0,500}\bstylesheet\b", re.IGNORECASE)
_FOR_ALL = re.compile(r"(?<![\w\s.#\]>+~-])\s*\*(?:::?[\w-]+)?(?:\s*,\s*\*?::?[\w-]+)*\s*\{[^{}]*\}")
"""A rule for every element: WeChat's reader has its own, and in each `style` it would fill the article."""
_DRAWN_MARKS = re.compile(r"\bli::?before\b[^{}]{0,500}\{[^{}]{0,500}\bcontent\b")
_NO_MARKS = re.compile(r"\blist-style(?:-type)?\s*:\s*none\b")
"""Google Docs draws the marks of its lists with rules that no `style` has: the lists keep those of HTML."""
_STYLE_TAG = re.compile(r"(</?style\b[^<>]*>)", re.IGNORECASE)
_HEADINGS = """<style>h1,h2,h3,h4,h5,h6{font-weight:bold}
h1{font-size:1.5em}h2{font-size:1.3em}h3{font-size:1.15em}</style>"""
"""As browsers show them, but smaller: the reader of WeChat shows those without a style as plain text."""
_CODE_STYLE = (
    "margin:1em 0;padding:1em;background-color:#f7f7f7;font-size:14px;overflow-x:auto;white-space:pre"
)
_TITLE_PATHS = (
    "//meta[@property='og:title']/@content",
    "//*[@id='activity-name']//text()",
    "//title/text()",
    "//h1//text()",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPage:
    """The article of a saved page."""

    title: str
    """On one line; empty when the page names none."""
    addresses: tuple[str, ...]
    """Of its pictures, each once: foreign ones, files beside the page, `data:`, and WeChat's where wanted."""
    is_plain: bool
    """Whether most of its text has its look from the page's style sheet, which WeChat does not keep."""
    marked_html: str
    """The article, each address as `mark` with its number and a full stop."""
    mark: str
    """A text that is nowhere in the page."""
    made: ArticleBody = field(default_factory=lambda: ArticleBody(html=""))
    """What followers will have of it, with WeChat's addresses for its pictures; empty for `with_own`."""

    def html(self, names: Mapping[str, str]) -> str:
        """Write the article, each picture that `names` has under the name given there."""

        def written(mark: re.Match[str]) -> str:
            address = self.addresses[int(mark[1])]
            kept = address if len(address) <= MAX_ADDRESS_CHARS else f"…{address[:100]}"
            return escape(names.get(address, kept).replace("'", "%27"))

        return re.sub(rf"{self.mark}([0-9]+)\.", written, self.marked_html)


def read_page(text: str, *, with_own: bool = False) -> SavedPage:
    """Read a saved page; scripts, handlers, ids, classes and what else nobody sees are left out.

    The first of the elements that editors put an article in is taken, or else the whole body.

    Args:
        with_own: list the pictures that WeChat serves, too.

    Raises:
        UnusableError: the article is longer than any that could be made shorter.
    """
    body = dom.parse(text)
    title = next((" ".join(found.split()) for path in _TITLE_PATHS for found in body.xpath(path)), "")
    name, root = _article(body)
    is_of_console = with_own or name == _PUBLISHED
    if not is_of_console:
        name, root = _article(_with_sheets(text))
    frame = "" if is_of_console or name in _LAID_OUT else _frame(root)
    root.tail = None
    if name in _LAID_OUT or frame:
        box = dom.make("body")
        box.append(root)
        if frame:
            root.tag = "section"
            root.attrib.clear()
            root.set("style", frame)
        root = box
    _write_boxes(root)
    _write_code(root)
    keep.tidy(root)
    is_plain = not is_of_console and _LINKED_SHEET.search(text) is not None and _is_mostly_plain(root)
    numbers: dict[str, int] = {}
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def marked(address: str, _element: HtmlElement) -> str:
        is_own = with_https(address).startswith(WECHAT_IMAGES)
        address = address.strip()
        stays = not address or address.startswith("#") or (is_own and not with_own)
        return address if stays else f"{mark}{numbers.setdefault(address, len(numbers))}."

    each_address(root, marked, mark="'")
    page = SavedPage(
        title=title,
        addresses=tuple(numbers),
        is_plain=is_plain,
        mark=mark,
        marked_html=dom.inner(root).strip() + "\n",
    )
    if max(len(page.marked_html), len(page.html({}))) > MAX_CHARS:
        what = _("the article has more than {most:,} characters, markup included").format(most=MAX_CHARS)
        raise UnusableError(what, _("save the article alone, without the page around it"))
    return page if with_own else replace(page, made=_made(page))


def _made(page: SavedPage) -> ArticleBody:
    """Make the article that followers will have, to say its length and what they lose."""
    address = f"{WECHAT_IMAGES[0]}{'x' * (IMAGE_URL_CHARS - len(WECHAT_IMAGES[0]))}"
    text = page.html(dict.fromkeys(page.addresses, address))
    return assemble(
        ArticleSource(text=text, kind="html", title=page.title, file=PurePosixPath("article.html"))
    )


def _article(body: HtmlElement) -> tuple[str, HtmlElement]:
    """Return the id of the element that holds the article, and the element: the body where no id is known."""
    ids = {element.get("id"): element for element in reversed(dom.elements(body))}
    name = next((name for name in _CONTENT if name in ids), "")
    page = body.find(f"section[@{_PAGE}]/section[@{_PAGE}]")
    return name, ids.get(name, body if page is None else page)


def _with_sheets(text: str) -> HtmlElement:
    """Parse a page with the rules of its style sheets in `style` attributes.

    The page and its body are sections in it: a fragment has no others, and text has its look from them.
    """
    parts = [""]
    for part in _STYLE_TAG.split(text):
        is_sheet = parts[-1][:6].lower() == "<style"
        if is_sheet and _DRAWN_MARKS.search(part):
            part = _NO_MARKS.sub("", part)
        parts.append(_FOR_ALL.sub("", part) if is_sheet else part)
    inlined = theme.inliner().inline(_HEADINGS + "".join(parts))
    for tag in ("<html", "</head>\\s*<body"):
        inlined = re.sub(rf"{tag}\b", f"<section {_PAGE}=''", inlined, count=1)
    body = dom.parse(inlined)
    _without_ids(body)
    for element in dom.elements(body):
        if items := css.declarations(element.get("style", "")):
            element.set("style", styles.written(item for item in items if styles.is_known(item.lower_name)))
        if not element.get("style", "-"):
            del element.attrib["style"]
    return body


def _frame(root: HtmlElement) -> str:
    """Write the style that the text of an article has from the elements around it."""
    found: dict[str, Any] = {}
    for element in reversed([root, *root.iterancestors()]):
        items = css.declarations(element.get("style", ""))
        found |= {item.lower_name: item for item in items if item.lower_name in _INHERITED}
    return styles.written(item for item in found.values() if css.value_of(item) != "inherit")


def _write_boxes(root: HtmlElement) -> None:
    """Write the boxes of Notion's task lists, which its style sheet draws."""
    for box in root.xpath(".//div[starts-with(@class, 'checkbox checkbox-o')]"):
        box.tag, box.text = "span", "☑" if box.get("class").endswith("on") else "☐"
        box.attrib.clear()


def _write_code(root: HtmlElement) -> None:
    """Write the console's blocks of code, a `code` for each line, as WeChat keeps code without its sheet."""
    for block in root.xpath(".//*[contains(@class, 'code-snippet__fix')]"):
        for numbers in block.xpath(".//*[contains(@class, 'code-snippet__line-index')]"):
            numbers.drop_tree()
        for code in block.iter("pre"):
            code.set("style", _CODE_STYLE)
            for line in list(code.iter("code"))[:-1]:
                line.tail = "\n"


def _is_mostly_plain(root: HtmlElement) -> bool:
    """Return whether more than half of the elements with text have no style, nor one around them."""
    plain: dict[HtmlElement, bool] = {root: True}
    texts = []
    for element in dom.elements(root):
        plain[element] = plain[element.getparent()] and not element.get("style")
        if dom.has_own_text(element):
            texts.append(plain[element])
    return sum(texts) * 2 > len(texts)


# --- drawings without ids ------------------------------------------------------------------------

MAX_PLACED: Final = 2_000
"""Elements, or thousands of bytes, that may be copied into place: parts that use one another could become
billions."""
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^'\")]+)['\"]?\s*\)")
_STOP_COLOUR = re.compile(r"stop-color\s*:\s*([^;]{1,100})")
_OF_USE: Final = ("href", "xlink:href", "x", "y", "width", "height", "transform")


def _without_ids(root: HtmlElement) -> None:
    """Replace each `<use>` by what it draws, and each gradient by its first colour; what is left is lost.

    WeChat takes ids away, and with them all that `<use>` draws and every gradient.
    """
    named = {element.get("id"): element for element in dom.elements(root) if element.get("id")}
    waiting, room = list(root.iter("use")), MAX_PLACED
    while waiting:
        use = waiting.pop()
        target = named.get((use.get("href") or use.get("xlink:href") or "").removeprefix("#"))
        if target is None or target in use.iterancestors():
            continue
        size = max(sum(1 for _element in target.iter()), len(etree.tostring(target, with_tail=False)) // 1000)
        if size > room:
            return
        room -= size
        waiting += _place(use, target).iter("use")
    colours = {
        gradient.get("id"): colour
        for gradient in root.iter("lineargradient", "radialgradient")
        if (colour := next(filter(None, map(_colour, gradient.iter("stop"))), None))
    }
    for element in dom.elements(root) if colours else ():
        for name in ("fill", "stroke", "style"):
            if "url(" in element.get(name, ""):
                element.set(name, _REFERENCE.sub(lambda at: colours.get(at[1], at[0]), element.get(name)))


def _place(use: HtmlElement, target: HtmlElement) -> HtmlElement:
    """Replace a `<use>` by a group with a copy of what it draws; return the group."""
    part, moves = deepcopy(target), [use.get("transform", "")]
    part.attrib.pop("id", None)
    part.tail = None
    if use.get("x") or use.get("y"):
        moves.append(f"translate({use.get('x') or 0} {use.get('y') or 0})")
    if part.tag in ("symbol", "svg"):
        part.tag = "svg"
        part.attrib.update({name: use.get(name, "100%") for name in ("width", "height")})
    group = dom.make("g")
    group.attrib.update({name: value for name, value in use.items() if name not in _OF_USE})
    if any(moves):
        group.set("transform", " ".join(filter(None, moves)))
    group.append(part)
    group.tail, use.tail = use.tail, None
    use.getparent().replace(use, group)
    return group


def _colour(stop: HtmlElement) -> str:
    in_style = _STOP_COLOUR.search(stop.get("style", ""))
    return in_style[1].strip() if in_style else stop.get("stop-color", "")[:100]
