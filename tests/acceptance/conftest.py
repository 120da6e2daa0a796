"""Says at the end how many processes were killed."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up what the tests recorded, in this process or in xdist's workers."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    # Set-up and tear-down of a test carry its properties too.
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    kills = sum(count for report in calls for name, count in report.user_properties if name == "kills")
    if kills:
        terminalreporter.write_line(f"SIGKILL: {kills} commands were killed while they were sending")
