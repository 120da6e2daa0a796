"""Readers drawn by a hash: they add up, never fall, and a month looks like a month."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import mean

import pytest

from wechat_sandbox import clock
from wechat_sandbox.readers import MESSAGE, SOURCES, Readers

EVENING = datetime(2026, 12, 1, 20, tzinfo=clock.CHINA)
MONTH = timedelta(days=30)


def readers(number: int = 0, *, index: int = 1, delivered: int = 1000) -> Readers:
    msgid = f"{2247483648 + number}_{index}"
    return Readers(msgid=msgid, sent_at=EVENING.timestamp(), delivered=delivered)


def total(one: Readers, after: timedelta = MONTH) -> int:
    return sum(one.by_source(one.sent_at + after.total_seconds()).values())


def rate(sends: Sequence[Readers]) -> float:
    return mean(one.by_source(one.sent_at + MONTH.total_seconds())[MESSAGE] / one.delivered for one in sends)


@pytest.mark.slow
@pytest.mark.parametrize("delivered", [0, 1, 60, 5000])
def test_counts_never_fall_and_stay_within_the_followers(delivered: int) -> None:
    for number in range(20):
        one, before = readers(number, delivered=delivered), {}
        for day in range(-1, 31):
            sources = one.by_source(one.sent_at + day * 86400)
            actions = one.actions(sources)
            assert sources.keys() == SOURCES.keys()
            assert sources[MESSAGE] <= delivered
            assert max(actions.values()) <= sum(sources.values())
            assert actions["read_subscribe_user"] <= sum(sources.values()) - sources[MESSAGE]
            assert all(count >= before.get(name, 0) for name, count in {**sources, **actions}.items())
            before = {**sources, **actions}
            if day < 1:
                assert not any(before.values()), "nobody reads before it was sent"


def test_articles_have_readers_of_their_own() -> None:
    assert len({total(readers(number)) for number in range(20)}) > 10


def test_most_readers_come_within_two_days() -> None:
    month = [readers(number) for number in range(30)]
    early = sum(total(one, timedelta(days=2)) for one in month)
    assert 0.7 < early / sum(map(total, month)) < 0.98
    assert 0.05 < rate(month) < 0.36


def test_the_first_article_is_read_more_than_the_next() -> None:
    month = range(40)
    first, second = (rate([readers(number, index=index) for number in month]) for index in (1, 2))
    assert first > 1.5 * second
