"""What speaks for a send by hand: articles by their titles, jobs of nobody, its draft; none of it an end."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.factories import intent_of, make_send, make_state, named
from tests.support.playground import SERVICE
from wechat_campaigns.ledger.events import LedgerKind, next_event
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import SeenByHand
from wechat_campaigns.plan.by_hand import is_overdue, look, open_sends
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.wechat.statistics import NOTIFIED, DayOfArticles, PublishedArticle

NOW = datetime(2026, 12, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)
BEFORE, HANDED, LATER = (NOW - days * DAY for days in (11, 10, 9))


def handed(send: str, *titles: str, at: datetime = HANDED) -> tuple[str, dict[str, Any]]:
    data = {"send": send, "revision": 1, "content_digest": send, "at": at, "titles": list(titles)}
    return EventKind.HANDED_OVER, {**data, "body": {"mpnews": {"media_id": send}}, "draft": "f" * 64}


def ended(
    msg_id: int, at: datetime, count: int = 1, said: str = "send success"
) -> tuple[str, dict[str, Any]]:
    """WeChat's event of a job with as many articles."""
    data = {"msg_id": msg_id, "status": said, "links": [f"x{n}" for n in range(count)], "at": at}
    return LedgerKind.CALLBACK, {**dict.fromkeys(("addressed", "sent", "left_out", "failed"), 1), **data}


def seen(
    state: LedgerState, *articles: tuple[int, int, str, int], notified: int = NOTIFIED
) -> dict[str, Any]:
    """What is recorded of its only send, by articles: msg_data_id, index, title, day."""
    days: dict[date, DayOfArticles] = {}
    for number, index, title, day in articles:
        published = date(2026, 12, day)
        one = PublishedArticle(
            msg_data_id=number, index=index, published=published, publish_type=notified, title=title
        )
        before = days[published].articles if published in days else ()
        days[published] = DayOfArticles(queried_at=NOW, is_delayed=False, articles=(*before, one))
    account = state.stream(SERVICE)
    (known,) = open_sends(account)
    entry = look(account, known, days, "f" * 64, NOW)
    return dict(entry.data) if entry is not None else {}


@pytest.fixture
def single() -> LedgerState:
    """One send of two articles."""
    return make_state(handed("one", "周报", "附录"))


def test_titles_places_and_days_have_to_fit(single: LedgerState) -> None:
    day = HANDED.day
    assert seen(single, (7, 1, "周报", day), (7, 2, "附录", day))["published"] == ((7, "2026-12-10"),)
    assert seen(single, (7, 1, "周报", day))["published"]  # hardly anybody read the second
    assert not seen(single, (7, 2, "附录", day))["published"]
    assert not seen(single, (7, 1, "附录", day), (7, 2, "周报", day))["published"]
    assert not seen(single, (7, 1, "周报", day), (7, 2, "别的", day))["published"]
    assert not seen(single, (7, 1, "周报", day - 1))["published"]
    assert not seen(single, (7, 1, "周报", day), notified=1)["published"]


def test_article_of_a_settled_send_speaks_for_no_other() -> None:
    settled = {"send": "two", "revision": 1, "sent": True, "reason": "x", "msg_data_id": 7}
    state = make_state(handed("two", "周报"), (EventKind.SETTLED, settled), handed("one", "周报"))
    assert not seen(state, (7, 1, "周报", LATER.day))["published"]


@pytest.mark.parametrize(
    ("steps", "jobs"),
    [
        ((ended(7, LATER),), (7,)),
        ((ended(7, LATER), ended(8, LATER)), (7, 8)),
        ((ended(7, BEFORE),), ()),
        ((ended(7, LATER, count=2),), ()),
        ((ended(7, LATER, said="send fail"),), ()),
        (
            (
                (EventKind.INTENT, intent_of(make_send(), at=LATER)),
                (EventKind.ACCEPTED, named(make_send(), msg_id=7)),
                ended(7, LATER),
            ),
            (),
        ),
    ],
    ids=["one", "two", "before", "more articles", "failed", "of another send"],
)
def test_jobs_of_nobody_are_named(steps: tuple[Any, ...], jobs: tuple[int, ...]) -> None:
    assert seen(make_state(handed("one", "周报"), *steps))["jobs"] == jobs


def test_what_was_seen_is_recorded_once_and_kept_when_the_draft_is_gone() -> None:
    account = make_state(handed("one", "周报")).stream(SERVICE)
    (known,) = open_sends(account)
    assert known.origin is not None
    account.seen_by_hand[known.origin.hash] = SeenByHand(draft="e" * 64)
    assert account.seen(known).is_edited(known)
    assert look(account, known, {}, "e" * 64, NOW) is None
    missing = look(account, known, {}, None, NOW)
    assert missing is not None
    assert (missing.data["draft"], missing.data["gone"]) == ("e" * 64, False)


def test_draft_is_gone_once_two_answers_a_while_apart_say_so() -> None:
    state = make_state(handed("one", "周报"))
    account, found = state.stream(SERVICE), []
    (known,) = open_sends(account)
    minutes = ((0, None), (0.5, None), (2, "f" * 64), (3, None), (5, None))
    for after, draft in minutes:
        entry = look(account, known, {}, draft, NOW + timedelta(minutes=after))
        if entry is not None:
            account.add(next_event(entry, at=NOW, head=account.head), is_authentic=True)
        seen = account.seen(known)
        found.append((seen.missing_since != "", seen.is_gone, seen.is_perhaps_sent))
    missing, there, gone = (True, False, False), (False, False, False), (True, True, True)
    assert found == [missing, missing, there, missing, gone]


def test_draft_that_another_send_used_speaks_for_none() -> None:
    used = {**intent_of(make_send("b"), at=LATER), "body": {"mpnews": {"media_id": "one"}}}
    account = make_state(
        handed("one", "周报"), (EventKind.INTENT, used), (EventKind.ACCEPTED, named(make_send("b"), msg_id=7))
    ).stream(SERVICE)
    (known,) = open_sends(account)
    assert look(account, known, {}, None, NOW) is None
    assert (account.seen(known).used_by, account.seen(known).is_perhaps_sent) == ("b", False)


def test_what_nobody_is_known_to_have_sent_stays_open() -> None:
    """Its figures are long gone: until a person settles it, each run says so."""
    (known,) = open_sends(make_state(handed("one", "周报", at=NOW - timedelta(days=90))).stream(SERVICE))
    assert is_overdue(known, NOW)


def test_what_nobody_sent_yet_uses_no_quota(single: LedgerState) -> None:
    begins, ends = NOW - timedelta(days=30), NOW + timedelta(days=1)
    assert not single.stream(SERVICE).quota_uses(begins, ends)


def test_overdue_the_morning_after(single: LedgerState) -> None:
    (known,) = open_sends(single.stream(SERVICE))
    midnight = known.at.replace(hour=16, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=1) if midnight < known.at else timedelta()
    ready = midnight + timedelta(hours=8, minutes=30)
    assert not is_overdue(known, ready - timedelta(seconds=1))
    assert is_overdue(known, ready)
