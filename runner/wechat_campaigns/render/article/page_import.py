"""A page saved from an editor → the article in it, and the addresses of its pictures."""

import codecs
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from lxml.html import HtmlElement

from wechat_campaigns.render.article import dom, keep
from wechat_campaigns.render.article.embed import each_address
from wechat_campaigns.render.article.parts import WECHAT_IMAGES, with_https

MAX_PAGE_BYTES = 20_000_000
"""Of a saved page; one with its pictures inside has some millions."""
_PUBLISHED = "js_content"
_CONTENT = (_PUBLISHED, "nice", "output", "wenyan", "write")
"""The ids of the element that holds the article: a published article, mdnice, doocs/md, wenyan, Typora."""
_LAID_OUT = ("nice", "output", "wenyan")
"""Those whose own style belongs to the article; the others only place it on the page."""
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,20})", re.IGNORECASE)
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

    def html(self, names: Mapping[str, str]) -> str:
        """Write the article, each picture that `names` has under the name given there."""

        def written(mark: re.Match[str]) -> str:
            address = self.addresses[int(mark[1])]
            return escape(names.get(address, address).replace("'", "%27"))

        return re.sub(rf"{self.mark}([0-9]+)\.", written, self.marked_html)


def decode_page(data: bytes) -> str:
    """Decode a page as browsers do: by its mark, by what it says, as UTF-8, or as Chinese Windows has it."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8-sig", "replace")
    said = _CHARSET.search(data[:4096])
    names = [said[1].decode().lower()] if said else []
    for name in (*names, "utf-8"):
        try:
            return data.decode("gb18030" if name.startswith(("gb", "cp936")) else name)
        except (LookupError, UnicodeError):
            continue
    return data.decode("gb18030", "replace")


def read_page(text: str, *, with_own: bool = False) -> SavedPage:
    """Read a saved page; scripts, handlers, ids, classes and what else nobody sees are left out.

    The first of the elements that editors put an article in is taken, or else the whole body.

    Args:
        with_own: list the pictures that WeChat serves, too.
    """
    body = dom.parse(text)
    title = next((" ".join(found.split()) for path in _TITLE_PATHS for found in body.xpath(path)), "")
    ids = {element.get("id"): element for element in reversed(dom.elements(body))}
    name = next((name for name in _CONTENT if name in ids), "")
    root = ids.get(name, body)
    root.tail = None
    if name in _LAID_OUT:
        box = dom.make("body")
        box.append(root)
        root = box
    has_sheet = any("{" in (sheet.text or "") for sheet in body.iter("style"))
    keep.tidy(root)
    is_plain = has_sheet and name != _PUBLISHED and _is_mostly_plain(root)
    numbers: dict[str, int] = {}
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def marked(address: str, _element: HtmlElement) -> str:
        is_own = with_https(address).startswith(WECHAT_IMAGES)
        address = address.strip()
        stays = not address or address.startswith("#") or (is_own and not with_own)
        return address if stays else f"{mark}{numbers.setdefault(address, len(numbers))}."

    each_address(root, marked, mark="'")
    return SavedPage(
        title=title,
        addresses=tuple(numbers),
        is_plain=is_plain,
        mark=mark,
        marked_html=dom.inner(root).strip() + "\n",
    )


def _is_mostly_plain(root: HtmlElement) -> bool:
    """Return whether more than half of the elements with text have no style, nor one around them."""
    plain: dict[HtmlElement, bool] = {root: True}
    texts = []
    for element in dom.elements(root):
        plain[element] = plain[element.getparent()] and not element.get("style")
        if dom.has_own_text(element):
            texts.append(plain[element])
    return sum(texts) * 2 > len(texts)
