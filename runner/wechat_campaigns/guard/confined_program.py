"""Become another program, one that writes to a folder of its own and looks into no process before it.

Run as a script, which imports nothing of this package: `python confined_program.py FOLDER PROGRAM ARGUMENT…`.
What the command starts afterwards, such as git with the settings of its user, has secrets at hand: so a
program of the settings must leave everything as it is, from `~/.gitconfig` to the next program. And the
AppSecret may stand in the environment of the command, of the shell that started it and of that one's parent;
Linux shows a process the environment and memory of each other process of its user. Landlock keeps it from
both, and the capabilities by which root looks into every process are dropped.
"""

import ctypes
import os
import signal
import sys
from typing import Final

CREATE_RULESET: Final = 444
ADD_RULE: Final = 445
RESTRICT_SELF: Final = 446
VERSION: Final = 1
PATH_BENEATH: Final = 1
WRITE_FILE: Final = 1 << 1
REMOVE_AND_MAKE: Final = 0b1_1111_1111 << 4
"""Rights to remove files and folders, and to make any kind of them."""
REFER: Final = 1 << 13
TRUNCATE: Final = 1 << 14
SINCE: Final = {1: WRITE_FILE | REMOVE_AND_MAKE, 2: REFER, 3: TRUNCATE}
"""Every right to write, by the first version of Landlock that has it."""
SET_NO_NEW_PRIVS: Final = 38
DROP_CAPABILITY: Final = 24
CAPABILITIES: Final = 64
"""More than there are: what has no number yet is refused, and nothing is lost by it."""
DIE_WITH_PARENT: Final = 1
CANNOT_START: Final = 127


class Beneath(ctypes.Structure):
    """The rights below a folder, or to a file, as the kernel takes them."""

    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("rights", ctypes.c_uint64), ("descriptor", ctypes.c_int32))


def main(folder: str, command: list[str]) -> int:
    """Confine this process, where the kernel can, and run the program in it."""
    call, prctl = ctypes.CDLL(None).syscall, ctypes.CDLL(None).prctl
    prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)  # a run that is gone waits for it no longer
    version = call(ctypes.c_long(CREATE_RULESET), None, ctypes.c_size_t(0), VERSION)
    rights = sum(right for since, right in SINCE.items() if since <= version)
    handled = ctypes.c_uint64(rights)
    size = ctypes.c_size_t(ctypes.sizeof(handled))
    ruleset = call(ctypes.c_long(CREATE_RULESET), ctypes.byref(handled), size, 0) if rights else -1
    if ruleset >= 0:
        for path, granted in ((folder, rights), (os.devnull, rights & (WRITE_FILE | TRUNCATE))):
            below = Beneath(granted, os.open(path, os.O_PATH | os.O_CLOEXEC))
            call(ctypes.c_long(ADD_RULE), ruleset, PATH_BENEATH, ctypes.byref(below), 0)
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
    sys.exit(main(sys.argv[1], sys.argv[2:]))
