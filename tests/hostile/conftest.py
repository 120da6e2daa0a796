"""Say at the end what was tried, what held, the peak memory of a command and the slowest case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hostile.trap import CanaryPort, canary_port

FOLDER = "tests/hostile/"


@pytest.fixture(scope="session")
def port() -> Iterator[CanaryPort]:
    """A port that must not be connected to."""
    with canary_port() as listening:
        yield listening


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
