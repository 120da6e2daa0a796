"""Accepted sends in, what mass/get says of them recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.kinds import LedgerKind
from wechat_campaigns.ledger.records import FINAL_BY_MSG_STATUS, SendRecord, SendStatus
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.wechat.endpoints import ReadOnlyApi


def refresh_job_status(
    sends: Iterable[SendRecord],
    *,
    accounts: Mapping[str, Account],
    connect: Callable[[Account], ReadOnlyApi],
    ledger: Ledger,
    state: LedgerState,
) -> None:
    """Ask about each accepted send and record the answers that are final.

    Args:
        sends: those to ask about; others than accepted ones are passed over.
        accounts: by appid; sends of other appids are passed over.

    Raises:
        ApiError, NotSentError, NoResponseError: the platform did not answer.

    Source: massmsgget, read 2026-11.
    """
    reader = cache(lambda appid: connect(accounts[appid]))
    for known in sends:
        if known.status is not SendStatus.ACCEPTED or known.msg_id is None or known.appid not in accounts:
            continue
        try:
            said = str(reader(known.appid).mass_get(known.msg_id)["msg_status"])
        except ApiError as error:
            # A job it does not know (40059) says nothing about the others, and stays as it is.
            if lookup(error.errcode).errcode_class == "input":
                continue
            raise
        if said in FINAL_BY_MSG_STATUS:
            data = {
                **state.send_fields(known.send, known.revision),
                "msg_id": known.msg_id,
                "msg_status": said,
            }
            state.add(ledger.append(Entry(stream=known.appid, kind=LedgerKind.STATUS, data=data)))
