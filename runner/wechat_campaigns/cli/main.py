"""Run the command that argv names; print every failure and return its exit code."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from wechat_campaigns import __version__
from wechat_campaigns.cli.help_pages import choose, examples_text, exit_codes_text, translated
from wechat_campaigns.cli.output import (
    discard_output,
    end_output,
    error_label,
    escape_unencodable,
    print_message,
    print_result,
    replace_closed_streams,
    wants_color,
)
from wechat_campaigns.cli.registry import MODULES, PURPOSES, Group, group
from wechat_campaigns.core.errors import (
    DISK_FULL,
    NO_MORE_FILES,
    CampaignError,
    ExitCode,
    InvalidError,
    OutOfMemoryError,
    UsageError,
    system_error,
    system_reason,
)
from wechat_campaigns.core.i18n import LANGUAGES, N_, Language, _, language_from_env


class Commands(Group):
    """The commands right below `campaign`; a bare `campaign` plans."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        return super().parse_args(ctx, args or ([] if ctx.resilient_parsing else ["plan"]))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, without importing them."""
        width = max(map(len, MODULES))
        for purpose, rows in PURPOSES.items():
            with formatter.section(_(purpose)):
                formatter.write_dl([(f"{name:{width}}", _(text)) for name, (_module, text) in rows.items()])

    def get_help(self, ctx: click.Context) -> str:
        """Write the help in the language in use."""
        page = translated(self)
        page.epilog = f"{examples_text(self.examples)}\n\n{exit_codes_text()}"
        return click.Group.get_help(page, ctx)


def _choose(ctx: click.Context, _param: click.Parameter, language: Language | None) -> None:
    if language is not None and not ctx.resilient_parsing:
        choose(language)


def _print_version(ctx: click.Context, _param: click.Parameter, requested: bool) -> None:
    if requested and not ctx.resilient_parsing:
        from wechat_campaigns.cli.reference import version_text

        print_result(version_text())
        ctx.exit()


@group(
    MODULES,
    cls=Commands,
    examples={
        "campaign": N_("show what all campaigns would send"),
        "campaign apply sale": N_("send one campaign after confirmation"),
    },
)
@click.option(
    "--lang", envvar="CAMPAIGN_LANG", type=click.Choice(LANGUAGES), is_eager=True, expose_value=False,
    callback=_choose,
    help="Language of all messages; default: the language of the locale (LC_ALL, LC_MESSAGES, "
         "LANG).",
)  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False,
    callback=_print_version,
    help="Show the version, the supported formats and the installed extras.",
)  # fmt: skip
def campaign() -> None:
    """Send WeChat Official Account mass messages from reviewed files.

    Without a command it plans: nothing is sent unless you run `campaign apply`.
    """


def _missing_error(error: click.MissingParameter) -> click.UsageError:
    """Show an example beside what is missing."""
    examples: Sequence[str] = tuple(getattr(error.ctx.command, "examples", ())) if error.ctx else ()
    names = tuple(error.param.opts) if isinstance(error.param, click.Option) else ()
    example = next((line for line in examples if not names or any(name in line for name in names)), "")
    # click ends its own message with a half-width full stop; the name of an argument has its choices.
    missing = error.format_message().partition(". Choose from")[0].rstrip(".")
    missing = _("{text}.").format(text=missing)
    message = missing
    if example:
        message = _("{missing} For example: `{example}`").format(missing=missing, example=example)
    if "--reason" in names:
        message = _("Add the reason, for example: `{example}`").format(example=example)
    return click.UsageError(message, error.ctx)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command and exit."""
    replace_closed_streams()
    escape_unencodable()
    sys.unraisablehook = show_unraisable
    code = run(argv)
    end_output()
    # The system takes memory back at once; to look through it and free it piece by piece takes 15 ms.
    gc.freeze()
    raise SystemExit(code)


def show_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    """Show what Python cannot raise, but not how a generator ends in a template that nests too deeply.

    That error is told where it is caught; since Python 3.13 its traceback would come beside it.
    """
    if not isinstance(unraisable.exc_value, RecursionError):
        sys.__unraisablehook__(unraisable)


def run(argv: Sequence[str] | None = None, *, command: click.Command = campaign) -> int:
    """Run the command.

    Args:
        argv: arguments without the program's name; default: those of the process.

    Returns:
        The exit code.
    """
    choose(language_from_env(os.environ))
    try:
        args = list(argv) if argv is not None else None
        result = command.main(args=args, prog_name=command.name, standalone_mode=False)
        return int(result) if isinstance(result, int) else int(ExitCode.OK)
    except click.ClickException as error:
        if isinstance(error, click.MissingParameter):
            error = _missing_error(error)
        elif isinstance(error, click.NoSuchOption):
            from difflib import get_close_matches

            # click suggests `--quiet` for `--list`, too; and before a bracket, Chinese has no blank.
            close = get_close_matches(error.option_name, error.possibilities or (), cutoff=0.7)
            message = click.NoSuchOption(error.option_name, possibilities=close).format_message()
            error = click.UsageError(message.replace(" （", "（"), error.ctx)
        from wechat_campaigns.report.sanitize import inert

        where, message = getattr(error, "ctx", None), error.format_message()
        hint = _("run `{path} --help`").format(path=where.command_path if where else command.name)
        _print_failure(UsageError(message, hint=hint), argv)
        with suppress(OSError):
            click.UsageError(inert(message), where).show()
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt) as stopped:
        # A terminal shows ^C in the line of the question.
        after = "\n" if sys.stderr.isatty() and not str(stopped) else ""
        message = str(stopped) or _("Interrupted: nothing more was started.")
        return _print_end(message, _("run the same command again"), ExitCode.INTERRUPTED, argv, before=after)
    except BrokenPipeError:
        discard_output()
        return int(ExitCode.OK)
    except CampaignError as error:
        if not error.is_reported:
            _print_failure(error, argv)
        _print_error(error)
        return int(error.exit_code)
    except Exception as error:
        refused = system_error(error)
        is_full = isinstance(error, OSError) and error.errno in DISK_FULL | NO_MORE_FILES
        if isinstance(refused, OutOfMemoryError) or (is_full and refused is not None):
            discard_output()
            print_message(f"{error_label()}{refused}\n→ {refused.hint}")
            return int(ExitCode.USAGE)
        return _bug(argv)


_ASKS_FOR_JSON: Final = re.compile(r"^(?:-\w*o|--format)[\n=]?json$", re.MULTILINE)
"""In a command line that was not understood, one argument a line."""


def _print_failure(error: CampaignError, argv: Sequence[str] | None) -> None:
    """Print an error that no report has, as JSON where a program asked for JSON."""
    if _ASKS_FOR_JSON.search("\n".join(sys.argv[1:] if argv is None else argv)):
        from wechat_campaigns.report.problems import failure_data
        from wechat_campaigns.report.sanitize import json_text

        with suppress(CampaignError):
            print_result(json_text(failure_data(error, ())))


def _print_end(
    message: str, hint: str, code: ExitCode, argv: Sequence[str] | None, *, before: str = ""
) -> int:
    """Print what ended the run in the middle; return its exit code."""
    error = CampaignError(message, hint=hint)
    error.exit_code = code
    _print_failure(error, argv)
    print_message(before + message)
    return int(code)


def _print_error(error: CampaignError) -> None:
    from wechat_campaigns.core.redact import redact
    from wechat_campaigns.report.problems import problems_text
    from wechat_campaigns.report.terminal import RED, painted

    color = wants_color(sys.stderr, os.environ)
    if isinstance(error, InvalidError):
        print_message(problems_text(error.problems, color=color))
    print_message(painted(error_label(), RED if color else "") + redact(f"{error}\n→ {error.hint}"))


def _bug(argv: Sequence[str] | None) -> int:
    import tempfile
    import traceback

    from wechat_campaigns.core.redact import redact_message

    text = redact_message(traceback.format_exc())
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="campaign-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as log:
            log.write(f"wechat-campaigns {__version__}, Python {sys.version}\n{text}")
        message = _("This is a bug. Please report it with the log {file}.").format(file=log.name)
    except OSError as unwritten:
        # Without a log, the last line alone names the fault.
        message = _(
            "This is a bug: {fault}. The log cannot be written ({reason}). Please report this message."
        )
        message = message.format(reason=system_reason(unwritten), fault=text.splitlines()[-1])
    hint = _("report this message, then run the same command again")
    return _print_end(message, hint, ExitCode.BUG, argv)
