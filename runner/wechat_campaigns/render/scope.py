"""What one send is rendered with, and where every problem of it gathers.

Each method gives a value that lets rendering go on, even after a problem, so that one run finds all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from wechat_campaigns.core.content import Media
from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import BIDI, INVISIBLE, escape_invisible, openid_line
from wechat_campaigns.core.settings import ArticleOptions
from wechat_campaigns.messages import PLACEHOLDERS
from wechat_campaigns.messages.limits import MAX_IMAGES
from wechat_campaigns.render.articles import convert
from wechat_campaigns.render.templates import (
    MAX_SIZE,
    Escape,
    TemplateRenderError,
    fill,
    split_blocks,
    without_control,
)
from wechat_campaigns.source.files import FileError, Files, refuse_data
from wechat_campaigns.source.validate import Campaign

if TYPE_CHECKING:
    from wechat_campaigns.render.templates.engine import Engine

T = TypeVar("T")

_NAMES = ("file", "name", "media_id", "draft", "card_id", "body", "text_file", "theme")
"""Keys of a content whose values followers do not read."""
_BRACES = re.compile(
    r"[{｛](?<![{｛][{｛])(?:[{｛]\s*(\w+)[^{}｛｝\n]{0,60}[}｝]{2}|\s*(\w+)\s*[}｝])(?![}｝])"
)
"""A name in one or two pairs of braces, half-width or full-width, as a Chinese keyboard types them."""


_SUBDIVISION_FLAGS = re.compile(
    "\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
"""England, Scotland and Wales: the only emoji made of tags."""


class Templates:
    """Renders strings; compiled templates and includes are kept for the next string.

    Jinja is loaded by the first text that needs it.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def render(self, text: str, variables: Mapping[str, Any], *, escape: Escape = str) -> str:
        r"""Render one string to at most MAX_SIZE characters; `\r\n` and `\r` become `\n`.

        Args:
            text: at most MAX_SIZE characters; without `{{`, `{%` or `{#` it is its own result.

        Raises:
            TemplateRenderError: for any fault of the template.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        filled = fill(text, variables, escape)
        if filled is None:
            filled = self._fill_around_blocks(text, variables, escape)
        return without_control(filled if filled is not None else self._engine.render(text, variables, escape))

    def _fill_around_blocks(self, text: str, variables: Mapping[str, Any], escape: Escape) -> str | None:
        """Compile only the blocks of a text; None where that is not enough, and where there is an error."""
        parts = split_blocks(text)
        for place in range(0, len(parts), 2):
            around = fill(parts[place], variables, escape)
            if around is None:
                return None
            parts[place] = around
        try:
            parts[1::2] = [self._engine.render(block, variables, escape) for block in parts[1::2]]
        except TemplateRenderError:  # its line is that of the whole text
            return None
        return "".join(parts) if 0 < sum(map(len, parts)) <= MAX_SIZE else None

    @cached_property
    def _engine(self) -> Engine:
        from wechat_campaigns.render.templates.engine import Engine

        return Engine(self._files)


@dataclass(slots=True, kw_only=True)
class Scope:
    """One send's surroundings; `problems` grows as rendering goes on."""

    campaign: Campaign
    variables: Mapping[str, Any]
    templates: Templates
    files: Files
    options: ArticleOptions
    problems: list[Diagnostic] = field(default_factory=list)

    def report(self, finding: Finding, place: Location | None = None) -> None:
        """Add a finding at its value, or at `place`."""
        self.problems.append(finding.at(place or self.campaign.source.location(finding.path)))

    def text(self, path: KeyPath, value: object) -> str:
        """Render the string at `path`, without the newline that `|` leaves at its end; "" after a problem."""
        text = self._rendered(path, str(value)) or ""
        if path[0] != "content" or path[-1] in _NAMES:
            return text
        self.look_for_unseen(path, text)
        return text if self.sendable(path, text) else ""

    def data(self, path: KeyPath, value: Any) -> Any:
        """Render every string inside plain data."""
        if isinstance(value, str):
            return self.text(path, value)
        if isinstance(value, Mapping):
            return {key: self.data((*path, key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.data((*path, index), item) for index, item in enumerate(value)]
        return value

    def text_file(self, path: KeyPath, written: str, *, escape: Escape = str) -> str | None:
        """Render the text file named at `path`; None after a problem."""
        source = self.read(path, lambda: self._source(written))
        if source is None or not self.sendable(path, source):
            return None
        file = self.files.locate(self.campaign.file, written)
        text = self._rendered(path, source, escape=escape, file=file)
        return text if text is None or text == source or self.sendable(path, text) else None

    def sendable(self, path: KeyPath, text: str) -> bool:
        """Return whether a text names no follower and reads as it looks; a problem when not."""
        faults = list(text_errors(path, text))
        for fault in faults:
            self.report(fault)
        return not faults

    def look_for_unseen(self, path: KeyPath, text: str) -> None:
        """Warn of characters that followers cannot see, and a reviewer neither."""
        for finding in text_warnings(path, text):
            self.report(finding)

    def media(self, path: KeyPath, value: Mapping[str, Any] | str) -> Media:
        """Render a MEDIA value, or the path of a file; without its file after a problem."""
        if is_plain := isinstance(value, str):
            value = {"file": value}
        if "file" in value:
            path = (*path, "file")
            written = self.text(path, value["file"])
            file = self.read(path, lambda: self.files.info(self.campaign.file, written)) if written else None
            if is_plain and written and file is None and not PurePosixPath(written).suffix:
                missing, hint = (
                    self.problems[-1],
                    _("for material that is in WeChat already, write `{name: …}`"),
                )
                if missing.rule == "file-missing":
                    self.problems[-1] = replace(missing, hint=_("; ").join((missing.hint, hint)))
            return Media(file=file)
        if "name" in value:
            return Media(name=self.text((*path, "name"), value["name"]))
        return Media(media_id=self.text((*path, "media_id"), value["media_id"]))

    def picture(self, path: KeyPath, value: Mapping[str, Any] | str) -> Media:
        """Render a MEDIA value that is a cover or a picture of a post; mended where the settings say so."""
        media = self.media(path, value)
        if media.file is None or not self.options.fix_images:
            return media
        file, name = media.file, media.file.path.name
        mended = self.read((*path, "file"), lambda: convert(file, self.files))
        if mended is None or not mended[1]:
            return media
        what = _("`{name}` will be converted before it is sent: {note}").format(name=name, note=mended[1])
        hint = _("check it in the preview")
        self.report(Finding("image-fixed", what, hint, (*path, "file"), "warning"))
        return Media(file=mended[0])

    def pictures(self, path: KeyPath, value: object) -> tuple[Media, ...]:
        """Render a list of pictures, or the files that a pattern such as `pictures/*.jpg` names, by name."""
        if isinstance(value, list):
            return tuple(self.picture((*path, index), item) for index, item in enumerate(value))
        written = self.text(path, value)
        found = self.read(path, lambda: self.files.matching(self.campaign.file, written)) if written else None
        if found is not None and len(found) > MAX_IMAGES:
            what = _("`{pattern}` matches {count} files; the maximum is {most}")
            what = what.format(pattern=written, count=len(found), most=MAX_IMAGES)
            hint = _("name the files one by one, or move some away")
            self.report(Finding("too-many-files", what, hint, path))
            return ()
        return tuple(self.picture((*path, index), name) for index, name in enumerate(found or ()))

    def read(self, path: KeyPath, action: Callable[[], T]) -> T | None:
        """Do something that may find a file or a part of the tool missing; None after a problem."""
        try:
            return action()
        except FileError as error:
            self.problems.append(error.to_diagnostic(self.campaign.source.location(path), path))
        except CampaignError as error:
            self.report(Finding("missing-extra", error.message, error.hint, path))
        return None

    @property
    def root(self) -> str:
        """The campaigns folder as the user would type it."""
        return self.campaign.source.display_path.removesuffix(str(self.campaign.file)).rstrip("/") or "."

    def display_path(self, file: PurePosixPath) -> str:
        """Write a path inside the campaigns folder as the user would type it."""
        return f"{self.root}/{file}"

    def _source(self, written: str) -> str:
        refuse_data(written)
        return self.files.text(self.campaign.file, written)

    def _look_for_braces(self, path: KeyPath, source: str, file: PurePosixPath | None) -> None:
        """Warn of what was meant as a variable and would reach followers as it stands."""
        if "{" not in source and "｛" not in source:
            return
        for found in _BRACES.finditer(source):
            doubled, single = found.groups()
            is_template = doubled and not re.search("[｛｝]", found[0])
            if is_template or (single and single not in self.variables):
                continue
            place = self._place(path, source.count("\n", 0, found.start()) + 1, file)
            what = _("followers will see `{text}` as written: it is not a variable").format(text=found[0])
            hint = _("write {{{{ {name} }}}}, with two half-width braces on each side").format(
                name=doubled or single
            )
            self.report(Finding("template-braces", what, hint, path, "warning"), place)

    def _look_for_placeholders(self, path: KeyPath, source: str, file: PurePosixPath | None) -> None:
        """Warn of the words of a new file that somebody forgot to replace."""
        at = next((source.index(words) for words in PLACEHOLDERS if words in source), None)
        if at is None:
            return
        place = self._place(path, source.count("\n", 0, at) + 1, file)
        what = _("this is still sample text, and followers would read it")
        hint = _("replace it with the content to be sent")
        self.report(Finding("scaffold-text", what, hint, path, "warning"), place)

    def _rendered(
        self, path: KeyPath, source: str, *, escape: Escape = str, file: PurePosixPath | None = None
    ) -> str | None:
        self._look_for_braces(path, source, file)
        self._look_for_placeholders(path, source, file)
        try:
            return self.templates.render(source, self.variables, escape=escape).removesuffix("\n")
        except TemplateRenderError as fault:
            place = self._place(path, fault.line, fault.file or file)
            self.report(Finding(fault.rule, fault.message, fault.hint, path), place)
            return None

    def _place(self, path: KeyPath, line: int, file: PurePosixPath | None) -> Location:
        """Return where a line of a file, or of the value at `path`, is written."""
        if file is None:
            return self.campaign.source.line_location(path, line)
        return Location(file=self.display_path(file), line=line)


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
