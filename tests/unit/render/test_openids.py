"""Lists of openids: every openid in exactly one batch, every fault found, no openid repeated to anyone."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.render.openids import MAX_BATCH, MIN_BATCH, batches, check_openids, read_openids


def make_openids(count: int) -> list[str]:
    return [f"o{number:027}" for number in range(count)]


@given(st.integers(min_value=2, max_value=65_000))
def test_every_openid_is_in_exactly_one_batch(count):
    openids = make_openids(count)
    parts = batches(openids)
    assert [openid for _, part in parts for openid in part] == openids
    assert all(MIN_BATCH <= len(part) <= MAX_BATCH for _, part in parts)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(2, [2]), (10_000, [10_000]), (10_001, [5_000, 5_001]), (20_001, [6_667, 6_667, 6_667])],
)
def test_batches_are_balanced(count, sizes):
    assert [len(part) for _, part in batches(make_openids(count))] == sizes


def test_batches_of_a_list_share_its_digest():
    openids = make_openids(10_001)
    digest = hashlib.sha256("\n".join(openids).encode()).hexdigest()
    assert [(batch.index, batch.count, batch.list_sha256) for batch, _ in batches(openids)] == [
        (1, 2, digest),
        (2, 2, digest),
    ]


def test_lines_are_numbered_as_in_the_file():
    assert read_openids("# 名单\n\n oA \noB # 店长\n") == [(3, "oA"), (4, "oB")]


def test_many_faults_of_one_kind_are_one_message():
    openids = make_openids(300) * 2
    (fault,) = check_openids(openids, [f"line {index + 1}" for index in range(600)])
    assert (fault.rule, fault.path) == ("openid-duplicate", (300,))
    assert fault.message.startswith("line 301, line 302, line 303, line 304, line 305 and 295 more")


@given(st.lists(st.text(alphabet="o_中 1-", min_size=8, max_size=40), max_size=8))
def test_no_message_repeats_an_openid(openids):
    faults = check_openids(openids, [f"line {index + 1}" for index in range(len(openids))])
    said = " ".join(fault.message + fault.hint for fault in faults)
    assert not any(openid in said for openid in openids if openid.strip())


@pytest.mark.parametrize("first", ["openid", "OpenID", "open_id", "openid,昵称", '"openid"'])
def test_spreadsheet_header_is_not_an_openid(first):
    """A column exported with its name would count as one recipient more; the hint tells what to keep."""
    (fault,) = check_openids([first, *make_openids(2)], ["line 1", "line 2", "line 3"])
    assert (fault.rule, fault.path) == ("openid-malformed", (0,))
    assert "spreadsheet" in fault.hint
