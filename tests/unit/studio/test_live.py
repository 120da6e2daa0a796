"""Saves are counted for whoever waits; what hides them is told."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wechat_campaigns.studio.desk import Live, follow

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


def test_each_kind_of_save_is_seen(root: Path, live: Live) -> None:
    other = root / ".news.swp"
    other.write_text("c")
    for save in (
        lambda: (root / "news.yaml").write_text("b"),
        lambda: other.replace(root / "news.yaml"),
        lambda: (root / "new").mkdir(),
        lambda: (root / "new" / "x.yaml").write_text("x"),
        lambda: (root / "news.yaml").unlink(),
    ):
        version = live.version
        save()
        assert live.wait(version, PATIENCE_S) != version
        live.wait(live.version, 0.5)


def test_hidden_files_do_not_count(root: Path, live: Live) -> None:
    version = live.version
    (root / ".git").mkdir()
    (root / ".git" / "index").write_text("x")
    (root / ".news.yaml.swp").write_text("x")
    (root / "news.yaml~").write_text("x")
    assert live.wait(version, 1) == version


def test_folder_that_goes_away_is_told_and_watched_again(root: Path, live: Live) -> None:
    root.rename(root.with_name("away"))
    while not live.trouble:
        live.wait(live.version, PATIENCE_S)
    root.mkdir()
    while live.trouble:
        live.wait(live.version, PATIENCE_S)
    version = live.version
    (root / "news.yaml").write_text("again")
    assert live.wait(version, PATIENCE_S) != version
