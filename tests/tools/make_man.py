"""Write the manual page from what `campaign reference` lists and from the page of variables."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Variables = Iterable[tuple[str, str]]


def man_page(data: Mapping[str, Any], variables: Variables) -> str:
    """Write `campaign.1` in the macros of man(7).

    Args:
        data: the JSON of `campaign reference`.
        variables: names of variables of the environment, with what they do.
    """
    lines = [
        '.\\" Written by `python -m tests.tools.make_reference`; do not edit.',
        '.TH CAMPAIGN 1 "" wechat-campaigns',
        ".SH NAME",
        "campaign \\- send WeChat Official Account mass messages from reviewed files",
        ".SH SYNOPSIS",
        ".B campaign",
        "[\\fIOPTION\\fR]... [\\fICOMMAND\\fR] [\\fIARGUMENT\\fR]...",
        ".SH DESCRIPTION",
        "Without a command it plans; nothing is sent unless you run",
        ".BR \\%campaign\\ apply .",
        ".SH COMMANDS",
    ]
    for command in data["commands"]:
        lines += _command(command)
    lines += [".SH ENVIRONMENT", *_list(variables)]
    lines += [".SH EXIT STATUS", *_list(data["exit_codes"].items())]
    return "\n".join(lines) + "\n"


def _command(command: Mapping[str, Any]) -> Iterator[str]:
    words = [command["command"], *(argument["name"] for argument in command["arguments"])]
    yield f".SS {escaped(' '.join(words))}"
    for number, paragraph in enumerate(command["help"].split("\n\n")):
        yield from ([".PP"] if number else [])
        yield escaped(paragraph)
    yield from _list((_option(option), option["help"]) for option in command["options"])
    for line, meaning in command["examples"].items():
        yield f'.PP\n{escaped(meaning)}:\n.RS\n.B "{escaped(line)}"\n.RE'


def _option(option: Mapping[str, Any]) -> str:
    names = ", ".join(option["names"])
    return f"{names} {option['value']}" if option["value"] else names


def _list(rows: Variables) -> Iterator[str]:
    for name, text in rows:
        yield f".TP\n.B {escaped(name)}\n{escaped(text)}"


def escaped(text: str) -> str:
    """Write a text so that roff obeys nothing in it."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq").replace("`", "")
    return re.sub(r"^(?=[.'])", r"\\&", text)
