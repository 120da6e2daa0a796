"""Says at the end how many processes were killed."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up what the tests recorded, in this process or in xdist's workers."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    kills = sum(count for name, count in properties if name == "kills")
    if kills:
        terminalreporter.write_line(
            f"SIGKILL: {kills} processes killed while sending, no send lost or doubled"
        )
