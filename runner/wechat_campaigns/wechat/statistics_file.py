"""Keep what WeChat returned of articles in a file beside the ledger, for this user alone.

The file only saves calls: without it, or when it is damaged, the figures are queried again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path

from wechat_campaigns.core.state_folder import private_file, private_folder
from wechat_campaigns.wechat.statistics import Days, day_data, read_day

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
"""A larger file is not ours: a year of daily sends of eight articles takes about 25 MB."""


def read_statistics(file: Path) -> dict[str, Days]:
    """Read the days of each account, by AppID; what cannot be read counts as not there."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        if file.stat().st_size <= MAX_BYTES:
            data = json.loads(file.read_bytes())
            if data["version"] == VERSION:
                return {
                    str(appid): {date.fromisoformat(day): read_day(kept) for day, kept in days.items()}
                    for appid, days in data["accounts"].items()
                }
    return {}


def write_statistics(file: Path, accounts: Mapping[str, Days]) -> None:
    """Replace the file as a whole.

    Raises:
        OSError: it cannot be written.
    """
    rows = {
        appid: {day.isoformat(): day_data(kept) for day, kept in sorted(days.items())}
        for appid, days in accounts.items()
    }
    body = json.dumps({"version": VERSION, "accounts": rows}, ensure_ascii=False, separators=(",", ":"))
    private_folder(file.parent)
    # Another run may write at the same moment: the file is whole whichever replaces it last.
    written = file.with_suffix(f".{os.getpid()}")
    private_file(written)
    written.write_text(body, encoding="utf-8")
    written.replace(file)
