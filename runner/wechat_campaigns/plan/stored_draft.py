"""Articles as given to draft/add and as draft/get returns them in, what readers lose and a fingerprint out.

WeChat writes markup its own way; what counts is what a reader gets: words, pictures, links. Needs no library,
so that picture posts can be compared without the extra `articles`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

from wechat_article.text import HtmlReader
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import _
from wechat_campaigns.messages.articles import FLAGS

Stored = Sequence[Mapping[str, Any]]
"""`news_item` of draft/get."""

_CONTEXT = 12
_FIELDS = ("title", "author", "content_source_url", "thumb_media_id")
_CROPS = ("pic_crop_235_1", "pic_crop_1_1")
_SHOWN = ("cover_info", "product_info")
"""What followers see beside the fields that campaigns have: how a cover is cropped, goods."""
_UNSEEN = re.compile(r"[\s\u200b\ufeff]+")
_SIZE = re.compile(r"/(0|640)$")
_OWN_FRAGMENT = re.compile(r"^(//mp\.weixin\.qq\.com/[^#]*)#(?:rd|wechat_redirect)$")
"""What WeChat adds to the links of its own articles."""
_PICTURE_DATA = re.compile(r"data-(?!src$|miniprogram)")
"""What WeChat notes beside a picture: its size, its number, where it was cropped."""
_VOID = ("br", "hr", "img", "input", "source", "wbr")
_SILENT = ("script", "style")


def losses(given: Stored, stored: Stored) -> tuple[str, ...]:
    """List where readers get other words, pictures or links than were given; looks are not compared.

    Args:
        given: the `articles` of draft/add.
        stored: what draft/get returned.

    Source: draft_add and getDraft, read 2026-11; what WeChat rewrites is a field report.
    """
    if len(given) != len(stored):
        what = _("WeChat stored {kept} of {count} articles")
        return (what.format(kept=len(stored), count=len(given)),)
    alone, of_article = len(given) == 1, _("article {number}: {change}")
    return tuple(
        loss if alone else of_article.format(number=number, change=loss)
        for number, (one, other) in enumerate(zip(given, stored, strict=True), 1)
        for loss in _losses(one, other, alone=alone)
    )


def _losses(given: Mapping[str, Any], stored: Mapping[str, Any], *, alone: bool) -> Iterator[str]:
    # WeChat fills an empty summary in, and shows that of a single article alone.
    for name in (*_FIELDS, *(["digest"] if alone and given.get("digest") else [])):
        meant, kept = str(given.get(name) or ""), str(stored.get(name) or "")
        written = (with_single_blanks(kept), with_single_blanks(unescape(kept)))
        if name in stored and with_single_blanks(meant) not in written:
            what = _("WeChat stored `{name}` as `{kept}` instead of `{meant}`")
            yield what.format(name=name, kept=kept, meant=meant)
    meant, kept = str(given.get("content") or ""), str(stored.get("content") or "")
    if given.get("article_type") == "newspic":
        words, plain = without_blanks(meant), without_blanks(unescape(kept))
        if words not in (without_blanks(kept), plain, read_html(kept).words):
            yield _text_change(words, plain)
        if _image_ids(given) != _image_ids(stored):
            yield _("the pictures or their order changed")
        return
    before, after = read_html(meant), read_html(kept)
    if before.words != after.words:
        yield _text_change(before.words, after.words)
    if before.pictures != after.pictures:
        yield _address_change(_("pictures"), before.pictures, after.pictures)
    if before.links != after.links:
        yield _address_change(_("links"), before.links, after.links)


def _text_change(meant: str, kept: str) -> str:
    pairs = enumerate(zip(meant, kept, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), min(len(meant), len(kept)))
    start = max(at - _CONTEXT, 0)
    before, after = (text[start : at + _CONTEXT] or _("(empty)") for text in (meant, kept))
    return _("the text changed: `{meant}` became `{kept}`").format(meant=before, kept=after)


def _address_change(kind: str, meant: Sequence[str], kept: Sequence[str]) -> str:
    if lost := Counter(meant) - Counter(kept):
        what = _("{kind} missing: {lost} of {count}, such as {address}")
        return what.format(kind=kind, lost=lost.total(), count=len(meant), address=min(lost))
    return _("{kind} in the draft: others, or in another order").format(kind=kind)


def fingerprint(stored: Stored) -> str:
    """Return a draft's content, so that an edit by hand shows; what changes by itself is left out."""
    return sha256(
        [
            {
                "fields": {name: str(item.get(name) or "") for name in (*_FIELDS, "digest", *_CROPS)},
                "flags": [str(item.get(name) or 0) not in ("0", "False") for name in FLAGS],
                "content": list(read_html(str(item.get("content") or "")).tokens),
                "images": _image_ids(item),
                **{name: value for name in _SHOWN if (value := _filled(item.get(name)))},
            }
            for item in stored
        ]
    )


def _filled(value: object) -> object:
    """Leave out what is empty: WeChat may name it, or not."""
    if isinstance(value, Mapping):
        return {key: inner for key, one in value.items() if (inner := _filled(one))}
    if isinstance(value, list):
        return [inner for one in value if (inner := _filled(one))]
    return str(value or "")


def _image_ids(article: Mapping[str, Any]) -> list[str]:
    listed = (article.get("image_info") or {}).get("image_list") or []
    return [str(image.get("image_media_id")) for image in listed]


# --- HTML -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleContent:
    """An article's HTML as it matters: nothing of how it happens to be written."""

    words: str
    """Without blanks."""
    pictures: tuple[str, ...]
    links: tuple[str, ...]
    tokens: tuple[str, ...]
    """Everything, for the fingerprint."""


def read_html(content: str) -> ArticleContent:
    """Read a piece of HTML; whatever is written, it never fails."""
    reader = _Reader()
    reader.read(content)
    reader.tokens += [reader.rawdata] if reader.rawdata else []  # what it took for an open style
    return ArticleContent(
        words=without_blanks("".join(reader.texts)),
        pictures=tuple(reader.pictures),
        links=tuple(reader.links),
        tokens=tuple(reader.tokens),
    )


class _Reader(HtmlReader):
    """Collects the tags, texts and addresses of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.tokens: list[str] = []
        self._open: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag with its attributes in one order and form."""
        first = dict(reversed(attrs))  # of two equal names phones take the first
        if tag == "img":
            self.pictures.append(_picture(first.get("src" if "src" in first else "data-src") or ""))
        elif tag == "a" and first.get("href"):
            self.links.append(_link(first["href"] or ""))
        self.tokens.append(f"<{tag} {_stored_attributes(tag, attrs)}>")
        self._open[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        self._open[tag] -= 1
        if tag not in _VOID:
            self.tokens.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep a text; of a style or a script only for the fingerprint."""
        if without_blanks(data):
            self.tokens.append(with_single_blanks(data))
        if not any(self._open[tag] > 0 for tag in _SILENT):
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        """Keep a comment for the fingerprint: browsers may end it earlier, and show the rest."""
        self.tokens.append(f"<!--{with_single_blanks(data)}-->")


def _stored_attributes(tag: str, attrs: Sequence[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Keep every attribute, in one order, but for what WeChat is known to rewrite by itself.

    What a phone shows, and where a reader ends up, may depend on any: `hidden`, the second of two equal
    names, `data-miniprogram-path`.
    """
    is_picture, has_source = tag == "img", any(name == "src" for name, _value in attrs)
    kept: list[tuple[str, str]] = []
    for name, value in attrs:
        if is_picture and _PICTURE_DATA.match(name):
            continue
        written = with_single_blanks(value or "")
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


def without_blanks(text: str) -> str:
    """Leave out what separates words and what nobody sees."""
    return _UNSEEN.sub("", text)


def with_single_blanks(text: str) -> str:
    """Write every run of blanks as one."""
    return " ".join(text.split())
