"""Make campaign text harmless: a terminal, GitHub, GitLab, Markdown and HTML obey nothing in it.

Every report passes what users wrote through this module, and no other module decides what is harmless.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from wechat_campaigns.core.i18n import english_text
from wechat_campaigns.core.redact import INVISIBLE_OR_CONTROL, escape_invisible

FORMAT_VERSION = "1.0"
"""Of the JSON of every command. A new key raises the minor version; readers refuse another major."""

_ORDERS = {
    "::": ": :",  # a workflow command, once a line break happens to stand before it
    "##[": "## [",  # the old form of the same, obeyed anywhere in a line
    "<!--": "<! --",
    "-->": "-- >",
    "${{": "$ {{",
}
_ORDER = re.compile("|".join(re.escape(order) for order in _ORDERS))
_TICKS = re.compile("`+")


def inert(text: str) -> str:
    """Make a text safe for a terminal and a CI log: nothing hidden, and a blank in each word of command."""
    text = escape_invisible(text)
    while _ORDER.search(text):
        text = _ORDER.sub(lambda match: _ORDERS[match.group()], text)
    return text


def line(text: str) -> str:
    """Make a text safe and bring it onto one line."""
    return inert(_flat(text))


def code(text: str) -> str:
    """Write a text as a Markdown code span, where mentions, links and HTML are only characters."""
    text = line(text)
    if not text:
        return ""
    ticks = _longer_than_any_run(text, least=1)
    edge = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{edge}{text}{edge}{ticks}"


def html_code(text: str) -> str:
    """Write a text as an HTML code element, for the places in Markdown that only take HTML."""
    from html import escape  # loads every entity of HTML

    return f"<code>{escape(line(text))}</code>"


def cell(text: str, limit: int = 60) -> str:
    """Write a text as a code span for a Markdown table, cut to `limit` characters.

    A pipe becomes the full-width one: how to escape it beside a backslash differs between renderers.
    """
    flat = _flat(text)
    return code((flat if len(flat) <= limit else f"{flat[: limit - 1]}…").replace("|", "｜"))


def fence(text: str, language: str = "text") -> str:
    """Write a text as a fenced Markdown block that nothing in it can close."""
    text = inert(text.rstrip("\n"))
    ticks = _longer_than_any_run(text, least=3)
    return f"{ticks}{language}\n{text}\n{ticks}"


def command_data(text: str) -> str:
    """Escape the data of a GitHub workflow command.

    Source: GitHub, Workflow commands for GitHub Actions, read 2026-11.
    """
    return inert(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Escape a property (file, line, title) of a GitHub workflow command."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def guarded(text: str, token: str) -> str:
    """Return a text between marks that make GitHub obey nothing in it.

    Args:
        token: random, so that the text cannot hold the mark that ends it.
    """
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def json_text(data: object) -> str:
    """Write JSON in English whose strings hold, as they stand, nothing hidden and no word of command.

    A reader of the JSON gets every character as it was; only its spelling is harmless.
    """
    return json_spelling(json.dumps(in_english(data), ensure_ascii=False))


def json_spelling(text: str) -> str:
    """Escape in JSON, or in lines of it, what is hidden or a word of command: its meaning stays."""
    return INVISIBLE_OR_CONTROL.sub(_escaped, _ORDER.sub(_escaped, text))


def in_english(data: Any) -> Any:
    """Replace the messages in plain data by their English."""
    if isinstance(data, str):
        return english_text(data)
    if isinstance(data, Mapping):
        return {key: in_english(value) for key, value in data.items()}
    return [in_english(value) for value in data] if isinstance(data, list | tuple) else data


def _flat(text: str) -> str:
    # Made visible first: Python's split would swallow some of the hidden characters.
    return " ".join(escape_invisible(text).split())


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _longer_than_any_run(text: str, *, least: int) -> str:
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)
