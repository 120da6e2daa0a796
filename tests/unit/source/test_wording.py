"""Every keyword of the schemas that can refuse has words."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.schema_texts import schema_words
from wechat_campaigns.core.errors import InvalidError
from wechat_campaigns.source.load import load_campaigns
from wechat_campaigns.source.schemas import findings, wording
from wechat_campaigns.source.schemas.findings import WORDS
from wechat_campaigns.source.schemas.store import schema
from wechat_campaigns.source.schemas.wording import clause, join_keys, value_hint
from wechat_campaigns.source.settings import load_settings
from wechat_campaigns.source.text import shorten

# Keywords that only annotate or combine; what they combine refuses by itself.
SILENT = {
    "$schema",
    "$comment",
    "$id",
    "$ref",
    "title",
    "description",
    "examples",
    "default",
    "definitions",
    "format",
    "properties",
    "items",
    "propertyNames",
    "patternErrorMessage",
    "allOf",
    "if",
    "then",
    "else",
}
MAPS_OF_SCHEMAS = {"properties", "definitions"}


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema inside a schema."""
    if not isinstance(node, dict):
        return
    yield node
    for key, value in node.items():
        if key in MAPS_OF_SCHEMAS:
            for below in value.values():
                yield from schemas(below)
        elif key == "allOf":
            for below in value:
                yield from schemas(below)
        elif key in ("items", "additionalProperties", "propertyNames", "if", "then", "else"):
            yield from schemas(value)


ALL = [*schemas(schema("campaign")), *schemas(schema("settings"))]


def test_every_keyword_has_words() -> None:
    used = {key for one in ALL for key in one}
    assert used - SILENT == set(WORDS)


def test_every_pattern_says_what_to_write() -> None:
    assert all(one.get("patternErrorMessage") for one in ALL if "pattern" in one)


@pytest.mark.parametrize(
    ("value", "wanted", "hint"),
    [
        ("true", ["boolean"], "write `key: true`, without quotes"),
        ("no", ["boolean"], "write `key: false`, without quotes"),
        (0, ["boolean"], "write `key: false`, without quotes"),
        ("12", ["integer"], "write `key: 12`, without quotes"),
        (2.0, ["integer"], "write `key: 2`"),
        ("1e999", ["integer"], "write a whole number, without quotes"),
        ("²", ["integer"], "write a whole number, without quotes"),
        (2026, ["string"], 'put it in quotes: "2026"'),
        (True, ["string"], 'put it in quotes: "true"'),
        ([], ["string"], "write it as a single text"),
        ("x", ["array"], "write one entry per line, each after `- `"),
        ("x", ["object"], "write indented `key: value` lines below it"),
    ],
)
def test_a_value_of_the_wrong_kind_is_shown_right(value: object, wanted: list[str], hint: str) -> None:
    assert value_hint("key", value, wanted) == hint


def test_long_and_broken_texts_are_cut() -> None:
    assert shorten("周" * 100) == "周" * 39 + "…"
    assert shorten("a\nb\u202e") == "a\\nb\\u202e"


@pytest.mark.parametrize(
    ("keys", "text"), [(["a"], "`a`"), (["a", "b"], "`a` and `b`"), (["a", "b", "c"], "`a`, `b` and `c`")]
)
def test_keys_are_listed_as_in_a_sentence(keys: list[str], text: str) -> None:
    assert join_keys(keys) == text


def test_a_description_becomes_the_end_of_a_sentence() -> None:
    assert clause("The video's title.") == "the video's title"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("filter: {tag： 会员}", "write `tag: …`, with a half-width colon and a space"),
        ("filter:\n  tag：会员", "write `tag: …`, with a half-width colon and a space"),
        ("filter:\n  tag:会员", "write `tag: …`, with a space after the colon"),
        ("filter:\n\u3000\u3000tag: 会员", "indent with ordinary spaces, not full-width ones"),
    ],
)
def test_key_with_a_fullwidth_character_is_recognized(tmp_path: Path, written: str, hint: str) -> None:
    (tmp_path / "sale.yaml").write_text(f"{written}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8")
    assert hint in [problem.hint for problem in load_campaigns(tmp_path).problems]


def test_no_hint_repeats_the_beginning_of_a_secret() -> None:
    assert "oAbc" not in value_hint("openids", "oAbc:1", ["array", "object"])


MODULES = (findings, wording)
CASES = Path(__file__).parents[2]


def literals() -> set[str]:
    trees = [ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")) for module in MODULES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.deep
def test_every_text_of_a_schema_is_in_the_catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever text of a schema is translated, `schema_words` lists it: else it would stay English."""
    said: set[str] = set()
    for module in MODULES:
        monkeypatch.setattr(module, "_", lambda message: said.add(message) or message, raising=False)
    for case in CASES.glob("campaigns/invalid/*.yaml"):
        shutil.copy(case, tmp_path)
    load_campaigns(tmp_path)
    for case in CASES.glob("settings/invalid/*.yaml"):
        shutil.copy(case, tmp_path / "_settings.yaml")
        with pytest.raises(InvalidError):
            load_settings(tmp_path)
    from_schemas = said - literals()
    assert len(from_schemas) > 20
    assert from_schemas <= set(schema_words())
