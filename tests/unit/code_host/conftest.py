"""A code host on loopback."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.code_hosts import FakeCodeHost, serve


@pytest.fixture
def fake() -> Iterator[FakeCodeHost]:
    """An empty code host on loopback."""
    with serve(FakeCodeHost()) as code_host:
        yield code_host


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The campaigns folder of a checkout, where the job runs; its remote is on this machine."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=checkout, check=True)
    add = ["git", "remote", "add", "origin", str(tmp_path / "remote.git")]
    subprocess.run(add, cwd=checkout, check=True)
    monkeypatch.chdir(checkout)
    return checkout / "campaigns"
