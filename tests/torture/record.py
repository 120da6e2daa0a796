"""Write down what each run asks of store and platform, and when: one line for each call and each answer.

A line is written before a call and another after it, so a run that is killed leaves what it had begun.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head
from wechat_campaigns.send.account_run import AccountRun

_NUMBERS = count(1)
LINES = 40
"""Of one file: what a test does to the disk, it does to files that are longer."""


class _Pen:
    """Writes the lines of one account's run."""

    def __init__(self, folder: Path, account: AccountRun) -> None:
        self._folder, self._clock = folder, account.clock
        self._run = f"{os.getpid()}.{next(_NUMBERS)}"
        self._lines = count()

    def write(self, what: str, **more: Any) -> None:
        at = self._clock().isoformat(timespec="microseconds")
        line = json.dumps({"run": self._run, "what": what, "at": at, **more}, ensure_ascii=False)
        file = self._folder / f"{self._run}.{next(self._lines) // LINES:04}"
        # One write, so that a kill leaves whole lines.
        where = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(where, f"{line}\n".encode())
        finally:
            os.close(where)

    @contextmanager
    def failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except CampaignError as error:
            self.write(what, error=type(error).__name__)
            raise


class _Ledger:
    """The ledger of an attempt, and what is asked of it."""

    def __init__(self, ledger: Any, pen: _Pen) -> None:
        self._ledger, self._pen = ledger, pen

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        with self._pen.failing("unread"):
            events: tuple[Event, ...] = self._ledger.read(stream, since)
        self._pen.write("read", head=[*(events[-1].head if events else since)])
        return events

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        decided = [*after] if after is not None else None
        self._pen.write("append", kind=str(entry.kind), nonce=entry.nonce, after=decided)
        with self._pen.failing("not kept"):
            event: Event = self._ledger.append(entry, after=after)
        self._pen.write("kept", head=[*event.head])
        return event

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


class _Api:
    """WeChat, as far as an attempt asks it."""

    def __init__(self, api: Any, pen: _Pen) -> None:
        self._api, self._pen = api, pen

    def ensure_token(self) -> None:
        with self._pen.failing("no token"):
            self._api.ensure_token()
        self._pen.write("token")

    def post_once(self, body: Mapping[str, Any], *, begin_by: datetime) -> Mapping[str, Any]:
        plain = {name: value for name, value in body.items() if name != "clientmsgid"}
        self._pen.write("post", key=body["clientmsgid"], body=sha256(plain), begin_by=begin_by.isoformat())
        with self._pen.failing("no answer"):
            answer: Mapping[str, Any] = self._api.post_once(body, begin_by=begin_by)
        told = {name: answer[name] for name in ("errcode", "msg_id") if name in answer}
        self._pen.write("answer", **told)
        return answer


def recording(folder: Path) -> Any:
    """Return a patch under which each run of an account writes to a folder, in forked processes too."""
    folder.mkdir(exist_ok=True)
    begin: Callable[..., None] = AccountRun.begin

    def traced(run: AccountRun, api: Any, state: Any) -> None:
        begin(run, api, state)
        pen, attempt = _Pen(folder, run), run.attempt
        stream, environment = run.account.appid, run.settings.environment
        holds = run.plan.last_holds if run.plan is not None else None
        pen.write(
            "begin",
            stream=stream,
            head=[*attempt.state.head],
            last_hold=holds.get(stream, "") if holds is not None else None,
            resend=[environment.resend_after, environment.resend_until],
        )
        attempt.ledger, attempt.api = _Ledger(attempt.ledger, pen), _Api(attempt.api, pen)

    return mock.patch.object(AccountRun, "begin", traced)
