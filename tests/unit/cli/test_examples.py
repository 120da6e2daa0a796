"""Every command shows examples, and every example is one that the command line takes."""

import shlex
from pathlib import Path

import click
import pytest

from tests.support.commands import COMMANDS
from wechat_campaigns import cli
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.registry import Command

LINES = [line for command in COMMANDS.values() for line in command.examples]


def test_the_lists_name_every_command() -> None:
    """A command that is not listed would be one that nobody can run."""
    folder = Path(cli.__file__).parent
    written = sum(path.read_text("utf-8").count("\n@command(") for path in folder.glob("*.py"))
    assert written == sum(isinstance(found, Command) for found in COMMANDS.values())


def test_every_command_has_examples() -> None:
    assert [path for path, command in COMMANDS.items() if not command.examples] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_help_shows_the_examples(path: str) -> None:
    command = COMMANDS[path]
    page = command.get_help(command.context_class(command, terminal_width=80)).splitlines()
    assert all(f"    {line}" in page for line in command.examples)


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ledger.jsonl", "report.md", "plan.json"):
        (tmp_path / name).touch()
    words = shlex.split(line)
    words = words[words.index("campaign") + 1 :] if "<(" not in line else ["completion", "bash"]
    words = words[: next((at for at, word in enumerate(words) if word in "|>"), None)]
    context = campaign.make_context("campaign", list(words))
    rest = [*context._protected_args, *context.args]
    command: click.Command = campaign
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    command.make_context("part", rest).close()
