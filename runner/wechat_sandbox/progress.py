"""What time does on WeChat: jobs and publications that come to their end."""

from __future__ import annotations

import sqlite3

from wechat_sandbox import clock
from wechat_sandbox.mass import models as mass
from wechat_sandbox.publishing import models as publishing


def advance(db: sqlite3.Connection, wall: float) -> float:
    """Finish everything whose time has come, and add its events; the sandbox's time, seconds since 1970."""
    now = clock.now_unix(db, wall)
    mass.advance(db, now)
    publishing.advance(db, now)
    return now
