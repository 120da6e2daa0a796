"""The trap sees what it is there to see: each of these programs does one thing that it must not do."""

import sys
from pathlib import Path

import pytest

from tests.hostile.trap import CPU_S, OUTPUT_BYTES, CanaryPort, Trap

DEEDS = {
    "code ran": "open(r'@TRAP@/home/MARKER', 'w')",
    "it wrote": "open('campaigns/x', 'w')",
    "it removed": "import os; os.remove('.env')",
    "was printed": "import os; print(os.environ['WECHAT_MAIN_SECRET'])",
    "a secret was written": "open(r'@TRAP@/out/x', 'w').write(open('.env').read())",
    "canary port": "import socket; socket.create_connection(('127.0.0.1', @PORT@))",
    "it did not end": "import time; time.sleep(600)",
    "it ended with 1": "import sys; sys.exit(1)",
    "it ended with -": "import os; os.kill(os.getpid(), 9)",
    "a traceback": "import sys; sys.stderr.write('Traceback (most recent call last)')",
    "anybody reads": f"print('a' * {OUTPUT_BYTES})",
    "control characters": "print('\\x1b]0;a')",
    "left a process": "import subprocess; subprocess.Popen(['sleep', '600'])",
}


@pytest.mark.deep
@pytest.mark.parametrize("deed", DEEDS)
def test_the_trap_sees(deed: str, tmp_path: Path, port: CanaryPort) -> None:
    trap = Trap(tmp_path / "trap", port)
    waits = {"it did not end": {"wall_s": 1}, "left a process": {"grace_s": 1}}.get(deed, {})
    run = trap.run("-c", trap.filled(DEEDS[deed]), command=[sys.executable], **waits)
    assert len(run.faults) == 1
    assert deed in run.faults[0]


def test_the_trap_sees_nothing_where_nothing_is_done(tmp_path: Path, port: CanaryPort) -> None:
    trap = Trap(tmp_path / "trap", port)
    run = trap.run("-c", trap.filled("open(r'@TRAP@/state/x', 'w').write('a')"), command=[sys.executable])
    assert (run.faults, run.code) == ((), 0)


def test_limits_hold_from_the_first_moment(tmp_path: Path, port: CanaryPort) -> None:
    trap = Trap(tmp_path / "trap", port)
    run = trap.run("-c", "ulimit -v; ulimit -t; ulimit -c", command=["sh"], memory=1 << 29)
    assert run.out.split() == [str((1 << 29) // 1024), str(CPU_S), "0"]
