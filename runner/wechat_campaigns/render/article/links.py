"""Links and footnotes → one numbered list of references at the end, since WeChat keeps no outside link."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml.html import HtmlElement
from markdown_it.common.normalize_url import normalizeLink

from wechat_campaigns.core.i18n import _
from wechat_campaigns.render.article import mini_program
from wechat_campaigns.render.article.dom import append_text, elements, line_of, make, take_content, text_of
from wechat_campaigns.render.article.parts import LINK_PREFIX, Findings

TITLE = "参考与注释"
_SCHEMES = ("http", "https", "mailto", "tel")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One reference: an address with the words that led to it, or a footnote's content."""

    number: int
    label: str = ""
    url: str = ""
    note: HtmlElement | None = None


def collect(root: HtmlElement, findings: Findings) -> None:
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
            element.text = f"[{entry.number}]"
        elif element.tag == "a":
            _link(element, entries, findings)
    for holder in [element for element in elements(root) if element.get("data-notes") is not None]:
        holder.drop_tree()
    if entries:
        root.append(_references(list(entries.values())))


def address_fault(url: str) -> str | None:
    """Return why a link's address cannot be a reference; None when it can."""
    what: str | None = None
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
    if url.startswith(mini_program.SCHEME):
        mini_program.rewrite_link(element, findings)
        return
    url = re.sub(r"^http://(?=mp\.weixin\.qq\.com/)", "https://", url)
    line, label = line_of(element), text_of(element).strip()
    fault = address_fault(url)
    if fault is not None:
        hint = _("write a full address that starts with https://")
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
    number = make("sup", f"[{entry.number}]")
    number.tail, element.tail = element.tail, None
    element.addnext(number)


def _references(entries: list[_Entry]) -> HtmlElement:
    box = make("section", class_="references")
    box.append(make("p", TITLE, class_="references-title"))
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
