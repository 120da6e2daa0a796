"""A campaigns folder in, its links and repositories out as problems: neither may be there.

A link reads, or hides, what lies elsewhere on the machine; git takes some ordinary files for a repository.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, Location
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import quoted

EDITOR_LOCK: Final = ".#"
"""How the dangling links begin that Emacs lays beside a file that is being edited."""
_GIT: Final = ".git"
_BARE: Final = frozenset({"HEAD", "objects", "refs"})


def check_tree(root: Path) -> None:
    """Refuse a campaigns folder that is a link, or holds a link or a repository at any depth.

    Folders above it may be links, as `/tmp` is on macOS, unless a checkout carries them.

    Raises:
        InvalidError: names each of them.
    """
    problems = tuple(_above(root)) or tuple(sorted(_below(root), key=lambda problem: problem.location.file))
    if problems:
        raise InvalidError(problems)


def _above(root: Path) -> Iterator[Diagnostic]:
    if root.is_symlink():
        what = _("the campaigns folder is a link, which can point anywhere on this machine")
        hint = _("put the folder itself here, or name it with `--dir`")
        yield Finding("file-link", what, hint).at(Location(file=root.as_posix()))
        return
    for folder in root.parents:
        if folder.is_symlink() and _is_carried(folder):
            what = _("a folder above the campaigns folder is a link inside a checkout")
            hint = _("use the path of the campaigns folder without the link: `--dir {folder}`").format(
                folder=quoted(os.path.realpath(root))
            )
            yield Finding("file-link", what, hint).at(Location(file=folder.as_posix()))


def _is_carried(link: Path) -> bool:
    """Return whether a commit may hold a link: it lies in the checkout of the working directory."""
    # It starts programs: only a link above the folder needs it.
    from wechat_campaigns.core.git_checkout import find_checkout

    here = find_checkout(Path.cwd() / "_")
    return here is not None and Path(os.path.realpath(link.parent)).is_relative_to(here.top)


def _below(root: Path) -> Iterator[Diagnostic]:
    waiting = [os.fspath(root)]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError:  # the reader of its files reports it
            continue
        if _BARE.issubset(entry.name for entry in ordered):
            yield _repository(folder)
        for entry in ordered:
            if entry.name.casefold() == _GIT:
                yield _repository(entry.path)
            elif entry.is_symlink():
                if not entry.name.startswith(EDITOR_LOCK):
                    what = _("this is a link, which can point anywhere on this machine")
                    hint = _("put the file or folder itself here")
                    yield Finding("file-link", what, hint).at(Location(file=Path(entry.path).as_posix()))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)


def _repository(folder: str) -> Diagnostic:
    what = _("the campaigns folder contains a git repository")
    hint = _("move the repository out of the campaigns folder; a submodule is not allowed there either")
    return Finding("file-repository", what, hint).at(Location(file=Path(folder).as_posix()))
