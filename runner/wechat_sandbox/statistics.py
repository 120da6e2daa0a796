"""Statistics of articles, by the call of 2025 that follows each for thirty days.

Articles are those that were sent. One number, drawn from an article's id, says how well it is read, so one
article always has the same readers. The rates are higher than those of a real account, so that sixty
followers are enough to see figures; their shape is WeChat's: most read the message within a day, those who
find the article elsewhere come later, and the first article of a send is read most.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from wechat_sandbox import clock
from wechat_sandbox.answers import ErrcodeError, Json
from wechat_sandbox.calls import VERIFIED, ApiCall, retire, serve
from wechat_sandbox.drafts import ARRIVED, article_url

MESSAGE: Final = "公众号消息"
LEAST, MOST = 0.1, 0.3
"""Of the followers who received the send, how many read its first article in the message."""
NEXT_ARTICLE: Final = 0.6
"""How many of these read the article below it, and so on."""
SOURCES: Final[Mapping[str, tuple[float, float]]] = {
    MESSAGE: (1.0, 6), "聊天会话": (0.15, 16), "朋友圈": (0.25, 24), "公众号主页": (0.05, 100),
    "推荐": (0.15, 50), "搜一搜": (0.03, 150), "其他": (0.02, 60),
}  # fmt: skip
"""Readers per reader of the message, and after how many hours half of them have come."""
ACTIONS: Final = {
    "share_user": 0.07, "like_user": 0.12, "zaikan_user": 0.05, "collection_user": 0.05, "comment_count": 0.1,
}  # fmt: skip
"""Of all readers; they comment only where the article is open to it."""
FOLLOWED: Final = 0.1
"""Of the readers from elsewhere: readers of the message follow the account already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArticle:
    """One article that readers can open, from the moment it was sent."""

    msgid: str
    """msg_data_id, `_`, number from 1."""
    sent_at: float
    """Seconds since 1970."""
    delivered: int
    """Followers who received it; without them nobody reads it."""
    title: str = ""
    url: str = ""
    is_open: bool = False
    """Whether readers may comment."""

    @property
    def day(self) -> date:
        """When it was sent, in China."""
        return datetime.fromtimestamp(self.sent_at, clock.CHINA).date()

    @property
    def share(self) -> float:
        """How many of the followers who received it read the first article of its send."""
        digest = hashlib.sha256(self.msgid.encode()).digest()
        return LEAST + (MOST - LEAST) * digest[0] / 255

    def counts(self, until: float) -> dict[str, int]:
        """Count readers up to a moment: in all, by where they came from, by what they did."""
        hours = max(0.0, until - self.sent_at) / 3600
        fans = self.delivered * self.share * NEXT_ARTICLE ** (int(self.msgid.partition("_")[2]) - 1)
        sources = {
            source: round(fans * rate * (1 - 0.5 ** (hours / half_life)))
            for source, (rate, half_life) in SOURCES.items()
        }
        readers = sum(sources.values())
        actions = {name: round(readers * rate) for name, rate in ACTIONS.items()}
        followed = round((readers - sources[MESSAGE]) * FOLLOWED)
        counts = {**sources, **actions, "read_subscribe_user": followed, "read_user": readers}
        return counts if self.is_open else {**counts, "comment_count": 0}


FIRST_DAY = date(2025, 11, 1)
"""The figures of articles begin here."""
MONTH = 30
"""How many days an article is followed for."""
READY_HOUR = 8
"""When the figures of the day before are ready, in China."""
DELAY = timedelta(minutes=30)
"""How long after that they are incomplete here: `is_delay` exists, but no page states when it is true."""
ALL = "全部"
FIGURES = ("read_user", *ACTIONS, "read_subscribe_user")
"""What readers did, by the names of the calls."""


def _articles(call: ApiCall, day: date) -> list[PublicArticle]:
    """List the account's articles of a day; sends that share an article count together, as the first."""
    sends = call.db.execute(
        "SELECT msg_data_id, content, MIN(finish_at) AS sent_at, SUM(delivered_count) AS delivered FROM job"
        " WHERE appid = ? AND msg_data_id IS NOT NULL AND status IN (?, ?) GROUP BY msg_data_id",
        (call.appid, *ARRIVED),
    )
    found = (
        PublicArticle(
            msgid=f"{row['msg_data_id']}_{index}",
            sent_at=row["sent_at"],
            delivered=row["delivered"],
            is_open=bool(article.get("need_open_comment")),
            title=article.get("title", ""),
            url=article_url(call.appid, row["msg_data_id"], index),
        )
        for row in sends
        for index, article in enumerate(json.loads(row["content"])["articles"], 1)
    )
    return [article for article in found if article.day == day]


def _read_day(call: ApiCall) -> date:
    """Read begin_date and end_date, which are one day.

    Raises:
        ErrcodeError: 61500 for what is not YYYY-MM-DD; 61501 for two days, one before `FIRST_DAY` or after
            yesterday; 61503 for yesterday before eight in the morning.
    """
    begin, end = _day(call, "begin_date"), _day(call, "end_date")
    now = datetime.fromtimestamp(call.now, clock.CHINA)
    yesterday = now.date() - timedelta(days=1)
    if begin != end or not FIRST_DAY <= end <= yesterday:
        raise ErrcodeError(61501)
    if end == yesterday and now.hour < READY_HOUR:
        raise ErrcodeError(61503)
    return end


def _day(call: ApiCall, key: str) -> date:
    try:
        return datetime.strptime(str(call.body.get(key)), "%Y-%m-%d").replace(tzinfo=clock.CHINA).date()
    except ValueError:
        raise ErrcodeError(61500) from None


# Source: the pages of these calls, answers that developers reported in 2026 (2026-11).
_OLD = ("articlesummary", "articletotal", "userread", "userreadhour", "usershare", "usersharehour")
retire(47009, *(f"/datacube/get{name}" for name in _OLD), who=VERIFIED)


@serve("/datacube/getarticletotaldetail", who=VERIFIED, daily=1000)
def getarticletotaldetail(call: ApiCall) -> Json:
    """Follow the articles of one day for thirty days, figures cumulative. Source: its page (2026-11)."""
    day = _read_day(call)
    now = datetime.fromtimestamp(call.now, clock.CHINA)
    last = min(now.date() - timedelta(days=1), day + timedelta(days=MONTH - 1))
    ready = datetime.combine(last + timedelta(days=1), time(READY_HOUR), clock.CHINA)
    is_delay = now < ready + DELAY
    counted_to = last - timedelta(days=is_delay)
    days = [day + timedelta(days=number) for number in range((last - day).days + 1)]
    rows = [
        {
            "ref_date": day.isoformat(),
            "msgid": article.msgid,
            "publish_type": 0,  # followers were notified (群发)
            "title": article.title,
            "content_url": article.url,
            "detail_list": [
                {"stat_date": one.isoformat(), **_total(article, min(one, counted_to))} for one in days
            ],
        }
        for article in _articles(call, day)
    ]
    return {"list": rows, "is_delay": is_delay}


def _total(article: PublicArticle, day: date) -> Json:
    """Write the figures of an article from publication up to a day."""
    counts = article.counts(datetime.combine(day + timedelta(days=1), time(), clock.CHINA).timestamp())
    has_readers = counts["read_user"] > 0
    return {
        **{name: counts[name] for name in FIGURES},
        "read_user_source": _sources(counts),
        "praise_money": 0,
        "read_delivery_rate": counts[MESSAGE] / article.delivered if article.delivered else 0,
        "read_finish_rate": round(2 * article.share, 4) if has_readers else 0,
        "read_avg_activetime": round(8 * article.share, 4) if has_readers else 0,
        # In which fifth readers left it: all in the last, as recorded of three readers.
        "read_jump_position": [{"position": fifth, "rate": fifth // 5} for fifth in range(1, 6)],
    }


def _sources(counts: Mapping[str, int]) -> list[Json]:
    """Write where readers came from; WeChat leaves out where nobody came from."""
    found = {ALL: counts["read_user"], **{scene: counts[scene] for scene in SOURCES if counts[scene]}}
    return [{"scene_desc": scene, "user_count": count} for scene, count in found.items()]
