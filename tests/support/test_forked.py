"""A forked command is what a new one would be: process, words, environment, streams, signals, exit code."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.support import forked

pytestmark = pytest.mark.skipif(subprocess.Popen is not forked.Popen, reason="commands are started anew here")

COMMAND = [sys.executable, "-m", "wechat_campaigns"]


def is_forked(process: subprocess.Popen[Any]) -> bool:
    return getattr(process, "_status", None) is not None


def served(**how: Any) -> subprocess.Popen[str]:
    """Start a sandbox and wait until it listens."""
    process = subprocess.Popen([*COMMAND, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, **how)
    assert process.stdout is not None
    assert "listening" in process.stdout.readline()
    return process


@pytest.mark.parametrize("command", [COMMAND, [forked.INSTALLED]])
@pytest.mark.parametrize("start", [subprocess.Popen, forked._Popen])
def test_output_and_exit_code_are_those_of_a_new_process(start: Any, command: list[str]):
    with start([*command, "nonsense"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, err = process.communicate(timeout=60)
    assert is_forked(process) == (start is subprocess.Popen)
    assert (process.returncode, out) == (64, "")
    assert "Unknown command nonsense" in err


def test_signals_end_it():
    killed, stopped = served(start_new_session=True), served()
    assert os.getsid(killed.pid) == killed.pid
    assert os.getsid(stopped.pid) != stopped.pid
    killed.kill()
    stopped.send_signal(signal.SIGINT)
    assert (killed.wait(60), stopped.wait(60)) == (-signal.SIGKILL, 0)
    for process in (killed, stopped):
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("how", [{"env": {**os.environ, "PYTHONHASHSEED": "1"}}, {"preexec_fn": os.getpid}])
def test_another_interpreter_is_started_anew(how: dict[str, Any]):
    with subprocess.Popen([*COMMAND, "--version"], stdout=subprocess.DEVNULL, **how) as process:
        assert not is_forked(process)
    assert process.returncode == 0
