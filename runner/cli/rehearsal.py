"""The sandbox's clock, so that a rehearsal's windows open when the sandbox's time says so."""

from __future__ import annotations

from datetime import timedelta

import requests

TIMEOUT_S = 5.0


def clock_offset(api_url: str) -> timedelta:
    """Ask a sandbox how far its clock was moved; zero when the address is no sandbox."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # never through a proxy: the address is on this machine
            answer = session.get(f"{api_url}/_sandbox/clock", timeout=TIMEOUT_S).json()
        return timedelta(seconds=float(answer["offset_s"]))
    except (requests.RequestException, ValueError, KeyError, TypeError, OverflowError):
        return timedelta()
