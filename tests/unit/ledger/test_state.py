"""The fold of events to states: the same truth in whatever order outcomes arrive."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from factories import NOW, SERVICE, intent_of, make_events, make_send, make_state, named
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.ledger.events import LEDGER
from wechat_campaigns.ledger.fold import Status, fold
from wechat_campaigns.protocol.events import Kind

SALE = make_send()
INTENT = (Kind.INTENT, intent_of(SALE))
SECOND = (Kind.INTENT, intent_of(SALE, call=2))
RESEND = (Kind.RESEND, named(SALE, call=2))
ACCEPTED = (Kind.ACCEPTED, named(SALE, msg_id=7))
REFUSED = (Kind.REJECTED, named(SALE))
REFUSED_AGAIN = (Kind.REJECTED, named(SALE, call=2))
SENT = (Kind.SETTLED, named(SALE, sent=True, msg_id=7, why="seen in the console"))
NOT_SENT = (Kind.SETTLED, named(SALE, sent=False, why="not in the console"))
NOT_SENT_TWICE = (Kind.SETTLED, named(SALE, call=2, sent=False, why="not in the console"))
THIRD = (Kind.INTENT, intent_of(SALE, call=3))
REFUSED_THIRD = (Kind.REJECTED, named(SALE, call=3))


def status(*steps: Any) -> Status:
    known = make_state(*steps).send(SERVICE, "sale", 1)
    assert known is not None
    return known.status


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([INTENT], Status.OPEN),
        ([INTENT, ACCEPTED], Status.ACCEPTED),
        ([INTENT, REFUSED], Status.REFUSED),
        ([INTENT, REFUSED, SECOND], Status.OPEN),
        ([INTENT, SENT], Status.ACCEPTED),
        ([INTENT, NOT_SENT], Status.REFUSED),
        ([INTENT, RESEND, REFUSED], Status.OPEN),
        ([INTENT, RESEND, REFUSED, REFUSED_AGAIN], Status.REFUSED),
        ([INTENT, REFUSED, RESEND], Status.OPEN),
        ([INTENT, RESEND, NOT_SENT_TWICE], Status.REFUSED),
        ([INTENT, RESEND, NOT_SENT], Status.OPEN),
        ([INTENT, REFUSED, SECOND, REFUSED], Status.OPEN),
        ([INTENT, RESEND, NOT_SENT_TWICE, THIRD, REFUSED_THIRD], Status.REFUSED),
        ([INTENT, RESEND, REFUSED, THIRD, REFUSED_THIRD], Status.OPEN),
    ],
)
def test_status_follows_the_events(steps: list[Any], expected: Status):
    """A call opens, its own outcome closes it; the send is free only when none is open.

    What a person looked up holds for the calls up to that one.
    """
    assert status(*steps) is expected


ORDERS = list(permutations([ACCEPTED, REFUSED, RESEND, SECOND]))


@pytest.mark.parametrize("steps", ORDERS, ids=lambda steps: "-".join(kind.value for kind, _ in steps))
def test_acceptance_is_never_undone(steps: tuple[Any, ...]):
    """Whatever a slower runner records around it: what the platform took stays taken."""
    assert status(INTENT, *steps) is Status.ACCEPTED


@given(st.lists(st.sampled_from([ACCEPTED, REFUSED, REFUSED_AGAIN, SENT]), max_size=5).flatmap(
    lambda steps: st.tuples(st.just(steps), st.permutations(steps))
))  # fmt: skip
def test_outcomes_commute(orders: tuple[list[Any], list[Any]]):
    """Outcomes of calls that were begun, in any order: the same answer to whether it happened or is open."""
    truths = set()
    for steps in orders:
        known = make_state(INTENT, RESEND, *steps).send(SERVICE, "sale", 1)
        truths.add((known.happened, known.status is Status.OPEN, known.at_risk))
    assert len(truths) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [("SENDING", Status.ACCEPTED), ("SEND_SUCCESS", Status.SENT), ("SEND_FAIL", Status.FAILED),
     ("DELETE", Status.RECALLED)],
)  # fmt: skip
def test_mass_get_words(said: str, expected: Status):
    """SENDING changes nothing, the others end the job."""
    assert status(INTENT, ACCEPTED, (Kind.STATUS, named(SALE, msg_status=said))) is expected


@pytest.mark.parametrize(("article", "expected"), [(0, Status.RECALLED), (2, Status.SENT)])
def test_recall_of_the_whole_job_shows(article: int, expected: Status):
    """One article recalled leaves the send sent."""
    steps = (INTENT, ACCEPTED, (Kind.STATUS, named(SALE)), (Kind.RECALL, named(SALE, article_idx=article)))
    assert status(*steps) is expected


def test_revisions_are_separate():
    """Each revision has a state of its own; all are listed for the id."""
    second = make_send(revision=2)
    state = make_state(INTENT, ACCEPTED, (Kind.INTENT, intent_of(second)))
    assert [(s.revision, s.status) for s in state.revisions(SERVICE, "sale")] == [
        (1, Status.ACCEPTED), (2, Status.OPEN)
    ]  # fmt: skip
    assert [s.revision for s in state.open(SERVICE)] == [2]


def test_by_digest_follows_the_latest_attempt():
    """A send tried again with other content does not count for the first content any more."""
    edited = make_send(text="改过")
    state = make_state(INTENT, REFUSED, (Kind.INTENT, intent_of(edited, call=2)))
    assert state.by_digest(SERVICE, intent_of(SALE)["digest"]) == []
    assert [s.send for s in state.by_digest(SERVICE, intent_of(edited)["digest"])] == ["sale"]


@pytest.mark.parametrize("orphan", [ACCEPTED, REFUSED, RESEND, SENT, (Kind.STATUS, named(SALE))])
def test_outcome_without_an_intent_is_tampering(orphan: Any):
    """A ledger from which an intent was taken is not believed."""
    with pytest.raises(TamperedLedgerError) as caught:
        make_state(orphan)
    assert "ledger verify" in caught.value.remedy


def test_drafts_uploads_previews_and_the_beginning():
    """What was made on the platform is remembered by its fingerprint."""
    state = fold(
        make_events(
            (Kind.INIT, {"environment": "test"}),
            (Kind.UPLOAD, {"upload": "material/add_material:x", "result": "M"}),
            (Kind.DRAFT, {"send": "sale", "revision": 1, "sha256": "s", "media_id": "D"}),
            (Kind.PREVIEW, {"send": "sale", "revision": 1, "digest": "d", "to": "hashed"}),
        )
    )
    assert state.initialized
    assert not make_state(INTENT).initialized
    assert state.uploads[SERVICE, "material/add_material:x"].result == "M"
    assert state.drafts[SERVICE, "sale", 1].media_id == "D"
    assert (SERVICE, "d") in state.previews
    assert state.uploads[SERVICE, "material/add_material:x"].at < NOW


BEGINNING = (Kind.INIT, {"environment": "test"})


@pytest.mark.parametrize(
    ("steps", "begun"),
    [([BEGINNING], True), ([INTENT], True), ([(Kind.HOLD, {"held": True, "why": "x"})], False),
     ([(Kind.PREVIEW, {"send": "sale", "revision": 1, "digest": "d", "to": "hashed"})], False)],
)  # fmt: skip
def test_an_account_is_begun_by_a_beginning_or_by_sends(steps: list[Any], begun: bool):
    """Ledgers from before accounts had their own beginning go on; what reached no follower tells no past."""
    assert fold(make_events(BEGINNING, stream=LEDGER) + make_events(*steps)).begun(SERVICE) is begun


def test_upload_without_a_result_is_forgotten():
    """It is gone from the platform: whoever needs the file uploads it again."""
    steps = [(Kind.UPLOAD, {"upload": "material/add_material:x", "result": result}) for result in ("M", None)]
    assert fold(make_events(*steps)).uploads == {}
    again = (Kind.UPLOAD, {"upload": "material/add_material:x", "result": "N"})
    state = fold(make_events(*steps, again))
    assert state.uploads[SERVICE, "material/add_material:x"].result == "N"
