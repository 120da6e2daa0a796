"""`fence`: what a stranger's file can do to the process that reads it costs that file, and nothing else."""

import operator
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from wechat_campaigns.core import fence
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.fence import Bound, Bounds, OverBoundError, map_fenced, run_fenced

# The test runner's own threads are nothing the children of these tests touch.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def no_loss(item: int, bound: Bound) -> NoReturn:
    raise AssertionError(f"{item} was lost: {bound}")


def fork_again() -> int:
    (inner,) = map_fenced(lambda _item: os.getpid(), [1], lost=no_loss)
    return inner - os.getpid()


class PanicException(BaseException):
    pass


def panic(words: str = "index out of bounds") -> NoReturn:
    raise PanicException(words)


ATTACKS: dict[str, tuple[Callable[[], object], Bound]] = {
    "a loop in C": (lambda: re.match(r"(a+)+$", "a" * 60 + "b"), Bound.CPU),
    "memory": (lambda: len(bytearray(200 << 20)), Bound.MEMORY),
    "a huge result": (lambda: b"a" * 2_000_000, Bound.MEMORY),
    "killed, as by the kernel without memory": (lambda: os.kill(os.getpid(), signal.SIGKILL), Bound.MEMORY),
    "a panic of a library in Rust": (panic, Bound.CRASH),
    "a panic for want of memory": (lambda: panic("PyObject pointer is null"), Bound.MEMORY),
    "a library without memory": (lambda: int("Memory allocation failed"), Bound.MEMORY),
    "a crash": (lambda: os.kill(os.getpid(), signal.SIGSEGV), Bound.CRASH),
    "an abort": (os.abort, Bound.CRASH),
    "an end": (lambda: os._exit(0), Bound.CRASH),
    "sleep": (lambda: time.sleep(60), Bound.WALL),
    "stopped": (lambda: os.kill(os.getpid(), signal.SIGSTOP), Bound.WALL),
}


@pytest.mark.parametrize(
    ("name", "children"), [*((name, 2) for name in ATTACKS), ("a loop in C", 1), ("memory", 1), ("sleep", 1)]
)
def test_an_attack_costs_one_item(
    name: str, children: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "MAX_RESULT_BYTES", 1_000_000)
    attack, bound = ATTACKS[name]
    tried, before = tmp_path / "tried", open_files_and_children()

    def work(item: int) -> object:
        if item == 5:
            with tried.open("a") as file:
                file.write("x")
            return attack()
        return item

    lost = lambda item, bound: (item, bound)  # noqa: E731
    bounds = Bounds(cpu_s=1, wall_s=2 if bound is Bound.WALL else 60, memory_bytes=100 << 20)
    found = map_fenced(work, range(12), lost=lost, children=children, bounds=bounds)
    assert found == [(5, bound) if item == 5 else item for item in range(12)]
    assert tried.read_text() == "x"
    (files, children_left), (files_before, children_before) = open_files_and_children(), before
    assert files <= files_before  # an earlier test's may be closed
    assert children_left == children_before


def open_files_and_children() -> tuple[int, str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="utf-8")
    return len(list(Path("/proc/self/fd").iterdir())), children


def test_every_file_may_be_hostile() -> None:
    found = map_fenced(lambda _item: os.abort(), range(20), lost=lambda item, _bound: item, children=2)
    assert found == list(range(20))


def test_many_items_keep_their_order_and_share_the_processors() -> None:
    many = range(fence.ENOUGH + 50)
    for children in (1, 2, 3):
        found = map_fenced(lambda item: (2 * item, os.getpid()), many, lost=no_loss, children=children)
        assert [number for number, _pid in found] == [2 * item for item in many]
        assert len({pid for _number, pid in found} - {os.getpid()}) == children
    assert map_fenced(abs, [], lost=no_loss) == []


def test_beside_threads_there_is_one_child() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait)
    thread.start()
    try:
        found = set(map_fenced(lambda _item: os.getpid(), range(fence.ENOUGH), lost=no_loss))
    finally:
        ended.set()
        thread.join()
    assert len(found) == 1
    assert found != {os.getpid()}


def test_a_child_has_no_children() -> None:
    """On two processors they would only wait for each other."""
    assert run_fenced(fork_again) == 0


def test_time_of_a_whole_run_is_bounded() -> None:
    began = time.monotonic()
    lost = lambda _item, bound: bound  # noqa: E731
    found = map_fenced(lambda item: time.sleep(0.3) or item, range(300), lost=lost, bounds=Bounds(run_s=2))
    assert Bound.RUN in found
    assert set(found) <= {Bound.RUN, *range(300)}
    assert 0 < len([one for one in found if one is not Bound.RUN]) < 20
    assert time.monotonic() - began < 20


def test_memory_is_bounded_beside_what_is_there_already() -> None:
    """What a file left in the process does not count for the next."""
    left = list[bytearray]()

    def work(_item: int) -> int:
        left.append(bytearray(60 << 20))
        return len(left)

    bounds = Bounds(memory_bytes=100 << 20)
    assert map_fenced(work, range(4), lost=no_loss, children=1, bounds=bounds) == [1, 2, 3, 4]


def test_work_may_ask_for_more_up_to_a_bound() -> None:
    def work(seconds: int) -> tuple[int, int]:
        fence.extend(seconds, seconds << 20)
        return resource.getrlimit(resource.RLIMIT_CPU)[0], resource.getrlimit(resource.RLIMIT_AS)[0] >> 20

    bounds = Bounds(cpu_s=9, memory_bytes=50 << 20)
    usual, some, much = (run_fenced(partial(work, number), bounds=bounds) for number in (0, 2, 9000))
    assert (some[0] - usual[0], much[0] - usual[0]) == (2, fence.MOST.cpu_s - 9)
    assert abs(some[1] - usual[1]) < 40
    assert abs(much[1] - usual[1] + 50 - (fence.MOST.memory_bytes >> 20)) < 40
    asked, next_one = map_fenced(work, (9000, 0), lost=no_loss, children=1, bounds=bounds)
    assert max(map(operator.sub, next_one, usual)) < 20 < min(map(operator.sub, asked, next_one))
    before = resource.getrlimit(resource.RLIMIT_CPU)
    fence.extend(1, 1)  # outside it is nothing
    assert resource.getrlimit(resource.RLIMIT_CPU) == before


@pytest.mark.parametrize("error", [ValueError("odd"), UsageError("odd", hint="do")])
def test_an_exception_is_raised_here_with_its_traceback(error: Exception) -> None:
    def failing(_item: int) -> NoReturn:
        raise error

    before = open_files_and_children()
    with pytest.raises(type(error), match="odd") as caught:
        map_fenced(failing, range(9), lost=no_loss, children=2)
    assert "in failing" in caught.value.__notes__[0]
    assert getattr(caught.value, "hint", "do") == "do"
    assert open_files_and_children() == before


def test_an_exception_that_cannot_be_handed_over_is_named() -> None:
    class OddError(Exception):
        pass

    def failing() -> NoReturn:
        raise OddError("odd")

    with pytest.raises(RuntimeError, match="OddError: odd"):
        run_fenced(failing)


def test_one_piece_of_work_tells_its_bound() -> None:
    assert run_fenced(lambda: "茶" * 1_000_000) == "茶" * 1_000_000
    with pytest.raises(OverBoundError) as caught:
        run_fenced(os.abort)
    assert caught.value.bound is Bound.CRASH
    assert len({bound.words for bound in Bound}) == len(Bound)


SLOW = """
import os, sys, time
from wechat_campaigns.core.fence import map_fenced
def work(item):
    os.write(3, b"begun\\n")
    time.sleep(0.5)
os.dup2(1, 3)
try:
    map_fenced(work, range(20_000), lost=print, children=2)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_children_end_with_their_parent(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        began = time.monotonic()
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        _out, told = process.communicate(timeout=50)  # to the end of what every child may write to
    assert (process.returncode, told) == (code, "")
    assert time.monotonic() - began < 30  # the whole work would take longer


def test_a_system_that_kills_every_child_is_no_bug() -> None:
    script = """
import os, signal
from wechat_campaigns.core.fence import map_fenced
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGKILL))
print(map_fenced(abs, [1, 2, 3], lost=lambda item, bound: bound.value, children=2))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{['memory'] * 3}\n"
