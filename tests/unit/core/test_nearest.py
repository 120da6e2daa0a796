"""What a wrong word may have meant."""

from __future__ import annotations

import pytest

from wechat_campaigns.core.names import STRICT, close_matches, did_you_mean, nearest, suggestion_suffix


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("conten", "content"),
        ("Content", "content"),
        ("not-before", "not_before"),
        ("notBefore", "not_before"),
        ("xyz", None),
    ],
)
def test_nearest_word_is_suggested(written: str, meant: str | None) -> None:
    """Typos, case and hyphens are seen through; anything else is not guessed."""
    assert nearest(written, ["content", "not_before", "filter"], cutoff=STRICT) == meant


def test_several_suggestions_are_listed_nearest_first() -> None:
    known = ["VIP_Beijing", "vip_nanjing", "新客"]
    assert close_matches("vip-beijing", known, most=3) == [
        "VIP_Beijing",
        "vip_nanjing",
    ]
    assert close_matches("vip-beijing", known, most=1) == ["VIP_Beijing"]


def test_suggestion_is_a_question_and_optional() -> None:
    """As a hint something else stands in its place, as the end of a sentence nothing does."""
    assert did_you_mean("sael", ["sale", "tea"], otherwise="add it") == "did you mean `sale`?"
    assert did_you_mean("xyz", ["sale"], otherwise="add it") == "add it"
    assert suggestion_suffix("sael", ["sale"]) == "; did you mean `sale`?"
    assert suggestion_suffix("xyz", ["sale"]) == ""
