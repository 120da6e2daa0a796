"""Pushes events to callback URLs, and checks such a URL when it is set."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import requests

from wechat_sandbox import progress
from wechat_sandbox.accounts import Callback
from wechat_sandbox.callbacks import encoding, models
from wechat_sandbox.callbacks.models import PushEvent
from wechat_sandbox.dispatcher import Dispatcher

ATTEMPTS = 4
"""One push and three retries."""
TIMEOUT_S = 5.0
TICK_S = 0.25


def check(callback: Callback, timestamp: int) -> None:
    """Check a callback URL as the console does when it is entered.

    Raises:
        ValueError: The key is not one, or the URL did not answer the echostr.
    """
    if callback.aes_key:
        encoding.read_key(callback.aes_key)
    echostr = str(secrets.randbelow(10**18))
    try:
        answer = requests.get(encoding.signed_url(callback, timestamp, echostr=echostr), timeout=TIMEOUT_S)
    except requests.RequestException as error:
        raise ValueError(f"{callback.url} could not be asked: {type(error).__name__}") from error
    if answer.text != echostr:
        raise ValueError(f"{callback.url} did not answer the echostr it was asked with")


def push_due(dispatcher: Dispatcher, pause: Callable[[float], object]) -> int:
    """Let time do its work, then push every event that is due; how many there were."""
    with dispatcher.store.transaction() as db:
        progress.advance(db, dispatcher.wall())
        due = models.claim(db)
    for event in due:
        attempts, delivered = _push(event, int(dispatcher.wall()), pause)
        with dispatcher.store.transaction() as db:
            models.finish(db, event, attempts=attempts, delivered=delivered)
    return len(due)


def _push(event: PushEvent, timestamp: int, pause: Callable[[float], object]) -> tuple[int, bool]:
    """Push one event, up to three times more when it is not answered; attempts and success."""
    for attempt in range(1, ATTEMPTS + 1):
        url, body = encoding.push_request(event, timestamp)
        try:
            answer = requests.post(
                url, data=body.encode(), headers={"Content-Type": "text/xml"}, timeout=TIMEOUT_S
            )
            if answer.ok and _ends_pushing(answer.text.strip()):
                return attempt, True
        except requests.RequestException:
            pass  # counts as no answer
        if attempt < ATTEMPTS:
            pause(1.0)
    return ATTEMPTS, False


def _ends_pushing(text: str) -> bool:
    """Return whether an answer ends the pushing: it is empty, `success`, or a reply to the user as XML."""
    return text in ("", "success") or text.startswith("<xml")


def run(dispatcher: Dispatcher, stop: threading.Event) -> None:
    """Push events until `stop` is set."""
    while not stop.wait(TICK_S):
        push_due(dispatcher, stop.wait)
