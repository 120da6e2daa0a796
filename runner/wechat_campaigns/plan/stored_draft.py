"""Articles as given to draft/add and as draft/get tells them in, what the platform changed out.

The platform writes markup its own way; what counts is what a reader gets: words, pictures, links. Needs no
library, so that picture posts can be compared without the extra `articles`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from operator import itemgetter
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import N_, _

Stored = Sequence[Mapping[str, Any]]
"""`news_item` of draft/get."""

MAX_MARKS = 8
"""How many changes of one article's markup are named."""
_CONTEXT = 12
_FIELDS = ("title", "author", "content_source_url", "thumb_media_id")
_FLAGS = ("need_open_comment", "only_fans_can_comment")
_CROPS = ("pic_crop_235_1", "pic_crop_1_1")
_SHOWN = ("cover_info", "product_info")
"""What followers see beside the fields that campaigns have: how a cover is cropped, goods."""
_UNSEEN = re.compile(r"[\s\u200b\ufeff]+")
_SIZE = re.compile(r"/(0|640)$")
_OWN_FRAGMENT = re.compile(r"^(//mp\.weixin\.qq\.com/[^#]*)#(?:rd|wechat_redirect)$")
"""What the platform adds to the links of its own articles."""
_PICTURE_DATA = re.compile(r"data-(?!src$|miniprogram)")
"""What the platform notes beside a picture: its size, its number, where it was cropped."""
_VOID = ("br", "hr", "img", "input", "source", "wbr")
_ADDRESSES = ("src", "href")
_SILENT = ("script", "style")


@dataclass(frozen=True, slots=True)
class DraftDifference:
    """One difference; `lossy` when readers get other words, pictures or links than were meant."""

    message: str
    lossy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleContent:
    """An article's HTML as it matters: nothing of how it happens to be written."""

    words: str
    """Without blanks."""
    code: tuple[str, ...]
    """The text of each `<pre>`, blanks kept."""
    pictures: tuple[str, ...]
    links: tuple[str, ...]
    marks: Counter[tuple[str, str]]
    """`<p>` or `<p style>`; the value of the attribute, which is empty for the tag itself."""
    tokens: tuple[str, ...]


class _ListMessages(NamedTuple):
    """What is said of addresses that changed."""

    lost_one: str
    """Of one that there was."""
    lost: str
    more: str
    moved: str


_PICTURES: Final = _ListMessages(
    lost_one=N_("the picture is missing: {address}"),
    lost=N_("pictures missing: {lost} of {count}, such as {address}"),
    more=N_("pictures in the draft: {kept} instead of {count}"),
    moved=N_("the pictures are in another order"),
)
_LINKS: Final = _ListMessages(
    lost_one=N_("the link is missing: {address}"),
    lost=N_("links missing: {lost} of {count}, such as {address}"),
    more=N_("links in the draft: {kept} instead of {count}"),
    moved=N_("the links are in another order"),
)


def changes(given: Stored, stored: Stored) -> tuple[DraftDifference, ...]:
    """Compare what was given with what is stored.

    Args:
        given: the `articles` of draft/add.
        stored: what draft/get tells.

    Returns:
        Every difference but those of writing: order of attributes, entities, blanks, http for https,
        `data-` attributes, sizes and parameters in the addresses of pictures, a fragment that the platform
        adds to links of its own, a digest that was left empty.

    Source: draft_add and getDraft, read 2026-11; what the platform rewrites is a field report.
    """
    if len(given) != len(stored):
        what = _("WeChat stored {kept} of {count} articles").format(kept=len(stored), count=len(given))
        return (DraftDifference(what, lossy=True),)
    found: list[DraftDifference] = []
    for number, (one, other) in enumerate(zip(given, stored, strict=True), 1):
        of_one = tuple(_article(one, other, alone=len(given) == 1))
        found += of_one if len(given) == 1 else [_of_article(number, change) for change in of_one]
    return tuple(found)


def _of_article(number: int, change: DraftDifference) -> DraftDifference:
    what = _("article {number}: {change}").format(number=number, change=change.message)
    return DraftDifference(what, lossy=change.lossy)


def fingerprint(stored: Stored) -> str:
    """Name a draft's content, so that an edit by hand shows; what changes by itself is left out."""
    return sha256(
        [
            {
                "fields": {name: str(item.get(name) or "") for name in (*_FIELDS, "digest", *_CROPS)},
                "flags": [_flag(item.get(name)) for name in _FLAGS],
                "content": list(read(str(item.get("content") or "")).tokens),
                "images": _image_ids(item),
                **{name: value for name in _SHOWN if (value := _filled(item.get(name)))},
            }
            for item in stored
        ]
    )


def _filled(value: object) -> object:
    """Leave out what is empty: the platform may name it, or not."""
    if isinstance(value, Mapping):
        return {key: inner for key, one in value.items() if (inner := _filled(one))}
    if isinstance(value, list):
        return [inner for one in value if (inner := _filled(one))]
    return str(value or "")


def read(content: str) -> ArticleContent:
    """Read an article's HTML."""
    reader = _Reader()
    reader.feed(content)
    reader.close()
    reader.tokens += [reader.rawdata] if reader.rawdata else []  # what it took for an open style
    tags = reader.tags
    return ArticleContent(
        words=_words("".join(reader.texts)),
        code=tuple(text.replace("\u00a0", " ").strip() for text in reader.code),
        pictures=tuple(attributes.get("src", "") for tag, attributes in tags if tag == "img"),
        links=tuple(attributes["href"] for tag, attributes in tags if tag == "a" and "href" in attributes),
        marks=Counter(mark for tag, attributes in tags for mark in _marks(tag, attributes)),
        tokens=tuple(reader.tokens),
    )


def _article(
    given: Mapping[str, Any], stored: Mapping[str, Any], *, alone: bool
) -> Iterator[DraftDifference]:
    for name in _FIELDS:
        yield from _field(name, given, stored, lossy=True)
    if given.get("digest"):
        yield from _field("digest", given, stored, lossy=alone)
    for name in _FLAGS:
        if _flag(given.get(name)) != _flag(stored.get(name)):
            what = _("`{name}` was set to {value}, but WeChat stored another value")
            yield DraftDifference(what.format(name=name, value=int(_flag(given.get(name)))))
    for name in _CROPS:
        if given.get(name) and stored.get(name) and given[name] != stored[name]:
            yield DraftDifference(
                _("WeChat stored `{name}` as {value}").format(name=name, value=stored[name])
            )
    if given.get("article_type") == "newspic":
        yield from _picture_post(given, stored)
    else:
        yield from _content(str(given.get("content") or ""), str(stored.get("content") or ""))


def _field(
    name: str, given: Mapping[str, Any], stored: Mapping[str, Any], *, lossy: bool
) -> Iterator[DraftDifference]:
    meant, kept = str(given.get(name) or ""), str(stored.get(name) or "")
    if name not in stored:
        if meant:
            yield DraftDifference(
                _("WeChat did not return `{name}`, so it was not compared").format(name=name)
            )
    elif _plain(meant) not in (_plain(kept), _plain(unescape(kept))):
        what = _("WeChat stored `{name}` as `{kept}` instead of `{meant}`")
        yield DraftDifference(what.format(name=name, kept=kept, meant=meant), lossy=lossy)


def _picture_post(given: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[DraftDifference]:
    meant, kept = str(given.get("content") or ""), str(stored.get("content") or "")
    if _words(meant) not in (_words(kept), _words(unescape(kept)), read(kept).words):
        yield _text_change(_words(meant), _words(unescape(kept)))
    if _image_ids(given) != _image_ids(stored):
        yield DraftDifference(_("the pictures or their order changed"), lossy=True)


def _content(given: str, stored: str) -> Iterator[DraftDifference]:
    meant, kept = read(given), read(stored)
    if meant.words != kept.words:
        yield _text_change(meant.words, kept.words)
    elif meant.code != kept.code:
        yield DraftDifference(_("spaces or line breaks in a code block changed"))
    yield from _addresses(_PICTURES, meant.pictures, kept.pictures)
    yield from _addresses(_LINKS, meant.links, kept.links)
    if names := _changed_marks(meant, kept):
        yield DraftDifference(_("the markup changed: {marks}").format(marks=_(", ").join(names)))


def _text_change(meant: str, kept: str) -> DraftDifference:
    pairs = enumerate(zip(meant, kept, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), min(len(meant), len(kept)))
    start = max(at - _CONTEXT, 0)
    parts = [text[start : at + _CONTEXT] or _("(empty)") for text in (meant, kept)]
    what = _("the text changed: `{meant}` became `{kept}`").format(meant=parts[0], kept=parts[1])
    return DraftDifference(what, lossy=True)


def _addresses(words: _ListMessages, meant: Sequence[str], kept: Sequence[str]) -> Iterator[DraftDifference]:
    if lost := Counter(meant) - Counter(kept):
        template = words.lost_one if len(meant) == 1 else words.lost
        what = _(template).format(lost=lost.total(), count=len(meant), address=min(lost))
        yield DraftDifference(what, lossy=True)
    elif len(kept) > len(meant):
        yield DraftDifference(_(words.more).format(kept=len(kept), count=len(meant)), lossy=True)
    elif tuple(meant) != tuple(kept):
        yield DraftDifference(_(words.moved), lossy=True)


def _changed_marks(meant: ArticleContent, kept: ArticleContent) -> list[str]:
    """Name the tags and attributes that were lost, and the tags that came: `<p>`, `<p style>`."""
    names = {name for name, _value in meant.marks - kept.marks}
    names |= {name for name, value in kept.marks - meant.marks if not value}
    return [*sorted(names)[:MAX_MARKS], *(["…"] if len(names) > MAX_MARKS else [])]


def _marks(tag: str, attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield f"<{tag}>", ""
    yield from ((f"<{tag} {name}>", value) for name, value in attributes.items() if name not in _ADDRESSES)


class _Reader(HTMLParser):
    """Collects the tags, texts and addresses of a piece of HTML; whatever is written, it never fails."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.code: list[str] = []
        self.tokens: list[str] = []
        self._open: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag with its attributes in one order and form."""
        self.tags.append((tag, _normal(dict(reversed(attrs)))))  # of two equal names phones take the first
        self.tokens.append(f"<{tag} {_stored_attributes(tag, attrs)}>")
        self._open[tag] += 1
        if tag == "pre":
            self.code.append("")
        if tag == "br":
            self._add_text("\n")

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._open[tag] -= 1
        if tag not in _VOID:
            self.tokens.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep a text; of a style or a script only for the fingerprint."""
        if _words(data):
            self.tokens.append(_plain(data))
        if not any(self._open[tag] > 0 for tag in _SILENT):
            self._add_text(data)

    def handle_comment(self, data: str) -> None:
        """Keep a comment for the fingerprint: browsers may end it earlier, and show the rest."""
        self.tokens.append(f"<!--{_plain(data)}-->")

    def parse_marked_section(self, i: int, report: int = 1) -> int:
        """Take `<![` for a comment, as browsers do; some versions of the parser stumble over it."""
        return self.parse_bogus_comment(i, bool(report))

    def _add_text(self, text: str) -> None:
        self.texts.append(text)
        if self._open["pre"] > 0:
            self.code[-1] += text


def _normal(attributes: Mapping[str, str | None]) -> dict[str, str]:
    given = {name: value or "" for name, value in attributes.items()}
    if "src" not in given and "data-src" in given:
        given["src"] = given["data-src"]
    return {
        name: _NORMAL.get(name, _plain)(given[name])
        for name in sorted(given)
        if not name.startswith("data-") and given[name]
    }


def _stored_attributes(tag: str, attrs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Keep every attribute, in one order, but for what the platform is known to rewrite by itself.

    What a phone shows, and where a reader ends up, may depend on any: `hidden`, the second of two equal
    names, `data-miniprogram-path`.
    """
    is_picture, has_source = tag == "img", any(name == "src" for name, _value in attrs)
    kept: list[tuple[str, str]] = []
    for name, value in attrs:
        if is_picture and _PICTURE_DATA.match(name):
            continue
        written = _plain(value or "")
        if name in ("src", "data-src"):
            written = _picture(written) if is_picture else _link(written)
            name = name if has_source else "src"
        elif name == "href":
            written = _link(written)
        kept.append((name, written))
    return sorted(kept, key=itemgetter(0))


def _picture(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return address
    return f"{parts.netloc}{_SIZE.sub('', parts.path)}" if parts.netloc else address


def _link(address: str) -> str:
    return _OWN_FRAGMENT.sub(r"\1", re.sub(r"^https?:", "", address.strip()))


def _style(style: str) -> str:
    declarations = (part.partition(":") for part in style.split(";") if part.strip())
    return ";".join(sorted(f"{_words(name)}:{_words(value)}".lower() for name, _colon, value in declarations))


_NORMAL = {"src": _picture, "href": _link, "style": _style}


def _plain(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> str:
    return _UNSEEN.sub("", text)


def _flag(value: object) -> bool:
    return str(value or 0) not in ("0", "False")


def _image_ids(article: Mapping[str, Any]) -> list[str]:
    listed = (article.get("image_info") or {}).get("image_list") or []
    return [str(image.get("image_media_id")) for image in listed]
