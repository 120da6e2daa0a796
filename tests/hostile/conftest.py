"""What the hostile tests share: a port that must not be called, a repository that asks for approvals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, Repository, hosted, settings, text_of
from tests.hostile.trap import CanaryPort, canary_port
from tests.support.playground import Sandbox


@pytest.fixture(scope="session")
def port() -> Iterator[CanaryPort]:
    """A port that must not be connected to."""
    with canary_port() as listening:
        yield listening


@pytest.fixture(scope="session")
def _recorded(tmp_path_factory: pytest.TempPathFactory, _running_sandbox: Sandbox) -> Repository:
    folder, asking = tmp_path_factory.mktemp("recorded"), settings(_running_sandbox, APPROVALS)
    with hosted(folder, _running_sandbox, _settings=asking, old=text_of("旧", "ready: false")) as made:
        return made


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox, _recorded: Repository) -> Repository:
    """A repository whose settings ask for bob's approval, as its ledger records."""
    return _recorded.copy(tmp_path)
