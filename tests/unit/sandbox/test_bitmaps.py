import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_sandbox import bitmaps

numbers = st.sets(st.integers(0, 500))


@given(numbers)
def test_a_set_survives_the_way_to_the_store_and_back(members: set[int]) -> None:
    chosen = bitmaps.from_numbers(members)
    assert bitmaps.to_numbers(bitmaps.from_blob(bitmaps.to_blob(chosen))) == sorted(members)
    assert chosen.bit_count() == len(members)


@pytest.mark.slow
@given(st.lists(numbers, max_size=8), st.integers(1, 5))
def test_over_counts_memberships(sets: list[set[int]], times: int) -> None:
    expected = {n for n in set().union(*sets) if sum(n in s for s in sets) >= times}
    assert bitmaps.to_numbers(bitmaps.in_at_least(map(bitmaps.from_numbers, sets), times)) == sorted(expected)
