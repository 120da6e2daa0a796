"""The form shows what the schema knows and what the file has, and changes nothing by itself."""

import pytest

from tests.support.source import ROOT
from wechat_campaigns.core.diagnostics import KeyPath
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.messages import MSGTYPES
from wechat_campaigns.source.edit import Change, edit
from wechat_campaigns.source.schema import schema
from wechat_campaigns.source.strict_yaml import read
from wechat_campaigns.studio.form import OWN, form, groups

FILES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for folder in ("tests/campaigns/valid", "campaigns")
    for path in sorted((ROOT / folder).rglob("*.yaml"))
    if not path.name.startswith("_")
}


def properties(name: str) -> set[str]:
    return set(schema("campaign")["definitions"][name]["properties"])


SHAPES = [
    ("mpnews", "{articles: [{title: 春茶}]}", ("content", "articles", 0), properties("article")),
    ("mpnews", "{newspic: {title: 春茶}}", ("content", "newspic"), properties("newspic")),
    ("mpnews", "{draft: 春茶}", ("content",), {"draft"}),
    ("image", "{images: [{file: 1.jpg}]}", ("content",), properties("image") - {"media_id", "file", "name"}),
    ("image", "{media_id: M}", ("content",), {"media_id"}),
    ("mpvideo", "{media_id: M}", ("content",), properties("mpvideo")),
    ("voice", "{file: 1.mp3}", ("content",), {"file"}),
    ("wxcard", "{card_id: C}", ("content",), {"card_id"}),
    ("text", "{text_file: words.txt}", ("content",), {"text_file"}),
    ("text", "春茶", (), {"content"}),
]
"""Each kind of message in each of its shapes: where its fields stand, and which they are."""


@pytest.mark.parametrize(("msgtype", "content", "where", "keys"), SHAPES)
def test_every_key_of_the_schema_is_a_field(
    msgtype: str, content: str, where: KeyPath, keys: set[str]
) -> None:
    fields = form(f"filter: {{tag: 会员}}\nmsgtype: {msgtype}\ncontent: {content}\n")
    shown = [one.path for one in fields if one.path[0] == "content"]
    assert {path[-1] for path in shown} == keys
    assert {path[:-1] for path in shown} == {where}
    assert {one.path[0] for one in fields} | set(OWN) == set(schema("campaign")["properties"])
    assert all(one.label for one in fields)
    numbers = [number for group in groups(fields) for number in group["fields"]]
    assert sorted(numbers) == list(range(len(fields)))


def test_every_kind_is_tried_in_the_form() -> None:
    assert {msgtype for msgtype, *_rest in SHAPES} == set(MSGTYPES)


@pytest.mark.parametrize("name", FILES)
def test_a_form_that_is_saved_as_it_is_changes_no_byte(name: str) -> None:
    text = FILES[name]
    fields = form(text)
    shown = [Change(one.path, one.value) for one in fields if one.value is not None and one.type != "yaml"]
    assert edit(text, shown) == text
    assert set(read(text)[0]) <= {one.path[0] for one in fields} | set(OWN)


def test_what_has_no_message_is_refused() -> None:
    for text in ("", "[]", "msgtype: none\n", "a: [\n"):
        with pytest.raises(UsageError):
            form(text)
