"""`parse_document`: data, and on demand the place of each value."""

from pathlib import PurePosixPath

import pytest

from wechat_campaigns.core.diagnostics import json_path
from wechat_campaigns.source.strict_yaml import Document, parse_document

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


def make(text: str = TEXT) -> Document:
    made = parse_document(
        text.encode(), id="sale", file=PurePosixPath("sale.yaml"), shown="campaigns/sale.yaml"
    )
    assert isinstance(made, Document)
    return made


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
    assert str(make().location(path, key=key)) == f"campaigns/sale.yaml:{place}"


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
    assert str(make().line_location(path, number)) == f"campaigns/sale.yaml:{place}"


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
