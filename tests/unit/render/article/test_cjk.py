"""Emphasis beside Chinese punctuation, by rule; English keeps the rules of CommonMark."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit.render.article.making import Make
from wechat_campaigns.render.article.cjk import CjkInline, is_cjk
from wechat_campaigns.render.article.dom import parse

pytestmark = pytest.mark.slow

PUNCTUATION = "，。、；：？！「」『』《》〈〉【】（）“”‘’…—·"
ENGLISH = st.text(alphabet="ab *_~.,!()\"'-", max_size=30)


@pytest.mark.deep
@pytest.mark.parametrize("inner_end", PUNCTUATION)
@pytest.mark.parametrize("after", ["字", "，", "a", " "])
def test_bold_closes_after_chinese_punctuation(make: Make, inner_end: str, after: str) -> None:
    html = make(f"前**重点{inner_end}**{after}后", theme="simple").html
    assert f"<strong>重点{inner_end}</strong>" in html


@pytest.mark.deep
@pytest.mark.parametrize("inner_start", PUNCTUATION)
@pytest.mark.parametrize("before", ["字", "，", " "])
def test_bold_opens_before_chinese_punctuation(make: Make, inner_start: str, before: str) -> None:
    html = make(f"前{before}**{inner_start}重点**后", theme="simple").html
    assert f"<strong>{inner_start}重点</strong>" in html


@settings(max_examples=300, deadline=None)
@given(text=ENGLISH)
def test_english_is_plain_commonmark(text: str) -> None:
    plain, ours = (MarkdownIt("commonmark").enable("strikethrough") for _ in range(2))
    ours.inline = CjkInline()
    ours.configure("commonmark").enable("strikethrough")
    assert ours.render(text) == plain.render(text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("茶\n好", "茶好"),
        ("茶，\n好", "茶，好"),
        ("tea\nis", "tea\nis"),
        ("茶\ntea", "茶\ntea"),
        ("“茶”\n好", "“茶”好"),
    ],
)
def test_line_break_is_a_blank_only_beside_latin(make: Make, source: str, text: str) -> None:
    assert "".join(parse(make(source).html).itertext()) == text


@pytest.mark.parametrize(
    ("character", "expected"), [("茶", True), ("。", True), ("ㄅ", True), ("한", True), ("a", False)]
)
def test_cjk_is_detected_by_the_code_point(character: str, expected: bool) -> None:
    assert is_cjk(character) is expected
