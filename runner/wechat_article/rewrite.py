"""The tree of a Markdown article → the structure WeChat keeps: headings, figures, lists, columns, references.

WeChat keeps no outside link: links and footnotes become one numbered list of references at the end.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from lxml.html import HtmlElement
from markdown_it.common.normalize_url import normalizeLink

from wechat_article import embed
from wechat_article.dom import (
    BLOCKS,
    append_text,
    elements,
    line_of,
    make,
    strip_blank_text,
    take_content,
    text_of,
)
from wechat_article.parts import LINK_PREFIX, Findings, with_https
from wechat_article.program import _
from wechat_article.text import is_cjk

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_TOP, _DEEPEST = 2, 4
_MARKS = ("◦ ", "▪ ")
_BOXES = ("☐", "☑")
_MARK = "mark"
"""The class of a number that refers to a reference."""
_TIE: Final = "white-space:nowrap"
"""The style of what holds such a number to the character before it."""
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
    _collect_links(root, findings)
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


# --- links and footnotes ------------------------------------------------------------------------


CLOSING: Final = frozenset(("follow", "earlier", "signature"))
"""Boxes that end an article: what the text refers to stands before them."""
_REFERENCES_TITLE = "参考与注释"
_SCHEMES = ("http", "https", "mailto", "tel")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One reference: an address with the words that led to it, or a footnote's content."""

    number: int
    label: str = ""
    url: str = ""
    note: HtmlElement | None = None


def _collect_links(root: HtmlElement, findings: Findings) -> None:
    """Rewrite links and footnotes below `root` in place and append the references.

    A link to `https://mp.weixin.qq.com/` stays a link. One address, or one footnote, has one number
    however often it is named.
    """
    notes = {
        element.get("data-note"): element
        for element in elements(root)
        if element.tag == "section" and element.get("data-note")
    }
    entries: dict[str, _Entry] = {}
    # A note may name further links: they come later in the document, so they get later numbers.
    for element in elements(root):
        if element.tag == "sup" and (key := element.get("data-note")) is not None:
            entry = entries.setdefault(f"#{key}", _Entry(len(entries) + 1, note=notes.get(key)))
            element.attrib.clear()
            element.set("class", _MARK)
            element.text = f"[{entry.number}]"
        elif element.tag == "a":
            _link(element, entries, findings)
    for mark in root.xpath(f".//sup[@class='{_MARK}']"):
        _keep_with_text(mark)
    for holder in [element for element in elements(root) if element.get("data-notes") is not None]:
        holder.drop_tree()
    if entries:
        box = _references(list(entries.values()))
        root.append(box)
        while (before := box.getprevious()) is not None and before.get("class") in CLOSING:
            before.addprevious(box)


def _address_fault(url: str) -> str | None:
    """Return why a link's address cannot be a reference; None when it can."""
    what: str | None = None
    if not url:
        return _("the link has no address")
    try:
        parts = urlsplit(url)
    except ValueError:
        return _("the link `{url}` is not a valid address").format(url=url[:80])
    scheme = parts.scheme.lower()
    if url.startswith("#"):
        what = _("the link `{url}` points to a place inside the article, but WeChat removes all anchors")
    elif not scheme:
        what = _("the link `{url}` points to a file, which followers do not have")
    elif scheme not in _SCHEMES:
        what = _("the link `{url}` starts with `{scheme}:`, which is not allowed")
    elif scheme in ("http", "https") and not parts.netloc:
        what = _("the link `{url}` has no host name")
    return what and what.format(url=url[:80], scheme=parts.scheme)


def _link(element: HtmlElement, entries: dict[str, _Entry], findings: Findings) -> None:
    url = (element.get("href") or "").strip()
    if url.startswith(embed.SCHEME):
        embed.rewrite_program_link(element, findings)
        return
    url = with_https(url)
    line, label = line_of(element), text_of(element).strip()
    fault = _address_fault(url)
    if fault is not None:
        hint = _("write the full address, with https://")
        findings.error("link-address", fault, hint, line=line)
        element.drop_tag()
        return
    if not label and element.find(".//img") is None:
        what = _("the link to `{url}` has no text").format(url=url[:80])
        hint = _("write the link text in the brackets")
        findings.error("link-empty", what, hint, line=line)
    element.attrib.clear()
    if url.startswith(LINK_PREFIX):
        element.set("href", normalizeLink(url))
    else:
        _refer(element, url, label, entries)


def _refer(element: HtmlElement, url: str, label: str, entries: dict[str, _Entry]) -> None:
    element.tag = "span"
    element.set("class", "link")
    shown = url.removeprefix("mailto:").removeprefix("tel:")
    if label in (url, shown):  # the address is already before the reader's eyes
        return
    entry = entries.setdefault(url, _Entry(len(entries) + 1, label=label, url=shown))
    element.append(make("sup", f"[{entry.number}]", class_=_MARK))


def _keep_with_text(mark: HtmlElement) -> None:
    """Tie a mark to the character before it: after Chinese, a line could begin with the mark."""
    before, parent = mark.getprevious(), mark.getparent()
    text = parent.text if before is None else before.tail
    if not text and before is not None and before.get("style") == _TIE:
        before.append(mark)
    elif text and is_cjk(text[-1]):
        tie = make("span", text[-1], style=_TIE)
        mark.addprevious(tie)
        if before is None:
            parent.text = text[:-1]
        else:
            before.tail = text[:-1]
        tie.tail, mark.tail = mark.tail, None
        tie.append(mark)


def _references(entries: list[_Entry]) -> HtmlElement:
    box = make("section", class_="references")
    box.append(make("p", _REFERENCES_TITLE, class_="references-title"))
    for entry in entries:
        item = make("section", f"[{entry.number}] ", class_="reference")
        if entry.note is not None:
            _write_note(item, entry.note)
        else:
            append_text(item, f"{entry.label} " if entry.label else "")
            item.append(make("span", entry.url, class_="address"))
        box.append(item)
    return box


def _write_note(item: HtmlElement, note: HtmlElement) -> None:
    first = note[0] if len(note) and note[0].tag == "p" else None
    if first is not None:
        take_content(first, item)
        first.drop_tree()
    take_content(note, item)
