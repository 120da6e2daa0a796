"""A plan says what it uses of each account's allowance, and whom WeChat would leave out."""

from __future__ import annotations

from typing import Any

from tests.support.factories import (
    NOW,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_known,
    make_send,
    make_settings,
    make_state,
    plan_of,
    view_of,
)
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import AccountKind, Policy
from wechat_campaigns.plan.budget import Budget, budgets
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.json import plan_data

EVERYONE = Filter(is_to_all=True)
PAPER = make_account("main", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)


def budget(*sends: Any, **changes: Any) -> Budget:
    (one,) = budgets(plan_of(*sends, **changes))
    return one


def test_a_subscription_account_has_one_a_day() -> None:
    settings = make_settings(PAPER)
    one = budget(make_send("a"), make_send("b", text="另一条"), settings=settings)
    assert (one.allowance.limit, one.allowance.used, one.uses, one.blocked) == (1, 0, 1, ("b",))


def test_send_to_a_tag_uses_no_quota_of_a_service_account() -> None:
    settings = make_settings(policy=Policy(allow_to_all=True))
    assert budget(make_send("a"), settings=settings).uses == 0
    sends = [make_send(f"all{n}", text=str(n), filter=EVERYONE) for n in range(2)]
    one = budget(*sends, settings=settings)
    assert (one.uses, one.blocked) == (1, ("all1",))


def test_sends_that_some_followers_will_not_receive_are_named() -> None:
    state = make_state(
        *[(EventKind.INTENT, intent_of(make_send(f"s{n}", text=str(n)), at=NOW)) for n in range(4)]
    )
    assert budget(make_send("fifth", text="第五条"), state=state).frequency_capped == ("fifth",)


def test_sends_of_the_plan_itself_count_in_the_four_a_month() -> None:
    sends = [make_send(f"s{n}", text=str(n)) for n in range(4)]
    fifth = [make_send("t1", text="第五条"), make_send("t2", text="按编号", filter=Filter(tag_id=100))]
    other = make_send("u", text="别的标签", filter=Filter(tag_id=2))
    assert budget(*sends, *fifth, other).frequency_capped == ("t1", "t2")


def test_call_counter_of_the_platform_is_shown() -> None:
    known = {"main": make_known(quota={"daily_limit": 100, "used": 3, "remain": 97})}
    assert budget(make_send(), remote_facts=known).calls_left == 97
    assert budget(make_send(), remote_facts=None).calls_left is None


def test_budget_is_in_the_text_and_in_the_data() -> None:
    plan = plan_of(make_send("a"), make_send("b", text="另一条"), settings=make_settings(PAPER))
    text = "\n".join(view_of(plan).accounts)
    assert "0 of 1 sends used today (from the ledger), 1 more by this plan" in text
    assert "not covered by the quota: b" in text
    assert plan_data(view_of(plan))["accounts"]["main"]["refused"] == ["b"]
