"""A sent article or video in, its recall out: what cannot be recalled is told before anything is called.

Source: deleteMassMsg, read 2026-11: articles and videos only, sent by API and already successful, ten a day.
"""

from __future__ import annotations

from datetime import datetime

from wechat_campaigns.core.errors import UsageError, reporting_unrecorded
from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.ledger.events import Ledger, LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.messages import KINDS
from wechat_campaigns.plan.quota import count_today
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.wechat.endpoints import WeChatApi

PER_DAY = 10
RECALLABLE = frozenset(kind.msgtype for kind in KINDS if kind.is_recallable)
LIMITS = N_(
    "A recall blanks the page; the card stays in every chat. If several sends share an article, "
    "all of them lose it. WeChat allows 10 recalls a day, and a recall cannot be undone."
)


def check(known: SendState, article_idx: int, state: LedgerState) -> None:
    """Refuse what WeChat would refuse.

    Args:
        article_idx: an article, from 1; 0 for all.

    Raises:
        UsageError: it cannot be recalled; the message says why.
    """
    msgtype = str(known.data.get("body", {}).get("msgtype", ""))
    if msgtype and msgtype not in RECALLABLE:
        raise UsageError(
            _("WeChat can recall only articles and videos; this send has msgtype {msgtype}").format(
                msgtype=_(msgtype)
            ),
            hint=_("send a correction as another campaign; this one cannot be taken back"),
            location=known.send,
        )
    if known.fate is Fate.RECALLED or article_idx in known.recalled_articles:
        raise UsageError(_("already recalled"), hint=_("no action is needed"), location=known.send)
    if known.fate is not Fate.SENT:
        raise UsageError(
            _("the status is {status}; only a send with status sent can be recalled").format(
                status=status_word(known.fate)
            ),
            hint=_("run `campaign status` to query WeChat"),
            location=known.send,
        )
    told = state.job_result(known)
    if told is not None and told.links and article_idx > len(told.links):
        raise UsageError(
            ngettext(
                "the send has {count} article; article {number} does not exist",
                "the send has {count} articles; article {number} does not exist",
                len(told.links),
            ).format(count=len(told.links), number=article_idx),
            hint=_("count the articles from 1"),
            location=known.send,
        )


def recalls_left(appid: str, state: LedgerState, now: datetime) -> int:
    """Count the recalls that the day still allows, as the ledger knows."""
    return max(0, PER_DAY - count_today(state.recalls, appid, now))


def recall(known: SendState, article_idx: int, *, api: WeChatApi, ledger: Ledger, state: LedgerState) -> None:
    """Recall a send or one of its articles, and record it.

    Raises:
        ApiError, NotSentError, NoResponseError: it was not, or perhaps not, recalled; not recorded.
        LedgerError: it was recalled, and could not be recorded.
    """
    if (msg_id := job_id(known)) is None:
        raise AssertionError("checked: what was sent has a msg_id")
    api.mass_delete(msg_id, article_idx)
    data = {"send": known.send, "revision": known.revision, "msg_id": msg_id, "article_idx": article_idx}
    with reporting_unrecorded(_("WeChat recalled it")):
        state.add(ledger.append(Entry(stream=known.appid, kind=LedgerKind.RECALL, data=data)))
