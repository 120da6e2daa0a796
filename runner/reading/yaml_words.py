"""Words for what goes wrong in YAML: its guesses about plain text, and its syntax errors."""

from __future__ import annotations

import re
from typing import Final

import yaml

from runner.reading.text import Fault, shorten

Words = tuple[str, str, str]
"""Rule, what, remedy."""

_GUESSES: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = (
    (
        re.compile(r"(?i:yes|no|on|off|y|n)"),
        "yaml-boolean",
        "YAML readers disagree whether `{}` is a text or true/false",
    ),
    (
        re.compile(r"[-+]?0[0-9_]+"),
        "yaml-octal",
        "`{}` begins with 0, which YAML may read as an octal number",
    ),
    (re.compile(r"[-+]?0[oO][0-7_]+"), "yaml-octal", "`{}` is an octal number for YAML"),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F_]+"), "yaml-hexadecimal", "`{}` is a hexadecimal number for YAML"),
    (re.compile(r"[-+]?0[bB][01_]+"), "yaml-binary", "`{}` is a binary number for YAML"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]{1,2})+(\.[0-9_]*)?"),
        "yaml-sexagesimal",
        "`{}` is a number to base 60 for YAML (20:00 becomes 1200)",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"),
        "yaml-underscore",
        "`{}` is a number with underscores for YAML",
    ),
    (re.compile(r"[-+]?\.(?i:inf|nan)"), "yaml-not-a-number", "`{}` is infinity or not-a-number for YAML"),
    (re.compile(r"[-+]?[0-9]{19,}"), "yaml-long-number", "`{}` has too many digits for a number"),
    (
        re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
        "yaml-number",
        "`{}` would not stay as written when it is read as a number",
    ),
)

_ANY_GUESS: Final = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _, _ in _GUESSES))

_SYNTAX: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "another document",
        "yaml-documents",
        "a second YAML document begins here",
        "keep one campaign in one file",
    ),
    (
        "undefined alias",
        "yaml-alias",
        "an alias (`*name`) refers to nothing",
        "put a text that begins with `*` in quotes",
    ),
    ("duplicate anchor", "yaml-alias", "the same anchor (`&name`) is set twice", "rename one of the two"),
    ("nesting depth", "yaml-too-deep", "the file is nested too deeply", "flatten it"),
    (
        "mapping values are not allowed",
        "yaml-syntax",
        "a `:` is not possible here",
        "put the text in quotes, or correct the indentation",
    ),
    ("tab character", "yaml-tab", "a tab is used for indentation", "indent with spaces"),
    (
        "cannot start any token",
        "yaml-syntax",
        "no value can begin with this character",
        "put the value in quotes",
    ),
    (
        "unexpected end of stream",
        "yaml-syntax",
        "a quotation is not closed before the file ends",
        "close it with the quote it begins with",
    ),
    (
        "unknown escape",
        "yaml-syntax",
        "this backslash sequence means nothing in double quotes",
        "use single quotes, or write `\\\\` for a backslash",
    ),
    (
        "node content",
        "yaml-syntax",
        "in this list or map a value or the end is missing",
        "close `[` with `]` and `{` with `}`",
    ),
    (
        "']'",
        "yaml-syntax",
        "a list that begins with `[` is not closed",
        "separate the items with `,` and close with `]`",
    ),
    (
        "'}'",
        "yaml-syntax",
        "a map that begins with `{` is not closed",
        "separate the entries with `,` and close with `}`",
    ),
    (
        "expected ':'",
        "yaml-syntax",
        "this line has no `:` after its key",
        "write `key: value`, or indent the text under its key",
    ),
    (
        "sequence entries are not allowed",
        "yaml-syntax",
        "a list item (`-`) is not possible here",
        "begin the list in the line below its key",
    ),
    (
        "did not find expected key",
        "yaml-syntax",
        "this is not a `key: value` at the place of the keys above",
        "correct the indentation, or quote the whole value",
    ),
    ("'-' indicator", "yaml-syntax", "the list ends without an end", "indent all items alike"),
    ("tag", "yaml-tag", "YAML tags (`!name`) are not used here", "put a text that begins with `!` in quotes"),
    ("incompatible yaml", "yaml-syntax", "this version of YAML is not known", "remove the `%YAML` line"),
)


_BEGUN_EARLIER: Final = ("node content", "']'", "'}'", "expected ':'", "unexpected end of stream")
"""What the parser notices later than it began; the beginning is where the reader must look."""


def guessed(plain: str) -> Words | None:
    """Say what YAML would make of plain text that looks like something else, or None.

    Args:
        plain: unquoted text that is not true, false, null or a decimal number.

    Returns:
        Rule, what and remedy.
    """
    if not _ANY_GUESS.fullmatch(plain):
        return None
    for pattern, rule, what in _GUESSES:
        if pattern.fullmatch(plain):
            return rule, what.format(shorten(plain)), _guess_remedy(rule, plain)
    return None


def _guess_remedy(rule: str, plain: str) -> str:
    if rule == "yaml-boolean":
        yes = plain.lower() in ("yes", "on", "y")
        return f'write {"true" if yes else "false"}, or "{plain}" in quotes when it is a text'
    stripped = plain.lstrip("0")
    if rule == "yaml-octal" and stripped.isdigit():
        return f'write {stripped} for a number, "{shorten(plain)}" in quotes for a text'
    return f'put it in quotes when it is a text: "{shorten(plain)}"'


def syntax_fault(text: str, error: yaml.YAMLError) -> Fault:
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
    rule, what, remedy = _syntax_words(_line(text, line), problem)
    return Fault(rule=rule, what=what, remedy=remedy, line=line, column=column)


def _inside(text: str, line: int, column: int) -> tuple[int, int]:
    """Count from 1, and keep the place inside the file when the parser stopped behind its end."""
    lines = text.rstrip("\n").split("\n")
    return (line + 1, column + 1) if line < len(lines) else (len(lines), len(lines[-1]) + 1)


def _syntax_words(line: str, problem: str) -> Words:
    if re.match(r"[ -]*\t", line):
        return "yaml-tab", "a tab is used for indentation", "indent with spaces"
    if re.search(r"(^|[:-] +)\{[{%#]", line):
        return (
            "yaml-braces",
            "`{` begins a YAML map here, so this is no text",
            'put a text that begins with `{{` in quotes: "{{ brand }} …"',
        )
    for part, rule, what, remedy in _SYNTAX:
        if part in problem:
            return rule, what, remedy
    return "yaml-syntax", "the YAML cannot be read from here on", "check quotes, brackets and indentation"


def _line(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1] if number <= len(lines) else ""
