"""Guard the folder of this machine's state, and open each file that a command writes elsewhere.

A commit can put any file into a checkout, in the place of an ignored one too. So nothing in a checkout is
read as state: ledgers, their memory, the embedded sandbox, caches and rendered pages lie outside every
checkout, for this user alone. What a command writes never goes through a link that a commit carries;
`tests/unit/test_written_files.py` finds code that opens a file in another way.
"""

import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from wechat_campaigns.core.errors import UsageError, system_hint, system_reason
from wechat_campaigns.core.i18n import _

STATE_DIR_VARIABLE: Final = "CAMPAIGN_STATE_DIR"
PROGRAM: Final = "wechat-campaigns"
ORIGIN: Final = "campaigns-folder"
"""The file that names the campaigns folder to which a state folder belongs, for people who look for it."""


def state_folder(root: Path, environ: Mapping[str, str]) -> Path:
    """Return the state folder of a campaigns folder; nothing is made.

    It is named after the real path of the campaigns folder: each clone has its own, a link uses that of its
    target, and a moved folder starts a new one (the old one is kept, and may be renamed to the new name).

    Args:
        environ: may hold `CAMPAIGN_STATE_DIR` or `XDG_STATE_HOME`.

    Raises:
        UsageError: `CAMPAIGN_STATE_DIR` is relative, or the user has no home folder.
    """
    real = Path(os.path.realpath(root))
    from hashlib import sha256  # OpenSSL takes a tenth of the start of `--help`, which asks for no folder

    words = (re.sub(r"[^\w.-]+", "_", name).strip("._-")[:40] for name in (real.parent.name, real.name))
    digest = sha256(os.fsencode(real)).hexdigest()[:16]
    return state_home(environ) / "-".join([*filter(None, words), digest])


def state_home(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Return the folder that holds the state folders of all campaigns folders."""
    if chosen := environ.get(STATE_DIR_VARIABLE):
        if not Path(chosen).is_absolute():
            raise _unusable_error(
                chosen, _("`{name}` is set to a relative path").format(name=STATE_DIR_VARIABLE)
            )
        return Path(chosen)
    base = environ.get("XDG_STATE_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / PROGRAM
    try:
        home = Path.home()
    except RuntimeError as error:
        raise _unusable_error("~", _("this user has no home folder")) from error
    if platform == "darwin":
        return home / "Library" / "Application Support" / PROGRAM
    return home / ".local" / "state" / PROGRAM


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return where this user's own configuration of the program is; nothing is made.

    Raises:
        UsageError: the user has no home folder.
    """
    base = environ.get("XDG_CONFIG_HOME", "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".config") / PROGRAM
    except RuntimeError as error:
        hint = _("set `XDG_CONFIG_HOME` to an absolute path")
        raise UsageError(_("this user has no home folder"), hint=hint) from error


def read_own_file(path: Path) -> str:
    """Read a file that nobody else can read.

    Raises:
        OSError: it cannot be read.
        UsageError: others can read it, or it is theirs.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                _("other users can read this file, or it belongs to one of them"),
                hint=_("replace the key in it: others may have read it; then keep it with `chmod 600`"),
                location=str(path),
            )
        return file.read().decode("ascii", "replace")


def ready_state_folder(root: Path, environ: Mapping[str, str]) -> Path:
    """Make the state folder of a campaigns folder, or make sure that it is safe.

    Raises:
        UsageError: it lies where a commit can reach it or other users can write, or cannot be made.
    """
    folder, campaigns = state_folder(root, environ), Path(os.path.realpath(root))
    checkout = work_tree_of(campaigns) or campaigns
    if any(real.is_relative_to(checkout) for real in resolved_ancestors(folder)):
        raise _unusable_error(
            str(folder), _("the state folder is in the checkout, where a commit can replace it")
        )
    try:
        private_folder(folder)
        _refuse_others(folder.parent)
        _refuse_others(folder)
        folder.chmod(0o700)
        if private_file(folder / ORIGIN):
            with suppress(OSError):
                (folder / ORIGIN).write_bytes(os.fsencode(campaigns) + b"\n")
    except OSError as error:
        why = _("the state folder cannot be created or used: {error}").format(error=system_reason(error))
        if not folder.is_dir():
            raise _unusable_error(str(folder), why) from error
        raise UsageError(
            why,
            # Another folder would be an empty one: without the ledger, and without what was seen of it.
            hint=system_hint(error, _("check the permissions and the disk, then run the same command again")),
            location=str(folder),
        ) from error
    return folder


def work_tree_of(path: Path) -> Path | None:
    """Find the git work tree that a real path lies in, without asking git; None outside any."""
    return next((folder for folder in (path, *path.parents) if os.path.lexists(folder / ".git")), None)


def repository_path(path: str | Path) -> str:
    """Write a path for programs: from the root of the git work tree, outside any from the working folder.

    One that lies elsewhere is absolute. Nothing that it names is opened, and links are not followed.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100 (resolve() would follow links)
    here = Path.cwd()
    top = work_tree_of(here)
    if top is None or not place.is_relative_to(top):
        top = work_tree_of(place.parent) or here
    return (place.relative_to(top) if place.is_relative_to(top) else place).as_posix()


def resolved_ancestors(path: Path) -> tuple[Path, ...]:
    """Return the real paths of an absolute path and of each folder above: one may be a link that changes."""
    return tuple(Path(os.path.realpath(step)) for step in (path, *path.parents))


def private_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, for this user alone, whatever the umask.

    Raises:
        OSError: it cannot be made.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path) -> bool:
    """Make an empty file and its folder for this user alone, whatever the umask, unless there is one.

    Returns:
        Whether it was made; False also where it cannot be, which shows when it is opened.

    Raises:
        OSError: its folder cannot be made.
    """
    private_folder(path.parent)
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return True
    return False


def replace_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file as a whole: readers see the old one or the new one; where it fails, the old one stays.

    It is written first under a name that nobody foresees, so never through a link that lies beside it.

    Args:
        private: for this user alone, in a folder that is made for this user alone. Else a link is followed, a
            file keeps its mode, and a device is written to.

    Raises:
        OSError: it cannot be written.
    """
    if private:
        private_folder(path.parent)
    else:
        path = Path(os.path.realpath(path))
        if path.exists() and not path.is_file():  # /dev/stdout
            with _opened(path, os.O_TRUNC) as file:
                file.write(data)
            return
    written = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    file = open(written, "xb", opener=partial(os.open, mode=0o600 if private else 0o666))  # noqa: SIM115
    try:
        with file:
            file.write(data)
        if not private and path.exists():
            written.chmod(stat.S_IMODE(path.stat().st_mode))
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def check_replaceable(path: Path) -> None:
    """Raise the OSError that `replace_file` would raise, and leave the file as it is."""
    from tempfile import NamedTemporaryFile  # takes 5 ms

    path = Path(os.path.realpath(path))
    if path.is_file() or not path.exists():
        with NamedTemporaryFile(dir=path.parent):
            pass
    elif not path.is_fifo():  # its reader would take the end of this for the end of what is written
        _opened(path, os.O_APPEND).close()


def write_file(path: Path, data: bytes, option: str = "") -> None:
    """Write a file as a whole, as `replace_file`. Arguments and errors as of `file_errors`."""
    with file_errors(path, option):
        replace_file(path, data)


@contextmanager
def opened_to_write(path: Path, *, flags: int) -> Iterator[BinaryIO]:
    """Open a file for the block.

    Args:
        flags: what becomes of a file that is there: `O_APPEND` or `O_EXCL`.

    Raises:
        UsageError: as of `file_errors`.
    """
    with file_errors(path), _opened(path, flags) as file:
        yield file


def _opened(path: Path, flags: int) -> BinaryIO:
    """Open a file to write; a named pipe that nobody reads is an error, and is not waited for."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | flags, 0o666)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "wb")


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
            _("cannot write the file: {reason}").format(reason=system_reason(error)),
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


def _refuse_others(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid not in (os.geteuid(), 0):
        raise _unusable_error(str(folder), _("the state folder belongs to another user"))
    if found.st_mode & stat.S_IWOTH:
        raise _unusable_error(str(folder), _("every user can write to the state folder"))


def _unusable_error(where: str, why: str) -> UsageError:
    return UsageError(
        why,
        hint=_(
            "set `{name}` to an absolute path outside the checkout, in a folder that only this "
            "user can write to"
        ).format(name=STATE_DIR_VARIABLE),
        location=where,
    )
