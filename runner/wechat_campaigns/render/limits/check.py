"""A rendered send in, everything WeChat would refuse about it out: checked offline, before any call.

The numbers, with their sources and doubts, are in `limits.table`. The schema counts articles and images,
`openids` the recipients, and `article.lint` the characters of an article.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal
from urllib.parse import urlsplit

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import (
    Article,
    Articles,
    Content,
    Draft,
    FileInfo,
    Image,
    Images,
    Media,
    Mpvideo,
    Newspic,
    Send,
    SourceMap,
    Text,
    Voice,
    Wxcard,
)
from wechat_campaigns.core.patterns import BIDI, INVISIBLE, escape_invisible, openid_line
from wechat_campaigns.core.settings import Account, AccountKind
from wechat_campaigns.render.limits.table import (
    AUTHOR_CHARS,
    CONTENT_CHARS,
    IMAGE_BYTES,
    IMAGE_FORMATS,
    SUFFIXES,
    SUMMARY_CHARS,
    TEXT_BYTES,
    TEXT_CHARS_USUAL,
    TITLE_CHARS,
    TITLE_CHARS_USUAL,
    URL_BYTES,
    VIDEO_BYTES,
    VIDEO_FORMATS,
    VOICE_BYTES,
    VOICE_FORMATS,
    VOICE_S,
)
from wechat_campaigns.source.text import is_blank

MaterialKind = Literal["image", "video", "voice"]
_LIMITS: Final[dict[MaterialKind, tuple[tuple[str, ...], int]]] = {
    "image": (IMAGE_FORMATS, IMAGE_BYTES),
    "video": (VIDEO_FORMATS, VIDEO_BYTES),
    "voice": (VOICE_FORMATS, VOICE_BYTES),
}
_CROP_NUMBER = r"(0(?:\.\d{1,6})?|1(?:\.0{1,6})?)"
_CROP = re.compile("_".join([_CROP_NUMBER] * 4))
_SUBDIVISION_FLAGS = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
"""England, Scotland and Wales: the only emoji made of tags."""


def check(send: Send, account: Account, source: SourceMap) -> tuple[Diagnostic, ...]:
    """List what one send breaks of WeChat's limits, errors and warnings.

    Args:
        source: the campaign's file, to point at the value concerned.

    Source:
        The pages named in `limits.table`, read 2026-11.
    """
    return tuple(
        _of_entry(send, finding).at(source.location(finding.path) if finding.path else send.location)
        for finding in (*_audience(send, account), *content_findings(send.content))
    )


def _of_entry(send: Send, finding: Finding) -> Finding:
    """Return the entry of `for_each` that leaves a value empty: the others fill it."""
    if finding.rule != "empty" or "[" not in send.id:
        return finding
    what = _("{send}: {what}").format(send=send.id, what=finding.message)
    return replace(finding, message=what)


# --- who sends to whom -------------------------------------------------------------------------


def _audience(send: Send, account: Account) -> Iterator[Finding]:
    if send.filter.openids and account.kind is not AccountKind.SERVICE:
        what = _("`{name}` is not a service account; only service accounts may send to openids (48001)")
        hint = _("send to a tag, or use a service account")
        yield Finding("mass-send-kind", what.format(name=account.name), hint, ())
    elif account.kind is AccountKind.TEST:
        what = _("`{name}` is a test account: WeChat accepts its mass sends, but may deliver none of them")
        hint = _("rehearse in the sandbox; send from a verified account")
        yield Finding("test-account", what.format(name=account.name), hint, (), "warning")
        if not isinstance(send.content, Text | Articles | Newspic | Draft):
            what = _("WeChat may reject `{msgtype}` from a test account (48008)")
            hint = _("send articles or a text")
            msgtype = send.msgtype.value
            yield Finding("test-account", what.format(msgtype=msgtype), hint, ("msgtype",), "warning")


# --- what is sent ------------------------------------------------------------------------------


def content_findings(content: Content) -> Iterator[Finding]:
    """List what a content breaks of WeChat's limits; paths begin with `content`."""
    path: KeyPath = ("content",)
    match content:
        case Text():
            yield from _text(content)
        case Articles(articles=articles):
            yield from _articles(articles)
        case Newspic():
            yield from _newspic(content)
        case Draft():
            yield from _draft(content)
        case Voice(media=media):
            yield from _media(path, media, "voice")
        case Image(media=media):
            yield from _media(path, media, "image")
        case Images():
            yield from _images(content)
        case Mpvideo():
            yield from _mpvideo(content)
        case Wxcard(card_id=card_id):
            yield from _name((*path, "card_id"), card_id)
            what = _("WeChat retired cards in mass messages in August 2024 and returns 45113")
            yield Finding(
                "retired-wxcard", what, _("send an article or a text instead"), ("msgtype",), "warning"
            )


def _text(text: Text) -> Iterator[Finding]:
    path: KeyPath = ("content",)
    yield from _not_empty(path, text.content)
    size_bytes = len(text.content.encode())
    if size_bytes > TEXT_BYTES:
        what = _("the text has {count:,} bytes; WeChat may reject more than {most:,} (45002)").format(
            count=size_bytes, most=TEXT_BYTES
        )
        yield Finding("text-too-long", what, _("shorten it, or send an article"), path)
    elif len(text.content) > TEXT_CHARS_USUAL:
        what = _("the text has {count} characters; the WeChat console allows {most}").format(
            count=len(text.content), most=TEXT_CHARS_USUAL
        )
        yield Finding("text-long", what, _("shorten it, or preview it first"), path, "warning")


def _articles(articles: Sequence[Article]) -> Iterator[Finding]:
    path: KeyPath = ("content", "articles")
    for index, article in enumerate(articles):
        yield from _article((*path, index), article)
        if article.digest and len(articles) > 1:
            what = _("the digest is shown only when a message has one article")
            yield Finding("digest-unseen", what, _("remove the digest"), (*path, index, "digest"), "warning")


def _article(path: KeyPath, article: Article) -> Iterator[Finding]:
    yield from _title((*path, "title"), article.title)
    yield from _chars((*path, "author"), article.author, AUTHOR_CHARS)
    yield from _chars((*path, "digest"), article.digest, SUMMARY_CHARS)
    yield from _url((*path, "content_source_url"), article.content_source_url)
    yield from _media((*path, "cover"), article.cover, "image")
    for name, crop in (("pic_crop_235_1", article.pic_crop_235_1), ("pic_crop_1_1", article.pic_crop_1_1)):
        yield from _crop((*path, name), crop)
    yield from _comments(path, article.need_open_comment, article.only_fans_can_comment)


def _draft(draft: Draft) -> Iterator[Finding]:
    if draft.title:
        yield from one_line(("content", "draft"), draft.title)
    else:
        yield from _name(("content", "media_id"), draft.media_id)


def _newspic(newspic: Newspic) -> Iterator[Finding]:
    path: KeyPath = ("content", "newspic")
    yield from _title((*path, "title"), newspic.title)
    yield from _chars((*path, "text"), newspic.text, CONTENT_CHARS - 1)
    if is_blank(newspic.text):
        what = _("WeChat may reject a picture post without text (44003)")
        yield Finding("newspic-text", what, _("write a line in `text`"), path, "warning")
    for index, media in enumerate(newspic.images):
        yield from _media((*path, "images", index), media, "image")


def _images(images: Images) -> Iterator[Finding]:
    path: KeyPath = ("content", "images")
    for index, media in enumerate(images.images):
        yield from _media((*path, index), media, "image")
    yield from _comments(("content",), images.need_open_comment, images.only_fans_can_comment)


def _mpvideo(video: Mpvideo) -> Iterator[Finding]:
    path: KeyPath = ("content",)
    yield from _not_empty((*path, "title"), video.title)
    yield from _not_empty((*path, "description"), video.description)
    yield from _media(path, video.media, "video")
    if video.media.file is not None:
        what = _("WeChat may reject a video uploaded through the API (48022, 48013)")
        hint = _("upload it in the WeChat console and refer to it with `name`; otherwise expect a rejection")
        yield Finding("mpvideo-upload", what, hint, (*path, "file"), "warning")


# --- any text ----------------------------------------------------------------------------------


def text_errors(path: KeyPath, text: str) -> Iterator[Finding]:
    """Report a follower's openid, and what makes a text read otherwise than it looks."""
    if (line := openid_line(text)) is not None:
        what = _("line {line} of the text contains an openid, which would be sent").format(line=line)
        hint = _("remove it; write recipients only under `filter`")
        yield Finding("openid-in-content", what, hint, path)
    elif turned := BIDI.search(text):
        what = _("`{text}` contains a character that reverses the order of the text around it").format(
            text=_around(turned)
        )
        hint = _("delete it: followers would read something other than what is written")
        yield Finding("bidi-control", what, hint, path)


def text_warnings(path: KeyPath, text: str) -> Iterator[Finding]:
    """Report characters that neither followers nor a reviewer can see."""
    if not text.isascii() and (found := INVISIBLE.search(_SUBDIVISION_FLAGS.sub("", text))):
        what = _("`{text}` contains an invisible character").format(text=_around(found))
        hint = _("delete it; it often comes with pasted text")
        yield Finding("invisible-character", what, hint, path, "warning")


def _around(found: re.Match[str]) -> str:
    """Cut out a character that cannot be seen with its neighbours, all of them visible."""
    return " ".join(escape_invisible(found.string[max(0, found.start() - 6) : found.end() + 6]).split())


# --- single values -----------------------------------------------------------------------------


def _not_empty(path: KeyPath, value: str) -> Iterator[Finding]:
    if is_blank(value):
        what = _("`{name}` is empty").format(name=path[-1])
        hint = _("write some content, or check the variables it uses")
        yield Finding("empty", what, hint, path)


def _name(path: KeyPath, value: str) -> Iterator[Finding]:
    """Refuse a name of WeChat's that holds what none of its names does."""
    yield from _not_empty(path, value)
    # Of all blanks, only the plain space is printable.
    if value.strip() and (" " in value or not value.isprintable()):
        what = _("`{name}` contains a space, a line break or an invisible character").format(name=path[-1])
        hint = _("copy it again without the surrounding text, or check the variables it uses")
        yield Finding("blank-in-id", what, hint, path)


def one_line(path: KeyPath, name: str) -> Iterator[Finding]:
    """Refuse a name that people chose with a line break, something hidden or a blank at its ends."""
    if name.strip() and not (name == name.strip() and name.replace("\u200d", "").isprintable()):
        what = _(
            "`{name}` contains a line break or an invisible character, or starts or ends with a space"
        ).format(name=path[-1])
        yield Finding("blank-in-id", what, _("write only the name, or check the variables it uses"), path)


def _title(path: KeyPath, title: str) -> Iterator[Finding]:
    yield from _not_empty(path, title)
    yield from _chars(path, title, TITLE_CHARS)
    if len(title) > TITLE_CHARS_USUAL and len(title.encode("utf-16-le", "surrogatepass")) <= 2 * TITLE_CHARS:
        what = _("the title has {count} characters; WeChat's documentation allows {most}").format(
            count=len(title), most=TITLE_CHARS_USUAL
        )
        yield Finding("title-long", what, _("shorten it, or preview it first"), path, "warning")
    if "\n" in title:
        yield Finding("title-lines", _("the title has a line break"), _("write it on one line"), path)


def _chars(path: KeyPath, value: str, most: int) -> Iterator[Finding]:
    """Count code points; a second count takes an emoji as two, as WeChat may (not documented)."""
    name, chars, wide = path[-1], len(value), len(value.encode("utf-16-le", "surrogatepass")) // 2
    if chars > most:
        what = _("`{name}` has {count} characters; the maximum is {most}").format(
            name=name, count=chars, most=most
        )
        yield Finding(f"{name}-too-long", what, _("shorten it by {count}").format(count=chars - most), path)
    elif wide > most:
        what = _(
            "`{name}` has {count} characters, or {wide} if an emoji counts as two; the maximum is {most}"
        ).format(name=name, count=chars, wide=wide, most=most)
        yield Finding(f"{name}-emoji", what, _("remove an emoji to be safe"), path, "warning")


def _url(path: KeyPath, url: str) -> Iterator[Finding]:
    if not url:
        return
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", url)
    except ValueError:
        sound = False
    if not sound:
        what = _("`content_source_url` is not a web address")
        hint = _("write the full address, with https://")
        yield Finding("url", what, hint, path)
    elif len(url.encode()) > URL_BYTES:
        what = _("`{path}` has {count:,} bytes; the maximum is {most:,}").format(
            path=path[-1], count=len(url.encode()), most=URL_BYTES
        )
        yield Finding("url-too-long", what, _("use a shorter address"), path)


def _crop(path: KeyPath, crop: str) -> Iterator[Finding]:
    if not crop:
        return
    numbers = _CROP.fullmatch(crop)
    if numbers is None:
        what = _("`{name}` is not `X1_Y1_X2_Y2` with numbers from 0 to 1 and at most 6 decimals").format(
            name=path[-1]
        )
        yield Finding("crop", what, _("write, for example, 0_0.1_1_0.9"), path)
        return
    left, top, right, bottom = map(float, numbers.groups())
    if left >= right or top >= bottom:
        what = _("in `{name}`, the second corner is not below and to the right of the first").format(
            name=path[-1]
        )
        yield Finding("crop", what, _("write the top left corner first, then the bottom right one"), path)


def _comments(path: KeyPath, opened: bool | None, fans_only: bool | None) -> Iterator[Finding]:
    if fans_only and not opened:
        what = _("`only_fans_can_comment` is true, but comments are not open")
        hint = _("set `need_open_comment: true`, or remove this key")
        yield Finding("comments", what, hint, (*path, "only_fans_can_comment"))


def _media(path: KeyPath, media: Media, kind: MaterialKind) -> Iterator[Finding]:
    if media.file is not None:
        yield from check_file((*path, "file"), media.file, kind)
    elif media.name is not None:
        yield from _not_empty((*path, "name"), media.name)
        yield from one_line((*path, "name"), media.name)
    else:
        yield from _name((*path, "media_id"), media.media_id or "")


# --- files ------------------------------------------------------------------------------------


def check_file(path: KeyPath, file: FileInfo, kind: MaterialKind) -> Iterator[Finding]:
    """Check a file that becomes permanent material: its bytes, its name, the length of a voice."""
    formats, most_bytes = _LIMITS[kind]
    if file.size_bytes == 0:
        what = _("`{path}` is empty").format(path=file.path)
        yield Finding("file-empty", what, _("add the real file"), path)
        return
    if file.format not in formats:
        what = _("`{path}` has the format {format}; allowed here: {formats}").format(
            path=file.path, format=file.format, formats=_(", ").join(formats)
        )
        hint = _("convert it to {format}").format(format=formats[0])
        if kind == "image" and file.format != "unknown":
            hint = _("export it as PNG or JPEG, or set `articles: {fix_images: true}`")
        yield Finding("file-format", what, hint, path)
    elif not file.converted:  # what is converted gets a name of its own
        yield from _suffix(path, file)
    if file.size_bytes > most_bytes:
        what = _("`{path}` has {count:,} bytes; the maximum is {most:,}").format(
            path=file.path, count=file.size_bytes, most=most_bytes
        )
        hint = _("make it smaller")
        if kind == "image":
            hint = _("make it smaller, or set `articles: {fix_images: true}`")
        yield Finding("file-too-large", what, hint, path)
    if kind == "voice" and file.duration_s is not None and file.duration_s > VOICE_S:
        what = _("`{path}` lasts {seconds:.1f} s; the maximum is {most} s").format(
            path=file.path, seconds=file.duration_s, most=VOICE_S
        )
        yield Finding("voice-too-long", what, _("shorten it, or send it in parts"), path)


def _suffix(path: KeyPath, file: FileInfo) -> Iterator[Finding]:
    suffixes = SUFFIXES.get(file.format, (f".{file.format}",))
    if file.path.suffix.lower() not in suffixes:
        what = _("the format of `{path}` is {format}, but its extension belongs to another format").format(
            path=file.path, format=file.format
        )
        hint = _("rename it to `{name}`, or add the intended file").format(
            name=file.path.with_suffix(suffixes[0]).name
        )
        yield Finding("file-suffix", what, hint, path)
