"""What an article is made of, the collector of its problems, and the values of variables in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Final, Literal

from wechat_article.files import ArticleFiles, Folder, PictureFile
from wechat_article.program import _, ngettext

ArticleFormat = Literal["markdown", "html"]
Level = Literal["error", "warning", "advice"]
"""An article with an error must not be sent; advice is about looks."""

# Every number that WeChat sets for an article and its pictures, with the page it is from, read 2026-11.
CONTENT_CHARS = 20_000
"""draft_add, "fewer than"; that markup counts is a field report. So few never reach its "under 1 MB"."""
IMAGE_BYTES = 10 * 1024 * 1024
"""add_material, image; 2 MB on pages before 2021."""
IMAGE_FORMATS = ("png", "jpeg", "gif", "bmp")
BODY_IMAGE_BYTES = 1_000_000
"""uploadimg, "under 1 MB", png and jpeg only."""
BODY_IMAGE_FORMATS = ("jpeg", "png", "gif")
"""uploadimg takes the first two; a GIF is uploaded as material, whose address articles may use."""

WARNING_CHARS = 18_000
"""Near `CONTENT_CHARS`."""
MAX_SOURCE_CHARS = 200_000
"""Our own bound: nothing longer can become an article, and it would take seconds to say so."""

MAX_FINDINGS = 200
"""Of one file: nobody reads more, and a stranger's file may have one on every line."""
MAX_MESSAGE_CHARS = 300
"""Of what one finding says: it may repeat a value of the file."""
IMAGE_URL_CHARS = 160
"""The length an image's address will have, rounded up: mmbiz.qpic.cn addresses have 120 to 155 characters."""

PLACEHOLDER_SCHEME: Final = "wximg"
"""With what the `src` of an article's own picture begins until it is uploaded."""
CARD_PLACEHOLDER: Final = f"{PLACEHOLDER_SCHEME}:card-"
"""Begins what stands for the cover of a mini program's card, which has to be permanent material."""
LINK_PREFIX: Final = "https://mp.weixin.qq.com/"
WECHAT_IMAGES: Final = ("https://mmbiz.qpic.cn/", "https://mmecoa.qpic.cn/")
"""How the addresses begin of pictures that WeChat already serves."""
IMAGE_PREFIXES: Final = (f"{PLACEHOLDER_SCHEME}:", *WECHAT_IMAGES)
"""What an image's `src` may begin with: a placeholder, or a picture that WeChat already serves."""
_WECHAT: Final = re.compile(r"^(http:)?//(?=mp\.weixin\.qq\.com/|mm(biz|ecoa)\.qpic\.cn/)")
AI_STATEMENT: Final = "内容由人工智能生成"
"""The label that followers see. Source: 人工智能生成合成内容标识办法, GB 45438-2025, read 2026-11."""
_AT_THE_ROOT: Final = PurePosixPath("article")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSource:
    """One article as it is written, and all that decides what becomes of it."""

    text: str
    """Its template is rendered already, with `escape_for(kind)` on the variables."""
    kind: ArticleFormat = "markdown"
    title: str = ""
    """A first heading that repeats it is left out."""
    theme: str = "default"
    """A shipped theme, or a file under `_themes/` of `files`. Articles of HTML have none."""
    brand_color: str = "#07c160"
    """The one colour of a theme: headings, boxes and lines take their shades from it."""
    fix_images: bool = False
    """Convert and shrink pictures that WeChat would reject."""
    line_breaks: bool = False
    """Show the line breaks inside a Markdown paragraph, as Typora does."""
    advice: bool = True
    """List advice about looks: what some phones or dark mode may show badly."""
    ai_generated: bool = False
    """Whether it ends with `AI_STATEMENT`."""
    files: ArticleFiles = field(default_factory=Folder)
    """Where pictures and themes are read."""
    file: PurePosixPath = _AT_THE_ROOT
    """Where it stands in `files`; picture paths are relative to it."""
    root: str = ""
    """The folder of `files` as the user types it, for the places of remarks."""

    @property
    def display_path(self) -> str:
        """The file as the user types it."""
        return self.shown(self.file)

    def shown(self, path: PurePosixPath | str) -> str:
        """Return a path in `files` as the user types it."""
        return f"{self.root}/{path}" if self.root else str(path)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with an article, or lost of it: what it is, and in `hint` what to write instead."""

    rule: str
    """A stable id, such as `image-alt`."""
    message: str
    hint: str
    level: Level = "error"
    line: int | None = None
    """Of `file`, from 1."""
    file: str = ""
    """The article or its theme, as the user types it."""


@dataclass(frozen=True, slots=True)
class Formula:
    """What a drawing of an article shows: as it was written, and its characters alone."""

    latex: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleBody:
    """An article's HTML as WeChat will keep it, but for the image placeholders.

    `findings` may hold errors: such a body must not be sent. `markup_chars` counts each placeholder
    as long as the address that will replace it.
    """

    html: str
    images: Mapping[str, PictureFile] = field(default_factory=dict)
    """By placeholder: the address that a picture has in `html` until it is uploaded."""
    formulas: tuple[Formula, ...] = ()
    findings: tuple[Remark, ...] = ()
    markup_chars: int = 0


def with_https(address: str) -> str:
    """Write an address of WeChat with `https://`; any other is only stripped of blanks."""
    return _WECHAT.sub("https://", address.strip())


def markup_chars(html: str, placeholders: Iterable[str]) -> int:
    """Count what WeChat counts: each placeholder as long as the address that will replace it."""
    return len(html) + sum(html.count(one) * (IMAGE_URL_CHARS - len(one)) for one in placeholders)


@dataclass(slots=True, kw_only=True)
class Findings:
    """Collects the problems of one file, each once."""

    file: str
    """As the user would type it."""
    advice: bool = True
    """Whether advice is collected at all."""
    _problems: dict[Remark, None] = field(default_factory=dict)
    _gathered: dict[tuple[str, str], tuple[Remark, int]] = field(default_factory=dict)
    """By rule and subject: the first, and how often it was met."""

    def error(self, rule: str, what: str, hint: str, *, line: int | None = None) -> None:
        """Add a problem that stops the article."""
        self.add(rule, what, hint, line=line, level="error")

    def warning(self, rule: str, what: str, hint: str, *, line: int | None = None) -> None:
        """Add a problem to look at before sending."""
        self.add(rule, what, hint, line=line, level="warning")

    def gather(
        self, rule: str, what: str, hint: str, *, line: int | None, level: Level = "warning", about: str = ""
    ) -> None:
        """Add a problem that one line of the report stands for, however often it is met with this subject."""
        if level == "advice" and not self.advice:
            return
        first, times = self._gathered.get((rule, about)) or (self._made(rule, what, hint, line, level), 0)
        self._gathered[rule, about] = first, times + 1

    def add(self, rule: str, what: str, hint: str, *, line: int | None, level: Level) -> None:
        """Add a problem, unless the file has too many already."""
        if len(self._problems) > MAX_FINDINGS:
            return
        problem = self._made(rule, what, hint, line, level)
        if len(self._problems) == MAX_FINDINGS and problem not in self._problems:
            what = _("more problems were found than are listed")
            problem = Remark("too-many-findings", what, _("correct the listed ones first"), file=self.file)
        self._problems[problem] = None

    def include(self, others: Findings) -> None:
        """Add what was found in another file."""
        self._problems.update(dict.fromkeys(others))

    def __iter__(self) -> Iterator[Remark]:
        yield from self._problems
        for first, times in self._gathered.values():
            if times == 1:
                yield first
                continue
            more = ngettext(
                "{what} (and in {count} more place)", "{what} (and in {count} more places)", times - 1
            )
            yield replace(first, message=more.format(what=first.message, count=times - 1))

    def _made(self, rule: str, what: str, hint: str, line: int | None, level: Level) -> Remark:
        what = what if len(what) <= MAX_MESSAGE_CHARS else f"{what[:MAX_MESSAGE_CHARS]}…"
        return Remark(rule, what, hint, level, line, self.file)


# --- the values of variables, as text wherever they stand ---------------------------------------
# For Markdown a value becomes a *mark*: hexadecimal digits between two private-use characters, inert
# in every construct (code included) and one line long, so that line numbers hold. It is revealed after
# parsing, when it can no longer become markup. For HTML a value becomes character references.


_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([0-9a-f]*){_CLOSE}")
_NOT_PLAIN = re.compile(r"[\x00-/:-@\[-^`{-\x7f]")
# XML and the HTML parsers refuse these; lone surrogates cannot be encoded at all.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)

_LAST_CODE, _MAX_DIGITS = 0x10FFFF, 8
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));?")


def escape_for(kind: ArticleFormat) -> Callable[[object], str]:
    """Choose what writes the value of a `{{ variable }}` into a body as text that never becomes markup."""
    return _markdown if kind == "markdown" else _html


def reveal(text: str) -> str:
    """Replace every mark by the value it stands for."""
    if _OPEN not in text:
        return text
    return _MARK.sub(lambda mark: replace_forbidden(_unhex(mark[1])), text)


def replace_forbidden(text: str) -> str:
    """Replace the characters that no HTML document may hold by U+FFFD, and normalise line ends."""
    return _FORBIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def replace_forbidden_html(html: str) -> str:
    """Do as `replace_forbidden` does, and the same to character references."""
    return _REFERENCE.sub(_allowed_reference, replace_forbidden(html))


def _markdown(value: object) -> str:
    # A value that already holds marks is the output of a macro or a block: those stay as they are.
    parts = _MARK.split(str(value))
    marks = [
        part if index % 2 else part.encode("utf-8", "surrogatepass").hex() for index, part in enumerate(parts)
    ]
    return "".join(f"{_OPEN}{mark}{_CLOSE}" for mark in marks if mark)


def _html(value: object) -> str:
    # Every ASCII mark, so that the value is safe in an attribute without quotes as well.
    return _NOT_PLAIN.sub(lambda mark: f"&#{ord(mark[0])};", replace_forbidden(str(value)))


def _allowed_reference(found: re.Match[str]) -> str:
    digits = (found[1] or found[2]).lstrip("0")
    if len(digits) > _MAX_DIGITS:  # Python refuses to count some thousand digits
        return "\ufffd"
    code = int(digits or "0", 16 if found[1] else 10)
    return "\ufffd" if code > _LAST_CODE or _FORBIDDEN.match(chr(code)) else found[0]


def _unhex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8", "surrogatepass")
    except ValueError:
        return ""  # somebody typed the private characters by hand
