"""What an account may still send, as far as the ledger knows."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, SERVICE, intent_of, make_events, make_send, make_state, named
from wechat_campaigns.core.model import Filter, recipients_word
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import QuotaUse
from wechat_campaigns.plan.quota import Calendar, bounds, period, quota_used
from wechat_campaigns.protocol.events import EventKind

SUB, SRV = AccountKind.SUBSCRIPTION, AccountKind.SERVICE
SALE = make_send()
EVERYONE = make_send(filter=Filter(is_to_all=True))
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
    first, second = make_events(begun(EVERYONE), begun(make_send("more", filter=Filter(is_to_all=True))))
    state = make_state()
    state.add(first)
    counted = state.stream(SERVICE).quota_uses(*bounds(SRV, NOW))
    assert state.stream(SERVICE).quota_uses(*bounds(SRV, NOW)) is counted
    state.add(second)
    assert quota_used(SERVICE, SRV, state, NOW) == 2


def test_service_account_counts_sends_to_everyone_only():
    assert quota_used(SERVICE, SRV, make_state(begun()), NOW) == 0
    assert quota_used(SERVICE, SRV, make_state(begun(EVERYONE)), NOW) == 1


def to_all_today(state: LedgerState) -> int:
    return Calendar(SERVICE, state).uses(SUB, NOW).made(SRV)


def test_sends_to_everyone_of_the_day_are_counted():
    yesterday = begun(EVERYONE, at=NOW - timedelta(days=1))
    assert to_all_today(make_state(yesterday, begun())) == 0
    assert to_all_today(make_state((EventKind.BASELINE, named(EVERYONE)))) == 0
    assert to_all_today(make_state(begun(EVERYONE))) == 1
    failed = [begun(EVERYONE), (EventKind.REJECTED, named(EVERYONE))]
    assert to_all_today(make_state(*failed)) == 0


def test_quota_compares_recipients_by_tag_and_everyone():
    lists = [make_send(f"l{n}#1", filter=Filter(openids=("a", str(n)))) for n in range(2)]
    other = make_send("other", filter=Filter(tag="北京"))
    state = make_state(*map(begun, [SALE, make_send("all", filter=EVERYONE.filter), other, *lists]))
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
    state = make_state(*map(begun, [*sends, by_id, other, make_send("all", filter=EVERYONE.filter)]))
    uses = Calendar(SERVICE, state).uses(SRV, NOW)
    assert uses.same_recipients(QuotaUse(recipients_word(EVERYONE.filter), None)) == 4


def test_tag_name_and_tag_id_are_different_recipients():
    filters = (Filter(is_to_all=True), Filter(tag="2"), Filter(tag_id=2), Filter(openids=("a", "b")))
    assert len({recipients_word(f) for f in filters}) == 4
