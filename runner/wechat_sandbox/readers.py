"""Draw what the readers of an article do: where they come from, when, and what they do then.

One article always has the same readers. The rates are higher than those of a real account, so that sixty
followers are enough to see figures; their shape is WeChat's: most read the message within a day, those who
find the article elsewhere come later, and the first article of a send is read most.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from wechat_sandbox import clock

MESSAGE: Final = "公众号消息"
Range = tuple[float, float]
MESSAGE_RATE: Final[Range] = (0.08, 0.3)
"""Of the followers who received the send, how many read its first article in the message."""
NEXT_ARTICLE: Final = 0.6
"""How many of these read the article below it, and so on."""
SOURCES: Final[Mapping[str, tuple[Range, Range]]] = {
    MESSAGE: ((1.0, 1.0), (4, 10)),
    "聊天会话": ((0.05, 0.25), (8, 24)),
    "朋友圈": ((0.05, 0.4), (12, 30)),
    "公众号主页": ((0.02, 0.08), (48, 160)),
    "推荐": ((0.0, 0.3), (30, 80)),
    "搜一搜": ((0.0, 0.06), (100, 200)),
    "其他": ((0.0, 0.04), (24, 100)),
}
"""Readers per reader of the message, and after how many hours half of them have come."""
ACTIONS: Final[Mapping[str, Range]] = {
    "share_user": (0.02, 0.12),
    "like_user": (0.01, 0.2),
    "zaikan_user": (0.0, 0.1),
    "collection_user": (0.0, 0.1),
}
"""Of all readers."""
FOLLOWED: Final[Range] = (0.02, 0.15)
"""Of the readers from elsewhere: readers of the message follow the account already."""
FINISHED: Final[Range] = (0.25, 0.8)
MINUTES: Final[Range] = (0.4, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArticle:
    """One article that readers can open, from the moment it was sent or published."""

    msgid: str
    """msg_data_id, `_`, number from 1."""
    sent_at: float
    """Seconds since 1970."""
    delivered: int
    """Followers who received it; without them nobody reads it."""
    publish_type: int = 0
    """0 when followers were notified (群发), 1 when not (发布)."""
    title: str = ""
    url: str = ""
    commented: tuple[date, ...] = ()
    """On which day each comment was written, or will be."""
    counted_to: date = date.max
    """The last day that the figures include yet."""

    @property
    def day(self) -> date:
        """When it was sent or published, in China."""
        return datetime.fromtimestamp(self.sent_at, clock.CHINA).date()

    def counts(self, day: date) -> dict[str, int]:
        """Count readers from publication to the end of a day, in all, by source, and by what they did."""
        last = min(day, self.counted_to)
        end = datetime.combine(last, time(), clock.CHINA) + timedelta(days=1)
        sources = self.by_source(end.timestamp())
        comments = sum(written <= last for written in self.commented)
        read = {"read_user": sum(sources.values()), "comment_count": comments}
        return {**sources, **self.actions(sources), **read}

    def new_counts(self, day: date) -> dict[str, int]:
        """Count in the same way for one day alone."""
        before = self.counts(day - timedelta(days=1))
        return {name: number - before[name] for name, number in self.counts(day).items()}

    def by_source(self, until: float) -> dict[str, int]:
        """Count readers up to a moment by WeChat's names of where they came from."""
        hours = max(0.0, until - self.sent_at) / 3600
        number = int(self.msgid.partition("_")[2])
        fans = self.delivered * self._between("rate", MESSAGE_RATE) * NEXT_ARTICLE ** (number - 1)
        found = {}
        for source, (rate, half_life) in SOURCES.items():
            come = 1 - 0.5 ** (hours / self._between(f"half-life {source}", half_life))
            found[source] = self._count(fans * self._between(f"rate {source}", rate) * come, source)
        return found

    def actions(self, sources: Mapping[str, int]) -> dict[str, int]:
        """Count what these readers did, by the names of the calls."""
        readers = sum(sources.values())
        found = {name: self._count(readers * self._between(name, rate), name)
                 for name, rate in ACTIONS.items()}  # fmt: skip
        strangers, name = readers - sources[MESSAGE], "read_subscribe_user"
        return {**found, name: self._count(strangers * self._between(name, FOLLOWED), name)}

    @property
    def finish_rate(self) -> float:
        """How many of the readers read to the end."""
        return round(self._between("finished", FINISHED), 4)

    @property
    def minutes(self) -> float:
        """How long they read on average."""
        return round(self._between("minutes", MINUTES), 4)

    def _count(self, expected: float, name: str) -> int:
        """Round up or down by a draw of its own, so that small numbers add up to the rate; it never falls."""
        return int(expected + self._draw(f"rounding {name}")) if expected else 0

    def _between(self, name: str, bounds: Range) -> float:
        low, high = bounds
        return low + (high - low) * self._draw(name)

    def _draw(self, name: str) -> float:
        """Draw a number from 0 up to 1 by the article and a name."""
        digest = hashlib.sha256(f"{self.msgid} {name}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48
