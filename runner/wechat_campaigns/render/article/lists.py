"""Lists → lists that survive: one real level, deeper levels as sections with a mark written as text.

The web editor gives nested lists second marks or flattens them; it leaves sections alone.
"""

from __future__ import annotations

from lxml.html import HtmlElement

from wechat_campaigns.render.article.dom import BLOCKS, append_text, elements, make, take_content

_MARKS = ("◦ ", "▪ ")
_BOXES = ("☐", "☑")


def flatten(root: HtmlElement) -> None:
    """Rewrite every list below `root` in place."""
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
        _add(item, section)
        if child.tag == "p":
            child.tag = "section"
        item.append(child)
        section = make("section", tail)
    _add(item, section)


def _add(item: HtmlElement, section: HtmlElement) -> None:
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
