"""Every command of the command line, by path."""

from collections.abc import Iterator

import click

from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.registry import Command, Group


def commands(command: click.Command, path: str = "") -> Iterator[tuple[str, Command | Group]]:
    """A command and all below it, by path."""
    assert isinstance(command, Command | Group)
    yield path, command
    if isinstance(command, Group):
        context = command.context_class(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{path} {name}".strip())


COMMANDS = dict(commands(campaign))
