"""The tree of a Markdown article → the structure WeChat keeps: headings, figures, lists, references."""

import re
from typing import Final

from lxml.html import HtmlElement

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article import links
from wechat_campaigns.render.article.dom import (
    BLOCKS,
    append_text,
    elements,
    line_of,
    make,
    strip_blank_text,
    take_content,
    text_of,
)
from wechat_campaigns.render.article.parts import Findings

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TOP, _DEEPEST = 2, 4
_MARKS = ("◦ ", "▪ ")
_BOXES = ("☐", "☑")
_WIDTHS: Final = {2: ("48%", "3%"), 3: ("32%", "1.5%")}
"""Of a column, and between two, by the number of columns."""


def rewrite(root: HtmlElement, *, title: str, findings: Findings) -> None:
    """Rewrite a tree in place.

    Args:
        root: what `markdown.to_html` gave, parsed; images already resolved.
        title: the article's title, which WeChat shows itself.
    """
    strip_blank_text(root)
    _headings(root, title)
    links.collect(root, findings)
    _figures(root, findings)
    _flatten_lists(root)
    _arrange_columns(root, findings)


def _headings(root: HtmlElement, title: str) -> None:
    """Drop a first heading that repeats the title; let the highest level be h2 and skip none."""
    first = root[0] if len(root) else None
    if (
        first is not None
        and first.tag in _HEADINGS
        and "".join(text_of(first).split()) == "".join(title.split())
    ):
        first.drop_tree()
    found = [element for element in elements(root) if element.tag in _HEADINGS]
    levels = sorted({element.tag for element in found})
    for element in found:
        element.tag = f"h{min(_TOP + levels.index(element.tag), _DEEPEST)}"


def _figures(root: HtmlElement, findings: Findings) -> None:
    """Make each image that stands alone a figure, its title the caption."""
    for image in [element for element in elements(root) if element.tag == "img"]:
        caption = image.attrib.pop("title", "")
        _width(image, findings)
        paragraph = image.getparent()
        if paragraph is not None and paragraph.tag == "p" and _only_images(paragraph):
            figure = make("section", class_="figure")
            figure.set("data-line", image.get("data-line", "1"))
            image.tail = None
            paragraph.addprevious(figure)
            figure.append(image)
            if caption:
                figure.append(make("section", caption, class_="caption"))
            if paragraph.find("img") is None:
                paragraph.drop_tree()
        elif caption:
            what = _(
                "the caption “{caption}” belongs to an image within a line of text and is not shown"
            ).format(caption=caption[:30])
            hint = _("put the image in a paragraph of its own")
            findings.warning("caption-inline", what, hint, line=line_of(image))


def _width(image: HtmlElement, findings: Findings) -> None:
    """Turn `{width=50%}` into style."""
    width = image.attrib.pop("width", None)
    if width is None:
        return
    percent = width.removesuffix("%")
    if width.endswith("%") and re.fullmatch(r"[0-9]{1,3}", percent) and 0 < int(percent) <= 100:
        image.set("style", f"width:{int(percent)}%")
        return
    what = _("the image width `{width}` is not a percentage of the screen").format(width=width[:20])
    hint = _("write {width=50%}, from 1% to 100%")
    findings.error("image-width", what, hint, line=line_of(image))


def _only_images(paragraph: HtmlElement) -> bool:
    if (paragraph.text or "").strip():
        return False
    return all(child.tag in ("img", "br") and not (child.tail or "").strip() for child in paragraph)


def _flatten_lists(root: HtmlElement) -> None:
    """Leave one real level of each list, deeper ones as sections with a mark written as text.

    The web editor gives nested lists second marks or flattens them; it leaves sections alone.
    """
    lists = [element for element in elements(root) if element.tag in ("ul", "ol")]
    # From the inside out, so that an item's content is final when it moves.
    for element in reversed(lists):
        depth = sum(1 for above in element.iterancestors() if above.tag in ("ul", "ol"))
        for item in element:
            _gather(item)
        if depth:
            _replace(element, depth)


def _gather(item: HtmlElement) -> None:
    """Move an item's loose text, and its paragraphs, into sections."""
    children, text = list(item), item.text
    item.text = None
    for child in children:
        item.remove(child)
    section = make("section", text)
    for child in children:
        tail, child.tail = child.tail, None
        if child.tag not in BLOCKS:
            section.append(child)
            append_text(section, tail)
            continue
        _add_filled(item, section)
        if child.tag == "p":
            child.tag = "section"
        item.append(child)
        section = make("section", tail)
    _add_filled(item, section)


def _add_filled(item: HtmlElement, section: HtmlElement) -> None:
    if len(section) or (section.text or "").strip():
        item.append(section)


def _replace(element: HtmlElement, depth: int) -> None:
    number = int(element.get("start") or 1) if element.tag == "ol" else None
    nested = make("section", class_="nested")
    nested.tail = element.tail
    for index, item in enumerate(list(element)):
        mark = _MARKS[min(depth, len(_MARKS)) - 1] if number is None else f"{number + index}. "
        entry = make("section", class_="nested-item")
        take_content(item, entry)
        _mark(entry, mark)
        nested.append(entry)
    nested.set("data-line", element.get("data-line") or "1")
    parent = element.getparent()
    if parent is None:
        return
    parent.replace(element, nested)


def _mark(entry: HtmlElement, mark: str) -> None:
    """Write the mark before an item's text; a task box is mark enough."""
    if len(entry) and entry[0].tag == "section" and entry[0].get("class") is None:
        first = entry[0]
        text = first.text or ""
        entry.text = text if text.startswith(_BOXES) else mark + text
        first.text = None
        for child in reversed(list(first)):
            entry.insert(0, child)
        first.drop_tree()
    else:
        entry.text = mark + (entry.text or "")


def _arrange_columns(root: HtmlElement, findings: Findings) -> None:
    """Arrange the parts of `columns` side by side, in place."""
    for box in [element for element in elements(root) if element.get("class") == "columns"]:
        blocks = list(box)
        if len(blocks) not in _WIDTHS:
            what = _(
                "the number of parts in the box `columns` is {count}, but 2 or 3 fit side by side"
            ).format(count=len(blocks))
            hint = _("write two or three pictures, paragraphs or boxes, with an empty line between them")
            findings.error("box", what, hint, line=line_of(box))
            continue
        width, gap = _WIDTHS[len(blocks)]
        for number, block in enumerate(blocks):
            column = make("section", class_="column", style=f"width:{width}")
            if number:
                column.set("style", f"width:{width};margin-left:{gap}")
            block.addprevious(column)
            column.append(block)
