"""Bound how long a conversation takes.

Who answers a byte every few seconds passes the timeout of each step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class DeadlineError(Exception):
    """It took too long."""


def within(seconds: float, act: Callable[[], Result]) -> Result:
    """Give what a function returns, or raise what it raises.

    Args:
        seconds: how long it may take.
        act: runs in a thread of its own, which is left to itself when it takes longer.

    Raises:
        DeadlineError: it did.
    """
    results: list[Result] = []
    faults: list[Exception] = []

    def run() -> None:
        try:
            results.append(act())
        except Exception as fault:
            faults.append(fault)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if faults:
        raise faults[0]
    if not results:
        raise DeadlineError
    return results[0]
