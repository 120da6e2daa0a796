"""Every number WeChat sets for a message, once, with the page it is from and what is uncertain; the checks.

All pages read 2026-11. Openid counts stand in `render.openids`, what an article and its pictures may have in
`wechat_article.parts`. The schema counts articles and images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wechat_article.parts import IMAGE_BYTES, IMAGE_FORMATS
from wechat_article.text import is_blank
from wechat_campaigns.core.content import FileInfo, MaterialKind, Media
from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import Account, AccountKind

TITLE_CHARS = 64
"""Measured in June 2026: 64 pass, 65 are refused with 45003; older pages and the web editor have 64 too."""
TITLE_CHARS_USUAL = 32
"""draft_add since 2025; above it the API still takes the title."""
AUTHOR_CHARS = 16
"""draft_add; 8 on older pages."""
SUMMARY_CHARS = 120
"""draft_add of autumn 2026; 128 a year before."""
URL_BYTES = 1024
"""draft_add, content_source_url."""
MAX_ARTICLES = 8
"""uploadnews and staff in the vendor's forum; draft_add states none."""
MAX_IMAGES = 20
"""draft_add for picture posts; for `images` of a mass send only 40215 is documented, no number."""
TEXT_BYTES = 2048
"""None is documented for a mass text: this is the limit of customer service texts."""
TEXT_CHARS_USUAL = 600
"""The web console's limit for a text; above it the API's answer is uncertain."""
VOICE_BYTES = 2 * 1024 * 1024
VOICE_S = 60
VOICE_FORMATS = ("mp3", "wma", "wav", "amr")
"""add_material, voice: 2 MB, 60 s."""
VIDEO_BYTES = 10 * 1024 * 1024
VIDEO_FORMATS = ("mp4",)
"""add_material, video."""

SUFFIXES = {"jpeg": (".jpg", ".jpeg")}
"""Where a format has other suffixes than its own name."""
_LIMITS: Final[dict[MaterialKind, tuple[tuple[str, ...], int]]] = {
    "image": (IMAGE_FORMATS, IMAGE_BYTES),
    "video": (VIDEO_FORMATS, VIDEO_BYTES),
    "voice": (VOICE_FORMATS, VOICE_BYTES),
}


def check_not_empty(path: KeyPath, value: str) -> Iterator[Finding]:
    """Refuse a value that shows a reader nothing."""
    if is_blank(value):
        what = _("`{name}` is empty").format(name=path[-1])
        hint = _("write some content, or check the variables it uses")
        yield Finding("empty", what, hint, path)


def check_name(path: KeyPath, value: str, *, is_chosen: bool = False) -> Iterator[Finding]:
    """Refuse a name in WeChat that is empty, or holds what no name does.

    Args:
        is_chosen: whether people chose it: there may be spaces inside it then, and joined emoji.
    """
    yield from check_not_empty(path, value)
    # Of all blanks, only the plain space is printable.
    plain = value.strip().replace(" ", "").replace("\u200d", "") if is_chosen else value.replace(" ", "\n")
    if value.strip() and not (plain.isprintable() and value == value.strip()):
        what = _("`{name}` contains a line break, an invisible character, or a space where none may be")
        hint = _("write only the name, or check the variables it uses")
        yield Finding("blank-in-id", what.format(name=path[-1]), hint, path)


def check_title(path: KeyPath, title: str) -> Iterator[Finding]:
    """Check the title of an article or of a picture post."""
    yield from check_not_empty(path, title)
    yield from check_chars(path, title, TITLE_CHARS)
    if len(title) > TITLE_CHARS_USUAL and len(title.encode("utf-16-le", "surrogatepass")) <= 2 * TITLE_CHARS:
        what = _("the title has {count} characters; WeChat's documentation allows {most}").format(
            count=len(title), most=TITLE_CHARS_USUAL
        )
        yield Finding("title-long", what, _("shorten it, or preview it first"), path, "warning")
    if "\n" in title:
        yield Finding("title-lines", _("the title has a line break"), _("write it on one line"), path)


def check_chars(path: KeyPath, value: str, most: int) -> Iterator[Finding]:
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


def check_comments(path: KeyPath, opened: bool | None, fans_only: bool | None) -> Iterator[Finding]:
    """Refuse comments of followers only where comments are closed."""
    if fans_only and not opened:
        what = _("`only_fans_can_comment` is true, but comments are not open")
        hint = _("set `need_open_comment: true`, or remove this key")
        yield Finding("comments", what, hint, (*path, "only_fans_can_comment"))


def check_media(path: KeyPath, value: Media, kind: MaterialKind) -> Iterator[Finding]:
    """Check a file, or the name or id of a material; nothing where a problem left none of them."""
    if value.file is not None:
        yield from check_file((*path, "file"), value.file, kind)
    elif value.name is not None:
        yield from check_name((*path, "name"), value.name, is_chosen=True)
    elif value.media_id is not None:
        yield from check_name((*path, "media_id"), value.media_id)


def check_file(path: KeyPath, file: FileInfo, kind: MaterialKind) -> Iterator[Finding]:
    """Check a file that becomes permanent material: its bytes, its name, the length of a voice."""
    formats, most_bytes = _LIMITS[kind]
    if file.size_bytes == 0:
        what = _("`{name}` is empty").format(name=file.path)
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


def check_audience(recipients: Filter, msgtype: str, account: Account) -> Iterator[Finding]:
    """List what an account may not send, or not to these recipients; an empty path is the whole send."""
    if recipients.openids and account.kind is not AccountKind.SERVICE:
        what = _("`{name}` is not a service account; only service accounts may send to openids (48001)")
        hint = _("send to a tag, or use a service account")
        yield Finding("mass-send-kind", what.format(name=account.name), hint, ())
    elif account.kind is AccountKind.TEST:
        what = _("`{name}` is a test account: WeChat accepts its mass sends, but may deliver none of them")
        hint = _("rehearse in the sandbox; send from a verified account")
        yield Finding("test-account", what.format(name=account.name), hint, (), "warning")
        if msgtype not in ("text", "mpnews"):
            what = _("WeChat may reject `{msgtype}` from a test account (48008)")
            hint = _("send an article or a text instead")
            yield Finding("test-account", what.format(msgtype=msgtype), hint, ("msgtype",), "warning")
