"""The rooms in a row: a campaigns folder in, rendered sends, a plan out. Plan and apply both go this way.

Reads files and, through the ports given, the platform; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from runner.decide import decide
from runner.digest import send_digest
from runner.ledger.state import LedgerState
from runner.model import Account, Action, Send, Settings
from runner.plan import Plan, make_plan
from runner.ports import Clock, ReadApi
from runner.prepare import Prepared, prepare
from runner.resolve import Known, ask

__all__ = ["Prepared", "plan_from", "prepare", "survey"]

SIDE_BY_SIDE = 16
"""Accounts that are asked at a time."""


def survey(
    sends: Iterable[Send],
    *,
    settings: Settings,
    state: LedgerState,
    connect: Callable[[Account], ReadApi],
    clock: Clock,
) -> dict[str, Known]:
    """Ask the platform what a plan needs, once for each account that has something to send.

    Raises:
        ApiError, UnreachableError, LostAnswerError: a read failed.
    """
    now = clock()
    concerned: dict[str, list[Send]] = {}
    for send in sends:
        appid = settings.environment.accounts[send.account].appid
        action = decide(send, send_digest(send), appid=appid, state=state, now=now).action
        if action in (Action.SEND, Action.WAIT):
            concerned.setdefault(send.account, []).append(send)
    accounts = settings.environment.accounts
    readers = {name: connect(accounts[name]) for name in sorted(concerned)}
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        known = pool.map(lambda name: ask(concerned[name], readers[name], clock), readers)
        return dict(zip(readers, known, strict=True))


def plan_from(
    prepared: Prepared,
    *,
    settings: Settings,
    state: LedgerState,
    known: Mapping[str, Known] | None,
    now: datetime,
    commit: str | None,
    allowed: Mapping[str, str],
    selected: bool,
) -> Plan:
    """Make the plan of what was prepared.

    Args:
        prepared: by `prepare`.
        settings: the same.
        state: the folded ledger.
        known: by `survey`; None plans offline.
        now: the present moment.
        commit: of the campaigns.
        allowed: policy rules set aside once.
        selected: whether only some campaigns were asked for.
    """
    return make_plan(
        prepared.sends,
        invalid=prepared.invalid,
        settings=settings,
        state=state,
        known=known,
        now=now,
        commit=commit,
        allowed=allowed,
        with_orphans=not selected,
    )
