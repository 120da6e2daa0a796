"""Run a command under limits and write what it took to a file: `limits.py REPORT LIMITS COMMAND…`.

A process of its own between the test and the command: what a child inherits from pytest, peak memory
included, would otherwise be counted as its own. Runs with `python -I -S`, so it imports little.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import time

GRACE_S = 2.0
"""What a command has started may end this much later, such as a helper of git."""


def _running(group: int) -> bool:
    """Return whether a process of the group runs; one that has ended and that nobody waited for does not."""
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:  # noqa: PTH123
            state, _, its_group = file.read().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def execute(command):  # without types: to import what they need is half of the start-up
    """Become the command."""
    os.execv(command[0], command)


def main(become=execute) -> int:
    """Start the command in a process group of its own; end all of it when the wall clock says so."""
    report, limits, *command = sys.argv[1:]
    wanted = json.loads(limits)
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.setsid()
        for name in ("AS", "CPU", "FSIZE", "NPROC", "CORE"):
            limit = wanted.get(name)
            if limit is not None:
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
        try:
            become(command)
        finally:
            os._exit(127)
    late = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal late
        late = True
        os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, wanted["wall_s"])
    _, status, usage = os.wait4(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    until = time.monotonic() + GRACE_S
    while (left := _running(child)) and not late and time.monotonic() < until:
        time.sleep(0.05)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    took = {
        "code": os.waitstatus_to_exitcode(status),
        "late": late,
        "left_running": left and not late,
        "peak_kib": usage.ru_maxrss,
        "seconds": time.monotonic() - began,
    }
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 (pathlib is half of the start-up)
        json.dump(took, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
