"""Register the commands: a module holds a family of them, with help, examples, formats and options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final

import click

from wechat_campaigns.cli.help_pages import HelpContext, translated
from wechat_campaigns.cli.options import (
    OF_PERSONS,
    QUIET,
    READING,
    DecisionOption,
    Declaration,
    Effect,
    EffectOption,
    format_options,
    read_options,
)
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import quoted

if TYPE_CHECKING:
    from wechat_campaigns.workspace import Workspace

PURPOSES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    N_("Write campaigns"): {
        "init": ("new", N_("Start a campaigns repository.")),
        "new": ("new", N_("Write a new campaign file.")),
        "import": ("new", N_("Import an article saved from an editor, with its pictures.")),
        "pull": ("new", N_("Write a draft of the WeChat console as a campaign.")),
        "validate": ("validate", N_("Check every file and report all problems.")),
        "fmt": ("validate", N_("Format campaign files.")),
        "studio": ("studio", N_("Write campaigns in a browser, see the phone, send them for review.")),
        "render": ("render", N_("Show what a follower will see.")),
    },
    N_("Review and send"): {
        "plan": ("plan", N_("Show what would be sent (the default).")),
        "approve": ("approve", N_("Approve sends of a plan, with your key.")),
        "withdraw": ("approve", N_("End approvals: what they were for waits again.")),
        "preview": ("preview", N_("Send one real message to each tester.")),
        "drafts": ("preview", N_("List the draft box and who uses each draft.")),
        "apply": ("apply", N_("Show the plan, ask for confirmation, send what is due.")),
        "hold": ("hold", N_("Stop all sends of an account immediately.")),
        "unhold": ("hold", N_("Allow an account to send again.")),
    },
    N_("After a send"): {
        "status": ("status", N_("Show the status of each send.")),
        "recall": ("recall", N_("Delete a sent article or video.")),
        "report": ("history", N_("Report past sends.")),
        "archive": ("history", N_("Write an archive of each send.")),
        "calendar": ("history", N_("Show a month's past and coming sends.")),
    },
    N_("Operate"): {
        "doctor": ("doctor", N_("Check everything that a send requires.")),
        "tags": ("doctor", N_("List the tags with their follower counts.")),
        "ledger": ("ledger", N_("Manage the ledger.")),
        "ci": ("ci", N_("Run a step of a CI job.")),
        "listen": ("servers", N_("Receive WeChat's events: counts, reasons, links.")),
        "sandbox": ("servers", N_("Run a WeChat sandbox with an inbox on this machine.")),
    },
    N_("This tool"): {
        "schema": ("reference", N_("Print a JSON Schema.")),
        "reference": ("reference", N_("List every command with what it changes.")),
        "completion": ("reference", N_("Complete commands and ids in a shell.")),
    },
}
"""By what they are for: each command with its module, and its line in `campaign --help`. A module is imported
only to run one of its commands, because imports cost time."""
MODULES: Final = {name: row[0] for rows in PURPOSES.values() for name, row in rows.items()}
"""A command to the module of this package that has it."""

READ_ONLY: Final = "CAMPAIGN_READ_ONLY"
"""The variable that refuses every write; only `0`, `false`, `no` and the empty text leave it off."""
AGENTS: Final[Mapping[str, tuple[str, str]]] = {
    "CLAUDECODE": ("Claude Code", "https://code.claude.com/docs/en/env-vars"),
    "CURSOR_AGENT": ("Cursor", "https://github.com/databricks/cli/pull/4287"),
    "GEMINI_CLI": ("Gemini CLI", "https://google-gemini.github.io/gemini-cli/docs/tools/shell.html"),
    "CODEX_CI": ("Codex", "https://github.com/openai/codex/pull/9366"),
    "CODEX_THREAD_ID": ("Codex", "https://github.com/openai/codex/pull/10096"),
    "CODEX_SANDBOX": ("Codex", "https://github.com/openai/codex/blob/main/AGENTS.md"),
    "CODEX_SANDBOX_NETWORK_DISABLED": ("Codex", "https://github.com/openai/codex/blob/main/AGENTS.md"),
    "COPILOT_AGENT": ("Copilot", "https://github.com/microsoft/vscode/pull/316267"),
    "OPENCODE": ("OpenCode", "https://github.com/vercel/vercel/pull/15834"),
    "CLINE_ACTIVE": ("Cline", "https://github.com/cline/cline/pull/7858"),
    "GOOSE_TERMINAL": ("Goose", "https://github.com/google-gemini/gemini-cli/pull/21032"),
    "AMP_CURRENT_THREAD_ID": ("Amp", "https://github.com/microsoft/vscode/issues/311734"),
    "AUGMENT_AGENT": ("Augment", "https://github.com/microsoft/vscode/issues/311734"),
    "ANTIGRAVITY_AGENT": ("Antigravity", "https://github.com/microsoft/vscode/issues/311734"),
    "AI_AGENT": ("AI_AGENT", "https://github.com/agentsmd/agents.md/issues/136"),
}
"""A variable that a coding agent sets for the commands that it runs: the agent, and the source, read 2026-11.

Aider sets none. Variables that people set to configure an agent, such as `CODEX_HOME` or `GOOSE_PROVIDER`, do
not tell who runs a command, and `AGENT` is a common name on build machines.
"""

Examples = Mapping[str, str]
"""A command line to what it does."""
TEXT_AND_JSON = ("text", "json")
"""The output formats that most commands have."""


class Command(click.Command):
    """A command with its examples, which `--help` shows, and its output formats."""

    context_class = HelpContext
    examples: Examples
    formats: Sequence[str]
    effect: Effect
    read_only: Effect | None = None
    """What it does where nothing may be changed; None for the same."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            PolicyError: it writes, and `CAMPAIGN_READ_ONLY` is set.
        """
        effect = self.effect_of(ctx.params)
        if effect not in READING and is_read_only():
            raise PolicyError(
                _("`{command}` can change something ({effect}), and {variable} is set").format(
                    command=ctx.command_path, effect=effect.value, variable=READ_ONLY
                ),
                hint=_("use a command that only reads, such as `campaign plan`"),
            )
        return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """See `click.Command.collect_usage_pieces`; in the language in use."""
        return [_(piece) for piece in super().collect_usage_pieces(ctx)]

    def effect_of(self, values: Mapping[str, Any]) -> Effect:
        """Return what a run changes and may reach, with its options."""
        for param in self.params:
            if isinstance(param, EffectOption) and values.get(str(param.name)):
                return param.effect
        return self.read_only if self.read_only and is_read_only() else self.effect


def is_read_only() -> bool:
    """Whether `CAMPAIGN_READ_ONLY` is set."""
    return os.environ.get(READ_ONLY, "").strip().lower() not in ("", "0", "false", "no")


def command(
    *,
    effect: Effect,
    examples: Examples,
    formats: Sequence[str] = TEXT_AND_JSON,
    options: Sequence[Declaration[Any]] = (),
    read_only: Effect | None = None,
) -> Callable[[Callable[..., int]], Command]:
    """Register a function as the command of its name.

    Args:
        effect: what it changes; it is refused where that is not allowed.
        examples: what `--help` shows below the options; `tests/unit/cli/test_examples.py` parses each.
        formats: what `--format` and `--report` offer; both are missing where it is empty.
        options: the shared options that the command reads. With any of them, or a format, the function gets
            a `Context` as its first argument, in place of their values.
        read_only: its effect where `CAMPAIGN_READ_ONLY` is set, if it is another one.
    """

    def register(function: Callable[..., int]) -> Command:
        run = _with_context(function, formats) if options or formats else _without_context(function)
        shared = (*options, *format_options(formats), QUIET)
        for declare in reversed(shared):
            run = declare(run)
        registered = click.command(function.__name__.strip("_"), cls=Command)(run)
        # The help shows what is the command's own first.
        registered.params = [*registered.params[len(shared) :], *registered.params[: len(shared)]]
        registered.examples, registered.formats = examples, formats
        registered.effect, registered.read_only = effect, read_only
        return registered

    return register


def _with_context(function: Callable[..., int], formats: Sequence[str]) -> Callable[..., int]:
    @wraps(function)
    def run(**values: Any) -> int:
        from wechat_campaigns.cli.context import context_of, with_environment
        from wechat_campaigns.core.errors import CampaignError

        running = click.get_current_context()
        command, path = running.command, running.command_path
        assert isinstance(command, Command)  # noqa: S101
        effect = command.effect_of(values)
        for param in command.params:
            if isinstance(param, EffectOption) and param.name not in function.__annotations__:
                del values[str(param.name)]
        with context_of(effect)(**read_options(values, formats)) as context:
            try:
                _check_agent(context, command, path, values)
                return function(context, **values)
            except CampaignError as error:
                if context.environment:
                    error.hint = with_environment(error.hint, f" --env {quoted(context.environment)}")
                context.report_failure(error, path.removeprefix("campaign "))
                raise
            finally:
                context.remove_unwritten()

    return run


def _without_context(function: Callable[..., int]) -> Callable[..., int]:
    @wraps(function)
    def run(**values: Any) -> int:
        del values["quiet"]
        return function(**values)

    return run


def _check_agent(context: Workspace, command: Command, path: str, values: Mapping[str, Any]) -> None:
    """Refuse a coding agent what only a person may do outside the sandbox; the error names no way round."""
    agent = next((agent for variable, (agent, _source) in AGENTS.items() if os.environ.get(variable)), None)
    if agent is None:
        return
    decisions = (param for param in command.params if isinstance(param, DecisionOption))
    refused = [f"{path} {one.opts[0]}" for one in decisions if values.get(str(one.name))]
    if command.effect in OF_PERSONS:
        refused = [path]
    from wechat_campaigns.core.settings import SANDBOX  # all settings: a help page does without them

    # A gateway to WeChat may listen on loopback, too.
    if refused and context.settings.environment.api != SANDBOX:
        raise PolicyError(
            _(
                "`{command}` reaches real followers or changes what may be sent to them, and a coding agent "
                "({agent}) runs it"
            ).format(command=refused[0], agent=agent),
            hint=_(
                "ask a person to run this command; an agent may use `campaign validate`, `campaign render`, "
                "`campaign plan` and `campaign hold`"
            ),
        )


class Group(click.Group):
    """A command with commands below it."""

    context_class = HelpContext
    examples: Examples
    modules: Mapping[str, str]
    """A command to the module of this package that has it."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """See `click.Command.collect_usage_pieces`; in the language in use."""
        return [_(piece) for piece in super().collect_usage_pieces(ctx)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order in which the commands are used."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, with its help in the language in use."""
        return translated(self.load(cmd_name)) if cmd_name in self.modules else None

    def load(self, name: str) -> click.Command:
        """Import one command, with its help as it stands in the source."""
        module = import_module(f"wechat_campaigns.cli.{self.modules[name]}")
        command: click.Command = getattr(module, f"{name}_" if iskeyword(name) else name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest name."""
        if args and args[0] not in self.modules:
            from wechat_campaigns.core.names import STRICT, nearest

            # A person in a hurry to stop a send must not be offered `studio`.
            meant = OTHER_WORDS.get(args[0])
            near = meant if meant in self.modules else nearest(args[0], self.modules, cutoff=STRICT)
            message = _("Unknown command {name}; run `{path} --help` for the list")
            if near:
                message = _("Unknown command {name}; did you mean `{path} {near}`?")
            raise click.UsageError(message.format(name=args[0], near=near, path=ctx.command_path), ctx)
        return super().resolve_command(ctx, args)


OTHER_WORDS: Final = {
    "send": "apply", "stop": "hold", "pause": "hold", "resume": "unhold", "undo": "recall",
    "delete": "recall", "check": "validate", "lint": "validate", "format": "fmt", "list": "plan",
    "diff": "plan", "show": "render", "create": "new", "history": "report", "stats": "report",
}  # fmt: skip
"""What somebody may type first, and the command that does it."""


def group(
    modules: Mapping[str, str], *, examples: Examples, cls: type[Group] = Group
) -> Callable[[Callable[..., None]], Group]:
    """Register a function as a group of commands."""

    def register(function: Callable[..., None]) -> Group:
        registered = click.command(cls=cls)(function)
        registered.examples, registered.modules = examples, modules
        return registered

    return register
