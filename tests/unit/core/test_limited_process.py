"""Work in a process of its own is ended when it takes too much; its result comes back otherwise."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from wechat_campaigns.core import limited_process


def _cause(work, **limits) -> str:
    with pytest.raises(limited_process.OverBudgetError) as raised:
        limited_process.run(work, **{"cpu_s": 5, **limits})
    return raised.value.cause


def test_result_of_the_child_process_is_returned():
    """Also when it is longer than a pipe holds."""
    assert limited_process.run(lambda: "茶" * 1_000_000, cpu_s=5) == "茶" * 1_000_000


@pytest.mark.deep
def test_endless_regular_expression_is_killed():
    """Time inside one call of C is limited too."""
    began = time.monotonic()
    assert _cause(lambda: re.match(r"(a+)+$", "a" * 60 + "b"), cpu_s=1) == "time"
    assert time.monotonic() - began < 40


@pytest.mark.deep
def test_waiting_work_is_killed(monkeypatch):
    """Time on the clock is limited, not only that of the processor."""
    monkeypatch.setattr(limited_process, "WALL_FACTOR", 1)
    assert _cause(lambda: time.sleep(60), cpu_s=1) == "time"


@pytest.mark.slow
def test_memory_is_limited():
    """A piece of memory larger than the limit is refused."""
    assert _cause(lambda: len(bytearray(300_000_000)), memory_bytes=100_000_000) == "memory"
    assert (
        limited_process.run(lambda: len(bytearray(300_000_000)), cpu_s=5, memory_bytes=400_000_000)
        == 300_000_000
    )


def test_result_that_is_too_long_is_refused(monkeypatch):
    """The size of a result is limited."""
    monkeypatch.setattr(limited_process, "MAX_RESULT_BYTES", 1_000_000)
    assert _cause(lambda: "a" * 9_000_000) == "memory"


def test_exceptions_and_crashes_are_faults():
    """Neither an exception nor a crash of the child reaches the caller as itself."""
    assert _cause(lambda: 1 // 0) == "fault"
    assert _cause(lambda: os.kill(os.getpid(), signal.SIGSEGV)) == "fault"
    assert _cause(lambda: os.abort()) == "fault"


@pytest.mark.deep
def test_work_may_ask_for_more_time():
    """`extend` adds to the limit from inside."""

    def work() -> str:
        limited_process.extend(4)
        until = time.process_time() + 1.5
        while time.process_time() < until:
            pass
        return "done"

    assert limited_process.run(work, cpu_s=1) == "done"
    limited_process.extend(1)  # outside it is nothing


def test_no_file_descriptor_leaks():
    """No descriptor is left after any end."""
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir())) if open_files.is_dir() else 0
    for work in (lambda: 1, lambda: 1 // 0, os.abort):
        with suppress(limited_process.OverBudgetError):
            limited_process.run(work, cpu_s=5)
    if before:
        assert len(list(open_files.iterdir())) == before
