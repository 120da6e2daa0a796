"""Emphasis beside Chinese punctuation, by rule; English keeps the rules of CommonMark."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit.render.article.making import Make
from wechat_campaigns.render.article.dialect import CjkInline

PUNCTUATION = "，。、；：？！「」『』《》〈〉【】（）“”‘’…—·"
ENGLISH = st.text(alphabet="ab *_~.,!()\"'-", max_size=30)


@pytest.mark.parametrize(
    ("before", "bold", "after"),
    [("前", "重点{}", "字"), ("前", "重点{}", "，"), ("前", "重点{}", "a"), ("前", "重点{}", " 后"),
     ("前字", "{}重点", "后"), ("前，", "{}重点", "后"), ("前 ", "{}重点", "后")],
)  # fmt: skip
def test_bold_works_beside_every_chinese_mark(make: Make, before: str, bold: str, after: str) -> None:
    source = "\n\n".join(f"{before}**{bold.format(mark)}**{after}" for mark in PUNCTUATION)
    html = make(source, theme="simple").html
    for mark in PUNCTUATION:
        assert f"<strong>{bold.format(mark)}</strong>" in html


@settings(max_examples=300, deadline=None)
@given(text=ENGLISH)
def test_english_is_plain_commonmark(text: str) -> None:
    plain, ours = (MarkdownIt("commonmark").enable("strikethrough") for _ in range(2))
    ours.inline = CjkInline()
    ours.configure("commonmark").enable("strikethrough")
    assert ours.render(text) == plain.render(text)
