"""Become another program, one that cannot look into any process that was there before it.

Run as a script, which imports nothing of this package: `python confined_program.py PROGRAM ARGUMENT…`.
The AppSecret may stand in the environment of the command, of the shell that started it and of that one's
parent, and Linux shows a process the environment and memory of each other process of its user. Landlock hides
them from a process that has given up any right. So this gives up one that no program needs, and the
capabilities by which root looks into every process anyway.
"""

import ctypes
import os
import signal
import sys
from typing import Final

CREATE_RULESET: Final = 444
RESTRICT_SELF: Final = 446
MAKE_BLOCK_DEVICES: Final = 1 << 11
SET_NO_NEW_PRIVS: Final = 38
DROP_CAPABILITY: Final = 24
CAPABILITIES: Final = 64
"""More than there are: what has no number yet is refused, and nothing is lost by it."""
DIE_WITH_PARENT: Final = 1
CANNOT_START: Final = 127


def main(command: list[str]) -> int:
    """Confine this process, where the kernel can, and run the program in it."""
    call, prctl = ctypes.CDLL(None).syscall, ctypes.CDLL(None).prctl
    prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)  # a run that is gone waits for it no longer
    rights = ctypes.c_uint64(MAKE_BLOCK_DEVICES)
    ruleset = call(
        ctypes.c_long(CREATE_RULESET), ctypes.byref(rights), ctypes.c_size_t(ctypes.sizeof(rights)), 0
    )
    if ruleset >= 0:
        # Landlock asks for it: else a program that changes its user, such as sudo, would get out.
        prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        call(ctypes.c_long(RESTRICT_SELF), ruleset, 0)
        for capability in range(CAPABILITIES):  # counts from the exec on
            prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell, and settings that may be obeyed
    except (OSError, ValueError):
        return CANNOT_START


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
