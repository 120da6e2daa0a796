"""Import the package once, then fork a process for each command asked for: `fork_server.py SOCKET`.

A request is a byte with five descriptors: stdin, stdout, stderr, where the status goes, the request as JSON.
The child returns from `serve` and becomes the command.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import re
import runpy
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

PACKAGE, ARTICLE, SANDBOX = "wechat_campaigns", "wechat_article", "wechat_sandbox"
STATUS = struct.Struct("=i")
"""What goes over the pipe of a child: its process id when it begins, its wait status when it has ended."""
LATE_IMPORT = re.compile(r"^ +(?:from|import) ([a-z_][\w.]*)(?= import|$| as)", re.MULTILINE)
FIRST_OTHER, LAST_OTHER = 3, 256
"""The descriptors that a command does not inherit."""


def preload() -> None:
    """Import the package and all that it imports, late imports included; what is missing stays missing."""
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # two seconds, for no schema of ours
    for name in sorted(set(_imported())):
        with suppress(ImportError):
            importlib.import_module(name)
    accepts = importlib.import_module(f"{PACKAGE}.source.schema").accepts
    for schema in ("campaign", "settings", "plan"):
        accepts(schema, {})  # compiles the schema
    hurry()
    tempfile.tempdir = None  # each command finds its own


def hurry() -> None:
    """Try a read that failed again sooner; tests of the pauses themselves bring a `sleep` of their own."""
    connect = importlib.import_module(f"{PACKAGE}.wechat.endpoints").connect
    connect.__kwdefaults__["sleep"] = lambda seconds: time.sleep(seconds / 20)


def _imported() -> Iterator[str]:
    for package in map(importlib.import_module, (PACKAGE, ARTICLE, SANDBOX)):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith(("__main__", "pytest_plugin")) or ".translations" in module.name:
                continue
            yield module.name
        for source in Path(package.__path__[0]).rglob("*.py"):
            yield from LATE_IMPORT.findall(source.read_text(encoding="utf-8"))


def readable(descriptor: int, seconds: float | None) -> bool:
    """Return whether it can be read, or has ended, within a time; `select` takes none above 1,023."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def serve(connection: socket.socket) -> dict[str, Any]:
    """Fork for each request until pytest ends; returns in a child, with what it is to run."""
    woken, waking = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waking, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waking)
    children: dict[int, int] = {}
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _event in poll.poll()}
        if woken in ready:
            os.read(woken, 4096)
            _reap(children)
        if connection.fileno() in ready:
            byte, descriptors, _, _ = socket.recv_fds(connection, 1, 5)
            if not byte:
                sys.exit()
            *streams, status, asked = descriptors
            pid = os.fork()
            if not pid:
                return _child(streams, asked)
            children[pid] = status
            _tell(status, pid)
            for descriptor in (*streams, asked):
                os.close(descriptor)


def _reap(children: dict[int, int]) -> None:
    for pid in list(children):
        ended, code = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = children.pop(pid)
            _tell(status, code)
            os.close(status)


def _tell(status: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for this command
        os.write(status, STATUS.pack(number))


def _child(streams: list[int], asked: int) -> dict[str, Any]:
    """Make this process what a new one would be."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.lseek(asked, 0, os.SEEK_SET)
    with open(asked, closefd=False, encoding="ascii") as file:
        request: dict[str, Any] = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(FIRST_OTHER, LAST_OTHER)
    if request["new_session"]:
        os.setsid()
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    return request


def _stream(number: int, mode: str) -> TextIO:
    """Open a standard stream as the interpreter does in the locale C.UTF-8."""
    errors = "backslashreplace" if number == 2 else "surrogateescape"
    stream = open(number, mode, closefd=False, encoding="utf-8", errors=errors)  # noqa: SIM115
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    stream.reconfigure(line_buffering=number == 2 or stream.isatty(), write_through=number > 0 and unbuffered)
    return stream


def main() -> None:
    """Serve, and in each child run the command."""
    preload()
    gc.freeze()  # a collection in a child leaves the pages it shares alone
    become(serve(socket.socket(fileno=int(sys.argv[1]))))


def become(request: dict[str, Any]) -> NoReturn:
    """Run the command and end with it."""
    script, arguments = request["script"], request["arguments"]
    sys.path[0] = str(Path(script).parent) if script else os.getcwd()  # noqa: PTH109 (as the interpreter does)
    sys.argv = [script or f"{PACKAGE}/__main__.py", *arguments]
    try:
        if script:
            runpy.run_path(script, run_name="__main__")
        else:
            runpy.run_module(PACKAGE, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        _end(ended.code)
    _end(0)


def _end(code: str | int | None) -> NoReturn:
    """End as the interpreter does, but free nothing that is shared with the server: that would copy it."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    number = code if isinstance(code, int) else int(code is not None)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            number = 120
    os._exit(number & 0xFF)


if __name__ == "__main__":
    main()
