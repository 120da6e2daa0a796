"""What can go wrong, said so that the reader can act: where, what, hint, and the exit code.

Sends that failed (7) or may have happened (8) are outcomes, not errors: `apply` returns every one of them.
"""

import copyreg
import errno
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import cache
from importlib.util import find_spec
from typing import Final

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.redact import redact_localized


class ExitCode(IntEnum):
    """The exit codes of the command; stable, documented in docs/troubleshooting.md.

    Each error has its own (`CampaignError.exit_code`); `send.outcome.exit_code` takes the worst of outcomes.
    """

    OK = 0
    BUG = 1
    PENDING = 2
    INVALID = 3
    WECHAT = 4
    POLICY = 5
    LEDGER = 6
    FAILED = 7
    UNKNOWN = 8
    SECRET = 9
    NETWORK = 10
    LEDGER_UNREACHABLE = 11
    RACE = 12
    MISSED = 13
    USAGE = 64
    INTERRUPTED = 130


DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""The errno values of a file system without room to write."""
NO_MORE_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""Those when a process, or the machine, may open no further file."""
_NO_MEMORY: Final = re.compile(
    "failed to map segment|[Cc]annot allocate memory|can't start new thread"
    "|returned NULL without setting|return without exception set"
    "|[Oo]ut of memory|[Mm]emory allocation failed|PyObject pointer is null"
)
TRANSIENT: Final = (ExitCode.NETWORK, ExitCode.LEDGER_UNREACHABLE, ExitCode.RACE)
"""Nothing was sent, and the same command may succeed a minute later: what a retry rule repeats."""
_WORST_FIRST: Final = (
    ExitCode.UNKNOWN,
    ExitCode.BUG,
    ExitCode.LEDGER,
    ExitCode.WECHAT,
    ExitCode.SECRET,
    *TRANSIENT,
    ExitCode.FAILED,
    ExitCode.MISSED,
    ExitCode.INTERRUPTED,
    ExitCode.POLICY,
    ExitCode.INVALID,
    ExitCode.USAGE,
)


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Choose the code that a command with several results ends with; unknown sends come first."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), ExitCode.OK)


class CampaignError(Exception):
    """The root of all expected failures.

    Args:
        location: the file, account, send or endpoint concerned; or empty.

    What looks like a secret or an openid is masked in all three.
    """

    exit_code: ExitCode = ExitCode.BUG
    errcode: int | None = None
    """What WeChat answered, if that was an errcode."""
    is_reported = False
    """Whether programs were told of it: standard output or a file of `--report` has it."""

    def __init__(self, message: str, *, hint: str, location: str = "") -> None:
        message, hint, location = map(redact_localized, (message, hint, location))
        self.message = message
        self.hint = hint
        self.location = location
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The message behind its location; unlike `str(error)` it also knows its English."""
        return _(": ").join((self.location, self.message)) if self.location else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are pickled by their message alone; one of a child process keeps its hint.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]

    def add_context(self, outer: str) -> None:
        """Add what the location belongs to, such as the account that an endpoint was called for."""
        if outer in self.location.split(_(", ")):  # kept, and raised again for the same account
            return
        self.location = redact_localized(_(", ").join((outer, self.location)) if self.location else outer)
        self.args = (self.text,)


class UsageError(CampaignError):
    """The command line or its selection makes no sense."""

    exit_code = ExitCode.USAGE


class InvalidError(CampaignError):
    """Campaigns or settings have problems; `problems` holds every one of them."""

    exit_code = ExitCode.INVALID

    def __init__(self, problems: tuple[Diagnostic, ...]) -> None:
        found = ngettext("{count} problem found", "{count} problems found", len(problems))
        super().__init__(
            found.format(count=len(problems)),
            hint=_("correct the listed places, then run the same command again"),
        )
        self.problems = problems


def extra_hint(*extras: str) -> str:
    """Return how to install extras from the user's copy: nobody owns the tool's name on a public index."""
    return _(
        "install {extras} from your checkout or wheel of this tool: `pip install './CHECKOUT[{extras}]'`"
    ).format(extras=",".join(extras))


class MissingExtraError(CampaignError):
    """An optional part of the tool is needed and not installed."""

    exit_code = ExitCode.INVALID

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(
            _("{what} requires the extra '{extra}', which is not installed").format(
                what=needed_for, extra=extra
            ),
            hint=extra_hint(extra),
        )


class FileAccessError(CampaignError):
    """The system refused to read or write a file: a full disk, or permissions that are missing."""

    exit_code = ExitCode.FAILED

    def __init__(self, fault: OSError) -> None:
        super().__init__(
            _("a file cannot be read or written: {reason}").format(reason=system_reason(fault)),
            hint=system_hint(fault, _("check the permissions and the disk, then run the same command again")),
            location=str(fault.filename or ""),
        )


class OutOfMemoryError(CampaignError):
    """This process may take no more memory."""

    exit_code = ExitCode.FAILED

    def __init__(self) -> None:
        super().__init__(
            _("there is too little memory for this command"),
            hint=_("give this machine or job more memory, then run the same command again"),
        )


def is_out_of_memory(fault: BaseException) -> bool:
    """Return whether a library failed because it got no memory, whatever it calls that."""
    return isinstance(fault, MemoryError) or _NO_MEMORY.search(str(fault)) is not None


def system_error(fault: Exception) -> CampaignError | None:
    """Return what the system refused; None for any other fault."""
    # A library that does not fit is an ImportError, a thread a RuntimeError, a part of Python a SystemError.
    if is_out_of_memory(fault):
        return OutOfMemoryError()
    return FileAccessError(fault) if isinstance(fault, OSError) and fault.strerror else None


def system_reason(fault: OSError) -> str:
    """Return why the system refused."""
    return _(fault.strerror) if fault.strerror else str(fault)


def system_hint(fault: OSError, otherwise: str) -> str:
    """Return what to do where the machine has no more of something; else what is given."""
    if fault.errno in DISK_FULL:
        return _("free some disk space, then run the same command again")
    if fault.errno in NO_MORE_FILES:
        return _("allow more open files (`ulimit -n`), then run the same command again")
    return otherwise


class SecretError(CampaignError):
    """The secret of an account is not available; no message ever holds it."""

    exit_code = ExitCode.SECRET


class UnapprovedError(SecretError):
    """The secret of an account may not be read: what its own approvals ask for is missing."""

    exit_code = ExitCode.POLICY


class WeChatError(CampaignError):
    """WeChat did not do what was asked."""

    exit_code = ExitCode.WECHAT


class ApiError(WeChatError):
    """WeChat answered with an errcode other than 0.

    `answer` is the whole JSON object of the reply (45065 carries the existing `msg_id` there).
    """

    errcode: int

    def __init__(
        self,
        *,
        endpoint: str,
        errcode: int,
        errmsg: str,
        rid: str | None,
        what: str,
        hint: str,
        answer: dict[str, object],
    ) -> None:
        super().__init__(what, hint=hint, location=endpoint)
        self.endpoint = endpoint
        self.errcode = errcode
        self.errmsg = errmsg
        self.rid = rid
        self.answer = answer


class NotSentError(WeChatError):
    """The request certainly never reached WeChat (no address, no connection)."""

    exit_code = ExitCode.NETWORK


class NoResponseError(WeChatError):
    """The request may have reached WeChat; no usable answer came back."""

    exit_code = ExitCode.UNKNOWN


class PolicyError(CampaignError):
    """Refused by policy, digest, staleness or protection."""

    exit_code = ExitCode.POLICY


class StalePlanError(PolicyError):
    """What would be sent now is not what was reviewed."""


class CodeHostError(PolicyError):
    """GitHub or GitLab does not tell what has to be known."""


class LedgerError(CampaignError):
    """The ledger cannot be read, written or locked."""

    exit_code = ExitCode.LEDGER


class LedgerCopyError(LedgerError):
    """The copy of the ledger on this machine cannot be used; the ledger itself may be as it should."""


class LedgerUnreachableError(LedgerError):
    """The ledger's server or disk does not respond; what it has recorded is kept."""

    exit_code = ExitCode.LEDGER_UNREACHABLE


class LedgerLoginError(LedgerError):
    """The ledger's server refuses the login: password or token are missing or wrong."""

    exit_code = ExitCode.SECRET


class LedgerLockedError(LedgerError):
    """Another runner holds the lock, or wrote first."""

    exit_code = ExitCode.RACE


class LedgerConflictError(LedgerError):
    """Somebody wrote to the stream since it was read; nothing was written."""

    exit_code = ExitCode.RACE


class WrongSecretError(LedgerError):
    """No event of an account was signed with this AppSecret: it is a wrong one, or was changed."""


class TamperedLedgerError(LedgerError):
    """The chain of events does not hold: something was changed after it was written."""

    def __init__(self, message: str, *, hint: str = "", location: str = "") -> None:
        restore = _(
            "run `campaign ledger verify`; restore the ledger from a backup before you apply anything"
        )
        super().__init__(message, hint=hint or restore, location=location)


@contextmanager
def reporting_unrecorded(done: str) -> Iterator[None]:
    """Add what was done to the error of a block that could not record it.

    Args:
        done: what WeChat has done, as a sentence without its end.

    Raises:
        LedgerError: as the block raised it, with what was done before it.
    """
    try:
        yield
    except LedgerError as error:
        what = _("{done}, but the ledger did not record it: {why}").format(done=done, why=error.message)
        raise type(error)(what, hint=error.hint, location=error.location) from error


EXTRAS: Final[dict[str, tuple[str, ...]]] = {
    "articles": ("lxml", "nh3", "css_inline", "PIL"),
    "heic": ("pillow_heif",),
    "math": ("ziamath", "latex2mathml"),
    "callback": ("cryptography", "werkzeug"),
    "approvals": ("cryptography",),
    "excel": ("openpyxl",),
    "postgres": ("psycopg",),
    "socks": ("socks",),
    "sandbox": ("flask", "werkzeug", "watchfiles"),
}
"""The extras of pyproject.toml, each with modules that it brings."""


def is_extra_installed(extra: str) -> bool:
    """Return whether every library of an extra is there; none is loaded."""
    return all(map(_find_spec, EXTRAS[extra]))


_find_spec = cache(find_spec)  # asked for each article; what is not loaded yet is looked for on the disk


def require_extra(extra: str, *, needed_for: str) -> None:
    """Refuse what an extra is needed for, before an import fails.

    Args:
        extra: a key of `EXTRAS`.
        needed_for: what the reader wanted, as the subject of a sentence.

    Raises:
        MissingExtraError: it is not installed.
    """
    if not is_extra_installed(extra):
        raise MissingExtraError(extra, needed_for=needed_for)
