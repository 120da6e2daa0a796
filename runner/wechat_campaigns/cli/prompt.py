"""Ask a person on the terminal; questions go to standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.patterns import recordable


def require_terminal(hint: str, *, message: str = "") -> None:
    """Make sure that there is a person to ask.

    Raises:
        UsageError: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        message = message or _("cannot ask for confirmation: standard input is not a terminal")
        raise UsageError(message, hint=hint)


def ask(question: str) -> str:
    """Ask for a line."""
    return str(click.prompt(question, err=True, prompt_suffix=_(": ")))


def ask_freely(question: str) -> str:
    """Ask for a line that may be empty: it is where nobody answers, or not in UTF-8."""
    if not sys.stdin.isatty():
        return ""
    try:
        answer = click.prompt(question, default="", show_default=False, err=True, prompt_suffix=_(": "))
    except (click.Abort, UnicodeDecodeError):
        click.echo(err=True)  # ^C is in the line of the question
        return ""
    return recordable(str(answer).strip())


def confirm(question: str, refused: str, *, answer: str = "", hint: str = "") -> None:
    """Have a person agree, by y or by typing `answer`.

    Args:
        refused: what is said where the person does not.
        hint: what to do without a terminal; default: to add `--auto-approve`.

    Raises:
        UsageError: standard input is not a terminal.
        click.Abort: the person does not agree.
    """
    require_terminal(hint or _("add `--auto-approve` to skip the question"))
    agrees = ask(question) == answer if answer else click.confirm(question, err=True, prompt_suffix=_(": "))
    if not agrees:
        raise click.Abort(refused)


class TerminalPrompter:
    """Asks the questions of `campaign new`."""

    def line(self, question: str, default: str | None, fit: Callable[[str], str] = str) -> str:
        """Ask for a line; an empty answer takes the default.

        Args:
            default: the answer that an empty one stands for.
            fit: turns an answer into the value; after a UsageError the question comes again.
        """

        def fitted(answer: str) -> str:
            try:
                return fit(answer)
            except UsageError as error:
                raise click.UsageError(f"{error}\n→ {error.hint}") from error

        has_default = bool(default)
        return str(
            click.prompt(
                question,
                default=default,
                err=True,
                show_default=has_default,
                value_proc=fitted,
                prompt_suffix=_(": "),
            )
        )

    def number(self, question: str) -> int:
        """Ask for a whole number."""
        return int(click.prompt(question, type=int, err=True, prompt_suffix=_(": ")))

    def choice(self, question: str, options: dict[str, str]) -> str:
        """Ask for one of the options, given as key to its explanation; the first is the default."""
        for number, meaning in enumerate(options.values(), 1):
            click.echo(f"  {number}  {meaning}", err=True)
        names = list(options)

        def picked(answer: str) -> str:
            if answer in names:
                return answer
            if answer.isdecimal() and 0 < int(answer) <= len(names):
                return names[int(answer) - 1]
            raise click.UsageError(_("enter a number from 1 to {last}").format(last=len(names)))

        return str(click.prompt(question, default="1", err=True, value_proc=picked, prompt_suffix=_(": ")))
