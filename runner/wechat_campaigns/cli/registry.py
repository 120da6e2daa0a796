"""Register the commands: the module of a command holds its help, examples, formats and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from keyword import iskeyword
from typing import Any

import click

from wechat_campaigns.cli.help_pages import HelpContext, translated
from wechat_campaigns.cli.options import Declaration, format_options, read_options
from wechat_campaigns.core.i18n import N_, _

COMMANDS: Mapping[str, str] = {
    "init": N_("Start a campaigns repository."),
    "new": N_("Write a new campaign file."),
    "validate": N_("Check every file and report all problems."),
    "fmt": N_("Format campaign files."),
    "render": N_("Show what a follower will see."),
    "schema": N_("Print a JSON Schema."),
    "plan": N_("Show what would be sent (the default)."),
    "apply": N_("Show the plan, ask for confirmation, send what is due."),
    "preview": N_("Send one real message to a tester."),
    "draft": N_("Make the draft of an article without sending it."),
    "status": N_("Show the status of each send."),
    "recall": N_("Delete a sent article or video."),
    "report": N_("Report past sends."),
    "calendar": N_("Show a month's past and coming sends."),
    "doctor": N_("Check everything that a send requires."),
    "hold": N_("Stop all sends of an account immediately."),
    "unhold": N_("Let an account send again."),
    "tags": N_("List the tags with their follower counts."),
    "ledger": N_("Manage the ledger."),
    "ci": N_("Run a step of a CI job."),
    "listen": N_("Receive WeChat's events: counts, reasons, links."),
    "sandbox": N_("Run a WeChat sandbox with an inbox on this machine."),
}
"""The commands in the order in which they are used, with the line that `campaign --help` shows. The module of
a command is imported only to run it, because imports cost time."""

Examples = Mapping[str, str]
"""A command line to what it does."""
TEXT_AND_JSON = ("text", "json")
"""The output formats that most commands have."""


class Command(click.Command):
    """A command with its examples, which `--help` shows, and its output formats."""

    context_class = HelpContext
    examples: Examples
    formats: Sequence[str]


def command(
    *,
    examples: Examples,
    formats: Sequence[str] = (),
    options: Sequence[Declaration[Any]] = (),
    reports_failure: bool = False,
) -> Callable[[Callable[..., int]], Command]:
    """Register a function as the command of its name.

    Args:
        examples: what `--help` shows below the options; `tests/unit/cli/test_examples.py` parses each.
        formats: what `--format` and `--report` offer; both are missing where there is nothing to choose.
        options: the shared options that the command reads. With any of them the function gets a `Context`
            as its first argument, in place of their values.
        reports_failure: a run that ends in an error writes its report, too.
    """

    def register(function: Callable[..., int]) -> Command:
        run = _with_context(function, formats, reports_failure=reports_failure) if options else function
        shared = (*options, *format_options(formats))
        for declare in reversed(shared):
            run = declare(run)
        registered = click.command(function.__name__.strip("_"), cls=Command)(run)
        # The help shows what is the command's own first.
        registered.params = [*registered.params[len(shared) :], *registered.params[: len(shared)]]
        registered.examples, registered.formats = examples, formats
        return registered

    return register


def _with_context(
    function: Callable[..., int], formats: Sequence[str], *, reports_failure: bool
) -> Callable[..., int]:
    @wraps(function)
    def run(**values: Any) -> int:
        from wechat_campaigns.cli.context import Context
        from wechat_campaigns.core.errors import CampaignError

        with Context(**read_options(values, formats)) as context:
            try:
                return function(context, **values)
            except CampaignError as error:
                if reports_failure:
                    context.report_failure(error, function.__name__)
                raise

    return run


class Group(click.Group):
    """A command with commands below it, each in the module of its name."""

    context_class = HelpContext
    examples: Examples
    package: str
    names: Sequence[str]

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order in which the commands are used."""
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, with its help in the language in use."""
        if cmd_name not in self.names:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        return translated(getattr(import_module(f"{self.package}.{name}"), name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with the nearest name."""
        if args and args[0] not in self.names:
            from wechat_campaigns.core.nearest import nearest

            near = nearest(args[0], self.names)
            message = _("Unknown command {name}; run `{path} --help` for the list")
            if near:
                message = _("Unknown command {name}; did you mean `{path} {near}`?")
            raise click.UsageError(message.format(name=args[0], near=near, path=ctx.command_path), ctx)
        return super().resolve_command(ctx, args)


def group(
    package: str, *names: str, examples: Examples, cls: type[Group] = Group
) -> Callable[[Callable[..., None]], Group]:
    """Register a function as a group of commands."""

    def register(function: Callable[..., None]) -> Group:
        registered = click.command(cls=cls, context_settings={"help_option_names": ["-h", "--help"]})(
            function
        )
        registered.examples, registered.package, registered.names = examples, package, names
        return registered

    return register
