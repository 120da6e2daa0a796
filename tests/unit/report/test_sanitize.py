"""Campaign text in reports: readable, and obeyed by nothing."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from wechat_campaigns.report import sanitize

COMMANDS = ("::", "##[", "<!--", "-->", "${{")
NASTY = st.text(
    st.one_of(
        st.sampled_from("`~:#[]<>!-$|{}@\\\u202e\u2066\u200b\u200d\x1b\r\n\t \u2028\U0001f468折会员a1"),
        st.characters(codec=None),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("会员全场 8 折", "会员全场 8 折"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\x1b[31m红", "⟨U+001B⟩[31m红"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("一\r\n二", "一\n二"),
        ("一\r二", "一⟨U+000D⟩二"),
        ("👨\u200d👩\u200d👧 ❤️", "👨\u200d👩\u200d👧 ❤️"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("a\ufe0f1\ufe0f\u2800\U0001bca0", "a⟨U+FE0F⟩1⟨U+FE0F⟩⟨U+2800⟩⟨U+1BCA0⟩"),
        ("1\ufe0f\u20e3\u17b4\U0001d17a\U00013430", "1\ufe0f\u20e3⟨U+17B4⟩⟨U+1D17A⟩⟨U+13430⟩"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_number(text: str, shown: str) -> None:
    assert sanitize.escape_invisible(text) == shown


@given(NASTY)
@example("::set-env:::::: ##[group] <!<!---- ---> $${{{ x }}")
def test_inert_text_is_visible_and_commands_nothing(text: str) -> None:
    shown = sanitize.inert(text)
    assert not any(word in shown for word in COMMANDS)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not set(shown) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff"
    )
    assert sanitize.inert(shown) == shown


@given(NASTY)
def test_a_fence_holds_everything_it_was_given(text: str) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"before\n\n{sanitize.fence(text)}\n\nafter\n")
    assert [t.type for t in tokens if t.nesting == 0] == ["inline", "fence", "inline"]
    fenced = next(t.content for t in tokens if t.type == "fence")
    assert fenced == sanitize.inert(text.rstrip("\n")) + "\n"


@given(NASTY)
def test_a_cell_stays_in_its_table(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {sanitize.cell(text)} | 2 |\n"
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(table)
    assert [t.type for t in tokens].count("td_open") == 2
    inline = [t for t in tokens if t.type == "inline"][2]
    assert {child.type for child in inline.children or []} <= {"code_inline"}


@given(NASTY)
def test_json_keeps_every_character_and_hides_its_spelling(text: str) -> None:
    """JSON gives back what was written, while its raw text commands nothing and hides nothing."""
    raw = sanitize.json_text({"text": text})
    assert json.loads(raw) == {"text": text}
    assert not any(word in raw for word in COMMANDS)
    assert sanitize.escape_invisible(raw) == raw


def test_command_data_cannot_end_its_command() -> None:
    assert sanitize.command_data("5%\n::error::x") == "5%25%0A: :error: :x"
    assert sanitize.command_property("a,b:c") == "a%2Cb%3Ac"


def test_guarded_text_stands_between_stop_and_resume() -> None:
    assert sanitize.guarded("text", "t0k") == "::stop-commands::t0k\ntext\n::t0k::"
