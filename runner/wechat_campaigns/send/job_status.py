"""Ask mass/get about accepted sends, and about the jobs that 45065 named, and record what is final."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, LedgerError, TamperedLedgerError
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import FATE_BY_MSG_STATUS, job_to_query
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.wechat.endpoints import ReadOnlyApi


class JobStatuses(NamedTuple):
    """What mass/get returned."""

    by_msg_id: Mapping[tuple[str, int], str]
    """WeChat's msg_status, by AppID and msg_id."""
    unrecorded: LedgerError | None
    """Why the ledger does not have the final ones; they are in the state anyway."""


def refresh_job_status(
    sends: Iterable[SendState],
    *,
    accounts: Mapping[str, Account],
    connect: Callable[[Account], ReadOnlyApi],
    ledger: Ledger,
    state: LedgerState,
) -> JobStatuses:
    """Ask about each job and record the final answers about accepted sends.

    Args:
        sends: those to ask about; those without a job are passed over.
        accounts: by appid; sends of other appids are passed over.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat did not answer.

    Source: massmsgget, read 2026-11.
    """
    reader = cache(lambda appid: connect(accounts[appid]))
    statuses: dict[tuple[str, int], str] = {}
    unrecorded: LedgerError | None = None
    for known in sends:
        is_accepted, msg_id = known.fate is Fate.ACCEPTED, job_to_query(known)
        if msg_id is None or known.appid not in accounts:
            continue
        try:
            said = str(reader(known.appid).mass_get(msg_id)["msg_status"])
        except ApiError as error:
            # A job it does not know (40059) says nothing about the others, and stays as it is.
            if lookup(error.errcode).errcode_class == "input":
                continue
            raise
        statuses[known.appid, msg_id] = said
        # Whether a job that 45065 named is this send, a person decides: the ledger records nothing of it.
        if is_accepted and said in FATE_BY_MSG_STATUS:
            data = {"send": known.send, "revision": known.revision, "msg_id": msg_id, "msg_status": said}
            try:
                state.add(ledger.append(Entry(stream=known.appid, kind=LedgerKind.STATUS, data=data)))
            except TamperedLedgerError:
                raise
            except LedgerError as error:  # as of a role that may only read
                unrecorded = error
                state.stream(known.appid).keep(replace(known, job=FATE_BY_MSG_STATUS[said]))
    return JobStatuses(statuses, unrecorded)
