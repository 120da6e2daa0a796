"""Results in, standard streams and files out.

A stream that is closed, full or left by its reader ends no command with less than the truth.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.state_folder import work_tree_of
from wechat_campaigns.core.words import _

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What the system says when something cannot be written for want of room."""


def stand_in() -> None:
    """Open the null device in place of a closed standard stream, lest a ledger's file take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def spare_the_encoding() -> None:
    """Let what a terminal's encoding has no sign for (an emoji in GBK) be written as JSON escapes it."""
    codecs.register_error("campaign.escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="campaign.escape")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def tell(text: str) -> None:
    """Say something on standard error, if anybody can hear it."""
    with suppress(OSError):
        click.echo(text, err=True)


def require_terminal(hint: str) -> None:
    """Make sure that somebody can be asked.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(_("nobody can be asked here: standard input is no terminal"), hint=hint)


def hand_out(text: str) -> None:
    """Write a result to standard output; a reader that has gone away is nothing wrong.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        mute()
    except OSError as error:
        mute()
        raise UsageError(
            _("the result cannot be written: {reason}").format(reason=error.strerror),
            hint=_("make room, or let standard output go elsewhere"),
            location=_("standard output"),
        ) from error


def mute() -> None:
    """Let what is still to be written to standard output go nowhere; a second failure would be noise."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


@contextmanager
def writing(path: Path, asked: str = "") -> Iterator[None]:
    """Make the folder of a file, and turn what goes wrong in the block into words.

    Args:
        path: the file.
        asked: what the user wrote to get it; nothing for a file whose place is not his choice.

    Raises:
        UsageError: the file cannot be written, is the `-` that means standard output to other tools, or lies
            behind a link of the checkout or in git's own folder.
    """
    if path == Path("-"):
        raise UsageError(
            _("'-' is no name for a file"),
            hint=_("leave it out and redirect standard output; --format chooses what it carries"),
            location=asked,
        )
    _refuse_links(path, asked or str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            _("the file cannot be written: {reason}").format(reason=error.strerror),
            hint=_("name a file in a folder that can be written")
            if asked
            else _("make the file and its folder writable, or work in a copy of the repository"),
            location=asked or str(path),
        ) from error


def _refuse_links(path: Path, asked: str) -> None:
    """Refuse a file behind a link of the checkout: a commit may carry one that leads anywhere."""
    place = Path(os.path.realpath(Path.cwd()))
    tree = work_tree_of(place)
    for part in path.parts:
        place = place.parent if part == ".." else place / part
        carried = tree is not None and place != tree and place.is_relative_to(tree)
        if carried and (place.is_symlink() or part.casefold() == ".git"):
            raise UsageError(
                _("{place} is a link or belongs to git, so nothing is written there").format(place=place),
                hint=_("remove the link, or name a file outside the checkout"),
                location=asked,
            )


def check_writable(outputs: Iterable[tuple[str, Path]]) -> None:
    """Make sure that the files of `--output` can be written, before anything is done.

    Raises:
        UsageError: one cannot.
    """
    for kind, path in outputs:
        with writing(path, f"--output {kind}={path}"):
            path.open("ab").close()
