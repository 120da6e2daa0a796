"""Saves are counted for whoever waits; what hides them is told."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wechat_campaigns.studio.live import Live, follow

pytestmark = pytest.mark.deep

PATIENCE_S = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "campaigns"
    (folder / "tea").mkdir(parents=True)
    (folder / "news.yaml").write_text("a")
    return folder


@pytest.fixture
def live(root: Path) -> Iterator[Live]:
    """A folder that is watched, after the first save was seen."""
    live, stop = Live(), threading.Event()
    watching = threading.Thread(target=follow, args=(root, live, stop))
    watching.start()
    before = live.version
    while live.wait(before, 0.2) == before:
        (root / "first.txt").write_text("x")  # until the system has begun to watch
    live.wait(live.version, 0.5)
    yield live
    stop.set()
    watching.join(PATIENCE_S)
    assert not watching.is_alive()


def test_hidden_files_do_not_count(root: Path, live: Live) -> None:
    version = live.version
    (root / ".git").mkdir()
    (root / ".git" / "index").write_text("x")
    (root / ".news.yaml.swp").write_text("x")
    (root / "news.yaml~").write_text("x")
    assert live.wait(version, 1) == version
