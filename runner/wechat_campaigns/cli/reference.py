"""Describe the program itself: commands, schemas, versions, shell completion."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

import wechat_campaigns
from wechat_campaigns.cli.help_pages import EXIT_CODES, flat
from wechat_campaigns.cli.options import MEANINGS, OF_PERSONS, VARIABLE, DecisionOption, Effect, OfflineOption
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import Command, Group, command
from wechat_campaigns.core.digest import DIGEST_VERSION, PLAN_FORMAT
from wechat_campaigns.core.errors import EXTRAS, ExitCode, is_extra_installed
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.protocol.events import FORMAT
from wechat_campaigns.source.schema import SchemaName, localized_schema_text

if TYPE_CHECKING:
    from wechat_campaigns.cli.context import Context


@command(
    effect=Effect.NONE,
    formats=(),
    examples={"campaign schema settings > schema/settings.schema.json": N_("for an editor")},
)
@click.argument(
    "name", type=click.Choice(["campaign", "settings", "accounts", "plan", "output"]), default="campaign"
)
def schema(name: SchemaName) -> int:
    """Print a JSON Schema (draft-07) for an editor, with descriptions in the language of the messages."""
    print_result(localized_schema_text(name), newline=False)
    return ExitCode.OK


@command(
    effect=Effect.NONE,
    examples={"campaign reference --format json": N_("every option, for a program or a coding agent")},
)
def reference(context: Context) -> int:
    """List every command with what it changes; as JSON also its options, examples and exit codes."""
    root = click.get_current_context().find_root().command
    commands = list(every_command(root))
    rows = [(path, found.effect.value, _(_help(found)).partition("\n")[0]) for path, found in commands]
    widths = [max(len(row[number]) for row in rows) for number in (0, 1)]
    context.output_data(
        lambda: "\n".join(f"{path:{widths[0]}}  {effect:{widths[1]}}  {text}" for path, effect, text in rows),
        reference_data(root),
    )
    return ExitCode.OK


def reference_data(root: click.Command) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "commands": [_command(path, found) for path, found in every_command(root)],
        "effects": {effect.value: meaning for effect, meaning in MEANINGS.items()},
        "exit_codes": {str(int(code)): meaning for code, meaning in EXIT_CODES.items()},
    }


def every_command(found: click.Command, path: str = "campaign") -> Iterator[tuple[str, Command]]:
    """List the commands below one as they are called, in the order of the help; none is translated."""
    if isinstance(found, Command):
        yield path, found
    elif isinstance(found, Group):
        for name in found.modules:
            yield from every_command(found.load(name), f"{path} {name}")


def _help(found: Command) -> str:
    return flat(str(found.help))


def _command(path: str, found: Command) -> dict[str, Any]:
    flag = next((param.opts[0] for param in found.params if isinstance(param, OfflineOption)), None)
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


def version_text() -> str:
    """Write the version and what belongs to it, one fact a line; the first line is for scripts."""
    formats = {"plan": PLAN_FORMAT, "ledger": FORMAT, "digest": DIGEST_VERSION}
    extras = [extra for extra in EXTRAS if is_extra_installed(extra)]
    return "\n".join(
        [
            f"campaign {wechat_campaigns.__version__}",
            f"Python {platform.python_version()}",
            f"formats: {', '.join(f'{name} {number}' for name, number in formats.items())}",
            f"extras: {', '.join(extras) or 'none'}",
        ]
    )


@command(
    effect=Effect.NONE,
    formats=(),
    examples={
        "source <(campaign completion bash)": N_("bash 4.4 or newer; the same for zsh"),
        "campaign completion fish | source": N_("fish"),
        "campaign completion powershell | Out-String | Invoke-Expression": N_("PowerShell 5.1 or newer"),
    },
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completion(shell: str) -> int:
    """Print the shell completion script for commands, options, ids and names from the settings."""
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:
        raise AssertionError("click knows these shells")
    print_result(script(click.get_current_context().find_root().command, {}, "campaign", VARIABLE).source())
    return ExitCode.OK
