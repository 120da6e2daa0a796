"""Run the commands of `policy.checks` on a plan, where the settings may be obeyed; a failed one blocks sends.

A check is a program of the repository: it gets the plan's JSON on standard input and nothing secret. Where
approvals are asked for, every file of the repository was approved: it may read each of them.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact_message
from wechat_campaigns.core.settings import SANDBOX, Secret, Settings
from wechat_campaigns.guard import confined_program
from wechat_campaigns.guard.secrets import Secrets
from wechat_campaigns.plan.plan import FailedChecks
from wechat_campaigns.source.secret import NO_BYTECODE

TIMEOUT_S: Final = 60.0
MESSAGE_CHARS: Final = 300
PASSED_ON: Final = (
    "PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "COMSPEC", "PATHEXT",
)  # fmt: skip
"""The variables that a check gets; a secret may stand in any other."""
OWN_FOLDER: Final = ("TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME")
"""Variables that name the only folder it may write to."""


def may_run_checks(settings: Settings) -> bool:
    """Return whether there are checks to run; in the sandbox no program of a fresh clone is started."""
    return bool(settings.policy.checks) and settings.environment.api != SANDBOX


def run_checks(secrets: Secrets, plan: str) -> FailedChecks:
    """Run every check, one after the other; list those that do not pass.

    Args:
        plan: as JSON.

    Raises:
        PolicyError: nobody let a change of the gates in, or this is the run of a pull request.
    """
    checks, folder = secrets.settings.policy.checks, secrets.root.resolve().parent
    secrets.check_place(Secret(command=checks[0].command))
    failed = []
    for check in checks:
        message = program_failure(check.command, plan, folder, timeout_s=TIMEOUT_S)
        if message is not None:
            failed.append((check, message))
    return tuple(failed)


def _confined(own: str) -> tuple[str, ...]:
    """Return what starts a program that reads no other process and changes nothing that is started later."""
    if sys.platform != "linux":
        return ()
    return (sys.executable, "-I", "-S", confined_program.__file__, own)


def program_failure(command: tuple[str, ...], text: str, folder: Path, *, timeout_s: float) -> str | None:
    """Run a program of the settings: None when it ends with 0, else the last line that it printed, or why.

    It writes to a folder of its own, which goes with it, and nowhere else, as far as the system bounds it.

    Args:
        text: its standard input.
        folder: the one that it runs in.
    """
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        with tempfile.TemporaryDirectory(prefix="campaign-", ignore_cleanup_errors=True) as own:
            done = subprocess.run(  # noqa: S603 - no shell, and settings that may be obeyed
                (*_confined(own), *command),
                input=text.encode(),
                capture_output=True,
                cwd=folder,
                env=passed | dict.fromkeys(OWN_FOLDER, own) | NO_BYTECODE,
                timeout=timeout_s,
                check=False,
                start_new_session=True,  # without a terminal, where it could type
            )
    except subprocess.TimeoutExpired:
        return _("the program did not end within {seconds:g} s").format(seconds=timeout_s)
    except (OSError, ValueError):
        return _("the program cannot be started")
    if not done.returncode:
        return None
    if done.returncode == confined_program.CANNOT_START and not (done.stdout or done.stderr):
        return _("the program cannot be started")
    lines = (done.stdout or done.stderr).decode("utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    words = redact_message("".join(filter(str.isprintable, last)))[:MESSAGE_CHARS]
    return words or _("the program ended with exit code {code}").format(code=done.returncode)
