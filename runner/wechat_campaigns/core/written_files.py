"""Open every file that a command writes outside its state folder, never through a link that a commit carries.

`tests/unit/test_written_files.py` finds code that opens one in another way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from wechat_campaigns.core.errors import UsageError, system_hint
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.state_folder import work_tree_of


def write_file(path: Path, data: bytes, option: str = "") -> None:
    """Write a file. Arguments and errors as of `file_errors`."""
    with opened_to_write(path, option) as file:
        file.write(data)


@contextmanager
def opened_to_write(
    path: Path, option: str = "", *, flags: int = os.O_TRUNC, mode: int = 0o666
) -> Iterator[BinaryIO]:
    """Open a file for the block; a named pipe that nobody reads is an error, and is not waited for.

    Args:
        flags: what becomes of a file that is there: `O_TRUNC`, `O_APPEND` or `O_EXCL`.
        mode: of a file that is made.

    Raises:
        UsageError: as of `file_errors`.
    """
    with file_errors(path, option):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | flags, mode)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as file:
            yield file


@contextmanager
def file_errors(path: Path, option: str = "") -> Iterator[None]:
    """Make the folder of a file, and explain an OSError of the block.

    Args:
        option: what the user wrote to get the file; empty for a file whose place is not his choice.

    Raises:
        UsageError: the file cannot be written, is the `-` that means standard output to other tools, or lies
            behind a link of a checkout or in git's own folder.
    """
    if path == Path("-"):
        raise UsageError(
            _("'-' is not a file name"),
            hint=_("omit this option and redirect standard output; `--format` sets what it contains"),
            location=option,
        )
    refuse_carried_links(path, option or str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            _("cannot write the file: {reason}").format(reason=error.strerror),
            hint=system_hint(
                error,
                _("choose a file in a writable folder")
                if option
                else _("make the file and its folder writable, or work in a copy of the repository"),
            ),
            location=option or str(path),
        ) from error


def refuse_carried_links(path: Path, option: str) -> None:
    """Refuse a file behind a link of a checkout: a commit may carry one that leads anywhere.

    Each step is looked at by its real place, from wherever and by whatever name the checkout was reached.

    Raises:
        UsageError: a step is such a link, or git's own folder.
    """
    place = Path(os.path.realpath(path.anchor or Path.cwd()))
    for part in path.parts[1:] if path.anchor else path.parts:
        step = place.parent if part == ".." else place / part
        if (step.is_symlink() or part.casefold() == ".git") and work_tree_of(place) is not None:
            raise UsageError(
                _("{place} is a link or belongs to git, so nothing is written there").format(place=step),
                hint=_("remove the link, or choose a file outside the checkout"),
                location=option,
            )
        place = Path(os.path.realpath(step))
