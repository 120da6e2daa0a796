"""List every command for a program: options, effects, exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import MEANINGS, OF_PERSONS, Effect
from wechat_campaigns.cli.help_pages import EXIT_CODES, flat
from wechat_campaigns.cli.options import DecisionOption
from wechat_campaigns.cli.registry import TEXT_AND_JSON, Command, Group, command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, _


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    examples={"campaign reference --format json": N_("every option, for a program or a coding agent")},
)
def reference(context: Context) -> int:
    """List every command with what it changes; as JSON also its options, examples and exit codes."""
    commands = list(every_command())
    rows = [(path, found.effect.value, _(_help(found)).partition("\n")[0]) for path, found in commands]
    widths = [max(len(row[number]) for row in rows) for number in (0, 1)]
    context.output_data(
        lambda: "\n".join(f"{path:{widths[0]}}  {effect:{widths[1]}}  {text}" for path, effect, text in rows),
        reference_data(),
    )
    return ExitCode.OK


def reference_data() -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "commands": [_command(path, found) for path, found in every_command()],
        "effects": {effect.value: meaning for effect, meaning in MEANINGS.items()},
        "exit_codes": {str(int(code)): meaning for code, meaning in EXIT_CODES.items()},
    }


def every_command() -> Iterator[tuple[str, Command]]:
    """List every command as it is called, in the order of the help."""
    from wechat_campaigns.cli.main import campaign

    return _commands(campaign, "campaign")


def _commands(found: click.Command, path: str) -> Iterator[tuple[str, Command]]:
    """List the commands below one, in the order of the help; none is translated."""
    if isinstance(found, Command):
        yield path, found
    elif isinstance(found, Group):
        for name in found.names:
            yield from _commands(found.load(name), f"{path} {name}")


def _help(found: Command) -> str:
    return flat(str(found.help))


def _command(path: str, found: Command) -> dict[str, Any]:
    flag = next((param.opts[0] for param in found.params if param.name == found.unless), None)
    return {
        "command": path,
        "help": _help(found),
        "effect": found.effect.value,
        "harmless_with": flag,
        "agents": "sandbox" if found.effect in OF_PERSONS else "allowed",
        "formats": list(found.formats),
        "arguments": [
            {
                "name": param.make_metavar(found.context_class(found)),
                "required": param.required,
                "repeatable": param.nargs != 1,
            }
            for param in found.params
            if isinstance(param, click.Argument)
        ],
        "options": [_option(param, found) for param in found.params if isinstance(param, click.Option)],
        "examples": dict(found.examples),
    }


def _option(option: click.Option, found: Command) -> dict[str, Any]:
    return {
        "names": [*option.opts, *option.secondary_opts],
        "help": option.help or "",
        "value": None if option.is_flag else option.make_metavar(found.context_class(found)),
        "required": option.required,
        "repeatable": option.multiple,
        "variable": option.envvar,
        "agents": "sandbox" if isinstance(option, DecisionOption) else "allowed",
    }
