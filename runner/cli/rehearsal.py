"""The sandbox's clock, so that a rehearsal's windows open when the sandbox's time says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import requests

TIMEOUT_S = 5.0


def clock_offset(api_url: str) -> timedelta:
    """Ask a sandbox how far its clock was moved; zero when the address is no sandbox."""
    try:
        answer = requests.get(f"{api_url}/_sandbox/clock", timeout=TIMEOUT_S).json()
        return (
            datetime.fromisoformat(answer["now"]) - datetime.now(UTC) if answer.get("moved") else timedelta()
        )
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return timedelta()
