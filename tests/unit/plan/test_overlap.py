"""Who may receive two messages of a day: of lists those in both, else the most that the sizes allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    make_account,
    make_planned,
    make_send,
    plan_of,
    view_of,
)
from wechat_campaigns.core.model import Audience, Batch, Filter, PlanAction
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.plan.budget import Overlap, overlaps
from wechat_campaigns.plan.decision import PlanDecision
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.resolve import Resolution
from wechat_campaigns.report.json import plan_data

EVERYONE = Filter(is_to_all=True)


def planned(send_id: str, count: int | None, filter_: Filter | None = None, **changes: Any) -> Any:
    """A send; the id of its tag follows from the name, unless the filter has it."""
    send = make_send(send_id, filter=filter_ or Filter(tag=send_id))
    tag_id = send.filter.tag_id or (int.from_bytes(send.filter.tag.encode()) if send.filter.tag else None)
    resolved = Resolution(tag_id=tag_id, audience=Audience(count=count, source="tags/get", as_of=NOW))
    return make_planned(send, resolved=resolved, **changes)


def listed(send_id: str, *openids: str) -> Any:
    return planned(send_id, len(openids), Filter(openids=openids))


def plan(*sends: Any) -> Plan:
    return replace(plan_of(), sends=sends)


def shared(*sends: Any) -> list[int]:
    return [one.followers for one in overlaps(plan(*sends))]


@pytest.mark.parametrize(
    ("sends", "expected"),
    [
        ([planned("a", 900)], []),
        ([planned("a", 900), planned("b", 300)], [300]),
        ([planned("a", 900), planned("b", 300), planned("c", 100)], [400]),
        ([planned("a", 300), planned("b", 300), planned("c", 300)], [450]),
        ([planned("a", 900), planned("all", 5000, EVERYONE)], [900]),
        ([planned("a", 4000), planned("b", 3000), planned("all", 5000, EVERYONE)], [5000]),
        ([planned("a", 900, Filter(tag="x")), planned("b", 900, Filter(tag="x"))], [900]),
        ([planned("a", 900), planned("b", 0)], []),
        ([planned("a", 900), planned("b", None)], []),
        ([planned("all", 50, EVERYONE), planned("all2", 50, EVERYONE), planned("c", 5)], [50]),
        ([listed("a", "1", "2", "3"), listed("b", "3", "4")], [1]),
        ([listed("a", "1", "2"), listed("b", "3")], []),
        ([listed("a", "1", "2"), listed("b", "2", "3"), listed("c", "3", "2")], [2]),
        ([listed("a", "1", "2"), planned("c", 900)], [2]),
    ],
)
def test_the_number_is_the_most_that_the_audiences_allow(sends: Any, expected: list[int]) -> None:
    assert shared(*sends) == expected


def test_openids_that_are_left_out_receive_nothing() -> None:
    lists = [listed("a", "1", "2", "3"), listed("b", "2", "3")]
    without = [
        replace(one, resolved=replace(one.resolved, skipped=(one.send.filter.openids.index("3"),)))
        for one in lists
    ]
    assert (shared(*lists), shared(*without)) == ([2], [1])


def test_batches_of_a_list_are_one_send() -> None:
    def batch(number: int, *openids: str) -> Any:
        part = Batch(index=number, count=2, list_sha256="0" * 64)
        send = make_send(f"vip#{number}", filter=Filter(openids=openids), batch=part)
        return make_planned(
            send, resolved=Resolution(audience=Audience(count=len(openids), source="openids"))
        )

    first, second = batch(1, "1", "2"), batch(2, "3")
    assert shared(first, second) == []
    (found,) = overlaps(plan(first, second, planned("other", 2, Filter(openids=("3", "9")))))
    assert found == Overlap(account="main", day=NOW.date(), sends=("vip", "other"), followers=1)


def test_days_accounts_and_what_is_not_sent_are_apart() -> None:
    later = PlanDecision(action=PlanAction.SCHEDULED, reason="later")
    draft = PlanDecision(action=PlanAction.DRAFT, reason="draft")
    other = make_account("other", appid="wx0000000000000009")
    paper = make_account("paper", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
    tomorrow = planned("b", 300, decision=later)

    def opening(hours: int) -> Any:
        return replace(tomorrow, send=replace(tomorrow.send, not_before=NOW + timedelta(hours=hours)))

    first = planned("a", 900)
    assert shared(first, opening(24), planned("c", 1, account=other), planned("d", 5, decision=draft)) == []
    assert shared(planned("e", 9, account=paper), planned("f", 9, account=paper)) == []
    assert shared(first, opening(11)) == [300], "23:00 in China is the same day"
    assert shared(first, opening(12)) == []


def test_plan_warns_with_the_number() -> None:
    two = plan(planned("会员", 900), planned("新客", 300))
    assert [line for line in view_of(two).attention if "300" in line] == [
        "on 2026-12-01, main sends more than one message to up to 300 followers: 会员, 新客. WeChat does not "
        "return how far tags overlap → check the tags: each of these messages counts in the four that a "
        "follower receives a month"
    ]
    (told,) = plan_data(view_of(two))["overlaps"]
    assert told == {"account": "main", "day": "2026-12-01", "sends": ["会员", "新客"], "followers": 300}


def test_a_long_list_names_the_largest() -> None:
    accounts = [make_account(f"a{n}", appid=f"wx{n:016d}") for n in range(12)]
    sends = [planned(f"s{n}-{k}", 100 + n, account=accounts[n]) for n in range(12) for k in range(2)]
    lines = view_of(plan(*sends)).attention
    assert [line.partition(" sends")[0] for line in lines[:2]] == ["on 2026-12-01, a11", "on 2026-12-01, a10"]
    assert lines[10:] == (
        "followers may receive more than one message on 2 more days (`overlaps` in the JSON)",
    )
