"""The tree of an article → the same without what is unsafe and what WeChat takes out; then nh3.

What nobody would miss goes without a word. What followers lose is a warning, what they could not read an
error, and what some phones show badly is advice: each rule once, with how often it was met.
"""

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain, takewhile
from typing import Final

import nh3
from lxml import etree
from lxml.html import HtmlElement

from wechat_article import css, drawings, embed, styles
from wechat_article.around import Around
from wechat_article.dom import BLOCKS, END, elements, has_own_text, line_of, lines_of, parse, text_of
from wechat_article.parts import IMAGE_PREFIXES, LINK_PREFIX, PLACEHOLDER_SCHEME, Findings, with_https
from wechat_article.program import N_, _

_HTML: Final = """
section p span strong em s br h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code table thead tbody tr th td img a
sup sub hr div b i u del
figure figcaption header footer article main aside nav dl dt dd small big mark ins strike tt caption col
colgroup tfoot label abbr cite kbd var q wbr ruby rt address
"""
_SVG: Final = """
svg g path rect circle ellipse line polyline polygon text tspan image animate animateTransform
animateMotion set
"""
_DISGUISES: Final = {
    "animatetransform": "mpath", "animatemotion": "discard", "animate": "view", "set": "switch",
}  # fmt: skip
"""nh3 takes animations out whatever it is told; they pass it as elements of drawings that nobody uses."""
PROFILE = "mp-common-profile"
"""The card of an account (公众号名片), as the editor writes it; whether draft/add keeps it is not known."""
TAGS = frozenset([embed.CARD, PROFILE, *_HTML.split(), *_SVG.split()])
_DRAWN = """
attributeName attributeType begin by calcMode cx cy d dur dx dy end fill fill-opacity fill-rule font-size
font-weight from height keyPoints keySplines keyTimes max min opacity overflow path points
preserveAspectRatio pointer-events r repeatCount repeatDur restart rotate rx ry stroke stroke-dasharray
stroke-dashoffset stroke-linecap stroke-linejoin stroke-opacity stroke-width text-anchor to transform type
additive accumulate values viewBox visibility width x x1 x2 y y1 y2
"""
ATTRIBUTES: dict[str, set[str]] = {
    "*": {"style", "data-no-dark", "data-ignore-dm", "data-ignore-width"},
    "a": {"href", embed.APPID, embed.PATH},
    embed.CARD: set(embed.PROGRAM_ATTRIBUTES),
    PROFILE: {
        f"data-{name}" for name in ["id", "nickname", "alias", "headimg", "signature", "from", "pluginname"]
    },
    "img": {"src", "alt", "data-w", "data-ratio", "data-type", "width", "height"},
    **{tag: {"colspan", "rowspan", "width", "height"} for tag in ("td", "th")},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    **{tag: {"span", "width"} for tag in ("col", "colgroup")},
    "ol": {"start", "type"},
    **{tag: set(_DRAWN.split()) for tag in _SVG.split()},
}
ATTRIBUTES["image"] |= {"href", "xlink:href"}
_CASES = {name.lower(): name for name in (*_SVG.split(), *_DRAWN.split())}
"""How a drawing's names are written; the first parser makes them small, nh3 large again."""
_ALLOWED = {
    tag.lower(): frozenset(map(str.lower, {"data-line", *ATTRIBUTES["*"], *names}))
    for tag, names in ATTRIBUTES.items()
}
"""`ATTRIBUTES` as the first parser writes them."""
_ALWAYS_SAFE: Final = frozenset(("style", "data-line"))
"""Most elements have no other attributes."""
_ANIMATION = re.compile(rf"<(/?)({'|'.join(_DISGUISES)})\b")
_DISGUISED = re.compile(rf"<(/?)({'|'.join(_DISGUISES.values())})\b")
_ANIMATIONS = {disguise: _CASES[tag] for tag, disguise in _DISGUISES.items()}
_ANIMATED = frozenset(_DRAWN.split()) - {"attributeName", "attributeType", "begin", "end", "dur", "type"}
_ADDRESS = re.compile(r"url\(\s*(?!['\"]?#)", re.IGNORECASE)
_SIZE = re.compile(r"auto|\d{1,5}(\.\d{1,9})?(px|%|em|rem)?")
_SCRIPT = re.compile(r"[<>]|script\s*:|data\s*:", re.IGNORECASE)

_SILENT = frozenset((
    "script", "style", "title", "noscript", "template", "head", "link", "meta", "base", "defs",
    "symbol", "metadata", "desc", "rp", "mp-style-type", "mjx-assistive-mml",
))  # fmt: skip
"""They go with their content: nobody sees it, or it stands there a second time."""
_PAINTS: Final = {
    tag.lower(): tag
    for tag in ("use", "mask", "filter", "pattern", "clipPath", "marker", "linearGradient", "radialGradient")
}
"""Parts of a drawing that are reached by an id, which WeChat takes away."""
_DRAWN_NAMES: Final = {**_PAINTS, "foreignobject": "foreignObject"}
_WITH_FALLBACK: Final = (
    "iframe", "video", "audio", "object", "embed", "applet", "canvas", "frameset", "frame",
)  # fmt: skip
"""Browsers show the text inside them only when they cannot show the thing itself."""
_LOST: Final = {
    **dict.fromkeys(
        (*_WITH_FALLBACK, "select", "textarea", "button", "input"), N_("use a picture or text instead")
    ),
    **dict.fromkeys(("foreignobject", "math", *_PAINTS), N_("export it as a picture and use that")),
    **dict.fromkeys(("mpvoice", "mpvideo", "qqmusic"), N_("insert it in the draft, in the WeChat console")),
    **dict.fromkeys(
        ("video", "audio"), N_("upload it in the WeChat console and send it as a message of its own")
    ),
}  # fmt: skip
"""What followers lose, with what to use instead."""
_CARDS: Final = {
    "videosnap": "视频号", "product": "商品", "poi": "位置", "vote": "投票", "redpacket": "红包封面",
    "audio": "音频",
}  # fmt: skip
"""What the console calls its cards, by what their tags hold."""
_CARD_WORDS: Final = re.compile("(alt|title|label|value|placeholder|data-.*(name|title|desc|text|address))")
"""Attributes with words that the editor or a browser shows."""
_BOXES: Final = {"checkbox": "☐☑", "radio": "○●"}
_STYLED: Final = {"align": "text-align", "valign": "vertical-align", "bgcolor": "background-color"}
"""Old attributes, as styles: there they are judged."""
_ALIGNED: Final = {
    ("table", "center"): "margin-left:auto;margin-right:auto",
    ("table", "right"): "margin-left:auto",
    ("img", "left"): "float:left",
    ("img", "right"): "float:right",
}
"""Where `align` places the element itself, not the text in it."""
_OLD_ATTRIBUTES: Final = frozenset(("hidden", *_STYLED))
_OLD_TAGS: Final = frozenset(("center", "font", "input", embed.OLD_CARD))
_NOTE_CHARS: Final = 12
"""Of a raised or lowered text that stays on one line."""
_FONT_SIZES = ("x-small", "x-small", "small", "medium", "large", "x-large", "xx-large", "xxx-large")


def keep(root: HtmlElement, findings: Findings) -> None:
    """Change the tree of an HTML body in place; lines are read from `data-line`."""
    _drop_comments(root, findings)
    gone: set[HtmlElement] = set()
    # While these are held, lxml does not make the object of each element again at every walk below.
    everything = elements(root)
    for element in everything:
        if element in gone:
            continue
        _normalise(element)
        if element.tag in _SILENT or _is_lost(element.tag):
            gone.update(_drop(element, findings))
    for table in root.iter("table"):
        _order_rows(table)
    holding = _holding_text(root)
    around: dict[HtmlElement | None, Around] = {}
    for element in elements(root):
        if _CASES.get(element.tag, element.tag) not in TAGS and not _unwrap(element):
            continue
        _attributes(element)
        around[element] = _style(element, holding, around.get(element.getparent(), Around()), findings)
        _address(element, findings)
    for drawing in list(root.iter("svg")):
        if next(drawing.iterancestors("svg"), None) is None:
            drawings.check_words(drawing, findings)
    _check_headings(root, findings)


def tidy(root: HtmlElement) -> None:
    """Remove in place what nobody sees, and leave styles and addresses as they are written."""
    for node in [node for node in root.iterdescendants() if not isinstance(node.tag, str)]:
        node.drop_tree()
    for element in elements(root):
        if element.tag in _SILENT and next(element.iter(*_PAINTS), None) is None:
            element.drop_tree()
            continue
        _normalise(element)
        words = filter(_CARD_WORDS.fullmatch, element.keys()) if _is_lost(element.tag) else ()
        _attributes(element, *(("data-src",) if element.tag == "img" else words))


def without_links(html: str) -> str:
    """Prepare an article for a page of ours: every tag closed, no link to follow, no picture of strangers."""
    return clean_with_nh3(html, links=False)


def clean_with_nh3(html: str, *, links: bool = True) -> str:
    """Pass final HTML through nh3: the last word on what may stand in an article."""
    disguised = _ANIMATION.sub(lambda found: f"<{found[1]}{_DISGUISES[found[2]]}", html)
    cleaned = _cleaner(links).clean(disguised)
    cleaned = _DISGUISED.sub(lambda found: f"<{found[1]}{_ANIMATIONS[found[2]]}", cleaned)
    # Six characters each, in articles with code a tenth of the size limit.
    return cleaned.replace("&nbsp;", "\u00a0")


@cache
def _cleaner(links: bool) -> nh3.Cleaner:
    """Return a cleaner that is made once: that takes longer than to clean an article."""
    attributes = ATTRIBUTES | {tag: set(_DRAWN.split()) for tag in _DISGUISES.values()}
    return nh3.Cleaner(
        tags={*TAGS, *_DISGUISES.values()},
        attributes=attributes if links else attributes | {"a": set()},
        attribute_filter=_filter,
        url_schemes={"https", PLACEHOLDER_SCHEME},
        link_rel=None,
    )


def compare(root: HtmlElement, html: str, findings: Findings) -> None:
    """Report words that the last cleaning lost or moved: their tags stood where HTML does not allow them."""
    if _words(root) != _words(parse(html)):
        what = _("HTML does not allow text in that place; it would be lost or moved")
        hint = _("close every tag, and put table cells in table rows")
        findings.warning("html-structure", what, hint)


def _words(root: HtmlElement) -> str:
    return "".join(root.text_content().split())


def _drop_comments(root: HtmlElement, findings: Findings) -> None:
    for comment in list(root.iterdescendants(etree.Comment, etree.PI, etree.Entity)):
        if END in (comment.text or ""):
            what = _("a comment is not closed and hides everything after it")
            hint = _("write two hyphens and > where the comment ends")
            findings.error("html-comment", what, hint)
        comment.drop_tree()


def _is_lost(tag: str) -> bool:
    return tag in _LOST or (tag.startswith("mp-") and tag not in TAGS and tag != embed.OLD_CARD)


def _drop(element: HtmlElement, findings: Findings) -> list[HtmlElement]:
    """Remove an element and report it with its words; return what is no longer in the article."""
    if element.tag == "button":
        what = _("the button “{words}” stays as text: followers cannot tap it")
        what = what.format(words=" ".join(element.text_content().split())[:200])
        findings.warning("html-lost", what, _(_LOST["button"]), line=line_of(element))
        return [] if _unwrap(element) else [element]
    gone = [element, *element.iterdescendants()]
    for lost in element.iter(*_PAINTS) if element.tag in _SILENT else (element,):
        _report_lost(lost, findings)
    element.drop_tree()
    return gone


def _report_lost(element: HtmlElement, findings: Findings) -> None:
    """Report what followers lose; text that they would have read is an error."""
    tag, text = element.tag, " ".join(element.text_content().split())
    card = next((card for part, card in _CARDS.items() if tag.startswith("mp-") and part in tag), "")
    attributes = (value.strip() for name, value in element.items() if _CARD_WORDS.fullmatch(name))
    words = " ".join(filter(None, (card, text, *attributes)))
    name, hint = _DRAWN_NAMES.get(tag, tag), _(_LOST.get(tag, _LOST["mpvoice"]))
    if not words:
        what = _("<{tag}> is removed: WeChat does not keep it in articles").format(tag=name)
        findings.gather("html-lost", what, hint, line=line_of(element), about=tag if tag in _LOST else "")
        return
    what = _("<{tag}> is removed with its words: “{words}”").format(tag=name, words=words[:200])
    is_read = text and tag not in _WITH_FALLBACK and not card
    findings.add("html-lost", what, hint, line=line_of(element), level="error" if is_read else "warning")


def _unwrap(element: HtmlElement) -> bool:
    """Remove a tag around its content, but keep its style: a text may be readable on its ground only.

    Returns:
        Whether the element stays, under a tag that WeChat keeps.
    """
    style, line = element.get("style"), element.get("data-line")
    if not style or next(element.iterancestors("svg"), None) is not None:
        element.drop_tag()
        return False
    element.attrib.clear()
    element.attrib.update({"style": style, **({"data-line": line} if line else {})})
    element.tag = "section" if any(inside.tag in BLOCKS for inside in element.iterdescendants()) else "span"
    return True


def _normalise(element: HtmlElement) -> None:
    """Write what old tags and attributes do as style; what is hidden otherwise, too."""
    if element.tag not in _OLD_TAGS and _OLD_ATTRIBUTES.isdisjoint(element.keys()):
        return
    attributes = element.attrib
    if element.tag == "input" and (marks := _BOXES.get(element.get("type", "").lower())):
        element.text = marks["checked" in attributes]
        element.tag = "span"
        attributes.pop("hidden", None)
    aligned = _ALIGNED.get((element.tag, attributes.get("align", "").lower()))
    if aligned:
        del attributes["align"]
    said = [aligned] if aligned else []
    said += [f"{name}:{attributes.pop(old)}" for old, name in _STYLED.items() if old in attributes]
    if element.tag == embed.OLD_CARD:
        element.tag = embed.CARD
        element.set(embed.KIND, "card")
    if element.tag == "center":
        element.tag = "section"
        said.append("text-align:center")
        for table in element.iter("table"):
            table.set("align", "center")
    elif element.tag == "font":
        element.tag = "span"
        size, colour = element.get("size", ""), element.get("color", "")
        said += [f"color:{colour}"] if colour else []
        said += [f"font-size:{_FONT_SIZES[int(size)]}"] if re.fullmatch("[1-7]", size) else []
    if "hidden" in attributes:
        said.append("display:none")
    if said:
        element.set("style", ";".join([*said, element.get("style", "")]))


def _order_rows(table: HtmlElement) -> None:
    """Move the caption, the head and the foot of a table where browsers show them."""
    rows = list(table.iterchildren("thead", "tbody", "tfoot", "tr"))
    head, foot, caption = map(table.find, ("thead", "tfoot", "caption"))
    if head is not None and head is not rows[0]:
        rows[0].addprevious(head)
    last = [row for row in rows if row is not head][-1:]
    if foot is not None and foot is not last[0]:
        last[0].addnext(foot)
    if caption is not None and caption is not table[0]:
        table.insert(0, caption)


def _holding_text(root: HtmlElement) -> dict[HtmlElement, frozenset[str]]:
    """Return the elements that hold text, and which inherited properties a text has from each.

    A text inside a drawing has its size and its colour there.
    """
    found: dict[HtmlElement, frozenset[str]] = {}
    drawn = {node for drawing in root.iter("svg") for node in drawing.iter()}
    for element in reversed(elements(root)):
        if has_own_text(element):
            found[element] = _VISIBILITY if element in drawn else styles.INHERITED
        if element not in found:
            continue
        said = styles.resets(element.get("style") or "")
        parent = element.getparent()
        found[parent] = found.get(parent, frozenset()) | (found[element] - said)
    return found


def _check_headings(root: HtmlElement, findings: Findings) -> None:
    """Report headings that look like ordinary text.

    Source: the style sheet of published articles, `h1,…,h6{font-weight:400;font-size:16px}`, read 2026-11.
    """
    for heading in root.iter("h1", "h2", "h3", "h4", "h5", "h6"):
        if text_of(heading).strip() and not any(one.get("style") for one in heading.iter()):
            what = _("a heading without a style looks like ordinary text in WeChat")
            hint = _("give it a style, or write the article in Markdown, where the theme gives it one")
            findings.gather("heading-plain", what, hint, line=line_of(heading))


def _attributes(element: HtmlElement, *more: str) -> None:
    if _ALWAYS_SAFE.issuperset(element.keys()):
        return
    allowed = _ALLOWED.get(element.tag, _ALLOWED["*"]).union(more)
    kept = {
        name: value
        for name, value in element.attrib.items()
        if name in allowed and _is_safe(element.tag, name, value)
    }
    if len(kept) < len(element.attrib):
        element.attrib.clear()  # one by one takes seconds, when somebody wrote thousands
        element.attrib.update(kept)


def _is_safe(tag: str, name: str, value: str) -> bool:
    """Return whether an attribute may stay; styles and the addresses of links are judged elsewhere."""
    if (name in ("style", "href", "xlink:href", "src") and tag in ("a", "img", "image")) or name == "style":
        return True
    if name in ("width", "height") and tag in ("img", "table", "td", "th", "col"):
        return _SIZE.fullmatch(value.strip()) is not None
    if name == "attributename":
        return value.strip() in _ANIMATED
    return name == "alt" or not (_ADDRESS.search(value) or _SCRIPT.search(value))


def _filter(tag: str, name: str, value: str) -> str | None:
    """Judge each attribute once more, as the parser of browsers reads it."""
    if name == "style":
        return value if value == styles.judge(value, has_text=False).kept else None
    if name in ("href", "xlink:href"):
        stays = value.startswith(LINK_PREFIX if tag == "a" else IMAGE_PREFIXES) or (tag == "a" and not value)
        return value if stays else None
    if name in ("src", embed.COVER, "data-headimg", "data-miniprogram-avatar"):
        return value if value.startswith(IMAGE_PREFIXES) else None
    return value if _is_safe(tag, name.lower(), value) else None


def _style(
    element: HtmlElement,
    holding: Mapping[HtmlElement, frozenset[str]],
    around: Around,
    findings: Findings,
) -> Around:
    """Judge an element's style; return what is around a text inside it."""
    style = element.get("style")
    if style is None:
        return around
    inherited = _VISIBILITY if element.tag in ("col", "colgroup") else holding.get(element)
    if inherited and element.tag in ("sup", "sub") and len(element.text_content()) <= _NOTE_CHARS:
        inherited -= {"line-height"}  # the line around it has its own height, as every reset sheet counts on
    judged = styles.judge(
        style,
        has_text=inherited is not None,
        inherited=inherited or frozenset(),
        floats=_floats(element),
        is_line="writing-mode" not in style.lower() or len(lines_of(element)) < 2,
        around=around,
    )
    if not judged.is_bounded:
        what = _(
            "a style has more than {most:,} characters, or brackets nested more than {depth} levels deep"
        )
        what = what.format(most=css.STYLE_CHARS, depth=css.MAX_DEPTH)
        findings.error("style-css", what, _("shorten it"), line=line_of(element))
    for name, value in judged.dropped:
        findings.gather("style-value", *styles.said(name, value), line=line_of(element))
    if judged.kept:
        element.set("style", judged.kept)
        if judged.advice:
            may_hold = element.tag in styles.SCROLLED or len(element.text_content()) <= _NOTE_CHARS
            styles.advise(judged, line_of(element), findings, may_hold_line=may_hold)
    else:
        del element.attrib["style"]
    return judged.inside


_VISIBILITY: Final = frozenset(("visibility",))
"""What a text has from its column, and one in a drawing from what is around it."""
_FLOATS_LEFT: Final = re.compile(r"\bfloat:\s*left")
_MOVES: Final = re.compile(r"display|float|position")


def _floats(element: HtmlElement) -> tuple[str, ...]:
    """Return where an element may float and still be seen as it is read: left if first, right if last."""
    if "float" not in element.get("style", "").lower():
        return styles.FLOATS
    sides, outer = set(styles.FLOATS), element.iterancestors()
    for one in chain([element], takewhile(lambda each: each.tag not in BLOCKS, outer)):
        if _follows_words(one):
            sides.discard("left")
        if _has_words(one.tail) or any(map(_holds_words, one.itersiblings())):
            sides.discard("right")
    return tuple(sides)


def _follows_words(element: HtmlElement) -> bool:
    """Return whether words stand before an element in its line: not above it, nor afloat as it is."""
    for number, one in enumerate(element.itersiblings(preceding=True)):
        style = one.get("style", "").lower()
        if _has_words(one.tail):
            return True
        if (one.tag in BLOCKS and not _MOVES.search(style)) or (number == 0 and _FLOATS_LEFT.search(style)):
            return False
        if _holds_words(one):
            return True
    parent = element.getparent()
    return parent is not None and _has_words(parent.text)


def _has_words(text: str | None) -> bool:
    return bool(text and text.strip())


def _holds_words(element: HtmlElement) -> bool:
    return bool(text_of(element).strip()) or _has_words(element.tail)


def _address(element: HtmlElement, findings: Findings) -> None:
    tag = element.tag
    if tag not in _WITH_ADDRESS:
        return
    if tag == embed.CARD or (tag == "a" and element.get(embed.APPID)):
        embed.check_mini_program(element, findings)
        if tag == "a":
            element.set("href", "")
    elif tag == "a":
        _link(element, findings)
    elif tag == PROFILE:
        what = _("WeChat may not keep the card of an account (公众号名片) in a draft made through the API")
        hint = _("check it on a phone: `campaign preview ID --to TESTER`")
        findings.gather("profile-card", what, hint, line=line_of(element))
    elif tag == "img" and not (element.get("src") or "").startswith(IMAGE_PREFIXES):
        element.drop_tree()  # `embed` has reported it
    elif tag == "image":
        for name in ("href", "xlink:href"):
            if not (element.get(name) or "").startswith(IMAGE_PREFIXES):
                element.attrib.pop(name, None)


_WITH_ADDRESS: Final = frozenset((embed.CARD, "a", PROFILE, "img", "image"))


def _link(element: HtmlElement, findings: Findings) -> None:
    href = with_https(element.get("href") or "")
    element.set("href", href)
    if href.startswith(LINK_PREFIX):
        return
    if href and not href.lower().startswith(("#", "javascript:", "data:", "vbscript:")):
        what = _("the link to `{url}` will not be clickable").format(url=href[:80])
        hint = _("link to {prefix}…, or write the address as text").format(prefix=LINK_PREFIX)
        findings.gather("link-outside", what, hint, line=line_of(element))
    _unwrap(element)
