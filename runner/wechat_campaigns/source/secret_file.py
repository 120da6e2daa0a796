"""The path of a `secret: {file: …}` in, its one line out; never a file that others can read or commit."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import SecretError
from wechat_campaigns.core.git_checkout import find_checkout, run_in_checkout
from wechat_campaigns.core.i18n import _

MAX_BYTES: Final = 4096
_OTHERS: Final = stat.S_IWGRP | stat.S_IRWXO
"""Kubernetes lets a group read what it mounts (`fsGroup`); nobody else has a reason to."""


def read_secret_file(written: str) -> str:
    """Read a secret's file.

    Args:
        written: an absolute path, or one that begins with `~/`. Links are followed: Kubernetes makes them.

    Raises:
        SecretError: the file is missing, is not one line of text, is open to other users, or lies in a git
            checkout that does not ignore it.
    """
    path = Path(os.path.realpath(os.path.expanduser(written)))  # noqa: PTH111 (no home folder is no bug)
    try:
        # Without waiting: a FIFO would hold the run for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = _("the file cannot be read: {reason}").format(reason=error.strerror)
        hint = _("create the file, or correct `file`")
        raise SecretError(what, hint=hint, location=written) from None
    try:
        _check_access(os.fstat(descriptor), written)
        _check_place(path, written)
        data = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    return _one_line(data, written)


def _check_access(state: os.stat_result, written: str) -> None:
    what, hint = "", _("make it a file of this user or of root: `chown USER FILE && chmod 600 FILE`")
    if not stat.S_ISREG(state.st_mode):
        what = _("this is not an ordinary file")
    elif state.st_uid not in (0, os.geteuid()):
        what = _("another user owns the secret's file")
    elif state.st_mode & _OTHERS:
        what = _("other users can read or change the secret's file")
        hint = _("run `chmod 600 FILE`; in Kubernetes, set `defaultMode: 0400`")
    if what:
        raise SecretError(what, hint=hint, location=written)


def _check_place(path: Path, written: str) -> None:
    """Refuse a file that the next `git add` would commit.

    Raises:
        SecretError: git does not ignore it, or cannot tell.
    """
    if find_checkout(path) is None:
        return
    if run_in_checkout(path.parent, "check-ignore", "--quiet", "--", str(path), lazily=False).code != 0:
        what = _("the secret's file is in a git checkout that does not ignore it")
        hint = _("move the file outside the checkout, or add it to `.gitignore`")
        raise SecretError(what, hint=hint, location=written)


def _one_line(data: bytes, written: str) -> str:
    value = data.decode("utf-8", errors="replace").strip()
    if not value:
        what = _("the file is empty")
    elif len(data) > MAX_BYTES or "\ufffd" in value or not value.isprintable():
        what = _("the secret's file must hold one line of text, the secret itself")
    else:
        return value
    # Raised out here, so that no error shows what was read.
    raise SecretError(what, hint=_("write only the secret into the file"), location=written)
