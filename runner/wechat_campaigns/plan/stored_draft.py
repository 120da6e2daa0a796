"""Articles as given to draft/add and as draft/get tells them in, what WeChat changed out.

WeChat writes markup its own way; what counts is what a reader gets: words, pictures, links.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan.stored_html import ArticleContent, read_html, with_single_blanks, without_blanks

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


@dataclass(frozen=True, slots=True)
class DraftDifference:
    """One difference; `lossy` when readers get other words, pictures or links than were meant."""

    message: str
    lossy: bool = False


def changes(given: Stored, stored: Stored) -> tuple[DraftDifference, ...]:
    """Compare what was given with what is stored.

    Args:
        given: the `articles` of draft/add.
        stored: what draft/get tells.

    Returns:
        Every difference but those of writing: order of attributes, entities, blanks, http for https,
        `data-` attributes, sizes and parameters in the addresses of pictures, a fragment that WeChat
        adds to links of its own, a digest that was left empty.

    Source: draft_add and getDraft, read 2026-11; what WeChat rewrites is a field report.
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
    """Return a draft's content, so that an edit by hand shows; what changes by itself is left out."""
    return sha256(
        [
            {
                "fields": {name: str(item.get(name) or "") for name in (*_FIELDS, "digest", *_CROPS)},
                "flags": [_flag(item.get(name)) for name in _FLAGS],
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
    elif with_single_blanks(meant) not in (with_single_blanks(kept), with_single_blanks(unescape(kept))):
        what = _("WeChat stored `{name}` as `{kept}` instead of `{meant}`")
        yield DraftDifference(what.format(name=name, kept=kept, meant=meant), lossy=lossy)


def _picture_post(given: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[DraftDifference]:
    meant, kept = str(given.get("content") or ""), str(stored.get("content") or "")
    if without_blanks(meant) not in (
        without_blanks(kept),
        without_blanks(unescape(kept)),
        read_html(kept).words,
    ):
        yield _text_change(without_blanks(meant), without_blanks(unescape(kept)))
    if _image_ids(given) != _image_ids(stored):
        yield DraftDifference(_("the pictures or their order changed"), lossy=True)


def _content(given: str, stored: str) -> Iterator[DraftDifference]:
    meant, kept = read_html(given), read_html(stored)
    if meant.words != kept.words:
        yield _text_change(meant.words, kept.words)
    elif meant.code != kept.code:
        yield DraftDifference(_("spaces or line breaks in a code block changed"))
    yield from _addresses(N_("pictures"), meant.pictures, kept.pictures)
    yield from _addresses(N_("links"), meant.links, kept.links)
    if names := _changed_marks(meant, kept):
        yield DraftDifference(_("the markup changed: {marks}").format(marks=_(", ").join(names)))


def _text_change(meant: str, kept: str) -> DraftDifference:
    pairs = enumerate(zip(meant, kept, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), min(len(meant), len(kept)))
    start = max(at - _CONTEXT, 0)
    parts = [text[start : at + _CONTEXT] or _("(empty)") for text in (meant, kept)]
    what = _("the text changed: `{meant}` became `{kept}`").format(meant=parts[0], kept=parts[1])
    return DraftDifference(what, lossy=True)


def _addresses(kind: str, meant: Sequence[str], kept: Sequence[str]) -> Iterator[DraftDifference]:
    """Compare the addresses of pictures, or of links; `kind` is the word for them."""
    if lost := Counter(meant) - Counter(kept):
        what = _("{kind} missing: {lost} of {count}, such as {address}")
        what = what.format(kind=_(kind), lost=lost.total(), count=len(meant), address=min(lost))
        yield DraftDifference(what, lossy=True)
    elif len(kept) > len(meant):
        what = _("{kind} in the draft: {kept} instead of {count}")
        yield DraftDifference(what.format(kind=_(kind), kept=len(kept), count=len(meant)), lossy=True)
    elif tuple(meant) != tuple(kept):
        yield DraftDifference(_("the {kind} are in another order").format(kind=_(kind)), lossy=True)


def _changed_marks(meant: ArticleContent, kept: ArticleContent) -> list[str]:
    """Return the tags and attributes that were lost, and the tags that came: `<p>`, `<p style>`."""
    names = {name for name, _value in meant.marks - kept.marks}
    names |= {name for name, value in kept.marks - meant.marks if not value}
    return [*sorted(names)[:MAX_MARKS], *(["…"] if len(names) > MAX_MARKS else [])]


def _flag(value: object) -> bool:
    return str(value or 0) not in ("0", "False")


def _image_ids(article: Mapping[str, Any]) -> list[str]:
    listed = (article.get("image_info") or {}).get("image_list") or []
    return [str(image.get("image_media_id")) for image in listed]
