"""The schemas and the records say the same, and the schemas are good schemas."""

import ast
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.schema_texts import schema_words
from tests.tools import make_schema
from tests.unit.source.test_problem_messages import of_campaigns, of_settings
from wechat_campaigns.core import model
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.messages import Article, Images, Newspic
from wechat_campaigns.source import schema_findings
from wechat_campaigns.source.schema import SchemaName, localized_schema_text, schema, schema_text
from wechat_campaigns.source.schema_findings import validator
from wechat_campaigns.source.validate import Campaign

MODULES = (schema_findings,)
NAMES: tuple[SchemaName, ...] = ("campaign", "settings", "accounts")
CAMPAIGN = schema("campaign")


def names(record: type) -> set[str]:
    return {field.name for field in fields(record)}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_explained_and_without_leftovers(name: SchemaName) -> None:
    whole = schema(name)
    Draft7Validator.check_schema(whole)
    assert whole["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert whole["$id"].endswith(f"/{name}.schema.json")
    assert whole["title"]
    assert [error for one in whole.get("examples", ()) for error in validator(name).iter_errors(one)] == []
    assert [part for part in whole["definitions"] if f'"#/definitions/{part}"' not in schema_text(name)] == []
    for part, node in {"": whole, **whole["definitions"]}.items():
        for path, shape in described(whole, node, part):
            assert 0 < len(shape.get("description", "").strip()) < 220, path
    patterns = [node for node in nodes(whole) if isinstance(node.get("pattern"), str)]
    assert patterns
    assert all(node.get("patternErrorMessage") for node in patterns)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(below)


def described(whole: dict[str, Any], node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, below in (node.get("properties", {}) if isinstance(node, dict) else {}).items():
        target = whole["definitions"][below["$ref"].rsplit("/", 1)[1]] if "$ref" in below else below
        yield f"{path}.{key}", target
        yield from described(whole, target, f"{path}.{key}")


def without_descriptions(node: Any) -> Any:
    if isinstance(node, list):
        return [without_descriptions(below) for below in node]
    if isinstance(node, dict):
        return {
            key: without_descriptions(below)
            for key, below in node.items()
            if not (key in ("description", "title") and isinstance(below, str))
        }
    return node


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("name", NAMES)
def test_an_editor_explains_every_key_in_chinese(name: SchemaName) -> None:
    assert localized_schema_text(name) == schema_text(name)
    set_language("zh")
    chinese = json.loads(localized_schema_text(name))
    assert without_descriptions(chinese) == without_descriptions(schema(name))
    assert is_chinese(chinese["title"])
    for part, node in {"": chinese, **chinese["definitions"]}.items():
        for path, shape in described(chinese, node, part):
            assert is_chinese(shape["description"]), path


def test_a_campaign_has_the_schemas_keys() -> None:
    assert set(CAMPAIGN["properties"]) == names(Campaign) - {"id", "file", "source", "accounts"}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("filter", names(model.Filter) - {"rows", "skip_unsubscribed"}),
        ("media", names(Media)),
        (
            "article",
            names(Article) - {"html", "images", "formulas"} | {"body", "theme", "ai_generated"},
        ),
        ("newspic", names(Newspic) | {"ai_generated"}),
        ("image", names(Images) | names(Media)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_has_the_fields_of_its_record(part: str, expected: set[str]) -> None:
    assert set(CAMPAIGN["definitions"][part]["properties"]) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_current(name: SchemaName) -> None:
    text = make_schema.texts()[f"{name}.schema.json"]
    assert text == schema_text(name), "run `python -m tests.tools.make_reference`"


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
    assert len([*of_campaigns(tmp_path), *of_settings(tmp_path)]) > 200
    from_schemas = said - literals()
    assert len(from_schemas) > 20
    assert from_schemas <= set(schema_words())
