"""`text`: bytes become text, or the reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.source.text import decode, position


def test_utf8_is_decoded_as_it_is() -> None:
    assert decode("今晚 20:00\r\n开始\t🎉\n".encode()) == "今晚 20:00\r\n开始\t🎉\n"


def test_gbk_is_named() -> None:
    fault = decode("a\nb: 周年庆".encode("gbk"))
    assert isinstance(fault, Finding)
    assert "GBK" in fault.message
    assert "iconv -f GBK" in fault.hint
    assert (fault.line, fault.column) == (2, 4)


def test_other_bytes_are_not_guessed() -> None:
    fault = decode(b"caf\xe9 \xff\xff")
    assert isinstance(fault, Finding)
    assert "looks like" not in fault.message


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04\x14\0\xff", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", b"%PDF-1.7\n%\xe2\xe3"]
)
def test_an_office_document_is_not_asked_to_be_utf8(data: bytes) -> None:
    fault = decode(data)
    assert isinstance(fault, Finding)
    assert fault.rule == "text-document"
    assert "copy its text" in fault.hint


def test_column_counts_characters() -> None:
    fault = decode("一二三\x00".encode())
    assert isinstance(fault, Finding)
    assert (fault.line, fault.column) == (1, 4)


def test_a_character_that_no_page_can_hold_is_a_fault() -> None:
    """An article would show another in its place."""
    fault = decode("春\ufdd0茶".encode())
    assert isinstance(fault, Finding)
    assert fault.rule == "text-control-character"


def test_byte_order_mark_of_a_windows_editor_is_left_out() -> None:
    """It is no part of the text; a second one would be sent to followers as an invisible character."""
    assert decode(b"\xef\xbb\xbfhello") == "hello"
    fault = decode(b"\xef\xbb\xbf\xef\xbb\xbfhello")
    assert isinstance(fault, Finding)
    assert fault.rule == "text-control-character"


@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_a_fault(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, Finding):
        assert decoded.message
        assert decoded.hint
    else:
        assert decoded.encode() == data.removeprefix(b"\xef\xbb\xbf")


@given(st.text(max_size=50), st.integers(min_value=0, max_value=50))
def test_position_finds_the_offset_again(text: str, offset: int) -> None:
    offset = min(offset, len(text))
    line, column = position(text, offset)
    lines = text.split("\n")
    assert sum(len(one) + 1 for one in lines[: line - 1]) + column - 1 == offset
