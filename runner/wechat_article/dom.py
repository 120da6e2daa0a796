"""HTML text ↔ tree, and the few moves on a tree that lxml leaves to its users."""

from html import escape

from lxml import etree, html
from lxml.html import HtmlElement

from wechat_article.parts import replace_forbidden_html

_BLOCKS = """
section p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre table thead tbody tr th td hr div figure header
footer article main aside nav dl dt dd
"""
BLOCKS = frozenset(_BLOCKS.split())


END = "</section></body></html>"
"""What closes the page around a fragment; inside a comment it shows that the comment never closed."""


_CLASSES = etree.ElementDefaultClassLookup(element=HtmlElement, comment=html.HtmlComment)
"""One class for all elements: `lxml.html` asks for the class of each, which takes longer than parsing."""


def parse(text: str, *, keep_lines: bool = False) -> HtmlElement:
    """Parse a fragment into a `body` element around it.

    Args:
        text: HTML; a whole document is taken as its content.
        keep_lines: write `data-line` on each element: its line in `text`.
    """
    parser = html.HTMLParser(encoding="utf-8", huge_tree=False, no_network=True)
    parser.set_element_class_lookup(_CLASSES)
    # The section keeps the parser from wrapping loose text in a paragraph of its own.
    source = f"<html><body><section>{replace_forbidden_html(text)}{END}".encode()
    body: HtmlElement = html.document_fromstring(source, parser=parser).find("body")
    if keep_lines:
        for element in elements(body):
            element.set("data-line", str(element.sourceline or 1))
    for block in body.iter("pre"):
        block.text = (block.text or "").lstrip("\n")  # as browsers do, which this parser does not
    wrapper = body[0]
    wrapper.attrib.clear()
    wrapper.drop_tag()
    return body


def inner(root: HtmlElement) -> str:
    """Serialise what is inside an element."""
    head = escape(root.text or "", quote=False)
    return head + "".join(html.tostring(child, encoding="unicode") for child in root)


def elements(root: HtmlElement) -> list[HtmlElement]:
    """List every element below `root` in document order; comments left out."""
    return [element for element in root.iterdescendants() if isinstance(element.tag, str)]


def line_of(element: HtmlElement | None) -> int | None:
    """Return which source line an element comes from: its own, or that of the nearest one around it."""
    while element is not None:
        if (line := element.get("data-line")) is not None:
            return int(line)
        element = element.getparent()
    return None


def make(tag: str, text: str | None = None, **attributes: str) -> HtmlElement:
    """Create an element; `class_` is written `class`."""
    element: HtmlElement = html.Element(tag)
    for name, value in attributes.items():
        element.set(name.rstrip("_"), value)
    element.text = text
    return element


def take_content(source: HtmlElement, target: HtmlElement) -> None:
    """Move text and children of `source` to the end of `target`."""
    append_text(target, source.text)
    source.text = None
    target.extend(list(source))


def append_text(target: HtmlElement, text: str | None) -> None:
    """Add text at the end of an element's content."""
    if not text:
        return
    if len(target):
        target[-1].tail = (target[-1].tail or "") + text
    else:
        target.text = (target.text or "") + text


def text_of(element: HtmlElement) -> str:
    """Return the text a reader sees; a line break is a newline."""
    parts = []
    for event, node in etree.iterwalk(element, events=("start", "end", "comment")):
        if event == "start" and node.tag == "br":
            parts.append("\n")
        if event == "start":
            parts.append(node.text or "")
        elif node is not element:
            parts.append(node.tail or "")
    return "".join(parts)


def lines_of(element: HtmlElement) -> list[str]:
    """List the lines of words in an element, as blocks and line breaks part them."""
    parts: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end")):
        parts.append("\n" if node.tag in BLOCKS or node.tag == "br" else "")
        text = node.text if event == "start" else node.tail if node is not element else None
        parts.append((text or "").replace("\n", " "))
    return [line for line in "".join(parts).split("\n") if line.strip()]


def has_own_text(element: HtmlElement) -> bool:
    """Return whether text stands in an element itself, not in one inside it."""
    own = (element.text, *(child.tail for child in element))
    return any(text and not text.isspace() for text in own)


def strip_blank_text(root: HtmlElement) -> None:
    """Remove text that is only blanks beside blocks: WeChat's editor shows it as empty lines."""
    for element in [root, *elements(root)]:
        if element.tag in ("pre", "code"):
            continue
        has_blocks = any(child.tag in BLOCKS for child in element)
        if has_blocks and _blank(element.text):
            element.text = None
        if element.tag in BLOCKS and element is not root and _blank(element.tail):
            element.tail = None
        if element.tag in BLOCKS and element.tag != "pre":
            _trim(element)


def _trim(block: HtmlElement) -> None:
    """Remove the newlines at the end of a block and before a block inside it."""
    if block.text and (not len(block) or block[0].tag in BLOCKS):
        block.text = block.text.rstrip("\n")
    for child, following in zip(block, [*block[1:], None], strict=False):
        if child.tail and (following is None or following.tag in BLOCKS):
            child.tail = child.tail.rstrip("\n")


def _blank(text: str | None) -> bool:
    return text is not None and not text.strip(" \n\t\r")
