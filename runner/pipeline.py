"""Rendered sends in, what the platform says of each account that has something to send out.

Reads through the ports given; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from runner.digest import send_digest
from runner.errors import WeChatError
from runner.ledger.state import LedgerState
from runner.model import Action, Send
from runner.planning.decide import decide
from runner.ports import Clock, ReadApi
from runner.resolve import Known, ask
from runner.settings.records import Account, Settings
from runner.words import _

LATELY = timedelta(days=1)
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
        ApiError, UnreachableError, LostAnswerError: a read failed; names the account.
    """
    from concurrent.futures import ThreadPoolExecutor

    now = clock()
    concerned: dict[str, list[Send]] = {}
    for send in sends:
        appid = settings.environment.accounts[send.account].appid
        action = decide(send, send_digest(send), appid=appid, state=state, now=now).action
        if action in (Action.SEND, Action.WAIT) or (action is Action.EXPIRED and _lately(send, now)):
            concerned.setdefault(send.account, []).append(send)
    accounts = settings.environment.accounts
    readers = {name: connect(accounts[name]) for name in sorted(concerned)}

    def asked(name: str) -> Known:
        try:
            return ask(concerned[name], readers[name], clock)
        except WeChatError as error:
            error.within(_("account {name}").format(name=name))
            raise

    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        return dict(zip(readers, pool.map(asked, readers), strict=True))


def _lately(send: Send, now: datetime) -> bool:
    """Tell whether a window ended so lately that only a wrong clock may say so: the answers tell the time."""
    return send.not_after is not None and now - send.not_after < LATELY
