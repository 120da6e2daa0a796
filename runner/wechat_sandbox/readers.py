"""What the readers of an article do, drawn by a seed: where they come from, when, and what they do then.

One seed always gives the same readers. The rates are higher than those of a real account, so that sixty
followers are enough to see figures; their shape is WeChat's: most read the message within a day, those who
find the article elsewhere come later, evenings are better than nights, and the first article of a send is
read most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wechat_sandbox import clock

MESSAGE: Final = "公众号消息"
Range = tuple[float, float]
MESSAGE_RATE: Final[Range] = (0.08, 0.3)
"""Of the followers who received the send, how many read its first article in the message."""
NEXT_ARTICLE: Final = 0.6
"""How many of these read the article below it, and so on."""
OTHER_SOURCES: Final[Mapping[str, tuple[Range, Range]]] = {
    "聊天会话": ((0.05, 0.25), (8, 24)),
    "朋友圈": ((0.05, 0.4), (12, 30)),
    "公众号主页": ((0.02, 0.08), (48, 160)),
    "推荐": ((0.0, 0.3), (30, 80)),
    "搜一搜": ((0.0, 0.06), (100, 200)),
    "其他": ((0.0, 0.04), (24, 100)),
}
"""Readers per reader of the message, and after how many hours half of them have come."""
MESSAGE_HALF_LIFE_H: Final[Range] = (4, 10)
LUCKY: Final = 0.1
"""One article in ten is passed on: four times as many come from elsewhere."""
LUCK: Final = 4.0
ACTIONS: Final[Mapping[str, Range]] = {
    "share_user": (0.02, 0.12),
    "like_user": (0.01, 0.2),
    "zaikan_user": (0.0, 0.1),
    "collection_user": (0.0, 0.1),
}
"""Of all readers."""
FOLLOWED: Final[Range] = (0.02, 0.15)
"""Of the readers from elsewhere; who read the message follows the account already."""
FINISHED: Final[Range] = (0.25, 0.8)
MINUTES: Final[Range] = (0.4, 3.0)
BY_HOUR: Final = (*[0.5] * 7, 1.0, 1.0, *[0.8] * 3, 1.1, *[0.75] * 4, *[0.9] * 3, 1.2, 1.2, 1.0, 0.7)
"""How much better or worse an hour of China time is for the read rate."""
WEEKEND: Final = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The readers of one article, who come from the moment it was sent."""

    seed: int
    msgid: str
    """msg_data_id, `_`, number from 1."""
    sent_at: float
    """Seconds since 1970."""
    delivered: int
    """Followers who received it; nobody reads what nobody received."""

    def by_source(self, until: float) -> dict[str, int]:
        """Count readers up to a moment by WeChat's names of where they came from."""
        hours = max(0.0, until - self.sent_at) / 3600
        fans = self.delivered * self._message_rate()
        found = {MESSAGE: self._come(fans, MESSAGE, MESSAGE_HALF_LIFE_H, hours)}
        luck = LUCK if self._draw("luck") < LUCKY else 1.0
        for source, (rate, half_life) in OTHER_SOURCES.items():
            strangers = fans * luck * self._between(f"rate {source}", rate)
            found[source] = self._come(strangers, source, half_life, hours)
        return found

    def actions(self, sources: Mapping[str, int]) -> dict[str, int]:
        """Count what these readers did, by the names of the calls."""
        readers = sum(sources.values())
        found = {name: self._count(readers * self._between(name, rate), name)
                 for name, rate in ACTIONS.items()}  # fmt: skip
        strangers = readers - sources[MESSAGE]
        name = "read_subscribe_user"
        return {**found, name: self._count(strangers * self._between(name, FOLLOWED), name)}

    @property
    def finish_rate(self) -> float:
        """How many of the readers read to the end."""
        return round(self._between("finished", FINISHED), 4)

    @property
    def minutes(self) -> float:
        """How long they read on average."""
        return round(self._between("minutes", MINUTES), 4)

    def _message_rate(self) -> float:
        send, _, number = self.msgid.partition("_")
        local = datetime.fromtimestamp(self.sent_at, clock.CHINA)
        when = BY_HOUR[local.hour] * (WEEKEND if local.weekday() >= 5 else 1.0)
        low, high = MESSAGE_RATE
        return (low + (high - low) * self._draw("rate", send)) * when * NEXT_ARTICLE ** (int(number) - 1)

    def _come(self, total: float, source: str, half_life_h: Range, hours: float) -> int:
        """Count those who have come after some hours, of all who will."""
        half_life = self._between(f"half-life {source}", half_life_h)
        return self._count(total * (1 - 0.5 ** (hours / half_life)), source)

    def _count(self, expected: float, name: str) -> int:
        """Round up or down by a draw of its own, so that small numbers add up to the rate; it never falls."""
        return int(expected + self._draw(f"rounding {name}")) if expected else 0

    def _between(self, name: str, bounds: Range) -> float:
        low, high = bounds
        return low + (high - low) * self._draw(name)

    def _draw(self, name: str, of: str = "") -> float:
        """Draw a number from 0 up to 1 by the seed, the article (or the send it is of) and a name."""
        digest = hashlib.sha256(f"{self.seed} {of or self.msgid} {name}".encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48
