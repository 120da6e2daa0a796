"""Every command shows examples, and every example is one that the command line takes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from wechat_campaigns.cli.examples import EXAMPLES
from wechat_campaigns.cli.main import campaign

LINES = [line for rows in EXAMPLES.values() for line, _ in rows]


def paths(command: click.Command, path: str = "") -> Iterator[str]:
    """The paths of a command and of all below it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from paths(below, f"{path} {name}".strip())


def test_every_command_has_examples() -> None:
    """No command without an example, no example without a command."""
    assert sorted(paths(campaign)) == sorted(EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES)
def test_help_shows_the_examples(path: str) -> None:
    """`--help` ends with them, each on a line of its own."""
    command: click.Command = campaign
    for name in path.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name) or command
    shown = command.get_help(click.Context(command, terminal_width=80)).splitlines()
    assert all(f"    {line}" in shown for line, _ in EXAMPLES[path])


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options, arguments and values of each are taken; the command is not run."""
    monkeypatch.chdir(tmp_path)
    for name in ("ledger.jsonl", "report.md", "plan.json"):
        (tmp_path / name).touch()
    words = shlex.split(line)
    words = words[words.index("campaign") + 1 :] if "<(" not in line else ["completion", "bash"]
    words = words[: words.index("|")] if "|" in words else words
    context = campaign.make_context("campaign", list(words))
    rest = [*context._protected_args, *context.args]
    command: click.Command = campaign
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    command.make_context("part", rest).close()
