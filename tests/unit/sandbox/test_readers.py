"""Readers drawn by a hash: they add up, and never fall."""

from datetime import datetime

import pytest

from wechat_sandbox import clock
from wechat_sandbox.readers import MESSAGE, SOURCES, PublicArticle

EVENING = datetime(2026, 12, 1, 20, tzinfo=clock.CHINA)


def readers(number: int = 0, *, index: int = 1, delivered: int = 1000) -> PublicArticle:
    msgid = f"{2247483648 + number}_{index}"
    return PublicArticle(msgid=msgid, sent_at=EVENING.timestamp(), delivered=delivered)


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
