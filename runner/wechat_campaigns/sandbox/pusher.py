"""Pushes events to callback URLs, and checks such a URL when it is set."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import requests

from wechat_campaigns.sandbox import clock, events, progress
from wechat_campaigns.sandbox.accounts import Callback
from wechat_campaigns.sandbox.gate import Gate

TIMEOUT_S = 5.0
TICK_S = 0.25


def check(callback: Callback, timestamp: int) -> None:
    """Check a callback URL as the console does when it is entered.

    Args:
        callback: the URL with its token.
        timestamp: seconds since 1970.

    Raises:
        ValueError: The key is not one, or the URL did not answer the echostr.
    """
    if callback.aes_key:
        events.read_key(callback.aes_key)
    echostr = str(secrets.randbelow(10**18))
    try:
        answer = requests.get(events.signed_url(callback, timestamp, echostr=echostr), timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ValueError(f"{callback.url} could not be asked: {type(error).__name__}") from error
    if answer.text != echostr:
        raise ValueError(f"{callback.url} did not answer the echostr it was asked with")


def push_due(gate: Gate, pause: Callable[[float], object]) -> int:
    """Let time do its work, then push every event that is due.

    Args:
        gate: the emulated platform.
        pause: waits that many seconds between attempts.

    Returns:
        How many events were pushed, with success or without.
    """
    with gate.store.transaction() as db:
        progress.advance(db, clock.now_unix(db, gate.wall()))
        due = events.claim(db)
    for event in due:
        attempts, delivered = _push(event, int(gate.wall()), pause)
        with gate.store.transaction() as db:
            events.settle(db, event, attempts=attempts, delivered=delivered)
    return len(due)


def _push(event: events.Event, timestamp: int, pause: Callable[[float], object]) -> tuple[int, bool]:
    """Push one event, up to three times more when it is not answered; attempts and success."""
    for attempt in range(1, events.ATTEMPTS + 1):
        url, body = events.package(event, timestamp)
        try:
            answer = requests.post(
                url, data=body.encode(), headers={"Content-Type": "text/xml"}, timeout=TIMEOUT_S
            )
            if answer.ok and _taken(answer.text.strip()):
                return attempt, True
        except requests.RequestException:
            pass  # counts as no answer
        if attempt < events.ATTEMPTS:
            pause(1.0)
    return events.ATTEMPTS, False


def _taken(text: str) -> bool:
    """Tell whether a receiver's answer ends the pushing: none, `success`, or a reply to the user as XML."""
    return text in ("", "success") or text.startswith("<xml")


def run(gate: Gate, stop: threading.Event) -> None:
    """Push events until told to stop."""
    while not stop.wait(TICK_S):
        push_due(gate, stop.wait)
