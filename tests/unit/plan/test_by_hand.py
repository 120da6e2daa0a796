"""What shows that a person sent a draft: articles by their titles, and never another one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import intent_of, make_send, make_state, named
from tests.support.playground import SERVICE
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.by_hand import find_sent, is_overdue, open_sends
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.wechat.statistics import NOTIFIED, DayOfArticles, PublishedArticle

NOW = datetime(2026, 12, 20, 4, tzinfo=UTC)


def handed(send: str, *titles: str, at: datetime) -> tuple[str, dict[str, Any]]:
    data = {"send": send, "revision": 1, "content_digest": send, "at": at, "titles": list(titles)}
    return EventKind.HANDED_OVER, {**data, "body": {"mpnews": {"media_id": send}}}


def found(state: LedgerState, *articles: tuple[int, int, str, int], gone: str = "") -> dict[str, int]:
    """The msg_data_id of each send that is found, by articles: msg_data_id, index, title, day.

    Args:
        gone: whose draft is gone.
    """
    days: dict[date, DayOfArticles] = {}
    for number, index, title, day in articles:
        published = date(2026, 12, day)
        one = PublishedArticle(
            msg_data_id=number, index=index, published=published, publish_type=0, title=title
        )
        before = days[published].articles if published in days else ()
        days[published] = DayOfArticles(queried_at=NOW, is_delayed=False, articles=(*before, one))
    account = state.stream(SERVICE)
    entries = find_sent(account, open_sends(account, NOW), days, gone.__eq__)
    return {entry.data["send"]: entry.data["msg_data_id"] for entry in entries}


@pytest.fixture
def single() -> LedgerState:
    """One send of two articles."""
    return make_state(handed("one", "周报", "附录", at=NOW - timedelta(days=10)))


def test_of_two_with_one_title_each_has_its_own() -> None:
    """The newer takes what was published since it was handed over, the older what is left; nobody guesses."""
    weeks = make_state(
        handed("one", "周报", at=NOW - timedelta(days=14)), handed("two", "周报", at=NOW - timedelta(days=7))
    )
    assert found(weeks, (7, 1, "周报", 6), (8, 1, "周报", 13)) == {"one": 7, "two": 8}
    assert (
        found(weeks, (8, 1, "周报", 13)) == {}
    )  # perhaps the older one at last: then the newer would be lost
    assert found(weeks, (8, 1, "周报", 13), gone="two") == {"two": 8}
    assert found(weeks, (8, 1, "周报", 13), gone="one") == {"one": 8}
    assert found(weeks, (7, 1, "周报", 6)) == {"one": 7}
    assert found(weeks, (6, 1, "周报", 5)) == {}


def test_titles_and_places_have_to_fit(single: LedgerState) -> None:
    day = open_sends(single.stream(SERVICE), NOW)[0].at.day
    assert found(single, (7, 1, "周报", day), (7, 2, "附录", day)) == {"one": 7}
    assert found(single, (7, 1, "周报", day)) == {"one": 7}  # hardly anybody read the second
    assert found(single, (7, 2, "附录", day)) == {}
    assert found(single, (7, 1, "附录", day), (7, 2, "周报", day)) == {}
    assert found(single, (7, 1, "周报", day), (7, 2, "别的", day)) == {}


def test_what_nobody_is_known_to_have_sent_stays_open() -> None:
    """Its figures are long gone: until a person settles it, each run says so."""
    (known,) = open_sends(make_state(handed("one", "周报", at=NOW - timedelta(days=90))).stream(SERVICE), NOW)
    assert is_overdue(known, NOW)


def test_what_nobody_sent_yet_uses_no_quota(single: LedgerState) -> None:
    begins, ends = NOW - timedelta(days=30), NOW + timedelta(days=1)
    assert not single.stream(SERVICE).quota_uses(begins, ends)


def test_overdue_the_morning_after(single: LedgerState) -> None:
    (known,) = open_sends(single.stream(SERVICE), NOW)
    midnight = known.at.replace(hour=16, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=1) if midnight < known.at else timedelta()
    ready = midnight + timedelta(hours=8, minutes=30)
    assert not is_overdue(known, ready - timedelta(seconds=1))
    assert is_overdue(known, ready)
    sent = (EventKind.ACCEPTED, {"send": "one", "revision": 1, "msg_id": None, "sent_on": "2026-12-11"})
    (known,) = open_sends(make_state(ONE, sent).stream(SERVICE), NOW)
    assert not is_overdue(known, NOW)


def told(state: LedgerState, *articles: PublishedArticle, gone: frozenset[str] = frozenset()) -> set[str]:
    """The sends that are found, and what by: `one 7` by the job 7, `one` by figures alone."""
    by_day = {one.published: one for one in articles}
    days = {
        day: DayOfArticles(queried_at=NOW, is_delayed=False, articles=(one,)) for day, one in by_day.items()
    }
    account = state.stream(SERVICE)
    entries = find_sent(account, open_sends(account, NOW), days, gone.__contains__)
    return {f"{one.data['send']} {one.data['msg_id'] or ''}".strip() for one in entries}


def ended(msg_id: int, at: datetime, count: int = 1) -> tuple[str, dict[str, Any]]:
    """WeChat's event of a job with as many articles."""
    data = {"msg_id": msg_id, "status": "send success", "links": [f"x{n}" for n in range(count)], "at": at}
    return LedgerKind.CALLBACK, {**dict.fromkeys(("addressed", "sent", "left_out", "failed"), 1), **data}


DAY = timedelta(days=1)
BEFORE, HANDED, LATER = (NOW - days * DAY for days in (11, 10, 9))
ONE, TWO = (handed(name, "周报", at=HANDED) for name in ("one", "two"))
GONE = frozenset({"one", "two"})


def test_an_event_is_of_the_only_one_whose_draft_is_gone() -> None:
    assert told(make_state(ONE, TWO, ended(7, LATER)), gone=frozenset({"one"})) == {"one 7"}
    assert told(make_state(ONE, ended(7, LATER))) == set()


@pytest.mark.parametrize(
    "steps",
    {
        "a job of before": (ended(7, BEFORE), ONE),
        "of more articles": (ONE, ended(7, LATER, count=2)),
        "two jobs": (ONE, ended(7, LATER), ended(8, LATER)),
        "two drafts are gone": (ONE, TWO, ended(7, LATER)),
        "the job of another send": (
            ONE,
            (EventKind.INTENT, intent_of(make_send(), at=LATER)),
            (EventKind.ACCEPTED, named(make_send(), msg_id=7)),
            ended(7, LATER),
        ),
        "perhaps that of a call": (
            ONE,
            (EventKind.INTENT, intent_of(make_send(), at=LATER)),
            ended(7, LATER),
        ),
    }.items(),
    ids=lambda case: case[0],
)
def test_an_event_that_may_be_of_another_send_shows_nothing(steps: Any) -> None:
    assert told(make_state(*steps[1]), gone=GONE) == set()


def test_an_event_while_one_is_known_to_be_sent_without_its_job_shows_nothing() -> None:
    sent = (EventKind.SETTLED, {"send": "two", "revision": 1, "sent": True, "reason": "x", "why": "x"})
    assert told(make_state(ONE, TWO, sent, ended(7, LATER)), gone=GONE) == set()


def test_only_what_went_out_to_followers_is_a_send() -> None:
    """An article that was only put on a page has the same title."""
    for kind, expected in ((NOTIFIED, {"one"}), (NOTIFIED + 1, set[str]())):
        article = PublishedArticle(
            msg_data_id=7, index=1, published=LATER.date(), publish_type=kind, title="周报"
        )
        assert told(make_state(ONE), article) == expected


def test_an_article_that_has_its_send_closes_no_other() -> None:
    article = PublishedArticle(
        msg_data_id=7, index=1, published=LATER.date(), publish_type=NOTIFIED, title="周报"
    )
    found = {"send": "two", "revision": 1, "msg_id": None, "msg_data_id": 7, "sent_on": str(LATER.date())}
    assert told(make_state(ONE, TWO, (EventKind.ACCEPTED, {**found, "call": 1})), article) == set()
