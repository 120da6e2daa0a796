"""Record what a run does, one event at a time: codes, places and durations, no campaign text and no secret.

Nothing is recorded until somebody listens. The shape of an entry is published as `schema/log.schema.json`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Literal
from urllib.parse import urlsplit

Entry = Mapping[str, str | int]
Sink = Callable[[Entry], None]
Level = Literal["info", "warning", "error"]

_sinks: Final[list[Sink]] = []
_run: str = ""


@contextmanager
def new_run() -> Iterator[None]:
    """Begin a run with an id of its own; nobody listens any more when the block ends."""
    global _run
    _run = os.urandom(6).hex()
    try:
        yield
    finally:
        _sinks.clear()


def listen(sink: Sink) -> None:
    """Pass every further entry of the run to `sink`."""
    _sinks.append(sink)


def record(event: str, *, level: Level = "info", **fields: str | int | None) -> None:
    """Record an event.

    Args:
        event: its kind, one of those in `schema/log.schema.json`.
        fields: codes, ids, counts; one that is None is left out. Secrets and openids are masked.
    """
    if not _sinks:
        return
    from wechat_campaigns.core.redact import redact_message

    now = datetime.now().astimezone().isoformat(timespec="milliseconds")
    entry: dict[str, str | int] = {"time": now, "level": level, "run": _run, "event": event}
    for name, value in fields.items():
        if value is not None:
            entry[name] = redact_message(value) if isinstance(value, str) else value
    for sink in _sinks:
        sink(entry)


@contextmanager
def http_call(method: str, url: str) -> Iterator[dict[str, str | int | None]]:
    """Record the HTTP call that the block makes, with its duration.

    Args:
        url: only host and path of it are recorded.

    Yields:
        Further fields of the entry, to be filled in: `status`, `errcode`, `rid`.
    """
    fields: dict[str, str | int | None] = {}
    begun = time.monotonic()
    try:
        yield fields
    except Exception as error:
        fields["error"] = type(error).__name__
        raise
    finally:
        if _sinks:
            duration = round((time.monotonic() - begun) * 1000)
            failed = "error" in fields or fields.get("errcode")
            level: Level = "warning" if failed else "info"
            record("http_call", level=level, method=method, url=_place(url), duration_ms=duration, **fields)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path
