"""Words for what goes wrong in YAML: its guesses about plain text, and its syntax errors."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

import yaml

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.source.text import quote

Words = tuple[str, str, str]
"""Rule, what, hint."""

_BOOLEAN: Final = re.compile(r"yes|no|on|off|y|n", re.IGNORECASE)
_NUMBER: Final = re.compile(
    r"[-+]?(0([0-9_]+|[oO][0-7_]+)"  # octal
    r"|[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?"  # base 60: 20:00 is 1200
    r"|0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*(\.[0-9_]*)?|\.(?i:inf|nan)"
    r"|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?)"
)
"""What some version of YAML takes for a number, and not for the one that is written."""

_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "yaml-empty": (N_("the file is empty"), N_("add content, or delete the file")),
    "yaml-documents": (N_("a second YAML document starts here"), N_("write only one campaign per file")),
    "yaml-tab": (N_("a tab is used for indentation"), N_("indent with spaces")),
    "yaml-too-deep": (
        N_("the file is nested too deeply"),
        N_("reduce the nesting; an alias must not contain itself"),
    ),
    "yaml-alias": (
        N_("an alias (`*name`) refers to nothing, or an anchor (`&name`) is defined twice"),
        N_("put text that starts with `*` or `&` in quotes"),
    ),
    "yaml-alias-bomb": (
        N_("the aliases (`*name`) in this file expand beyond the size limit"),
        N_("write the values out, or use `vars`"),
    ),
    "yaml-merge-key": (
        N_("the merge key `<<` is not supported"),
        N_("write the keys out, or share values with `vars`"),
    ),
    # What was written is never repeated: in the settings a secret may begin with `!`, or hold ` #`.
    "yaml-tag": (
        N_("this is a YAML tag (`!name`), which is not supported"),
        N_("remove it, or put text that starts with `!` in quotes"),
    ),
    "yaml-comment": (
        N_("the rest of this line would be lost: `#` after a space starts a YAML comment"),
        N_("put the whole text in quotes; for a comment, add a space after `#`"),
    ),
    "yaml-braces": (
        N_("`{` starts a YAML map here, so this is not text"),
        N_('put text that starts with `{{` in quotes: "{{ brand }} …"'),
    ),
}
"""Faults that always have the same words."""
_RULES: Final = {
    "another document": "yaml-documents",
    "alias|second occurrence": "yaml-alias",
    "nesting depth": "yaml-too-deep",
    "tab character": "yaml-tab",
    "tag": "yaml-tag",
}
"""Those that the parser finds, by a pattern of what it says."""
_SYNTAX: Final[Mapping[str, tuple[str, str]]] = {
    "mapping values are not allowed": (
        N_("`:` is not allowed here"),
        N_("put the text in quotes, or correct the indentation"),
    ),
    "unexpected end of stream": (
        N_("a quoted text is not closed before the end of the file"),
        N_("close it with the quote that it starts with"),
    ),
    r"node content|'[\]}]'": (
        N_("this list or map lacks a value or a `,`, or is not closed"),
        N_("close `[` with `]` and `{` with `}`; separate the entries with `,`"),
    ),
    "": (N_("the YAML is not valid from here on"), N_("check quotes, brackets and indentation")),
}
"""Every other error, in the same way."""

_FULL_WIDTH_COLON: Final = re.compile(r"[ \u3000-]*([A-Za-z_]\w{0,40})(：)")
_CRAMPED_COLON: Final = re.compile(r"[ -]*([A-Za-z_]\w{0,40})(:)[^\s:/]")

_WRITTEN: Final = re.compile(r"\s*[^\s#]")
"""A line that is neither blank nor a comment."""
_BEGUN_EARLIER: Final = ("node content", "']'", "'}'", "expected ':'", "unexpected end of stream")
"""What the parser notices later than it began; the beginning is where the reader must look."""


def words_of(rule: str) -> Words:
    """Return the words of a fault that always has the same."""
    what, hint = _FAULTS[rule]
    return rule, _(what), _(hint)


def describe_guess(plain: str) -> Words | None:
    """Return what YAML would make of plain text that looks like something else, or None.

    Args:
        plain: unquoted text that is not true, false, null or a decimal number.
    """
    if _BOOLEAN.fullmatch(plain):
        what = _("YAML parsers disagree on whether `{text}` is text or true/false")
        hint = _('write {boolean}, or, for text, "{text}" in quotes')
        boolean = "true" if plain.lower() in ("yes", "on", "y") else "false"
        return "yaml-boolean", what.format(text=quote(plain)), hint.format(boolean=boolean, text=quote(plain))
    if _NUMBER.fullmatch(plain):
        what = _("`{text}` would change if it were read as a number")
        hint = _('put it in quotes if it is text: "{text}"')
        return "yaml-number", what.format(text=quote(plain)), hint.format(text=quote(plain))
    return None


def syntax_fault(text: str, error: yaml.YAMLError) -> Finding:
    """Word an error of the YAML parser, at the position that it names."""
    problem = str(getattr(error, "problem", "") or error).lower()
    mark = getattr(error, "problem_mark", None)
    if any(part in problem for part in _BEGUN_EARLIER):
        mark = getattr(error, "context_mark", None) or mark
    lines = text.rstrip("\n").split("\n")
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > len(lines):  # the parser stopped behind the end of the file
        line, column = len(lines), len(lines[-1]) + 1
    if meant := _meant_as_key(lines, line):
        line, column, what, hint = meant
        return Finding("yaml-syntax", what, hint, line=line, column=column)
    rule, what, hint = _syntax_words(lines[line - 1], problem, column)
    return Finding(rule, what, hint, line=line, column=column)


def mistyped_colon(text: str) -> tuple[str, str, int] | None:
    """Find a key whose colon YAML does not take for one: full-width `：`, or `:` without a space.

    Args:
        text: a line, or what was read as one text or one key.

    Returns:
        What is wrong, the hint and the column, from 1; None when the text begins otherwise.
    """
    if found := _FULL_WIDTH_COLON.match(text):
        what = _("`{key}` is followed by a full-width colon `：`")
        hint = _("write `{key}: …`, with a half-width colon and a space")
    elif found := _CRAMPED_COLON.match(text):
        what = _("a space is missing after `{key}:`")
        hint = _("write `{key}: …`, with a space after the colon")
    else:
        return None
    key = quote(found[1])
    return what.format(key=key), hint.format(key=key), found.start(2) + 1


def _meant_as_key(lines: Sequence[str], line: int) -> tuple[int, int, str, str] | None:
    """Find such a key in the line of an error or the one above, which the parser had read as text."""
    above = (number for number in range(line - 1, 0, -1) if _WRITTEN.match(lines[number - 1]))
    for number in (line, *islice(above, 1)):
        if found := mistyped_colon(lines[number - 1]):
            what, hint, column = found
            return number, column, what, hint
    return None


def _syntax_words(line: str, problem: str, column: int) -> Words:
    if re.match(r"[ -]*\t", line):
        return words_of("yaml-tab")
    if re.search(r"(^|[:-] +)\{[{%#]", line):
        return words_of("yaml-braces")
    if "cannot start any token" in problem and (sign := line[column - 1 : column]) in {"%", "@", "`"}:
        what = _("a value cannot start with `{sign}`").format(sign=sign)
        return "yaml-syntax", what, _("put the whole text in quotes")
    for part, rule in _RULES.items():
        if re.search(part, problem):
            return words_of(rule)
    what, hint = next(words for part, words in _SYNTAX.items() if re.search(part, problem))
    return "yaml-syntax", _(what), _(hint)
