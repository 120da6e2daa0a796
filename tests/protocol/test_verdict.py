"""What an answer makes certain; everything else leaves the send unknown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.errcodes import codes
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.verdict import CLIENTMSGID_EXISTS, CLIENTMSGID_IN_USE, REJECTING, verdict

CERTAIN = frozenset().union(*REJECTING.values())


@pytest.mark.parametrize(
    ("answer", "judged"),
    [
        ({"errcode": 0, "msg_id": 7}, EventKind.ACCEPTED),
        ({"errcode": 0}, None),
        ({"errcode": 0, "msg_id": 0}, None),
        ({"errcode": 45065, "msg_id": 7}, EventKind.DUPLICATE),
        ({"errcode": 45065}, EventKind.DUPLICATE),
        ({"errcode": 45066}, EventKind.IN_USE),
        ({"errcode": 45028, "msg_id": 0}, EventKind.REJECTED),
        ({"errcode": 45028, "msg_id": 7}, None),
        ({"errcode": 40007, "msg_id": "7"}, None),
        ({"msg_id": 7}, None),
        ({}, None),
        ({"errcode": "40007"}, None),
        ({"errcode": None}, None),
    ],
    ids=str,
)
def test_verdict_on_an_answer(answer: dict[str, Any], judged: EventKind | None) -> None:
    """An acceptance names its job; an answer that is not understood proves nothing."""
    assert verdict(answer) is judged


@pytest.mark.parametrize(
    "errcode", [40007, 40152, 48001, 45028, 45009, 45011, 40001, 42001, 45113, 47001, 48022]
)
def test_certain_errcode_is_a_rejection(errcode: int) -> None:
    assert verdict({"errcode": errcode}) is EventKind.REJECTED


@pytest.mark.parametrize(
    "errcode",
    [-1, -1000, 61450, 42010, 45085, 46007, 268487001, 268488001, 89504, 89505, 44007, 9500002, 40164],
)
def test_uncertain_errcode_leaves_the_send_unknown(errcode: int) -> None:
    assert verdict({"errcode": errcode}) is None


@given(
    st.integers().filter(lambda number: number not in (0, CLIENTMSGID_EXISTS, CLIENTMSGID_IN_USE, *CERTAIN))
)
def test_unlisted_errcode_frees_no_send(errcode: int) -> None:
    """An errcode that is not on the list leaves the send unknown, whatever else the answer holds."""
    assert verdict({"errcode": errcode, "msg_id": 7}) is None


def test_every_certain_errcode_has_a_source_and_words() -> None:
    """Neither an acceptance nor 45065 is among them."""
    assert codes().keys() >= CERTAIN
    assert not {codes()[code].confidence for code in CERTAIN} & {"low"}
    assert not {codes()[code].errcode_class for code in CERTAIN} & {"duplicate"}
    assert sum(len(codes) for codes in REJECTING.values()) == len(CERTAIN)
    assert not CERTAIN & {0, CLIENTMSGID_EXISTS, CLIENTMSGID_IN_USE}
