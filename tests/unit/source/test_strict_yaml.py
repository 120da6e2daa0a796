"""`strict_yaml`: plain data, every fault, what YAML would guess among them, and the place of each value."""

import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.folder import parsed
from wechat_campaigns.core.diagnostics import json_path
from wechat_campaigns.source.strict_yaml import read

SURPRISES = {
    "yaml-boolean": ["yes", "No", "ON", "off", "y", "N"],
    "yaml-number": [
        "010", "008", "-07", "0o10", "0_7", "20:00", "1:30:00", "+9:05", "22:00.5",
        "0x1F", "0XFF", "0b101", "1_000", "1_000.5", ".inf", "-.INF", ".NaN", "1234567890123456789", "9.90",
        "1e5", "1.5e3", ".5", "5.", "1.0000000000000000001", "1e400",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in SURPRISES.items() for text in texts]
)
def test_ambiguous_yaml_value_is_refused(rule: str, text: str) -> None:
    data, faults = read(f"a: 1\nkey: {text}\n")
    (fault,) = faults
    assert (fault.rule, fault.line, fault.column, fault.path) == (rule, 2, 6, ("key",))
    assert f"`{text}`" in fault.message
    assert data["key"] == text


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("content: 今晚 #秋茶# 到店", 13),
        ("content: #秋茶# 到店", 10),
        ("content: 奖品  #1", 14),
        ("- 奖品 #1", 6),
    ],
)
def test_a_hashtag_that_would_be_a_comment_is_refused(text: str, column: int) -> None:
    (fault,) = read(f"# 头\n{text}\n")[1]
    assert (fault.rule, fault.line, fault.column) == ("yaml-comment", 2, column)
    assert "秋茶" not in fault.message + fault.hint


@pytest.mark.parametrize(
    "text",
    [
        "tag: 会员 # 说明",
        "tag: 会员#1",
        "#tag: 会员\na: b",
        "tag: '今晚 #秋茶#' #x",
        "a: |\n  今晚 #秋茶#\n",
        "a: |  #x\n  今晚",
        "a: #x\n  b: c",
        "max_recipients: 200000 #上限",
        "is_to_all: true #x",
    ],
)
def test_a_comment_and_a_kept_hashtag_are_no_fault(text: str) -> None:
    assert not read(text)[1]


def test_many_blanks_are_read_in_linear_time() -> None:
    text = f'a: "{" " * 60_000}"\n'
    begun = time.process_time()
    assert not read(text)[1]
    assert time.process_time() - begun < 15


@pytest.mark.parametrize("sign", ["%", "@", "`"])
def test_a_sign_that_no_value_starts_with_is_named(sign: str) -> None:
    (fault,) = read(f"content: {sign}20 折\n")[1]
    assert (fault.rule, fault.line, fault.column) == ("yaml-syntax", 1, 10)
    assert f"`{sign}`" in fault.message


@pytest.mark.parametrize("text", [text for texts in SURPRISES.values() for text in texts])
def test_quoted_ambiguous_value_is_text(text: str) -> None:
    assert read(f"key: '{text}'") == read(f'key: "{text}"')
    assert read(f"key: '{text}'")[0] == {"key": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("9.9", 9.9),
        ("-0.5", -0.5),
        ("2026-12-01", "2026-12-01"),
        ("2026-12-01T19:00:00+08:00",) * 2,
        ("1.2.3", "1.2.3"),
        ("010-12345678", "010-12345678"),
        ("今晚", "今晚"),
        ("=", "="),
        ("none", "none"),
    ],
)
def test_plain_values_are_what_they_look_like(text: str, value: object) -> None:
    """Decimal numbers, true, false and null are themselves; all else is text."""
    data, faults = read(f"key: {text}")
    assert not faults
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_every_fault_of_a_yaml_file_is_reported() -> None:
    _data, faults = read("a: no\nb: 010\na: 1\nc: {<<: {d: e}}\n2: x\ne: !tag f\n")
    assert [fault.rule for fault in faults] == [
        "yaml-boolean",
        "yaml-number",
        "yaml-duplicate-key",
        "yaml-merge-key",
        "yaml-key",
        "yaml-tag",
    ]


def test_yaml_tag_builds_nothing_and_is_not_shown() -> None:
    (fault,) = read("a: !!python/object/apply:os.system [hunter2]")[1]
    assert fault.rule == "yaml-tag"
    assert "python" not in fault.message + fault.hint


def test_an_alias_is_its_value() -> None:
    assert read("a: &x [1]\nb: *x")[0] == {"a": [1], "b": [1]}


@pytest.mark.parametrize(
    "text", ["&a [*a]", "a: &a {b: *a}", "[" * 30 + "]" * 30, "[" * 100_000, "{a: " * 5000]
)
def test_depth_is_bounded(text: str) -> None:
    (fault,) = read(text)[1]
    assert fault.rule in ("yaml-too-deep", "yaml-syntax")


def test_fault_behind_an_anchor_is_reported_once() -> None:
    _data, faults = read("a: &x {b: yes, c: 0x1}\nd: *x\ne: [*x, *x]\n")
    assert [(f.rule, f.line, f.column, f.path) for f in faults] == [
        ("yaml-boolean", 1, 11, ("a", "b")),
        ("yaml-number", 1, 19, ("a", "c")),
    ]


def test_an_anchor_that_is_set_twice_is_named() -> None:
    (fault,) = read("a: &x 1\nb: &x 2\n")[1]
    assert (fault.rule, fault.line, fault.column) == ("yaml-alias", 2, 4)
    assert "defined twice" in fault.message


@pytest.mark.deep
def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    (fault,) = read("\n".join(lines))[1]
    assert fault.rule == "yaml-alias-bomb"


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-x年", min_size=1), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(json_like)
@settings(max_examples=60, deadline=None)
def test_what_pyyaml_writes_is_read_back(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=True)
    read_back, faults = read(text)
    if not faults:  # the writer leaves unquoted what only YAML 1.1 reads as text, such as y
        assert read_back == data


fragments = st.sampled_from(
    ["a: ", "b", "\n", "  ", "- ", "[", "]", "{", "}", ",", "&x ", "*x", "!t ", "<<: ", "|", ">", "'", '"',
     "\t", "010", "no", "? ", ": ", "#", "---\n", "...", "%YAML 1.1\n", "{{ v }}", "周", "\\", "@", "\u2028",
     "\x85"]
)  # fmt: skip


@given(st.lists(fragments, max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    for fault in read(text)[1]:
        assert fault.line >= 1
        assert fault.column >= 1
        assert fault.message
        assert fault.hint


TEXT = """\
# a comment

filter: {tag: 会员}
content: |

  第二行
  第三行
articles:
  - title: 春茶
    cover:
      file: a.png
folded: >
  one
  two
quoted: "a
  b"
"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, "3:1"),
        (("filter",), False, "3:9"),
        (("filter",), True, "3:1"),
        (("filter", "tag"), False, "3:15"),
        (("filter", "tag"), True, "3:10"),
        (("articles", 0), False, "9:5"),
        (("articles", 0, "cover", "file"), False, "11:13"),
        (("articles", 0, "author"), False, "9:5"),
        (("articles", 7, "title"), False, "9:3"),
        (("nowhere", "at", "all"), False, "3:1"),
    ],
)
def test_a_value_has_its_place(path: tuple[str | int, ...], key: bool, place: str) -> None:
    assert str(parsed(TEXT).location(path, key=key)) == f"campaigns/sale.yaml:{place}"


@pytest.mark.parametrize(
    ("path", "number", "place"),
    [
        (("content",), 1, "5:1"),
        (("content",), 2, "6:3"),
        (("content",), 3, "7:3"),
        (("folded",), 2, "14:3"),
        (("quoted",), 2, "16:3"),
        (("filter", "tag"), 1, "3:15"),
        (("filter", "tag"), 9, "3:15"),
    ],
)
def test_a_line_of_a_text_has_its_place(path: tuple[str | int, ...], number: int, place: str) -> None:
    assert str(parsed(TEXT).line_location(path, number)) == f"campaigns/sale.yaml:{place}"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ((), "$"),
        (("content", "articles", 0, "title"), "$.content.articles[0].title"),
        (("for_each", "北京"), "$.for_each.北京"),
        (("vars", "a b"), "$.vars['a b']"),
        (("vars", "it's"), "$.vars['it\\'s']"),
    ],
)
def test_a_path_is_written_as_jsonpath(path: tuple[str | int, ...], written: str) -> None:
    assert json_path(path) == written
