"""`workers`: the same results in the same order, however many processes share the work."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from runner.workers import CHUNK, ENOUGH, in_chunks

# The test runner's own threads are nothing the workers of these tests touch.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

MANY = list(range(ENOUGH + 50))


def doubled(items: Sequence[int]) -> list[tuple[int, int]]:
    return [(2 * item, os.getpid()) for item in items]


def results(found: list[list[tuple[int, int]]]) -> list[int]:
    return [number for chunk in found for number, _ in chunk]


def processes(found: list[list[tuple[int, int]]]) -> set[int]:
    return {pid for chunk in found for _, pid in chunk}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_order_does_not_depend_on_workers(workers: int) -> None:
    """Chunks come back in the order of the items."""
    found = in_chunks(doubled, MANY, workers=workers)
    assert results(found) == [2 * item for item in MANY]
    sizes = {len(chunk) for chunk in found[:-1]}
    assert len(sizes) == 1
    assert len(found) >= 8 * workers, "none waits long for the last chunk of another"
    assert (processes(found) == {os.getpid()}) is (workers == 1)


def test_a_chunk_has_an_end() -> None:
    """What a worker hands over at a time is bounded, however many items there are."""
    assert max(map(len, in_chunks(list, range(20_000), workers=2))) == CHUNK


def test_few_items_stay_here() -> None:
    """Starting workers for a handful of files would cost more than it saves."""
    assert processes(in_chunks(doubled, MANY[:ENOUGH - 1])) == {os.getpid()}  # fmt: skip


def test_a_process_with_threads_is_not_forked() -> None:
    """A lock that a thread holds while its process is forked would never be freed in the copy."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert processes(in_chunks(doubled, MANY)) == {os.getpid()}
    finally:
        ended.set()
        thread.join()


def test_work_of_a_killed_worker_is_done_here() -> None:
    """When the system kills a worker, the results are still all there."""
    here = os.getpid()

    def fragile(items: Sequence[int]) -> list[tuple[int, int]]:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return doubled(items)

    assert results(in_chunks(fragile, MANY, workers=2)) == [2 * item for item in MANY]


def test_a_failure_arrives_as_it_was() -> None:
    """What a worker raises is raised here, and no process is left behind."""

    def failing(items: Sequence[int]) -> None:
        raise ValueError(f"{len(items)} items")

    with pytest.raises(ValueError, match="items"):
        in_chunks(failing, MANY, workers=2)
    assert multiprocessing.active_children() == []


SLOW = """
import os, sys, time
from runner.workers import in_chunks
def work(items):
    os.write(1, b"begun\\n")
    time.sleep(0.5)
try:
    in_chunks(work, range(40_000), workers=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_all_without_noise(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of a terminal: one of them reports it, the others say nothing."""
    command = [sys.executable, "-c", SLOW]
    with subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=50)
    assert (process.returncode, told) == (130, "")
    assert time.monotonic() - began < 30  # the whole work would take longer
