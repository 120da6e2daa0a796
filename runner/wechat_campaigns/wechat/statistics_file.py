"""Keep what WeChat returned of an account's articles in a file beside the ledger, for this user alone.

The file only saves calls: without it, or when it is damaged, the figures are queried again.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

from wechat_campaigns.core.state_folder import replace_file
from wechat_campaigns.wechat.statistics import Days, day_data, read_day

VERSION = 1
MAX_BYTES = 256 * 1024 * 1024
"""A larger file is not ours: a year of eight articles a day takes about 30 MB."""


def read_statistics(file: Path, *, with_figures: bool = True) -> Days:
    """Read the days of an account; what cannot be read counts as missing.

    Args:
        with_figures: False leaves the figures out, which takes a fraction of the time.
    """
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        if file.stat().st_size <= MAX_BYTES:
            data = json.loads(file.read_bytes())
            if data["version"] == VERSION:
                days = {date.fromisoformat(day): kept for day, kept in data["days"].items()}
                return {day: read_day(kept, day, with_figures=with_figures) for day, kept in days.items()}
    return {}


def write_statistics(file: Path, days: Days) -> None:
    """Replace the file as a whole.

    Raises:
        OSError: it cannot be written.
    """
    rows = {day.isoformat(): day_data(kept) for day, kept in sorted(days.items())}
    body = json.dumps({"version": VERSION, "days": rows}, ensure_ascii=False, separators=(",", ":"))
    replace_file(file, body.encode(), private=True)
