"""A ledger setting in, the backend it names out."""

from __future__ import annotations

from pathlib import Path

from runner.errors import UsageError
from runner.ledger.events import Ledger
from runner.ports import Clock


def open_ledger(setting: str, *, default: Path, clock: Clock) -> Ledger:
    """Open the ledger an environment names.

    Args:
        setting: `sqlite` or `sqlite:PATH`.
        default: the SQLite file when no path is given.
        clock: dates the events.

    Raises:
        LedgerError: it cannot be opened.
        UsageError: no such backend.
    """
    backend, _, rest = setting.partition(":")
    if backend == "sqlite":
        from runner.ledger.sqlite import SqliteLedger

        return SqliteLedger(Path(rest) if rest else default, clock)
    raise UsageError(
        f"there is no ledger backend '{backend}'",
        remedy="write `ledger: sqlite` or `ledger: sqlite:PATH`",
    )
