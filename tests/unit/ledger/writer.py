"""A runner in a process of its own, to be raced and killed: says on a line what was acknowledged.

writer.py append|claim|hold SETTING FOLDER NAME COUNT
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from wechat_campaigns.core.errors import LedgerConflictError
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.protocol.events import EMPTY, Entry

STREAM = "wx0000000000000001"


def main(mode: str, setting: str, folder: str, name: str, count: str) -> None:
    """Do one thing with the ledger, then end."""
    default = Path(folder) / name / "x.ledger.sqlite3"
    root = Path(folder) / "campaigns"
    ledger = open_ledger(setting, default=default, root=root, clock=lambda: datetime.now(UTC))
    {"append": _append, "claim": _claim, "hold": _hold}[mode](ledger, name, int(count))
    ledger.close()


def _append(ledger: Ledger, name: str, count: int) -> None:
    for number in range(count):
        event = ledger.append(Entry(stream=STREAM, kind=LedgerKind.STATUS, data={"by": name, "n": number}))
        say(event.hash)


def _claim(ledger: Ledger, name: str, count: int) -> None:
    for number in range(count):
        events = ledger.read(STREAM)
        if len(events) != number:
            continue
        entry = Entry(stream=STREAM, kind=LedgerKind.STATUS, data={"by": name})
        try:
            ledger.append(entry, after=events[-1].head if events else EMPTY)
        except LedgerConflictError:
            continue
        say(str(number))


def _hold(ledger: Ledger, name: str, count: int) -> None:
    with ledger.lock(STREAM, 0):
        say("held")
        time.sleep(count)


def say(line: str) -> None:
    """Tell the one who reads our output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
