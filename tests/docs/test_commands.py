"""Every command line in a page names a command, a subcommand and options that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.docs.blocks import ROOT
from wechat_campaigns.cli.main import campaign

PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
LINE = re.compile(r"(?:`|^ *\$ )campaign((?:(?!`|\$ )[^\n|;])*)", re.M)


def problem(line: str) -> str | None:
    """Return what is wrong with the words after `campaign`, or nothing."""
    command: click.Command = campaign
    context = campaign.context_class(campaign)
    words = [word for word in re.sub(r"'[^']*'|\"[^\"]*\"", "x", line).split() if word not in ("[", "]")]
    options = _options(campaign, context)
    for word in words:
        name = word.strip("[],.:").partition("=")[0]
        if name.startswith("--"):
            if name not in options:
                return f"{command.name} has no option {name}"
        elif isinstance(command, click.Group) and re.fullmatch("[a-z-]+", name) and name not in ("zh", "en"):
            below = command.get_command(context, name)
            if below is None:
                return f"{command.name} has no command {name}"
            command = below
            options |= _options(command, context)
    return None


def _options(command: click.Command, context: click.Context) -> set[str]:
    return {
        name
        for parameter in command.get_params(context)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def lines(page: Path) -> Iterator[str]:
    yield from (found[1] for found in LINE.finditer(page.read_text(encoding="utf-8")) if found[1][:1] == " ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_exists(page: Path) -> None:
    assert [f"campaign{line}: {fault}" for line in lines(page) if (fault := problem(line))] == []


def test_a_wrong_line_is_found() -> None:
    assert problem(" plan --out plan.json") is None
    assert problem(" --lang zh ledger settle sale --not-sent --reason 'x'") is None
    assert problem(" plann") is not None
    assert problem(" ledger settel") is not None
    assert problem(" plan --outt plan.json") is not None
