"""What the hostile tests share: a port that must not be called, a repository that asks for approvals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.repository import APPROVALS, Repository, hosted, settings, text_of
from tests.hostile.trap import CanaryPort, canary_port
from tests.support.code_hosts import serve
from tests.support.playground import Sandbox


@pytest.fixture(scope="session")
def port() -> Iterator[CanaryPort]:
    """A port that must not be connected to."""
    with canary_port() as listening:
        yield listening


@pytest.fixture(scope="session")
def _approved(tmp_path_factory: pytest.TempPathFactory, _running_sandbox: Sandbox) -> Repository:
    folder, plain = tmp_path_factory.mktemp("approved"), settings(_running_sandbox)
    with hosted(folder, _running_sandbox, _settings=plain, old=text_of("旧", "ready: false")) as made:
        made.merge("bob", _settings=settings(_running_sandbox, APPROVALS))
        return made


@pytest.fixture
def repository(tmp_path: Path, sandbox: Sandbox, _approved: Repository) -> Iterator[Repository]:
    """A repository whose settings ask for bob's approval; bob approved them."""
    made = _approved.copy(tmp_path)
    with serve(made.code_host):
        yield made
