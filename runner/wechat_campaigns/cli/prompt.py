"""Ask a person on the terminal; questions go to standard error."""

import sys

import click

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import recordable


def require_terminal(hint: str = "") -> None:
    """Make sure that there is a person to ask.

    Args:
        hint: what to do without a terminal; default: to add `--auto-approve`.

    Raises:
        UsageError: standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            _("cannot ask for confirmation: standard input is not a terminal"),
            hint=hint or _("check what it would do, then add `--auto-approve`"),
        )


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
    """Ask a person to agree, by y or by typing `answer`.

    Args:
        refused: printed where the person does not.
        hint: as of `require_terminal`.

    Raises:
        UsageError: standard input is not a terminal.
        click.Abort: the person does not agree.
    """
    require_terminal(hint)
    agrees = ask(question) == answer if answer else click.confirm(question, err=True, prompt_suffix=_(": "))
    if not agrees:
        raise click.Abort(refused)
