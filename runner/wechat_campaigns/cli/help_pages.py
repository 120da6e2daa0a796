"""Choose the language, of click's own words too, and write help pages in it, as wide as the terminal."""

import gettext
import os
import re
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

import click

from wechat_campaigns.cli.options import KINDS
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import (
    CATALOGS,
    DOMAIN,
    N_,
    Language,
    _,
    current_language,
    set_language,
)
from wechat_campaigns.report.terminal import columns, wrapped

EXIT_CODES: Mapping[ExitCode, str] = {
    ExitCode.OK: N_("done, or nothing to do"),
    ExitCode.BUG: N_("a bug"),
    ExitCode.PENDING: N_("sends are pending or were missed (plan --detailed-exitcode)"),
    ExitCode.INVALID: N_("invalid campaign or setting"),
    ExitCode.WECHAT: N_("refused by WeChat"),
    ExitCode.POLICY: N_("refused by policy, or not the reviewed plan; held back (plan --fail-on-held)"),
    ExitCode.LEDGER: N_("the ledger cannot be used"),
    ExitCode.FAILED: N_("some sends failed or were missed"),
    ExitCode.UNKNOWN: N_("an outcome is unknown"),
    ExitCode.SECRET: N_("credentials are missing"),
    ExitCode.NETWORK: N_("WeChat was not reached (retry)"),
    ExitCode.LEDGER_UNREACHABLE: N_("the ledger's server does not respond (retry)"),
    ExitCode.RACE: N_("another run was faster (retry)"),
    ExitCode.MISSED: N_("campaigns expired unsent (status)"),
    ExitCode.USAGE: N_("wrong usage"),
    ExitCode.INTERRUPTED: N_("interrupted"),
}


class HelpContext(click.Context):
    """Writes help by columns, where the language needs it; `-h` shows it too."""

    def __init__(self, command: click.Command, *given: Any, **more: Any) -> None:
        super().__init__(command, *given, **{"help_option_names": ["-h", "--help"], **more})

    def make_formatter(self) -> click.HelpFormatter:
        """See `click.Context.make_formatter`."""
        if current_language() == "en":
            return super().make_formatter()
        return ColumnsFormatter(width=self.terminal_width, max_width=self.max_content_width)


class ColumnsFormatter(click.HelpFormatter):
    """Writes click's help pages by columns."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """See `click.HelpFormatter.write_usage`; a full-width colon needs no blank."""
        super().write_usage(prog, args, prefix=_("Usage:") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write a heading with its colon."""
        self.write(f"{' ' * self.current_indent}{heading}{_(': ').rstrip()}\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; one whose first line is a backspace stays as it is."""
        indent = " " * self.current_indent
        paragraphs = []
        for paragraph in re.split(r"\n{2,}", text.strip("\n")):
            first, _nl, rest = paragraph.partition("\n")
            is_literal = first.strip() == "\b"
            lines = rest.split("\n") if is_literal else wrapped(paragraph, self.width - self.current_indent)
            paragraphs.append("\n".join(f"{indent}{line}" for line in lines))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write terms with their meanings beside them, or below when a term is long."""
        # The line for --help is made by click before the language is chosen.
        rows = [(term, _(meaning)) for term, meaning in rows]
        first = min(max(columns(term) for term, _ in rows), col_max) + col_spacing
        before = " " * self.current_indent
        for term, meaning in rows:
            beside = columns(term) <= first - col_spacing
            lead = before + term + (" " * (first - columns(term)) if beside else f"\n{before}{' ' * first}")
            lines = wrapped(meaning, max(self.width - first - self.current_indent, 10)) or [""]
            self.write(lead + f"\n{before}{' ' * first}".join(lines) + "\n")


def translated(command: click.Command) -> click.Command:
    """Copy a command with its help in the language in use, and with its examples.

    Args:
        command: is not changed; the modules of commands are loaded once, the language may change.
    """
    copied = copy(command)
    copied.epilog = examples_text(getattr(command, "examples", {}))
    copied.help = _(flat(str(command.help)))
    # In a list of commands click would cut the first sentence off at 45 characters.
    copied.short_help = copied.help.partition("\n\n")[0]
    copied.params = [_param(param) for param in command.params]
    return copied


def examples_text(examples: Mapping[str, str]) -> str:
    """Write the examples of a command as click shows them below its options."""
    lines = "\n".join(f"  {line}\n      {_(meaning)}" for line, meaning in examples.items())
    return f"\b\n{_('Examples:')}\n{lines}" if examples else ""


def exit_codes_text() -> str:
    """Write what each exit code means."""
    codes = _("; ").join(f"{int(code)} {_(meaning)}" for code, meaning in EXIT_CODES.items())
    return _("Exit codes: {codes}.").format(codes=codes)


def flat(text: str) -> str:
    """Bring each paragraph of a docstring onto one line: how it is broken in the source means nothing."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _param(param: click.Parameter) -> click.Parameter:
    if not isinstance(param, click.Option) or not param.help:
        return param
    copied = copy(param)
    # One text for all commands, though each names formats of its own.
    text, kind, kinds = param.help.partition(KINDS)
    message = text + kind
    names = _(", ").join(kinds.rstrip(".").split(", "))
    copied.help = _(message) + (_("{text}.").format(text=names) if kinds else "")
    return copied


NO_CATALOG: Final = (
    "Messages are in English: the catalog of the language {language} {problem}. Reinstall this tool."
)


def choose(language: Language) -> None:
    """Use a language from here on; without its catalog it stays English, with a message."""
    try:
        set_language(language)
    except OSError as error:
        problem = "is not installed" if isinstance(error, FileNotFoundError) else "cannot be read"
        print_message(NO_CATALOG.format(language=language, problem=problem))
        return
    if language == "en":
        gettext.textdomain("messages")
        return
    # Libraries that use gettext's functions, click among them, find the catalog by this variable.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, str(CATALOGS))
    gettext.textdomain(DOMAIN)
