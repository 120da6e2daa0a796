"""What a person sends in the WeChat console: when it is overdue, and by what it is found sent."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from typing import Any

from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.records import JobResult, is_by_hand, job_id, may_have_reached
from wechat_campaigns.plan.quota import CHINA, china_day, china_time
from wechat_campaigns.plan.statistics import (
    ARTICLES,
    DELAY,
    FOLLOWED_DAYS,
    READY_HOUR,
    by_msg_data_id,
    msgtype_of,
)
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.protocol.state import Fate, SendState, Status
from wechat_campaigns.wechat.statistics import NOTIFIED, Days, PublishedArticle


def is_overdue(known: SendState, now: datetime) -> bool:
    """Return whether the figures of its last day are ready, and nothing shows that a person sent it.

    Without `not_after`, its last day is the one on which it was handed over.
    """
    ends = known.data.get("not_after")
    last = china_day(datetime.fromisoformat(ends) if ends is not None else known.at)
    ready = datetime.combine(last + timedelta(days=1), time(READY_HOUR), CHINA) + DELAY
    return known.fate is Fate.HANDED_OVER and now >= ready


def what_to_press(handed_over: Mapping[str, Any], now: datetime) -> str:
    """Write what a person has to send in the console, to whom and until when."""
    recipients, ends = str(handed_over.get("recipients", "")), handed_over.get("not_after")
    last = datetime.combine(china_day(datetime.fromisoformat(handed_over["at"])), time(23, 59), CHINA)
    text = _(
        "in the WeChat console, send the draft {title} as a mass message to {recipients}, until {until}; "
        "originality, rewards and topics can be added there; `campaign status` finds it the next morning"
    )
    tag = _("tag {name}").format(name=recipients.split(" ", 1)[-1])
    return text.format(
        title=next(iter(handed_over.get("titles", ())), ""),
        recipients=_("everyone") if recipients == "all" else tag,
        until=china_time(datetime.fromisoformat(ends) if ends is not None else last, now),
    )


def open_sends(account: AccountState, now: datetime) -> list[SendState]:
    """List what a person was to send and whose figures WeChat may still show, the earliest first."""
    latest = now - timedelta(days=FOLLOWED_DAYS)
    mine = [one for one in account.all_sends() if is_by_hand(one) and job_id(one, "msg_data_id") is None]
    left = (one for one in mine if one.fate is Fate.HANDED_OVER or one.at > latest)
    return sorted(left, key=lambda one: one.at)


def find_sent(
    account: AccountState, waiting: Sequence[SendState], days: Days, is_gone: Callable[[str], bool]
) -> Iterator[Entry]:
    """Yield what to record of those of `open_sends` that WeChat's figures or its event show as sent.

    Figures have titles. Of several sends with the same ones, those come first that are known to be sent,
    then those whose draft is gone; where that leaves too many, or the tool may have sent the article itself,
    a person decides. An event has no title: it is of the only send whose draft is gone, if they have as many
    articles and it can be of no other send.

    Args:
        is_gone: whether a draft is not in the draft box any more.
    """
    sends, jobs, unclear = (
        by_msg_data_id(days),
        _jobs_of_nobody(account, waiting),
        _days_without_number(account),
    )
    for one in account.all_sends():
        sends.pop(job_id(one, "msg_data_id") or 0, None)

    def place(one: SendState, numbers: Set[int]) -> int:
        if one.status is Status.ACCEPTED:
            return 0
        is_asked = one.fate is Fate.HANDED_OVER and (numbers or jobs)
        return 1 if is_asked and is_gone(one.data["body"]["mpnews"]["media_id"]) else 2

    # Of two with the same titles, what was sent last is of the one that was handed over last.
    fitting = [(one, {n for n in sends if _is_of(sends[n], one)}) for one in reversed(waiting)]
    placed = [(place(*one), *one) for one in fitting]
    for now in range(3):
        mine = [(one, numbers & sends.keys()) for found, one, numbers in placed if found == now]
        for known, numbers in mine:
            told: dict[str, Any] = {"msg_id": job_id(known)}
            count = len(known.data.get("titles", ()))
            ended = [job for job in jobs if len(job.links) == count and job.at >= known.at]
            if now == 1 == len(mine) == len(ended):
                told |= {"msg_id": ended[0].msg_id, "sent_on": china_day(ended[0].at).isoformat()}
            rivals = [others for _one, others in mine if not others.isdisjoint(numbers)]
            is_enough = len(set[int]().union(*rivals)) >= len(rivals)
            left = numbers & sends.keys()
            may_be_own = now == 2 and any(sends[n][0].published in unclear for n in left)
            if left and (now == 0 or is_enough) and not may_be_own:
                day = sends.pop(number := max(left))[0].published
                told |= {"msg_data_id": number, "sent_on": day.isoformat()}
            if "sent_on" in told and known.origin is not None:
                data = {"send": known.send, "revision": known.revision, "intent": known.origin.hash, **told}
                yield Entry(stream=account.stream, kind=EventKind.ACCEPTED, data=data)
        sends = {n: of for n, of in sends.items() if not any(n in numbers for _one, numbers in mine)}


def _days_without_number(account: AccountState) -> set[date]:
    """List the days on which the tool sent articles, or may have, whose msg_data_id is not known."""
    own = (one for one in account.all_sends() if one.intent is not None and msgtype_of(one) == ARTICLES)
    return {china_day(one.at) for one in own if may_have_reached(one) and job_id(one, "msg_data_id") is None}


def _jobs_of_nobody(account: AccountState, waiting: Sequence[SendState]) -> list[JobResult]:
    """List the jobs that no send is known by; none while they may be of a send whose job is not known."""
    known = {job_id(one) for one in account.all_sends()}
    is_sent = any(one.status is Status.ACCEPTED and job_id(one) is None for one in waiting)
    if is_sent or any(one.fate is Fate.UNKNOWN for one in account.all_sends()):
        return []
    ended = account.job_results.values()
    return [one for one in ended if one.status == "send success" and one.msg_id not in known]


def _is_of(articles: Sequence[PublishedArticle], known: SendState) -> bool:
    # Articles that hardly anybody reads may be missing from the figures; the first is among them.
    titles, since = known.data.get("titles", ()), china_day(known.at)
    is_notified = all(one.publish_type == NOTIFIED and one.published >= since for one in articles)
    fits = all(titles[one.index - 1 : one.index] == [one.title] for one in articles)
    return is_notified and fits and any(one.index == 1 for one in articles)
