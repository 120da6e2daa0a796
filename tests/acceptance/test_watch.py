"""`campaign render --watch` in a process of its own: saves, faults, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wechat_campaigns.core.state_folder import state_folder

TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 第一版\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / "_settings.yaml").write_text("environments: {sandbox: {api: sandbox, ledger: sqlite}}\n")
    (folder / "hello.yaml").write_text(TEXT, encoding="utf-8")
    return folder


@pytest.fixture
def watching(root: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = ("render", "hello", "--watch", "--dir", str(root))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "wechat_campaigns", *words], stdout=log, stderr=log)
        yield process
        process.kill()
        process.wait(10)


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_page_follows_every_save_until_ctrl_c(root: Path, tmp_path: Path, watching: subprocess.Popen[bytes]):
    """A save is rendered, a fault is told and waited for, its correction is rendered; Ctrl-C ends with 0."""
    page = state_folder(root, os.environ) / "render" / "hello.html"
    file, log = root / "hello.yaml", tmp_path / "log"

    def shows(text: str) -> Callable[[], bool]:
        return lambda: page.exists() and text in page.read_text(encoding="utf-8")

    until(shows("第一版"))
    file.write_text(TEXT.replace("第一版", "第二版"), encoding="utf-8")
    until(shows("第二版"))
    file.write_text(TEXT.replace("第一版", "'{{ nobody }}'"), encoding="utf-8")
    until(lambda: "nobody" in log.read_text(encoding="utf-8"))
    file.write_text(TEXT.replace("第一版", "第三版"), encoding="utf-8")
    until(shows("第三版"))
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) == 0
    told = log.read_text(encoding="utf-8")
    assert "stopped watching" in told
    assert "Traceback" not in told


def test_watching_uses_little_processor_time(root: Path, tmp_path: Path, watching: subprocess.Popen[bytes]):
    """Five hundred files are watched with less than a tenth of one CPU."""
    until(lambda: "waiting" in (tmp_path / "log").read_text(encoding="utf-8"))
    for number in range(500):
        (root / f"_{number}.txt").write_text("x")
    until(lambda: (tmp_path / "log").read_text(encoding="utf-8").count("waiting") >= 2)
    stat = Path(f"/proc/{watching.pid}/stat")
    if not stat.exists():
        pytest.skip("no /proc here")
    time.sleep(0.5)

    def used_s() -> float:
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    before = used_s()
    time.sleep(2)
    assert used_s() - before < 0.2
