"""`text`: bytes become text, or the reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core.diagnostics import Finding
from wechat_campaigns.source.text import decode


@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_a_fault(data: bytes) -> None:
    decoded = decode(data)
    if isinstance(decoded, Finding):
        assert decoded.message
        assert decoded.hint
    else:
        assert decoded.encode() == data.removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("data", "read"),
    [("今晚 20:00\r\n开始\t🎉\n".encode(), "今晚 20:00\r\n开始\t🎉\n"), (b"\xef\xbb\xbfhello", "hello")],
)
def test_utf8_is_read_as_it_is_without_the_mark_of_a_windows_editor(data: bytes, read: str) -> None:
    assert decode(data) == read


@pytest.mark.parametrize(
    ("data", "rule", "place"),
    [
        ("a\nb: 周年庆".encode("gbk"), "text-encoding", (2, 4)),
        (b"caf\xe9 \xff\xff", "text-encoding", (1, 4)),
        ("一二三\x00".encode(), "text-control-character", (1, 4)),
        ("春\ufdd0茶".encode(), "text-control-character", (1, 2)),  # an article would show another
        (b"\xef\xbb\xbf\xef\xbb\xbfhello", "text-control-character", (1, 1)),  # invisible to followers
        (b"PK\x03\x04\x14\0\xff", "text-document", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "text-document", None),
        (b"%PDF-1.7\n%\xe2\xe3", "text-document", None),
    ],
)
def test_other_bytes_are_a_fault_at_their_place(
    data: bytes, rule: str, place: tuple[int, int] | None
) -> None:
    fault = decode(data)
    assert isinstance(fault, Finding)
    assert fault.rule == rule
    assert place in (None, (fault.line, fault.column))
    assert ("GBK" in fault.message) is ("周年庆".encode("gbk") in data)
