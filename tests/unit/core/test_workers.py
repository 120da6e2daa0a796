"""`workers`: the same results in the same order, however many processes share the work."""

import faulthandler
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from wechat_campaigns.core import limited_process
from wechat_campaigns.core.workers import ENOUGH, Limits, WorkerFailure, map_in_workers

# The test runner's own threads are nothing the workers of these tests touch.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

MANY = list(range(ENOUGH + 50))


def doubled(item: int) -> tuple[int, int]:
    return 2 * item, os.getpid()


def no_loss(item: int, loss: WorkerFailure, slowest: int | None) -> NoReturn:
    raise AssertionError(f"{item} was lost: {loss}")


def by_loss(item: int, loss: WorkerFailure, slowest: int | None) -> WorkerFailure:
    return loss


def results(found: list[tuple[int, int]]) -> list[int]:
    return [number for number, _ in found]


def processes(found: list[tuple[int, int]]) -> set[int]:
    return {pid for _, pid in found}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_order_does_not_depend_on_workers(workers: int) -> None:
    """Results come back in the order of the items; one worker is this process itself."""
    found = map_in_workers(doubled, MANY, lost=no_loss, workers=workers)
    assert results(found) == [2 * item for item in MANY]
    assert (processes(found) == {os.getpid()}) is (workers == 1)


def test_few_items_use_one_worker() -> None:
    """A handful of files is bounded too, and more than one process would cost more than it saves."""
    found = processes(map_in_workers(doubled, MANY[: ENOUGH - 1], lost=no_loss))
    assert len(found) == 1
    if threading.active_count() == 1:
        assert found != {os.getpid()}


def test_a_process_with_threads_is_not_forked() -> None:
    """A lock that a thread holds while its process is forked would never be freed in the copy."""
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        assert processes(map_in_workers(doubled, MANY, lost=no_loss)) == {os.getpid()}
    finally:
        ended.set()
        thread.join()


def test_no_items_start_no_worker() -> None:
    """No items, no results."""
    assert map_in_workers(doubled, [], lost=no_loss, workers=2) == []


def test_work_of_a_killed_worker_is_done_by_another(tmp_path: Path) -> None:
    """When the system kills a worker once, for what others took, the results are still all there."""

    def fragile(item: int) -> tuple[int, int]:
        if item == 100 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return doubled(item)

    assert results(map_in_workers(fragile, MANY, lost=no_loss, workers=2)) == [2 * item for item in MANY]
    assert (tmp_path / "killed").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("signal_sent", "bad"), [(signal.SIGKILL, {3}), (signal.SIGSEGV, {0, 7, 8, 449})])
def test_item_that_crashes_its_worker_loses_no_other_item(signal_sent: signal.Signals, bad: set[int]) -> None:
    """All others have their results, in order."""

    def deadly(item: int) -> int | WorkerFailure:
        if item in bad:
            faulthandler.disable()
            os.kill(os.getpid(), signal_sent)
        return item

    found = map_in_workers(deadly, MANY, lost=by_loss, workers=2)
    assert found == [WorkerFailure.CRASH if item in bad else item for item in MANY]


def test_item_with_too_much_memory_loses_no_other_item() -> None:
    """The system refuses what is beyond the limit; this process never holds it."""

    def greedy(item: int) -> int | WorkerFailure:
        return len(bytearray(200 << 20)) if item == 5 else item

    found = map_in_workers(greedy, range(10), lost=by_loss, workers=2, limits=Limits(memory=100 << 20))
    assert found == [WorkerFailure.MEMORY if item == 5 else item for item in range(10)]


@pytest.mark.deep
def test_item_that_takes_too_long_loses_no_other_item() -> None:
    """Also one that no Python code could interrupt: its process is killed from outside."""

    def slow(item: int) -> int | WorkerFailure:
        if item == 5:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
            time.sleep(60)
        return item

    began = time.monotonic()
    found = map_in_workers(slow, range(10), lost=by_loss, workers=2, limits=Limits(item_s=2))
    assert found == [WorkerFailure.SLOW if item == 5 else item for item in range(10)]
    assert time.monotonic() - began < 28


@pytest.mark.deep
@pytest.mark.parametrize(
    ("bad", "cause"), [(lambda: spin(60), "time"), (lambda: os.kill(os.getpid(), signal.SIGSEGV), "fault")]
)
def test_piece_of_work_that_ends_its_worker_is_known_the_second_time(
    bad: Callable[[], None], cause: str
) -> None:
    """`limited_process.run` forks no further process in a worker, unless one was lost: then it says why."""

    def work(item: int) -> str | WorkerFailure:
        faulthandler.disable()
        spin(0.3)  # the limit is of the piece, not of all that its process does
        try:
            pid = limited_process.run(lambda: bad() if item == 5 else spin(0.2) or os.getpid(), cpu_s=1)
        except limited_process.OverBudgetError as error:
            return error.cause
        return "here" if pid == os.getpid() else "elsewhere"

    found = map_in_workers(work, range(10), lost=by_loss, workers=2)
    assert found == [cause if item == 5 else "here" for item in range(10)]


def spin(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest.mark.deep
@pytest.mark.parametrize("workers", [1, 2])
def test_time_of_a_whole_run_is_bounded(workers: int) -> None:
    """Many items, each within its own bound, end together in time; the one that took most is named."""

    def slow(item: int) -> int | str:
        time.sleep(1.5 if item == 150 else 0.3 if item > 100 else 0)
        return item

    began = time.monotonic()
    limits = Limits(run_s=3, each_s=0)
    found = map_in_workers(slow, range(300), lost=lambda *lost: repr(lost), workers=workers, limits=limits)
    assert time.monotonic() - began < 28
    assert found[0] == 0
    assert len(found) == 300
    lost = [text for text in found if isinstance(text, str)]
    assert len(lost) > 100
    assert all("WorkerFailure.RUN" in text for text in lost)
    if workers == 1:
        assert lost[-1].startswith("(299, ")


@pytest.mark.deep
def test_the_item_that_took_longest_is_named() -> None:
    """Whoever is told that time is used up learns by what."""

    def slow(item: int) -> int | None:
        time.sleep(60 if item == 3 else 0)
        return item

    found = map_in_workers(
        slow, range(6), lost=lambda item, loss, slowest: slowest, workers=2, limits=Limits(run_s=4)
    )
    assert found[5] in (3, 5)
    assert found[3] == 3


def test_time_for_a_run_grows_with_its_items_up_to_a_bound() -> None:
    """Many files may take longer than few, but not for ever."""
    limits = Limits(run_s=10, each_s=1, max_run_s=100)
    assert [limits.total_s(items) for items in (0, 50, 1_000_000)] == [10, 60, 100]


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8").split())


def test_exception_of_a_worker_is_raised_with_its_traceback() -> None:
    """What a worker raises is raised here, with its trace, and no process is left behind."""

    def failing(item: int) -> None:
        raise ValueError(f"{item} items")

    before = children()
    with pytest.raises(ValueError, match="items") as caught:
        map_in_workers(failing, MANY, lost=no_loss, workers=2)
    assert "in failing" in caught.value.__notes__[0]
    assert children() == before


def test_a_failure_that_cannot_be_handed_over_is_named() -> None:
    """Not every exception can be copied to another process."""

    class OddError(Exception):
        pass

    def failing(item: int) -> None:
        raise OddError("odd")

    with pytest.raises(RuntimeError, match="OddError: odd"):
        map_in_workers(failing, MANY, lost=no_loss, workers=2)


SLOW = """
import os, sys, time
from wechat_campaigns.core.workers import map_in_workers
def work(item):
    os.write(1, b"begun\\n")
    time.sleep(0.5)
try:
    map_in_workers(work, range(20_000), lost=print, workers=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_interrupt_ends_every_worker_quietly(tmp_path: Path) -> None:
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


def test_system_that_kills_every_worker_is_no_bug() -> None:
    """Out of memory, a system may kill each new process at once: an error that says so, and an end."""
    script = """
import os, signal
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.workers import map_in_workers
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGKILL))
try:
    map_in_workers(abs, [1, 2, 3], lost=lambda *_: 0, workers=2)
except UsageError as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "memory" in done.stdout
