"""What becomes of an accepted job: ask mass/get, also about what 45065 named, and recall what was sent."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    LedgerError,
    PolicyError,
    TamperedLedgerError,
    UsageError,
    reporting_unrecorded,
)
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import AT_A_TIME, map_in_threads
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import (
    FATE_BY_MSG_STATUS,
    job_id,
    job_to_query,
    recalled_articles,
)
from wechat_campaigns.messages import KINDS
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.wechat.endpoints import ReadOnlyApi, WeChatApi

RECALLS_PER_DAY = 10
RECALLABLE = frozenset(kind.msgtype for kind in KINDS if kind.is_recallable)
"""Only what was sent by API and is already successful. Source: deleteMassMsg, read 2026-11."""
RECALL_LIMITS = N_(
    "A recall blanks the page; the card stays in every chat. If several sends share an article, "
    "all of them lose it. WeChat allows 10 recalls a day, and a recall cannot be undone."
)


class JobStatuses(NamedTuple):
    """What mass/get returned."""

    by_msg_id: Mapping[tuple[str, int], str] = MappingProxyType({})
    """WeChat's msg_status, by AppID and msg_id."""
    unrecorded: LedgerError | None = None
    """Why the ledger does not have the final ones; they are in the state anyway."""
    failed: Mapping[str, CampaignError] = MappingProxyType({})
    """By AppID, why WeChat did not answer for it: a secret, an address list, the network."""


def refresh_job_status(
    sends: Iterable[SendState],
    *,
    accounts: Mapping[str, Account],
    connect: Callable[[Account], ReadOnlyApi],
    ledger: Ledger,
    state: LedgerState,
    most: int = AT_A_TIME,
) -> JobStatuses:
    """Ask about each job and record the final answers about accepted sends, those of an account in one write.

    Args:
        sends: those to ask about; those without a job are passed over.
        accounts: by appid; sends of other appids are passed over.
        most: accounts at a time.

    Raises:
        PolicyError: these settings or this address may receive no secret, of whichever account.
        TamperedLedgerError: the ledger went back, or holds what nobody with the AppSecret wrote.

    Source: massmsgget, read 2026-11.
    """
    jobs: dict[str, list[tuple[SendState, int]]] = {}
    for known in sends:
        if (msg_id := job_to_query(known)) is not None and known.appid in accounts:
            jobs.setdefault(known.appid, []).append((known, msg_id))

    def ask(appid: str) -> JobStatuses:
        answers: list[tuple[SendState, int, str]] = []
        unrecorded, failed = None, {}
        try:
            with closing(connect(accounts[appid])) as api:
                answers.extend(_answers(jobs[appid], api))
        except PolicyError:
            raise
        except CampaignError as error:  # of this account: the others are asked
            error.add_context(_("account {name}").format(name=accounts[appid].name))
            failed[appid] = error
        finally:  # what came before an error, or before Ctrl-C, is kept
            unrecorded = _record(answers, ledger, state)
        return JobStatuses({(appid, msg_id): said for _known, msg_id, said in answers}, unrecorded, failed)

    found = map_in_threads(ask, list(jobs), most)
    return JobStatuses(
        {job: said for one in found for job, said in one.by_msg_id.items()},
        next((one.unrecorded for one in found if one.unrecorded is not None), None),
        {appid: error for one in found for appid, error in one.failed.items()},
    )


def _answers(jobs: Iterable[tuple[SendState, int]], api: ReadOnlyApi) -> Iterator[tuple[SendState, int, str]]:
    """Yield the msg_id and msg_status of each send of an account."""
    for known, msg_id in jobs:
        try:
            yield known, msg_id, str(api.mass_get(msg_id)["msg_status"])
        except ApiError as error:
            # A job it does not know (40059) says nothing about the others, and stays as it is.
            if lookup(error.errcode).errcode_class != "input":
                raise


def _record(
    answers: Iterable[tuple[SendState, int, str]], ledger: Ledger, state: LedgerState
) -> LedgerError | None:
    """Record the final answers about sends of one account; return why the ledger does not have them."""
    # Whether a job that 45065 named is this send, a person decides: the ledger records nothing of it.
    final = [one for one in answers if one[0].fate is Fate.ACCEPTED and one[2] in FATE_BY_MSG_STATUS]
    entries = [
        Entry(
            stream=known.appid,
            kind=LedgerKind.STATUS,
            data={"send": known.send, "revision": known.revision, "msg_id": msg_id, "msg_status": said},
        )
        for known, msg_id, said in final
    ]
    try:
        for event in ledger.append_all(entries) if entries else ():
            state.add(event)
    except TamperedLedgerError:
        raise
    except LedgerError as error:  # as of a role that may only read
        for known, _msg_id, said in final:
            state.stream(known.appid).keep(replace(known, job=FATE_BY_MSG_STATUS[said]))
        return error
    return None


def recall_error(known: SendState, article_idx: int) -> UsageError | None:
    """Return why WeChat would refuse to recall a send; None if it may be recalled.

    Args:
        article_idx: an article, from 1; 0 for all.
    """
    msgtype = str(known.data.get("body", {}).get("msgtype", ""))
    if msgtype and msgtype not in RECALLABLE:
        return UsageError(
            _("WeChat can recall only articles and videos; this send has msgtype {msgtype}").format(
                msgtype=_(msgtype)
            ),
            hint=_("send a correction as another campaign; this one cannot be taken back"),
            location=known.send,
        )
    if known.fate is Fate.SENT and known.is_by_hand:
        return UsageError(
            _("a person sent it in the WeChat console, and WeChat recalls only what was sent by API"),
            hint=_("delete it in the WeChat console"),
            location=known.send,
        )
    if known.fate is Fate.RECALLED or article_idx in recalled_articles(known):
        return UsageError(_("already recalled"), hint=_("no action is needed"), location=known.send)
    if known.fate is not Fate.SENT:
        return UsageError(
            _("the status is {status}; only a send with status sent can be recalled").format(
                status=status_word(known.fate)
            ),
            hint=_("run `campaign status` to query WeChat"),
            location=known.send,
        )
    return None


def recalls_left(appid: str, state: LedgerState, now: datetime) -> int:
    """Count the recalls that the day still allows, as the ledger knows."""
    made = sum(china_day(at) == china_day(now) for at in state.stream(appid).recall_times)
    return max(0, RECALLS_PER_DAY - made)


def recall(
    known: SendState,
    article_idx: int,
    reason: str,
    *,
    api: WeChatApi,
    ledger: Ledger,
    state: LedgerState,
    actor: Mapping[str, str],
) -> None:
    """Recall a send or one of its articles, and record it.

    Args:
        reason: why, for the ledger; may be empty.

    Raises:
        ApiError, NotSentError, NoResponseError: it was not, or perhaps not, recalled; not recorded.
        LedgerError: it was recalled, and could not be recorded.
    """
    if (msg_id := job_id(known)) is None:
        raise AssertionError("checked: what was sent has a msg_id")
    api.mass_delete(msg_id, article_idx)
    data = {"send": known.send, "revision": known.revision, "msg_id": msg_id, "article_idx": article_idx}
    data |= {"actor": actor, **({"reason": reason} if reason else {})}
    with reporting_unrecorded(_("WeChat recalled it")):
        state.add(ledger.append(Entry(stream=known.appid, kind=LedgerKind.RECALL, data=data)))
