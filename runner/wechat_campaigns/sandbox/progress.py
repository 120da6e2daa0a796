"""What time does on the platform: jobs and publications that come to their end."""

from __future__ import annotations

import sqlite3

from wechat_campaigns.sandbox import jobs, publishing


def advance(db: sqlite3.Connection, now: float) -> None:
    """Finish everything whose time has come, and leave its events to be pushed.

    Args:
        db: the state.
        now: the sandbox's time, seconds since 1970.
    """
    jobs.advance(db, now)
    publishing.advance(db, now)
