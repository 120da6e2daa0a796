"""The fold of events to states: the same truth in whatever order outcomes arrive."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, SERVICE, intent_of, make_events, make_send, make_state, named
from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.records import may_have_reached, recalled_articles
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import Fate

SALE = make_send()
INTENT = (EventKind.INTENT, intent_of(SALE))
RESEND = (EventKind.RESEND, named(SALE))
ACCEPTED = (EventKind.ACCEPTED, named(SALE, msg_id=7))
REFUSED = (EventKind.REJECTED, named(SALE))
REFUSED_AGAIN = (EventKind.REJECTED, named(SALE, call=2))
SENT = (EventKind.SETTLED, named(SALE, sent=True, msg_id=7, why="seen in the console"))
NOT_SENT = (EventKind.SETTLED, named(SALE, sent=False, why="not in the console"))
REFUSED_THIRD = (EventKind.REJECTED, named(SALE, call=3))


def status(*steps: Any) -> Fate:
    known = make_state(*steps).send(SERVICE, "sale", 1)
    assert known is not None
    return known.fate


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([INTENT], Fate.UNKNOWN),
        ([INTENT, ACCEPTED], Fate.ACCEPTED),
        ([INTENT, REFUSED], Fate.REJECTED),
        ([INTENT, SENT], Fate.ACCEPTED),
        ([INTENT, NOT_SENT], Fate.NOT_SENT),
        ([INTENT, RESEND, REFUSED, REFUSED_AGAIN], Fate.REJECTED),
        ([INTENT, RESEND, NOT_SENT], Fate.NOT_SENT),
        ([INTENT, RESEND, NOT_SENT, INTENT, REFUSED_THIRD], Fate.REJECTED),
    ],
)
def test_fate_follows_the_events(steps: list[Any], expected: Fate):
    assert status(*steps) is expected


@given(st.lists(st.sampled_from([ACCEPTED, REFUSED, REFUSED_AGAIN, SENT]), max_size=5).flatmap(
    lambda steps: st.tuples(st.just(steps), st.permutations(steps))
))  # fmt: skip
def test_outcomes_commute(orders: tuple[list[Any], list[Any]]):
    truths = set()
    for steps in orders:
        known = make_state(INTENT, RESEND, *steps).send(SERVICE, "sale", 1)
        truths.add((known.status, may_have_reached(known)))
    assert len(truths) == 1


@pytest.mark.parametrize(("article", "expected"), [(0, Fate.RECALLED), (2, Fate.SENT)])
def test_recall_of_the_whole_job_is_in_the_state(article: int, expected: Fate):
    state = make_state(*JOB, (LedgerKind.RECALL, named(SALE, article_idx=article)))
    known = state.stream(SERVICE).find("sale", 1)
    assert (known.fate, recalled_articles(known)) == (expected, (article,))
    assert state.stream(SERVICE).recall_times == [NOW]


def test_revisions_are_separate():
    second = make_send(revision=2)
    state = make_state(INTENT, ACCEPTED, (EventKind.INTENT, intent_of(second)))
    assert [(s.revision, s.fate) for s in state.sends_by_id("sale")] == [
        (1, Fate.ACCEPTED), (2, Fate.UNKNOWN)
    ]  # fmt: skip
    assert [s.revision for s in state.stream(SERVICE).unknown_sends()] == [2]


def test_by_digest_follows_the_latest_attempt():
    edited = make_send(text="改过")
    state = make_state(INTENT, REFUSED, (EventKind.INTENT, intent_of(edited)))
    assert state.sends_by_content(SERVICE, intent_of(SALE)["content_digest"]) == []
    assert [s.send for s in state.sends_by_content(SERVICE, intent_of(edited)["content_digest"])] == ["sale"]


@pytest.mark.parametrize("kind", [EventKind.INTENT, EventKind.BASELINE])
@pytest.mark.parametrize("part", ["actor", "audience", "filter"])
def test_what_no_run_writes_is_tampering(kind: EventKind, part: str):
    with pytest.raises(TamperedLedgerError):
        make_state((kind, intent_of(SALE) | {part: None}))


def test_a_campaigns_folder_without_its_path_is_tampering():
    with pytest.raises(TamperedLedgerError):
        make_state((LedgerKind.CAMPAIGNS_FOLDER, {"namespace": ""}))


@pytest.mark.parametrize("unknown", [ACCEPTED, REFUSED, RESEND, SENT, (LedgerKind.STATUS, named(SALE))])
def test_outcome_without_an_intent_is_tampering(unknown: Any):
    with pytest.raises(TamperedLedgerError) as caught:
        make_state(unknown)
    assert "ledger verify" in caught.value.hint


def test_drafts_uploads_previews_and_the_beginning():
    state = fold(
        make_events(
            (LedgerKind.INIT, {"environment": "test"}),
            (LedgerKind.UPLOAD, {"upload": "material/add_material:x", "result": "M"}),
            (LedgerKind.DRAFT, {"send": "sale", "revision": 1, "sha256": "s", "media_id": "D"}),
            (LedgerKind.PREVIEW, {"send": "sale", "revision": 1, "content_digest": "d", "to": "hashed"}),
        )
    )
    account = state.stream(SERVICE)
    assert (state.is_initialized, account.is_initialized, account.is_production) == (True, True, True)
    assert not make_state(INTENT).is_initialized
    assert account.uploads["material/add_material:x"].result == "M"
    assert account.drafts["sale", 1].media_id == "D"
    assert account.previews == {"d"}
    assert account.uploads["material/add_material:x"].at < NOW


BEGINNING = (LedgerKind.INIT, {"environment": "test"})


@pytest.mark.parametrize(
    ("steps", "begun"),
    [([BEGINNING], True), ([INTENT], False), ([(EventKind.HOLD, {"held": True, "reason": "x"})], False),
     ([(LedgerKind.PREVIEW, {"send": "sale", "revision": 1, "content_digest": "d", "to": "hashed"})], False)],
)  # fmt: skip
def test_an_account_is_begun_by_a_beginning_alone(steps: list[Any], begun: bool):
    state = fold(make_events(BEGINNING, stream=LEDGER) + make_events(*steps))
    assert state.stream(LEDGER).is_initialized
    assert state.stream(SERVICE).is_initialized is begun


def test_upload_without_a_result_is_forgotten():
    steps = [
        (LedgerKind.UPLOAD, {"upload": "material/add_material:x", "result": result}) for result in ("M", None)
    ]
    assert fold(make_events(*steps)).stream(SERVICE).uploads == {}
    again = (LedgerKind.UPLOAD, {"upload": "material/add_material:x", "result": "N"})
    state = fold(make_events(*steps, again))
    assert state.stream(SERVICE).uploads["material/add_material:x"].result == "N"


JOB = [INTENT, ACCEPTED, (LedgerKind.STATUS, named(SALE))]
EVENT = {"msg_id": 7, "status": "send success", "addressed": 9, "sent": 7, "left_out": 1, "failed": 1}


@pytest.mark.parametrize("first", [True, False])
def test_a_callback_is_found_by_its_send_and_counts_once(first: bool) -> None:
    told = [(LedgerKind.CALLBACK, EVENT), (LedgerKind.CALLBACK, {**EVENT, "sent": 0})]
    state = make_state(*(told + JOB if first else JOB + told))
    result = state.job_result(state.stream(SERVICE).find("sale", 1))
    assert result is not None
    assert {"msg_id": 7, **{name: getattr(result, name) for name in EVENT if name != "msg_id"}} == EVENT
