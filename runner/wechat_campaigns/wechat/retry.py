"""Takes a call that is safe to repeat, gives its result after at most three tries."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, WeChatError
from wechat_campaigns.core.model import Sleep

TRIES = 3

Result = TypeVar("Result")


def retry(call: Callable[[], Result], *, sleep: Sleep) -> Result:
    """Make a call, again after a passing fault; never use it for a call that changes something.

    Raises:
        WeChatError: of the last try.
    """
    attempt = 1
    while True:
        try:
            return call()
        except WeChatError as error:
            # Runners that failed together do not return together.
            pause_s = retry_delay_s(error, attempt, random.random())  # noqa: S311 (no secret)
            if pause_s is None:
                raise
        sleep(pause_s)
        attempt += 1


def retry_delay_s(error: WeChatError, attempt: int, jitter: float) -> float | None:
    """Decide how long to wait before another try, in seconds; None when there is no point.

    A code that asks for a wait of its own (45011: a minute) gets one more try after it.
    """
    if isinstance(error, ApiError):
        entry = lookup(error.errcode, error.endpoint)
        if entry.errcode_class != "retry":
            return None
        if entry.wait_s is not None:
            return float(entry.wait_s) if attempt == 1 else None
    backoff_s: float = 2 ** (attempt - 1) * (0.5 + jitter)
    return backoff_s if attempt < TRIES else None
