"""Words for what goes wrong in YAML: its guesses about plain text, and its syntax errors."""

from __future__ import annotations

import re
from typing import Final

import yaml

from wechat_campaigns.core.errors import Finding
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.source.text import shorten

Words = tuple[str, str, str]
"""Rule, what, hint."""

_GUESSES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"(?i:yes|no|on|off|y|n)",
        "yaml-boolean",
        N_("YAML readers disagree whether `{text}` is a text or true/false"),
    ),
    (
        r"[-+]?0[0-9_]+",
        "yaml-octal",
        N_("`{text}` begins with 0, which YAML may read as an octal number"),
    ),
    (r"[-+]?0[oO][0-7_]+", "yaml-octal", N_("`{text}` is an octal number for YAML")),
    (
        r"[-+]?0[xX][0-9a-fA-F_]+",
        "yaml-hexadecimal",
        N_("`{text}` is a hexadecimal number for YAML"),
    ),
    (r"[-+]?0[bB][01_]+", "yaml-binary", N_("`{text}` is a binary number for YAML")),
    (
        r"[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?",
        "yaml-sexagesimal",
        N_("`{text}` is a number to base 60 for YAML (20:00 becomes 1200)"),
    ),
    (
        r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?",
        "yaml-underscore",
        N_("`{text}` is a number with underscores for YAML"),
    ),
    (
        r"[-+]?\.(?i:inf|nan)",
        "yaml-not-a-number",
        N_("`{text}` is infinity or not-a-number for YAML"),
    ),
    (r"[-+]?[0-9]{19,}", "yaml-long-number", N_("`{text}` has too many digits for a number")),
    (
        r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?",
        "yaml-number",
        N_("`{text}` would not stay as written when it is read as a number"),
    ),
)

_ANY_GUESS: Final = re.compile("|".join(f"(?:{pattern})" for pattern, *_words in _GUESSES))

_SYNTAX: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "another document",
        "yaml-documents",
        N_("a second YAML document begins here"),
        N_("keep one campaign in one file"),
    ),
    (
        "undefined alias",
        "yaml-alias",
        N_("an alias (`*name`) refers to nothing"),
        N_("put a text that begins with `*` in quotes"),
    ),
    (
        "second occurrence",
        "yaml-alias",
        N_("the same anchor (`&name`) is set twice"),
        N_("rename one of the two"),
    ),
    ("nesting depth", "yaml-too-deep", N_("the file is nested too deeply"), N_("flatten it")),
    (
        "mapping values are not allowed",
        "yaml-syntax",
        N_("a `:` is not possible here"),
        N_("put the text in quotes, or correct the indentation"),
    ),
    ("tab character", "yaml-tab", N_("a tab is used for indentation"), N_("indent with spaces")),
    (
        "cannot start any token",
        "yaml-syntax",
        N_("no value can begin with this character"),
        N_("put the value in quotes"),
    ),
    (
        "unexpected end of stream",
        "yaml-syntax",
        N_("a quotation is not closed before the file ends"),
        N_("close it with the quote it begins with"),
    ),
    (
        "unknown escape",
        "yaml-syntax",
        N_("this backslash sequence means nothing in double quotes"),
        N_("use single quotes, or write `\\\\` for a backslash"),
    ),
    (
        "node content",
        "yaml-syntax",
        N_("in this list or map a value or the end is missing"),
        N_("close `[` with `]` and `{` with `}`"),
    ),
    (
        "']'",
        "yaml-syntax",
        N_("a list that begins with `[` is not closed"),
        N_("separate the items with `,` and close with `]`"),
    ),
    (
        "'}'",
        "yaml-syntax",
        N_("a map that begins with `{` is not closed"),
        N_("separate the entries with `,` and close with `}`"),
    ),
    (
        "expected ':'",
        "yaml-syntax",
        N_("this line has no `:` after its key"),
        N_("write `key: value`, or indent the text under its key"),
    ),
    (
        "sequence entries are not allowed",
        "yaml-syntax",
        N_("a list item (`-`) is not possible here"),
        N_("begin the list in the line below its key"),
    ),
    (
        "did not find expected key",
        "yaml-syntax",
        N_("this is not a `key: value` at the place of the keys above"),
        N_("correct the indentation, or quote the whole value"),
    ),
    ("'-' indicator", "yaml-syntax", N_("the list ends without an end"), N_("indent all items alike")),
    (
        "tag",
        "yaml-tag",
        N_("YAML tags (`!name`) are not used here"),
        N_("put a text that begins with `!` in quotes"),
    ),
    (
        "incompatible yaml",
        "yaml-syntax",
        N_("this version of YAML is not known"),
        N_("remove the `%YAML` line"),
    ),
)


_FULL_WIDTH_COLON: Final = re.compile(r"[ \u3000-]*([A-Za-z_]\w{0,40})(：)")
_CRAMPED_COLON: Final = re.compile(r"[ -]*([A-Za-z_]\w{0,40})(:)[^\s:/]")

_PRIVATE_KEY: Final = re.compile(
    r"[ \u3000-]*\w*(?:secret|callback|notify|openid|token|aes_?key|passw)", re.IGNORECASE
)

_BEGUN_EARLIER: Final = ("node content", "']'", "'}'", "expected ':'", "unexpected end of stream")
"""What the parser notices later than it began; the beginning is where the reader must look."""


def describe_guess(plain: str) -> Words | None:
    """Say what YAML would make of plain text that looks like something else, or None.

    Args:
        plain: unquoted text that is not true, false, null or a decimal number.

    Returns:
        Rule, what and hint.
    """
    if not _ANY_GUESS.fullmatch(plain):
        return None
    for pattern, rule, what in _GUESSES:
        if re.fullmatch(pattern, plain):
            return rule, _(what).format(text=shorten(plain)), _guess_hint(rule, plain)
    return None


def _guess_hint(rule: str, plain: str) -> str:
    if rule == "yaml-boolean":
        yes = plain.lower() in ("yes", "on", "y")
        return _('write {boolean}, or "{text}" in quotes when it is a text').format(
            boolean="true" if yes else "false", text=plain
        )
    stripped = plain.lstrip("0")
    if rule == "yaml-octal" and stripped.isdigit():
        return _('write {number} for a number, "{text}" in quotes for a text').format(
            number=stripped, text=shorten(plain)
        )
    return _('put it in quotes when it is a text: "{text}"').format(text=shorten(plain))


def syntax_fault(text: str, error: yaml.YAMLError) -> Finding:
    """Word an error of the YAML parser.

    Args:
        text: the file's text.
        error: what the parser raised.

    Returns:
        A fault at the position the parser names.
    """
    problem = str(getattr(error, "problem", "") or error).lower()
    mark = getattr(error, "problem_mark", None)
    if any(part in problem for part in _BEGUN_EARLIER):
        mark = getattr(error, "context_mark", None) or mark
    line, column = _inside(text, mark.line, mark.column) if mark else (1, 1)
    if meant := _meant_as_key(text, line):
        line, column, what, hint = meant
        return Finding("yaml-syntax", what, hint, line=line, column=column)
    rule, what, hint = _syntax_words(_line(text, line), problem)
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
        what, hint = _("no space follows `{key}:`"), _("write `{key}: …`, with a space after the colon")
    else:
        return None
    key = found[1]
    return what.format(key=key), hint.format(key=key), found.start(2) + 1


def _meant_as_key(text: str, line: int) -> tuple[int, int, str, str] | None:
    """Look for such a key in the line of an error and the one above, which the parser had read as text."""
    above = line - 1
    while above and (not _line(text, above).strip() or _line(text, above).lstrip().startswith("#")):
        above -= 1
    for number in filter(None, (line, above)):
        if found := mistyped_colon(_without_secrets(text, number)):
            what, hint, column = found
            return number, column, what, hint
    return None


def _without_secrets(text: str, number: int) -> str:
    """Give a line without its first word where that may be a secret: it has a digit, or stands below one."""
    line = _line(text, number)
    word = re.match(r"([ \u3000-]*)(\w+)", line)
    if word is None or not (re.search("[0-9]", word[2]) or _PRIVATE_KEY.match(_parent(text, number))):
        return line
    return f"{word[1]}{'_' * len(word[2])}{line[word.end() :]}"


def _parent(text: str, number: int) -> str:
    """Find the nearest line above that is indented less."""
    indented = _indent(_line(text, number))
    lines = text.split("\n", number)[: number - 1]
    return next((line for line in reversed(lines) if line.strip() and _indent(line) < indented), "")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \u3000"))


def _inside(text: str, line: int, column: int) -> tuple[int, int]:
    """Count from 1, and keep the place inside the file when the parser stopped behind its end."""
    lines = text.rstrip("\n").split("\n")
    return (line + 1, column + 1) if line < len(lines) else (len(lines), len(lines[-1]) + 1)


def _syntax_words(line: str, problem: str) -> Words:
    if re.match(r"[ -]*\t", line):
        return "yaml-tab", _("a tab is used for indentation"), _("indent with spaces")
    if re.search(r"(^|[:-] +)\{[{%#]", line):
        return (
            "yaml-braces",
            _("`{` begins a YAML map here, so this is no text"),
            _('put a text that begins with `{{` in quotes: "{{ brand }} …"'),
        )
    for part, rule, what, hint in _SYNTAX:
        if part in problem:
            return rule, _(what), _(hint)
    return (
        "yaml-syntax",
        _("the YAML cannot be read from here on"),
        _("check quotes, brackets and indentation"),
    )


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1] if number <= len(lines) else ""
