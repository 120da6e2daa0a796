"""Several runners given the same accounts: each takes what is free first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.factories import (
    NOW,
    MemoryLedger,
    ScriptedApi,
    make_account,
    make_known,
    make_send,
    make_settings,
    plan_of,
)
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import stream_locked_error
from wechat_campaigns.send.apply import LOCK_WAIT_S, MAX_PARALLEL_ACCOUNTS, apply
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.send.posting import ApplyPorts, RunContext

NAMES = tuple(f"a{number:02d}" for number in range(20))
ACCOUNTS = tuple(make_account(name, appid=f"wx{number:016d}") for number, name in enumerate(NAMES))


class Held(MemoryLedger):
    """Some streams are held by another runner, who lets go of them when somebody waits."""

    def __init__(self, *held: str, stubborn: bool = False) -> None:
        super().__init__()
        self.held, self.stubborn = held, stubborn
        self.taken: list[tuple[str, float]] = []
        self.at_once = self.most = 0
        self._mutex = threading.Lock()

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        if stream in self.held and (self.stubborn or not wait_s):
            raise stream_locked_error(stream)
        with self._mutex:
            self.taken.append((stream, wait_s))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        yield
        with self._mutex:
            self.at_once -= 1


def applied(ledger: Held) -> tuple[SendOutcome, ...]:
    settings = make_settings(*ACCOUNTS)
    sends = [make_send(f"s-{name}", text=name, account=name) for name in NAMES]
    plan = plan_of(*sends, settings=settings, remote_facts={name: make_known() for name in NAMES})
    api = ScriptedApi(mass_sendall={"errcode": 0, "msg_id": 1})
    ports = ApplyPorts(
        connect=lambda _account: api, ledger=ledger, clock=lambda: NOW, sleep=lambda _s: None,
        read=lambda _file: b"",
    )  # fmt: skip
    return apply(plan, ports=ports, settings=settings, run_context=RunContext(plan_digest="p" * 64))


def test_locked_accounts_come_last() -> None:
    ledger = Held(ACCOUNTS[3].appid, ACCOUNTS[7].appid)
    outcomes = applied(ledger)
    assert [outcome.account for outcome in outcomes] == list(NAMES)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    assert {stream for stream, wait_s in ledger.taken[-2:]} == {ACCOUNTS[3].appid, ACCOUNTS[7].appid}
    assert [wait_s for _, wait_s in ledger.taken] == [0] * 18 + [LOCK_WAIT_S] * 2


def test_account_that_stays_locked_is_reported() -> None:
    outcomes = applied(Held(ACCOUNTS[3].appid, stubborn=True))
    failed = [outcome for outcome in outcomes if outcome.result is not Result.ACCEPTED]
    assert [(outcome.account, outcome.exit_code) for outcome in failed] == [(NAMES[3], ExitCode.RACE)]


def test_number_of_concurrent_accounts_is_bounded() -> None:
    ledger = Held()
    applied(ledger)
    assert ledger.most <= MAX_PARALLEL_ACCOUNTS
