"""A `subprocess.Popen` that forks `campaign`, or a script, off a process that has made all imports.

What it starts is a process of its own: its own arguments, environment, folder, streams, signals, exit code.
A command whose interpreter would start differently (PYTHON…, another locale, preexec_fn) is started anew.
"""

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support import fork_server
from tests.support.fork_server import PACKAGE, STATUS, readable

INSTALLED = str(Path(sys.executable).with_name("campaign"))
MODULE = [sys.executable, "-m", PACKAGE]
SCRIPTS = str(Path(__file__).parents[1])
"""Where scripts of the tests are, which are forked too."""
LOCALE = "C.UTF-8"
HONOURED = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Variables of the interpreter that a forked command follows too."""
CLOCK = {name: os.environ[name] for name in os.environ if name == "LD_PRELOAD" or "FAKE" in name}
"""The clock of `make test-clock`: whatever a test starts has it, with an environment of its own too."""
USUAL = {
    "executable": None, "preexec_fn": None, "pass_fds": (), "close_fds": True, "restore_signals": True,
    "shell": False, "gid": None, "gids": None, "uid": None, "process_group": -1,
}  # fmt: skip
"""What the server does as Popen would; a test that wants anything else gets the usual Popen."""
_Popen = subprocess.Popen
_EXECUTE = inspect.signature(_Popen._execute_child)  # type: ignore[attr-defined]


class Server:
    """The process that forks, started with the first command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.pid = 0

    def fork(self, streams: Sequence[int], request: Mapping[str, Any]) -> int:
        """Have a command started; gives the pipe that brings its process id, then its wait status."""
        reading, writing = os.pipe()
        asked = os.memfd_create("request")
        try:
            os.write(asked, json.dumps(request).encode())
            with self._lock:
                socket.send_fds(self._connected(), [b"."], [*streams, writing, asked])
        finally:
            os.close(writing)
            os.close(asked)
        return reading

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket, its = socket.socketpair()
            with its:
                command = [sys.executable, fork_server.__file__, str(its.fileno())]
                process = _Popen(
                    command, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL,
                    env={**os.environ, "LC_ALL": LOCALE},
                )  # fmt: skip
            self.pid = process.pid
            atexit.register(process.wait)
            atexit.register(self._socket.close)  # comes first, and ends it
        return self._socket


_SERVER = Server()


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """Forks the command where it can, and is the usual one for anything else."""

    _status: int | None = None
    """The pipe of a forked command."""

    def _execute_child(self, *arguments: Any) -> None:
        bound = _EXECUTE.bind(self, *arguments)
        if bound.arguments["env"] is not None:
            bound.arguments["env"] = {**bound.arguments["env"], **CLOCK}
        given = {name.removeprefix("unused_"): value for name, value in bound.arguments.items()}
        inherited = enumerate((given["p2cread"], given["c2pwrite"], given["errwrite"]))
        streams = [number if wanted == -1 else wanted for number, wanted in inherited]
        request = _request(given)
        if request is None or not all(map(_is_open, streams)):
            super()._execute_child(*bound.args[1:])  # type: ignore[misc]
            return
        self._status = _SERVER.fork(streams, request)
        self.pid = self._number()
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[name] for name in ends))  # type: ignore[attr-defined]

    def _number(self) -> int:
        read = os.read(self._status or 0, STATUS.size)
        assert len(read) == STATUS.size, "the server of forked commands has ended"
        return int(STATUS.unpack(read)[0])

    def _ended(self, timeout: float | None) -> bool:
        """Wait so long for the end of a forked command; its return code is set then."""
        if self.returncode is None and not readable(self._status or 0, timeout):
            return False
        with self._waitpid_lock:  # type: ignore[attr-defined]
            if self.returncode is None:
                self._handle_exitstatus(self._number())  # type: ignore[attr-defined]
                os.close(self._status or 0)
        return True

    def _internal_poll(self, *arguments: Any, **options: Any) -> int | None:
        if self._status is None:
            return super()._internal_poll(*arguments, **options)  # type: ignore[misc,no-any-return]
        self._ended(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self._status is None:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode


def _request(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the server is to start; None when this is not the command, or is to start in another way."""
    if any(given[name] != usual for name, usual in USUAL.items() if name in given):
        return None
    words = _words(given["args"])
    env = {os.fsdecode(name): os.fsdecode(value) for name, value in (given["env"] or os.environ).items()}
    cwd = os.path.abspath(os.fsdecode(given["cwd"] or "."))  # noqa: PTH100 (a link stays one)
    if not words or not _starts_alike(env) or not os.access(cwd, os.X_OK):
        return None
    return {
        "script": "" if words[0] == PACKAGE else words[0], "arguments": words[1:],
        "env": env, "cwd": cwd,
        "new_session": given["start_new_session"], "umask": given["umask"],
    }  # fmt: skip


def _words(args: Any) -> list[str]:
    """The words of `campaign` or a script, its name first; none for another program."""
    if isinstance(args, str | bytes | os.PathLike):
        return []
    words = [os.fsdecode(word) for word in args]
    if words[:1] == [INSTALLED]:
        return words
    if words[:3] == MODULE:
        return words[2:]
    is_script = words[:1] == MODULE[:1] and "".join(words[1:2]).startswith(SCRIPTS)
    return words[1:] if is_script else []


def _starts_alike(env: Mapping[str, str]) -> bool:
    """Whether an interpreter with this environment starts as the server's did."""
    locale = next((env[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if env.get(name)), "")
    others = (name for name in env if name not in HONOURED)
    return locale == LOCALE and not any(name.startswith(("PYTHON", "COVERAGE_")) for name in others)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
