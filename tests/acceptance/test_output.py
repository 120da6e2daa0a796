"""Where the result goes nowhere: disks that are full, readers that have left, streams that are closed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import Sandbox
from tests.support.shop import SENDALL, MakeShop, campaign_file
from wechat_campaigns.core.errors import ExitCode

FULL = Path("/dev/full")
APPLY = ("apply", "--auto-approve")
Command = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


@pytest.fixture
def campaign(make_shop: MakeShop) -> Command:
    """Runs the real command in a folder with one campaign."""
    shop = make_shop()
    shop.write(sale=campaign_file("周年庆今晚八点"))

    def command(*words: str, line: Sequence[str] = (), **streams: Any) -> subprocess.CompletedProcess[str]:
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        line = line or [sys.executable, "-m", "wechat_campaigns", *words]
        return subprocess.run(line, cwd=shop.folder, env=shop.environment, encoding="utf-8", **given)

    return command


def test_outcome_is_reported_when_standard_output_is_full(
    campaign: Command, sandbox: Sandbox, tmp_path: Path
):
    """The send was made: standard error and the report say so, and that the result could not be written."""
    report = tmp_path / "report.json"
    with FULL.open("w") as full:
        done = campaign(*APPLY, "--report", f"json={report}", stdout=full)
    assert json.loads(report.read_text(encoding="utf-8"))["outcomes"][0]["result"] == "accepted"
    assert len(sandbox.jobs()) == 1
    assert "1 accepted" in done.stderr
    assert "No space left" in done.stderr
    assert "bug" not in done.stderr
    assert done.returncode == ExitCode.USAGE


def test_worst_exit_code_is_kept_when_nothing_can_be_written(campaign: Command, sandbox: Sandbox):
    sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=48001)
    with FULL.open("w") as full:
        assert campaign(*APPLY, stdout=full, stderr=full).returncode == ExitCode.WECHAT


def test_unwritable_report_is_refused_before_any_send(campaign: Command, sandbox: Sandbox):
    done = campaign(*APPLY, "--report", "json=/dev/null/report.json")
    assert done.returncode == ExitCode.USAGE
    assert "--report json=/dev/null/report.json" in done.stderr
    assert not sandbox.jobs()


def test_closed_pipe_does_not_interrupt_a_send(campaign: Command, sandbox: Sandbox):
    reader, writer = os.pipe()
    os.close(reader)
    done = campaign(*APPLY, stdout=writer, stderr=writer)
    os.close(writer)
    assert done.returncode == ExitCode.OK
    assert len(sandbox.jobs()) == 1
    assert campaign("plan", "--detailed-exitcode").returncode == ExitCode.OK


@pytest.mark.parametrize("files", [12, 14])
def test_no_more_open_files_is_no_bug(campaign: Command, sandbox: Sandbox, files: int):
    line = f"ulimit -n {files}; exec {sys.executable} -m wechat_campaigns apply --auto-approve"
    done = campaign(line=["/bin/sh", "-c", line])
    assert "bug" not in done.stderr
    assert (done.returncode == ExitCode.OK) == bool(sandbox.jobs())
    if done.returncode == ExitCode.USAGE:
        assert "Too many open files" in done.stderr
        assert "ulimit -n" in done.stderr


@pytest.mark.parametrize("is_read", [True, False])
def test_named_pipe_never_holds_up_a_send(campaign: Command, sandbox: Sandbox, tmp_path: Path, is_read: bool):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) if is_read else None
    done = campaign(*APPLY, f"--report=json={pipe}", timeout=60)
    assert (done.returncode == ExitCode.OK) == is_read
    assert bool(sandbox.jobs()) == ("1 accepted" in done.stdout)
    if reader is not None:
        out, _err = reader.communicate(timeout=60)
        assert out.startswith(b"{")


@pytest.mark.deep
def test_too_little_memory_is_no_bug_and_ends(campaign: Command, sandbox: Sandbox):
    codes, size = set(), 40_000
    while ExitCode.OK not in codes and size < 1_000_000:
        command = f"timeout -s KILL 60 {sys.executable} -m wechat_campaigns apply --auto-approve"
        done = campaign(line=["/bin/sh", "-c", f"ulimit -v {size}; exec {command}"])
        assert "bug" not in done.stdout + done.stderr, size
        assert (done.returncode == ExitCode.OK) == bool(sandbox.jobs()), (size, done)
        codes.add(done.returncode)
        size += 1_500 if size > 78_000 else 5_000
    # SQLite may not open its file, a child that reads a file does not start, a library in Rust or Python
    # itself (1, or 120 where it cannot flush) ends the process: whatever the code, nothing was sent.
    allowed = {ExitCode.OK, ExitCode.USAGE, ExitCode.INVALID, ExitCode.FAILED, ExitCode.LEDGER}
    assert codes <= allowed | {-signal.SIGABRT, 1, 120}


@pytest.mark.deep
def test_apply_works_with_closed_streams(campaign: Command, sandbox: Sandbox):
    line = ["/bin/sh", "-c", f"exec {sys.executable} -m wechat_campaigns apply --auto-approve <&- >&- 2>&-"]
    assert campaign(line=line).returncode == ExitCode.OK
    assert len(sandbox.jobs()) == 1
    assert campaign("ledger", "verify").returncode == ExitCode.OK


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_the_result_is_written_hides_no_send(
    make_shop: MakeShop, number: signal.Signals
) -> None:
    shop = make_shop()
    shop.write(sale=campaign_file("今晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    pipe = shop.folder / "report.json"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    filler = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(filler, b" " * 4096):
            pass
    running = shop.begin("apply", "--auto-approve", "--report", f"json={pipe}")
    assert running.stdout is not None
    assert "RESULT" in running.stdout.readline()
    time.sleep(0.2)
    running.send_signal(number)
    time.sleep(0.2)
    os.close(filler)
    os.set_blocking(reader, True)
    with os.fdopen(reader) as report:
        assert json.loads(report.read())["outcomes"][0]["result"] == "unknown"
    _out, said = running.communicate(timeout=60)
    assert running.returncode == ExitCode.UNKNOWN, said


def test_interrupt_before_the_first_target_is_notified_hides_no_send(
    make_shop: MakeShop, tmp_path: Path
) -> None:
    shop = make_shop("git", more="notify: [{kind: webhook, url: {env: DUTY_URL}}]\n")
    shop.write(sale=campaign_file("今晚八点"))
    shop.sandbox.fault(endpoint=SENDALL, kind="cut_after")
    report, reached, git = tmp_path / "report.json", tmp_path / "reached", tmp_path / "bin/git"
    git.parent.mkdir()
    slow = f"[ -s {report} ] && touch {reached} && sleep 20"
    git.write_text(f'#!/bin/sh\n{slow}\nexec {shutil.which("git")} "$@"\n', encoding="utf-8")
    git.chmod(0o755)
    words = ("apply", "--auto-approve", "--report", f"json={report}")
    path = f"{git.parent}:{os.environ['PATH']}"
    running = shop.begin(*words, PATH=path, DUTY_URL="http://127.0.0.1:9/")
    while not reached.exists():
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _out, said = running.communicate(timeout=60)
    assert running.returncode == ExitCode.UNKNOWN, said


@pytest.mark.deep
def test_ctrl_c_leaves_git_alone_while_it_records_a_result(make_shop: MakeShop, tmp_path: Path) -> None:
    shop = make_shop("git")
    shop.write(sale=campaign_file("sale"))
    slow = tmp_path / "slow/git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 0.2\nexec {shutil.which("git")} "$@"\n', encoding="utf-8")
    slow.chmod(0o755)
    path = f"{slow.parent}:{os.environ['PATH']}"
    running = shop.begin("apply", "--auto-approve", process_group=0, PATH=path)
    while not shop.texts():
        time.sleep(0.01)
    time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode == ExitCode.OK, said
    assert "1 accepted" in out
