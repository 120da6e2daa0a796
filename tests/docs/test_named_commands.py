"""Every command that a page names exists, and so does each of its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from tests.docs.blocks import ROOT
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.reference import every_command

STARTER = ROOT / "runner" / "wechat_campaigns" / "source" / "starter"
"""Has pages for coding agents."""
PAGES = sorted(
    [
        *ROOT.glob("README*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / ".github").glob("*.md"),
        *STARTER.glob("*.md"),
    ]
)
NAMED = re.compile(r"`campaign ([^`]+)`|^ *\$ campaign ((?:[^\n]*\\\n)*[^\n]*)$", re.M)
FOREIGN = {"--pip-args", "--build-arg", "--plant"}
"""Options of pipx, docker and `tests.torture`."""
PLACEHOLDER = re.compile(r"[A-Z]+")


def named(page: Path) -> Iterator[list[str]]:
    for inline, block in NAMED.findall(page.read_text(encoding="utf-8")):
        text = re.split(r" (?:\|\|?|&&|>) ", inline or block)[0]
        text = re.sub(r"--lang \w+|…", "", text)
        yield shlex.split(re.sub(r"\s+", " ", text.replace("\\\n", " ").replace("[", "").replace("]", "")))


def faults(words: list[str]) -> Iterator[str]:
    """What of a command does not exist."""
    command: click.Command = campaign
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            if PLACEHOLDER.fullmatch(word):
                return
            below = command.get_command(command.context_class(command), word)
            if below is None:
                yield f"there is no command {word}: {words}"
                return
            command = below
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {name for parameter in campaign.params for name in parameter.opts} | {"--help", "-h"}
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in options:
            yield f"{command.name} does not have {word}: {words}"


def test_what_is_named_exists() -> None:
    found = {page.name: [fault for words in named(page) for fault in faults(words)] for page in PAGES}
    assert {page: wrong for page, wrong in found.items() if wrong} == {}


def test_an_option_on_its_own_exists() -> None:
    """As in "`--wait` stays"; variables of themes in docs/articles.md look the same."""
    params = [*campaign.params, *(param for _path, one in every_command(campaign) for param in one.params)]
    options = {name for param in params for name in (*param.opts, *param.secondary_opts)} | FOREIGN
    pages = (page for page in PAGES if not page.name.startswith("articles."))
    named = {name for page in pages for name in re.findall(r"`(--[a-z][a-z-]*)", page.read_text("utf-8"))}
    assert named - options == {"--help"}


def test_a_wrong_name_is_found() -> None:
    """Without this, a pattern that matches nothing would pass for ever."""
    assert list(faults(["ledger", "begin"]))
    assert list(faults(["hold", "main", "--why", "x"]))
    assert not list(faults(["ledger", "settle", "ID", "--not-sent"]))
