"""The sandbox's clock, so that a rehearsal's windows open when the sandbox's time says so."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

TIMEOUT_S = 5.0


def clock_offset(api_url: str) -> timedelta:
    """Ask a sandbox how far its clock was moved; zero when the address is no sandbox."""
    from wechat_campaigns.core.sessions import open_session  # an offline plan never comes here

    try:
        with open_session(api_url) as session, session.within(TIMEOUT_S):
            answer = session.get(f"{api_url}/_sandbox/clock", timeout=TIMEOUT_S).json()
        return timedelta(seconds=float(answer["offset_s"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return timedelta()


def stored_clock_offset(state: Path) -> timedelta:
    """Read how far the embedded sandbox's clock was moved from its state; zero without one.

    Args:
        state: its file; nothing is written to it.
    """
    if not state.is_file():
        return timedelta()
    try:
        with closing(sqlite3.connect(f"{state.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("select value from meta where key = 'clock_offset_s'").fetchone()
        return timedelta(seconds=float(json.loads(row[0]))) if row else timedelta()
    except (sqlite3.Error, ValueError, TypeError, OverflowError):
        return timedelta()
