"""The entry: finds the command asked for, turns every failure into words and an exit code."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from wechat_campaigns import __version__
from wechat_campaigns.cli.examples import epilog
from wechat_campaigns.cli.language import Context, choose, told
from wechat_campaigns.cli.streams import NO_ROOM, mute, spare_the_encoding, stand_in, tell
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError
from wechat_campaigns.core.words import LANGUAGES, N_, Language, _, language_from_env, ngettext

COMMANDS = {
    "init": ("wechat_campaigns.cli.starting", N_("Start a campaigns repository.")),
    "new": ("wechat_campaigns.cli.starting", N_("Write a new campaign file.")),
    "validate": ("wechat_campaigns.cli.checking", N_("Report every problem of every file.")),
    "fmt": ("wechat_campaigns.cli.formatting", N_("Bring campaign files into the usual shape.")),
    "render": ("wechat_campaigns.cli.rendering", N_("Show what a follower will see.")),
    "schema": ("wechat_campaigns.cli.checking", N_("Print a JSON Schema.")),
    "plan": ("wechat_campaigns.cli.sending", N_("Show what would be sent (the default).")),
    "apply": ("wechat_campaigns.cli.sending", N_("Show the plan, ask, send what is due.")),
    "preview": ("wechat_campaigns.cli.previewing", N_("Send one real message to a tester.")),
    "draft": ("wechat_campaigns.cli.drafting", N_("Make an article's draft, and stop there.")),
    "status": ("wechat_campaigns.cli.following", N_("Ask what became of each send.")),
    "recall": ("wechat_campaigns.cli.following", N_("Delete a sent article or video.")),
    "report": ("wechat_campaigns.cli.reporting", N_("Report on what was sent.")),
    "calendar": ("wechat_campaigns.cli.reporting", N_("Show a month's past and coming sends.")),
    "doctor": ("wechat_campaigns.cli.examining", N_("Check everything that a send needs.")),
    "hold": ("wechat_campaigns.cli.holding", N_("Stop every send of an account at once.")),
    "unhold": ("wechat_campaigns.cli.holding", N_("Let an account send again.")),
    "tags": ("wechat_campaigns.cli.following", N_("List the tags with their counts.")),
    "ledger": ("wechat_campaigns.cli.ledger", N_("Care of the ledger.")),
    "environments": ("wechat_campaigns.cli.environments", N_("Compare the environments, send by send.")),
    "ci": ("wechat_campaigns.cli.ci", N_("Steps of a CI job.")),
    "listen": (
        "wechat_campaigns.cli.listening",
        N_("Receive the platform's events: counts, reasons, links."),
    ),
    "sandbox": ("wechat_campaigns.cli.sandbox", N_("Serve a local WeChat with an inbox.")),
    "completion": ("wechat_campaigns.cli.completing", N_("Complete commands and ids in a shell.")),
}
"""Command to the module that holds it; loaded when it is asked for, because imports cost time."""
COLLECT_AFTER = (50_000, 20, 20)
"""How many new objects the collector waits for. At its usual 700 it walks through a long past again and again
while that is read, and takes a fifth of the time."""


class Commands(click.Group):
    """Loads a command's module only when that command runs; bare `campaign` plans."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        return told(getattr(module, cmd_name), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest one when there is none of that name."""
        if args and args[0] not in COMMANDS:
            from wechat_campaigns.core.nearest import nearest

            near = nearest(args[0], COMMANDS)
            said = _("There is no command {name}; `campaign --help` lists them")
            if near:
                said = _("There is no command {name}; did you mean `campaign {near}`?")
            raise click.UsageError(said.format(name=args[0], near=near), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(text)) for name, (_module, text) in COMMANDS.items()])

    def get_help(self, ctx: click.Context) -> str:
        """Write the help in the language that was chosen by then."""
        shown = told(self, "")
        shown.epilog = f"{epilog('')}\n\n{_(EXIT_CODES)}"
        return click.Group.get_help(shown, ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take options without a command as those of `plan`."""
        if ctx.resilient_parsing:  # a shell asks for completions
            return super().parse_args(ctx, args)
        own = _length_of_own_options(args)
        first = args[own] if own < len(args) else ""
        if not first or (first.startswith("-") and first not in ("--help", "-h", "--version")):
            args = [*args[:own], "plan", *args[own:]]
        return super().parse_args(ctx, args)


def _length_of_own_options(args: list[str]) -> int:
    """Count the leading words that are `--lang` and its value."""
    count = 0
    while count < len(args) and args[count].partition("=")[0] == "--lang":
        count += 1 if "=" in args[count] else 2
    return count


EXIT_CODES = N_("""Exit codes: 0 done or nothing to do; 1 a bug; 2 sends pending or missed
(plan --detailed-exitcode); 3 invalid campaign or setting; 4 refused by WeChat; 5 refused by policy, digest
or staleness; 6 ledger; 7 some sends failed or were missed; 8 an outcome is unknown; 64 usage;
130 interrupted.""")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--lang", type=click.Choice(LANGUAGES), is_eager=True, expose_value=False,
    callback=lambda ctx, _param, language: _choose(ctx, language),
    help="Language of all messages; default: that of the locale (LC_ALL, LC_MESSAGES, LANG).",
)  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=lambda ctx, _, on: _about(ctx, on),
    help="Show the version, the formats it knows and the extras installed.",
)  # fmt: skip
def campaign() -> None:
    """Send WeChat Official Account mass messages from reviewed files.

    Without a command it plans: nothing is sent unless you run `campaign apply`.
    """


def _choose(ctx: click.Context, language: Language | None) -> None:
    if language is not None and not ctx.resilient_parsing:
        choose(language)


def _about(ctx: click.Context, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from wechat_campaigns.cli.about import about

        click.echo(about())
        ctx.exit()


ELSEWHERE = {
    "--yes": "--auto-approve",
    "-y": "--auto-approve",
    "--json": "--format json",
    "--dry-run": "campaign plan",
    "-n": "campaign plan",
}
"""How other tools call it, and what it is here."""


def _meant(error: click.NoSuchOption, words: Sequence[str]) -> click.UsageError:
    """Say what an option of other tools is called here, if the command has it; else what click says."""
    known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
    # click names one letter of `-auto-approve`: long options have two dashes here.
    long = [f"-{word.partition('=')[0]}" for word in words if word[:1] == "-" and word[1:3].isalpha()]
    here = next((name for name in long if name in known), ELSEWHERE.get(error.option_name, ""))
    if here.partition(" ")[0] not in (*known, "campaign"):
        return error
    meant = ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1)
    return click.UsageError(f"{error.message} {meant.format(possibility=repr(here))}", error.ctx)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    stand_in()
    spare_the_encoding()
    gc.set_threshold(*COLLECT_AFTER)
    code = run(argv)
    # The system takes memory back at once; to look through it and free it piece by piece takes 15 ms.
    gc.freeze()
    raise SystemExit(code)


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: arguments without the program's name; default: those of the process.

    Returns:
        The exit code.
    """
    choose(language_from_env(os.environ))
    try:
        result = campaign.main(args=list(argv) if argv is not None else None, standalone_mode=False)
        return int(result) if isinstance(result, int) else int(ExitCode.OK)
    except click.ClickException as error:
        told = _meant(error, argv or sys.argv[1:]) if isinstance(error, click.NoSuchOption) else error
        with suppress(OSError):
            told.show()
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt) as stopped:
        # A terminal shows ^C in the line of the question.
        after = "\n" if sys.stderr.isatty() else ""
        tell(str(stopped) or after + _("Interrupted; nothing more was started."))
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        mute()
        return int(ExitCode.OK)
    except CampaignError as error:
        _explain(error)
        return int(error.exit_code)
    except Exception as error:
        return _full(error) if isinstance(error, OSError) and error.errno in NO_ROOM else _bug()


def _explain(error: CampaignError) -> None:
    from wechat_campaigns.core.redact import redact
    from wechat_campaigns.report.neutral import inert
    from wechat_campaigns.report.problems import problems_text

    if isinstance(error, InvalidError):
        tell(problems_text(error.problems, color=_colors()))
    told = redact(inert(f"{error}\n→ {error.hint}"))
    tell(f"{click.style(_('Error'), fg='red')}: {told}")


def _full(error: OSError) -> int:
    mute()
    said = _("Error: something could not be written: {reason}\n→ make room, then run the command again")
    tell(said.format(reason=error.strerror))
    return int(ExitCode.USAGE)


def _bug() -> int:
    import tempfile
    import traceback

    from wechat_campaigns.core.redact import redact

    text = redact(traceback.format_exc())
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="campaign-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as log:
            log.write(f"wechat-campaigns {__version__}, Python {sys.version}\n{text}")
        said = _("This is a bug. What happened is in {file}; please report it.").format(file=log.name)
    except OSError as unwritten:
        # No place for a log: the last line alone names the fault.
        said = _("This is a bug. No log can be written ({reason}); {fault}; please report it.")
        said = said.format(reason=unwritten.strerror, fault=text.splitlines()[-1])
    tell(said)
    return int(ExitCode.BUG)


def _colors() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ
