"""A reviewed plan file against a fresh plan: every difference refused, and named."""

import json
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.factories import (
    NOW,
    intent_of,
    make_account,
    make_send,
    make_settings,
    make_state,
    named,
    plan_of,
    view_of,
)
from tests.support.outcomes import error_of
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import StalePlanError, UsageError
from wechat_campaigns.core.model import Filter
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan import planfile, review
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.report.json import plan_data

SALE, CARD = make_send("sale"), make_send("card", "贺卡")
EMPTY = LedgerState()


def reviewed(*sends: Any) -> dict[str, Any]:
    return plan_data(view_of(plan_of(*sends)))


def refusal(
    file: dict[str, Any], *sends: Any, state: LedgerState = EMPTY, now: Any = NOW, **more: Any
) -> str:
    with pytest.raises(StalePlanError) as caught:
        review.check_file(file, plan_of(*sends, state=state, now=now, **more), state, now)
    assert "make a new plan" in caught.value.hint
    return caught.value.message


def test_same_plan_passes():
    file, plan = reviewed(SALE, CARD), plan_of(CARD, SALE)
    assert error_of(review.check_file, file, plan, EMPTY, NOW + timedelta(hours=23)) is None


def test_plan_of_a_friday_evening_holds_past_midnight_and_not_over_the_weekend() -> None:
    """The clock alone changes nothing that is digested, until the 24 hours of the file are over."""
    friday = datetime(2026, 11, 27, 18, 0, tzinfo=timezone(timedelta(hours=8)))
    file = plan_data(view_of(plan_of(SALE, CARD, now=friday)))
    for hours, is_refused in ((6, False), (23.9, False), (24.1, True), (63, True)):
        now = friday + timedelta(hours=hours)
        plan = plan_of(SALE, CARD, now=now)
        assert plan.plan_digest == file["plan_digest"]
        error = error_of(review.check_file, file, plan, EMPTY, now)
        assert isinstance(error, StalePlanError) is is_refused, hours


def test_same_account_name_with_another_appid_is_refused():
    moved = make_settings(make_account(appid="wx00000000000000ff"))
    said = refusal(reviewed(SALE, CARD), SALE, CARD, settings=moved)
    assert "sale would be sent from another AppID, wx00000000000000ff" in said
    with pytest.raises(StalePlanError):
        review.check_digest(plan_of(SALE).plan_digest, plan_of(SALE, settings=moved), EMPTY)


DAY = timedelta(days=1)
CHANGES: dict[str, tuple[list[Any], str]] = {
    "text": ([make_send("sale", "别的"), CARD], "sale: the content changed"),
    "filter": ([make_send("sale", filter=Filter(tag="星标组")), CARD], "sale: the recipients changed"),
    "revision": ([replace(SALE, revision=2), CARD], "sale: `revision`"),
    "window": ([replace(SALE, not_before=NOW + 2 * DAY), CARD], "sale: the send window"),
    "end": ([replace(SALE, not_after=NOW + 2 * DAY), CARD], "sale: the send window"),
    "removed": ([CARD], "sale no longer exists, or is not selected"),
    "expired": ([replace(SALE, not_after=NOW - DAY), CARD], "sale is now expired"),
    "added": ([SALE, CARD, make_send("new", "新")], "new is not in the reviewed plan"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_difference_is_refused_by_name(change: str):
    sends, words = CHANGES[change]
    assert words in refusal(reviewed(SALE, CARD), *sends)


def test_expired_file_and_one_of_another_environment_are_refused():
    said = refusal(reviewed(SALE), SALE, now=NOW + timedelta(hours=25))
    assert "the plan expired today at 12:00 China time" in said
    other = make_settings(make_account(), name="production")
    with pytest.raises(StalePlanError) as caught:
        review.check_file(reviewed(SALE), plan_of(SALE, settings=other), EMPTY, NOW)
    assert "environment test" in caught.value.message
    assert caught.value.hint == "pass `--env test`"


def test_partial_apply_may_go_on_under_the_same_plan():
    file = reviewed(SALE, CARD)
    begun = (EventKind.INTENT, intent_of(CARD, plan_digest=file["plan_digest"]))
    for state in (make_state(begun), make_state(begun, (EventKind.ACCEPTED, named(CARD)))):
        plan = plan_of(SALE, CARD, state=state)
        assert error_of(review.check_file, file, plan, state, NOW) is None
        assert error_of(review.check_digest, file["plan_digest"], plan, state) is None
        said = refusal(file, make_send("sale", "改过"), CARD, state=state)
        assert "sale: the content changed" in said
        assert "card" not in said, "it was sent as reviewed"
        assert "card" in refusal(file, SALE, replace(CARD, revision=2), state=state)
    state = make_state(begun, (EventKind.REJECTED, named(CARD)))
    assert error_of(review.check_file, file, plan_of(SALE, CARD, state=state), state, NOW) is None


def test_many_differences_are_counted_by_account() -> None:
    many = [make_send(f"sale{number}") for number in range(11)]
    assert refusal(reviewed(*many)).count("no longer exists") == 0
    assert refusal(reviewed(*many)).endswith("11 sends differ: wx0000000000000001 (11)")
    assert refusal(reviewed(CARD), CARD, *many).endswith("11 sends differ: main (11)")
    assert refusal(reviewed(*many[:10])).count("no longer exists") == 10


def test_send_made_under_another_plan_is_refused():
    """What somebody else sent in the meantime was not reviewed."""
    state = make_state((EventKind.INTENT, intent_of(CARD)), (EventKind.ACCEPTED, named(CARD)))
    assert "card is now sent" in refusal(reviewed(SALE, CARD), SALE, CARD, state=state)


def test_refused_digest_shows_both_digests():
    plan = plan_of(SALE)
    error = error_of(review.check_digest, "0" * 64, plan, EMPTY)
    assert isinstance(error, StalePlanError)
    assert plan.plan_digest in error.message
    assert "0" * 64 in error.message


def test_plan_file_reads_back_and_holds_no_openid(tmp_path: Path):
    path, listed = tmp_path / "plan.json", make_send("sale#1", filter=Filter(openids=("o-one", "o-two")))
    planfile.write(path, reviewed(SALE, listed))
    assert planfile.read(path) == reviewed(SALE, listed)
    assert "会员".encode() in path.read_bytes()
    assert b"o-one" not in path.read_bytes()


BAD = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"format_version": "3.0"}', b"1" * 5000]


@pytest.mark.parametrize("raw", BAD, ids=[str(raw[:12]) for raw in BAD])
def test_file_that_is_not_a_plan_is_a_usage_error(tmp_path: Path, raw: bytes):
    (tmp_path / "p").write_bytes(raw)
    with pytest.raises(UsageError):
        planfile.read(tmp_path / "p")


@pytest.mark.parametrize("path", ["absent.json", "."])
def test_missing_plan_file_is_a_usage_error(tmp_path: Path, path: str):
    with pytest.raises(UsageError):
        planfile.read(tmp_path / path)


@pytest.mark.parametrize(("version", "readable"), [("4.7", True), ("3.0", False), ("5.0", False)])
def test_other_major_version_is_refused(tmp_path: Path, version: str, readable: bool):
    planfile.write(tmp_path / "p", {**reviewed(SALE), "format_version": version, "unheard": 1})
    error = error_of(planfile.read, tmp_path / "p")
    assert error is None if readable else isinstance(error, UsageError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REVIEWED, PLAN = reviewed(SALE), plan_of(SALE)
KEYS = st.sampled_from(sorted(REVIEWED))
SEND_KEYS = st.sampled_from(sorted(REVIEWED["sends"][0]))


@pytest.mark.deep
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.dictionaries(KEYS, JSON, max_size=3), st.dictionaries(SEND_KEYS, JSON, max_size=3))
def test_tampered_plan_file_is_accepted_or_refused_without_a_traceback(
    tmp_path: Path, keys: dict[str, Any], send_keys: dict[str, Any]
):
    data = deepcopy(REVIEWED)
    data["sends"][0].update(send_keys)
    data.update(keys)
    path = tmp_path / "plan.json"
    written = [data]
    with suppress(ValueError):  # an infinite number has no fingerprint
        written.append(
            planfile.with_checksum({key: item for key, item in data.items() if key != "file_sha256"})
        )
    for each in written:
        path.write_text(json.dumps(each))
        error = error_of(lambda: review.check_file(planfile.read(path), PLAN, EMPTY, NOW))
        assert error is None or (isinstance(error, UsageError | StalePlanError) and str(error).encode())


@pytest.mark.parametrize("odd", [[["a", 1]], [1], "ab", 5, {"tag 会员": [1]}])
def test_odd_values_in_a_plan_file_are_refused_without_a_traceback(odd: Any):
    data = reviewed(SALE)
    del data["file_sha256"]
    data["sends"][0]["resolved"] = odd
    data["resolved_digest"] = sha256({"sale": odd})
    with pytest.raises(StalePlanError):
        review.check_file(planfile.with_checksum(data), plan_of(SALE), EMPTY, NOW)
