"""What an account may still send by the ledger, what a plan uses of it, and who may receive two a day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import (
    NOW,
    SERVICE,
    SUBSCRIPTION,
    intent_of,
    make_account,
    make_events,
    make_known,
    make_planned,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from wechat_campaigns.core.model import Audience, Batch, Filter, PlanAction, recipients_word
from wechat_campaigns.core.settings import AccountKind, Policy
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUse
from wechat_campaigns.plan.plan import Plan, Resolution
from wechat_campaigns.plan.quota import (
    Budget,
    Calendar,
    Overlap,
    bounds,
    budgets,
    overlaps,
    period,
    quota_used,
)
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.attention import is_folded, note_groups
from wechat_campaigns.report.json import plan_data

SUB, SRV = AccountKind.SUBSCRIPTION, AccountKind.SERVICE
SALE = make_send()
ALL = make_send(filter=Filter(is_to_all=True))
CHINA = timezone(timedelta(hours=8))


def begun(send: Any = SALE, at: datetime = NOW) -> Any:
    return (EventKind.INTENT, intent_of(send, at=at))


@pytest.mark.parametrize(
    ("steps", "count"),
    [
        ([], 0),
        ([begun()], 1),
        ([begun(), (EventKind.ACCEPTED, named(SALE))], 1),
        ([begun(), (EventKind.REJECTED, named(SALE))], 0),
        (
            [
                begun(),
                (EventKind.ACCEPTED, named(SALE)),
                (LedgerKind.STATUS, named(SALE, msg_status="SEND_FAIL")),
            ],
            0,
        ),
        ([begun(at=NOW - timedelta(days=1))], 0),
        ([(EventKind.BASELINE, named(SALE))], 0),
        ([begun(make_send(f"s{n}")) for n in range(3)], 3),
    ],
    ids=["none", "unknown", "accepted", "refused", "given up", "yesterday", "before the ledger", "three"],
)
def test_subscription_account_has_one_a_day(steps: list[Any], count: int):
    assert quota_used(SERVICE, SUB, make_state(*steps), NOW) == count
    assert quota_used("wx0000000000000009", SUB, make_state(*steps), NOW) == 0


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.timedeltas(timedelta(days=-40), timedelta(days=40)), st.sampled_from([SUB, SRV]))
def test_quota_period_holds_the_moments_between_its_bounds(
    now: datetime, apart: timedelta, kind: AccountKind
):
    begins, ends = bounds(kind, now)
    assert (begins <= now + apart < ends) == (period(kind, now + apart) == period(kind, now))


def test_quota_period_begins_at_midnight_in_china():
    late = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=CHINA)
    midnight = late + timedelta(microseconds=1)
    assert bounds(SUB, late) == (datetime(2026, 12, 31, tzinfo=CHINA), midnight)
    assert bounds(SRV, late.astimezone(UTC)) == (datetime(2026, 12, 1, tzinfo=CHINA), midnight)
    assert bounds(SRV, midnight) == (midnight, datetime(2027, 2, 1, tzinfo=CHINA))
    assert (period(SUB, late), period(SRV, late.astimezone(UTC))) == ("2026-12-31", "2026-12")


def test_quota_count_is_cached_until_the_next_event():
    first, second = make_events(begun(ALL), begun(make_send("more", filter=Filter(is_to_all=True))))
    state = make_state()
    state.add(first)
    counted = state.stream(SERVICE).quota_uses(*bounds(SRV, NOW))
    assert state.stream(SERVICE).quota_uses(*bounds(SRV, NOW)) is counted
    state.add(second)
    assert quota_used(SERVICE, SRV, state, NOW) == 2


def test_service_account_counts_sends_to_everyone_only():
    assert quota_used(SERVICE, SRV, make_state(begun()), NOW) == 0
    assert quota_used(SERVICE, SRV, make_state(begun(ALL)), NOW) == 1


def to_all_today(state: LedgerState) -> int:
    return Calendar(SERVICE, state).uses(SUB, NOW).made(SRV)


def test_sends_to_everyone_of_the_day_are_counted():
    yesterday = begun(ALL, at=NOW - timedelta(days=1))
    assert to_all_today(make_state(yesterday, begun())) == 0
    assert to_all_today(make_state((EventKind.BASELINE, named(ALL)))) == 0
    assert to_all_today(make_state(begun(ALL))) == 1
    failed = [begun(ALL), (EventKind.REJECTED, named(ALL))]
    assert to_all_today(make_state(*failed)) == 0


def test_quota_compares_recipients_by_tag_and_everyone():
    lists = [make_send(f"l{n}#1", filter=Filter(openids=("a", str(n)))) for n in range(2)]
    other = make_send("other", filter=Filter(tag="北京"))
    state = make_state(*map(begun, [SALE, make_send("all", filter=ALL.filter), other, *lists]))
    uses = Calendar(SERVICE, state).uses(SRV, NOW)
    assert uses.same_recipients(QuotaUse(recipients_word(SALE.filter), 100)) == 2
    assert uses.same_recipients(QuotaUse(recipients_word(lists[0].filter), None)) == 1


@pytest.mark.parametrize(
    ("mine", "same"),
    [
        (QuotaUse(recipients_word(Filter(tag_id=100)), 100), 1),
        (QuotaUse(recipients_word(Filter(tag="会员")), 100), 1),
        (QuotaUse(recipients_word(Filter(tag="会员")), None), 1),
        (QuotaUse(recipients_word(Filter(tag="会员")), 7), 0),
        (QuotaUse(recipients_word(Filter(tag="改名后")), 100), 1),
    ],
    ids=["by id", "by name", "offline", "another tag of that name", "renamed"],
)
def test_quota_compares_tags_by_id_where_it_is_known(mine: QuotaUse, same: int):
    uses = Calendar(SERVICE, make_state(begun())).uses(SRV, NOW)
    assert uses.same_recipients(mine) == same


def test_send_to_everyone_meets_the_tag_that_was_sent_most():
    sends = [make_send(f"s{n}") for n in range(2)]
    by_id, other = make_send("id", filter=Filter(tag_id=100)), make_send("other", filter=Filter(tag="北京"))
    state = make_state(*map(begun, [*sends, by_id, other, make_send("all", filter=ALL.filter)]))
    uses = Calendar(SERVICE, state).uses(SRV, NOW)
    assert uses.same_recipients(QuotaUse(recipients_word(ALL.filter), None)) == 4


def test_tag_name_and_tag_id_are_different_recipients():
    filters = (Filter(is_to_all=True), Filter(tag="2"), Filter(tag_id=2), Filter(openids=("a", "b")))
    assert len({recipients_word(f) for f in filters}) == 4


# --- what a plan uses ----------------------------------------------------------------------------


EVERYONE = Filter(is_to_all=True)
PAPER = make_account("main", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)


def budget(*sends: Any, **changes: Any) -> Budget:
    (one,) = budgets(plan_of(*sends, **changes))
    return one


def test_send_to_a_tag_uses_no_quota_of_a_service_account() -> None:
    settings = make_settings(policy=Policy(allow_to_all=True))
    assert budget(make_send("a"), settings=settings).uses == 0
    sends = [make_send(f"all{n}", text=str(n), filter=EVERYONE) for n in range(2)]
    assert budget(*sends, settings=settings).uses == 2


def beyond_the_quota(plan: Plan) -> list[str]:
    return [one.send.id for one in plan.sends if any(found.rule == "quota" for found in one.violations)]


def test_sends_of_the_plan_itself_count_in_the_four_a_month() -> None:
    sends = [make_send(f"s{n}", text=str(n)) for n in range(4)]
    fifth = [make_send("t1", text="第五条"), make_send("t2", text="按编号", filter=Filter(tag_id=100))]
    other = make_send("u", text="别的标签", filter=Filter(tag_id=2))
    assert beyond_the_quota(plan_of(*sends, *fifth, other)) == ["t1", "t2"]


def test_call_counter_of_the_platform_is_shown() -> None:
    known = {"main": make_known(quota={"daily_limit": 100, "used": 3, "remain": 97})}
    assert budget(make_send(), remote_facts=known).calls_left == 97
    assert budget(make_send(), remote_facts=None).calls_left is None


def test_scheduled_sends_count_in_the_day_that_they_open_in() -> None:
    sends = [
        make_send(f"in{hours}", text=str(hours), not_before=NOW + timedelta(hours=hours)) for hours in (1, 24)
    ]
    found = budget(*sends, settings=make_settings(PAPER))
    assert (found.uses, found.scheduled) == (0, 1)


def test_budget_is_in_the_text_and_in_the_data() -> None:
    plan = plan_of(make_send("a"), make_send("b", text="另一条"), settings=make_settings(PAPER))
    text, data = "\n".join(view_of(plan).accounts), plan_data(view_of(plan))["accounts"]["main"]
    assert "0 of 1 sends used today (from the ledger), 1 more by this plan" in text
    assert (data["limit"], data["used"], data["uses"]) == (1, 0, 1)


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
        ([planned("a", 900), planned("b", 0)], []),
        ([planned("a", 900), planned("b", None)], []),
        ([planned(f"s{n}", 9, Filter(tag="x")) for n in range(3)], [9]),
        ([planned("a", 9, Filter(tag="a")), planned("b", 9, Filter(tag_id=ord("a")))], [9]),
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
    other = make_account("other", appid="wx0000000000000009")
    paper = make_account("paper", kind=AccountKind.SUBSCRIPTION, appid=SUBSCRIPTION)
    tomorrow = planned("b", 300, action=PlanAction.SCHEDULED)

    def opening(hours: int) -> Any:
        return replace(tomorrow, send=replace(tomorrow.send, not_before=NOW + timedelta(hours=hours)))

    first = planned("a", 900)
    draft = planned("d", 5, action=PlanAction.DRAFT)
    assert shared(first, opening(24), planned("c", 1, account=other), draft) == []
    assert shared(planned("e", 9, account=paper), planned("f", 9, account=paper)) == []
    assert shared(first, opening(11)) == [300], "23:00 in China is the same day"
    assert shared(first, opening(12)) == []


def test_plan_warns_with_the_number() -> None:
    two = plan(planned("会员", 900), planned("新客", 300))
    assert len([1 for note in view_of(two).notes if "up to 300 followers: 会员, 新客" in note.text]) == 1
    (told,) = plan_data(view_of(two))["overlaps"]
    assert told == {"account": "main", "day": "2026-12-01", "sends": ["会员", "新客"], "followers": 300}


def test_a_long_list_names_the_largest() -> None:
    accounts = [make_account(f"a{n}", appid=f"wx{n:016d}") for n in range(12)]
    sends = [planned(f"s{n}-{k}", 100 + n, account=accounts[n]) for n in range(12) for k in range(2)]
    (group,) = note_groups(view_of(plan(*sends)).notes)
    assert (group[0].text.startswith("on 2026-12-01, a11 sends"), is_folded(group)) == (True, True)
