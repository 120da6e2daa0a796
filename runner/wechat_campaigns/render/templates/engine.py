"""A template that takes Jinja in, its text out; any error becomes a sentence and a line."""

import re
import traceback
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.utils import LRUCache

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import suggestion_suffix
from wechat_campaigns.core.redact import openid_line
from wechat_campaigns.render.templates import MAX_SIZE, Escape, TemplateRenderError
from wechat_campaigns.render.templates.jinja import (
    FILTER_NAMES,
    HIDDEN,
    RUN,
    TEMPLATE_CACHE_SIZE,
    Rendering,
    TemplateEnvironment,
    copied,
    display_name,
)
from wechat_campaigns.source.files import FileError, Files, refuse_data

_ROOT = PurePosixPath("_settings.yaml")
_RULES = ("file-data", "openid-in-content")
"""Of files that are refused for what they hold; all else is a fault of the template."""
_INCLUDE = N_(
    "include a file in `_partials/` by its name, and any other file by its path from the campaigns folder"
)


class Engine:
    """Jinja with one cache of compiled templates, shared by text."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._environment = TemplateEnvironment(self._load)
        self._compiled: Any = LRUCache(TEMPLATE_CACHE_SIZE)
        self._checked_texts: Any = LRUCache(TEMPLATE_CACHE_SIZE)

    def render(self, text: str, variables: Mapping[str, Any], escape: Escape) -> str:
        """Render one string.

        Raises:
            TemplateRenderError: for any fault of the template.
        """
        token = RUN.set(Rendering(names=frozenset(variables), escape=escape, sources=[text]))
        try:
            return self._rendered(text, variables)
        except (MemoryError, TemplateRenderError):
            raise
        except Exception as error:  # a template can raise whatever its expressions raise
            raise _render_error(error) from error
        finally:
            RUN.reset(token)

    def _rendered(self, text: str, variables: Mapping[str, Any]) -> str:
        template: Template | None = self._compiled.get(text)
        if template is None:
            template = self._compiled[text] = self._environment.from_string(text)
        chunks, chars = [], 0
        for chunk in template.root_render_func(template.new_context(copied(variables))):
            chars += len(chunk)
            if chars > MAX_SIZE:
                what = _("the text would exceed {most:,} characters").format(most=MAX_SIZE)
                hint = _("reduce the loop, the number or the text; a message is at most a few pages long")
                raise TemplateRenderError(what, hint=hint)
            chunks.append(chunk)
        return "".join(chunks)

    def _load(self, name: str) -> tuple[str, str, Any]:
        """Read an include: from `_partials/`, else from the campaigns folder itself.

        Jinja asks for each use, also of one that is compiled already.
        """
        try:
            text, path = self._included(name)
        except FileError as error:
            if display_name(name) != HIDDEN:
                raise
            what = _("the file cannot be included; its name comes from a variable and is not shown")
            raise FileError(error.rule, what, _(_INCLUDE)) from error
        RUN.get().sources.append(text)
        # Also of an include that is compiled already, every use is a reading of its file.
        return text, path, lambda: self._load(name)[0] == text

    def _included(self, name: str) -> tuple[str, str]:
        if ".." in name.split("/") or name.startswith("/") or "\\" in name:
            what = _("`{name}` is outside the campaigns folder").format(name=name)
            hint = _(_INCLUDE)
            raise FileError("include-path", what, hint)
        refuse_data(name)
        partial = f"_partials/{name}"
        try:
            return self._text(partial), partial
        except FileError as missing:
            if missing.rule != "file-missing":
                raise
            try:
                return self._text(name), name
            except FileError as error:
                raise (missing if error.rule == "file-missing" else error) from error

    def _text(self, path: str) -> str:
        """Read a file without openids: a template could spell them so that no check finds them."""
        text = self._files.text(_ROOT, path)
        if text in self._checked_texts:
            return text
        if (line := openid_line(text)) is not None:
            what = _("`{file}` contains an openid in line {line}, which would be sent").format(
                file=path, line=line
            )
            hint = _("remove it; write recipients only under `filter`")
            raise FileError("openid-in-content", what, hint)
        self._checked_texts[text] = True
        return text


# --- from any error to a sentence and a line -----------------------------------------------------


def _render_error(error: Exception) -> TemplateRenderError:
    what, hint = _words(error)
    file, line = _position(error)
    inside = None if file in (None, "<template>", "<unknown>") else PurePosixPath(str(file))
    rule = error.rule if isinstance(error, FileError) and error.rule in _RULES else "template"
    return TemplateRenderError(what, hint=hint, line=line, file=inside, rule=rule)


def _position(error: Exception) -> tuple[str | None, int]:
    """Find the innermost template an error passed through, and the line there."""
    if isinstance(error, TemplateSyntaxError):
        return error.filename, error.lineno
    file, line = None, 1
    for frame, lineno in traceback.walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            file, line = template.filename, template.get_corresponding_lineno(lineno)
    return file, line


def _words(error: Exception) -> tuple[str, str]:
    if isinstance(error, FileError):
        return error.message, error.hint
    if isinstance(error, SecurityError):
        return str(error), _("use a filter, as in `{{ name|upper }}`")
    if isinstance(error, UndefinedError):
        return str(error), (
            _(
                "set it under `vars` in the campaign, in a `for_each` entry or in `_settings.yaml`, "
                "or with `--var`"
            )
        )
    if isinstance(error, TemplateSyntaxError):
        return _syntax_words(str(error.message))
    if isinstance(error, RecursionError | SyntaxError):
        return (
            _("the template is nested too deeply, or includes or calls itself"),
            _("do not let a file include itself or a macro call itself, and use fewer levels"),
        )
    # Python's words would show the value.
    said = _("the list does not contain this value") if str(error).endswith("is not in list") else error
    what = _("the template fails here: {error}").format(error=said)
    return what, _("correct the expression; for a null, add `|default('…', true)`")


def _syntax_words(message: str) -> tuple[str, str]:
    unknown = re.match(r"No filter named '(.*)'", message)
    if unknown:
        name = unknown[1]
        return (
            _("unknown filter `{name}`{hint}").format(name=name, hint=suggestion_suffix(name, FILTER_NAMES)),
            _("use one of: {names}").format(names=_(", ").join(FILTER_NAMES)),
        )
    correct = _("correct the tag; to write `{{` or `{%` as text, write {{ '{{' }} or {{ '{%' }}")
    for pattern, what in _SYNTAX_FAULTS.items():
        if found := re.search(pattern, message):
            return _(what).format(found=next(filter(None, found.groups()), "")), correct
    reason = message[:1].lower() + message[1:].rstrip(".")
    return _("the template is not valid: {reason}").format(reason=reason), correct


_SYNTAX_FAULTS: Final = {
    r"end of template, expected 'end of print": N_("`{{{{` is not closed by `}}}}`"),
    r"end of template, expected 'end of statement": N_("`{{%` is not closed by `%}}`"),
    r"Missing end of comment": N_("`{{#` is not closed by `#}}`"),
    r"needs to be closed is '(\w+)'": N_("`{{% {found} %}}` is not closed by `{{% end{found} %}}`"),
    r"unknown tag '(\w+)'": N_("`{{% {found} %}}` cannot stand here"),
    r"Expected an expression|unexpected 'end of": N_("an expression is not complete"),
    r"unexpected (?:char )?[\"'](.)[\"']": N_("the character `{found}` cannot stand here"),
}
"""Jinja's sentences, and what they mean."""
