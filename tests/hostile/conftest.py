"""Say at the end what was tried, what held, the peak memory of a command and the slowest case."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.repository import APPROVALS, Repository, hosted, settings, text_of
from tests.hostile.trap import CanaryPort, canary_port
from tests.support.code_hosts import serve
from tests.support.playground import Sandbox

FOLDER = "tests/hostile/"


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


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up every test below this folder, in this process or in xdist's workers.

    A test may record `peak_kib` and `seconds` of the command it ran; without them its own duration counts.
    """
    reports = [report for found in terminalreporter.stats.values() for report in found]
    ours = [r for r in reports if getattr(r, "when", "") == "call" and FOLDER in getattr(r, "nodeid", "")]
    if not ours:
        return
    told = [(report, dict(report.user_properties)) for report in ours]
    tried = sum(not report.skipped for report in ours)
    held = sum(report.passed for report in ours)
    peak_kib = max(properties.get("peak_kib", 0) for _, properties in told)
    seconds, slowest = max(
        (properties.get("seconds", report.duration), report.nodeid) for report, properties in told
    )
    terminalreporter.write_line(
        f"hostile: {tried} tried, {held} held; peak memory of a command "
        f"{peak_kib / 1024:.0f} MiB; slowest {seconds:.1f} s ({slowest.rpartition('/')[2]})"
    )
