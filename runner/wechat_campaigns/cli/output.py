"""Write to the standard streams and to files, and ask a person; explain what cannot be written.

Text reaches a terminal or a CI log through `print_message`, `print_text` or a question, and is made inert
here: it may quote a campaign, a person, a server or a file. `print_result` is for what a program reads.

A stream that is closed, full or left by its reader does not hide what the command did.
"""

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TextIO

import click

from wechat_campaigns.core.errors import UsageError, system_reason
from wechat_campaigns.core.files import check_replaceable, file_errors, opened_to_write
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import recordable
from wechat_campaigns.report.sanitize import inert
from wechat_campaigns.report.terminal import for_terminal


def replace_closed_streams() -> None:
    """Open the null device in place of a closed standard stream: a ledger's file could get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def escape_unencodable() -> None:
    """Write what a terminal's encoding lacks (an emoji in GBK) as JSON escapes it."""
    codecs.register_error("campaign.escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="campaign.escape")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def error_label() -> str:
    """Write what stands before the message of an error."""
    return _("Error: {message}").format(message="")


def wants_color(stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Whether a standard stream shows colours; see no-color.org and bixense.com/clicolors, read 2026-11."""
    if environ.get("NO_COLOR"):
        return False
    return environ.get("CLICOLOR_FORCE", "0") not in ("", "0") or stream.isatty()


def print_message(text: str) -> None:
    """Print on standard error; a closed stream is ignored."""
    color = wants_color(sys.stderr, os.environ)
    with suppress(OSError):
        click.echo(for_terminal(text, color=color), err=True, color=color)


def print_in_handler(text: str) -> None:
    """Print on standard error from a signal handler: past the buffer, which a print may be filling."""
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), f"{inert(text)}\n".encode(sys.stderr.encoding or "utf-8", "replace"))


def print_text(text: str, guard: Callable[[str], str] = str) -> None:
    """Print text for people on standard output.

    Args:
        guard: put around the text once nothing in it is obeyed.

    Raises:
        UsageError: it cannot be written.
    """
    print_result(guard(for_terminal(text, color=wants_color(sys.stdout, os.environ))))


def print_result(text: str, *, newline: bool = True) -> None:
    """Print on standard output what is harmless in its own format; a reader that has gone away is ignored.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        click.echo(text, nl=newline, color=wants_color(sys.stdout, os.environ))
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        discard_output()
        raise UsageError(
            _("cannot write the file: {reason}").format(reason=system_reason(error)),
            hint=_("free disk space, or redirect standard output to another place"),
            location=_("standard output"),
        ) from error


def discard_output() -> None:
    """Discard what is still to be written to standard output: a second error would say nothing new."""
    _discard(sys.stdout)


def end_output() -> None:
    """Write what the buffers hold, or discard it: Python would exit with 120 for what it cannot write."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _discard(stream)


def _discard(stream: TextIO) -> None:
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def check_writable(reports: Iterable[tuple[str, Path]]) -> None:
    """Make sure that the files of `--report` can be written, before anything is done.

    Raises:
        UsageError: one cannot.
    """
    for kind, path in reports:
        with file_errors(path, f"--report {kind}={path}"):
            check_replaceable(path)


def write_new(path: Path, text: str) -> bool:
    """Write a file that does not exist yet; return False when it does.

    Raises:
        UsageError: it cannot be written.
    """
    if os.path.exists(path):  # noqa: PTH110 (what cannot be looked at is refused below)
        return False
    with opened_to_write(path, flags=os.O_EXCL) as file:
        file.write(text.encode())
    return True


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
    return str(click.prompt(inert(question), err=True, prompt_suffix=_(": ")))


def ask_freely(question: str) -> str:
    """Ask for a line that may be empty: it is where nobody answers, or not in UTF-8."""
    if not sys.stdin.isatty():
        return ""
    try:
        answer = click.prompt(
            inert(question), default="", show_default=False, err=True, prompt_suffix=_(": ")
        )
    except (click.Abort, UnicodeDecodeError):
        click.echo(err=True)  # ^C is in the line of the question
        return ""
    return recordable(str(answer).strip())


def confirmed(question: str) -> bool:
    """Ask a person to agree by y."""
    return click.confirm(inert(question), err=True, prompt_suffix=_(": "))


def confirm(question: str, refused: str, *, answer: str = "") -> None:
    """Ask a person to agree, by y or by typing `answer`.

    Args:
        refused: printed where the person does not.

    Raises:
        UsageError: standard input is not a terminal.
        click.Abort: the person does not agree.
    """
    require_terminal()
    agrees = ask(question) == answer if answer else confirmed(question)
    if not agrees:
        raise click.Abort(refused)
