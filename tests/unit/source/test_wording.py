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
from wechat_campaigns.source.schemas import findings
from wechat_campaigns.source.schemas.findings import WORDS
from wechat_campaigns.source.schemas.store import schema
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


def test_long_and_broken_texts_are_cut() -> None:
    assert shorten("周" * 100) == "周" * 39 + "…"
    assert shorten("a\nb\u202e") == "a\\nb\\u202e"


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


CASES = Path(__file__).parents[2]


def literals() -> set[str]:
    nodes = ast.walk(ast.parse(Path(str(findings.__file__)).read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.deep
def test_every_text_of_a_schema_is_in_the_catalog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever text of a schema is translated, `schema_words` lists it: else it would stay English."""
    said: set[str] = set()
    monkeypatch.setattr(findings, "_", lambda message: said.add(message) or message)
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
