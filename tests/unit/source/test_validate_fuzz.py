"""`validate` under mutation: what the schema refuses is always told, what it accepts is never refused."""

import copy
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wechat_campaigns.source.schema import SchemaName, schema
from wechat_campaigns.source.schema_findings import UNWORDED, validator
from wechat_campaigns.source.settings import cross_findings
from wechat_campaigns.source.strict_yaml import Document, parse_document, read
from wechat_campaigns.source.validate import Campaign, check_campaign, find, in_file_order

pytestmark = pytest.mark.deep

TESTS = Path(__file__).parents[2]
CAMPAIGNS = [read(path.read_text())[0] for path in sorted((TESTS / "campaigns/valid").glob("*.yaml"))]
SETTINGS = [read(path.read_text())[0] for path in sorted((TESTS / "settings/valid").glob("*.yaml"))]
KEYS = sorted(
    {
        key
        for whole in (schema("campaign"), schema("settings"))
        for part in (whole, *whole["definitions"].values())
        for key in part.get("properties", {})
    }
)
TEXTS = ["", "x", "true", "2", "{{ v }}", "a.md", "sandbox", "text", "mpnews", "wx0000000000000001"]
MOMENTS = ["2026-12-01T19:00:00+08:00", "2026-12-01T19:00:00"]
OTHERS = [
    None, True, False, 0, 1, -1, 2.0, 1.5, [], {}, ["x"], [{}], {"file": "a"}, {"media_id": "M"}, {"env": "X"}
]  # fmt: skip
VALUES = st.sampled_from(TEXTS + MOMENTS + OTHERS + CAMPAIGNS + SETTINGS)

BEYOND_THE_SCHEMA = {
    "window-empty", "impossible-date", "mpnews-only", "unknown-account", "unknown-environment",
    "unknown-time-zone", "repeat-order", "protected-repeat", "repeat-too-late", "quiet-hours-empty",
    "notify-incomplete", "notify-key", "ledger-of-real", "no-account",
}  # fmt: skip


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    below = [found for step, value in steps for found in paths(value, (*path, step))]
    return [path, *below] if isinstance(node, dict | list) else below


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


@st.composite
def mutated(draw: st.DrawFn, originals: list[Any]) -> Any:
    """Take valid data and set, drop or rename a few keys."""
    data = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 3))):
        node = at(data, draw(st.sampled_from(paths(data))))
        if isinstance(node, list):
            node.append(copy.deepcopy(draw(VALUES)))
            continue
        key = draw(st.sampled_from(sorted(node)) if node and draw(st.booleans()) else st.sampled_from(KEYS))
        match draw(st.sampled_from(["set", "drop", "rename"])):
            case "set":
                node[key] = copy.deepcopy(draw(VALUES))
            case "drop":
                node.pop(key, None)
            case _:
                node[draw(st.sampled_from(["x", key[:-1] or "y", *KEYS[:5]]))] = node.pop(key, None)
    return data


def written(data: Any) -> Document:
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    made = parse_document(text.encode(), id="x", file=PurePosixPath("x.yaml"), shown="campaigns/x.yaml")
    assert isinstance(made, Document)
    return made


def is_accepted(name: SchemaName, made: Document) -> bool:
    return not made.faults and bool(validator(name).is_valid(made.data))


def assert_both_agree(data: Any, name: SchemaName) -> None:
    """Fail when the schema and the words disagree about data, or when a problem has no words."""
    made = written(data)
    settings = in_file_order(made, find(made.data, "settings", cross_findings)) if name == "settings" else ()
    checked = check_campaign(made) if name == "campaign" else settings
    rules = set() if isinstance(checked, Campaign) else {problem.rule for problem in checked}
    assert UNWORDED not in rules
    if is_accepted(name, made):
        assert rules <= BEYOND_THE_SCHEMA
    else:
        assert rules


@given(mutated(CAMPAIGNS))
@settings(max_examples=250, deadline=None)
def test_a_refused_campaign_has_problems(data: Any) -> None:
    assert_both_agree(data, "campaign")


@given(mutated(SETTINGS))
@settings(max_examples=150, deadline=None)
def test_refused_settings_have_problems(data: Any) -> None:
    assert_both_agree(data, "settings")


@pytest.mark.parametrize("value", ["dropped", "misspelt", None, "x", 7, {}, []], ids=repr)
@pytest.mark.parametrize(("name", "originals"), [("campaign", CAMPAIGNS), ("settings", SETTINGS)])
def test_every_key_left_out_misspelt_or_of_another_type(
    name: SchemaName, originals: list[Any], value: object
) -> None:
    for original in originals:
        for path in paths(original):
            node = at(original, path)
            for key in list(node) if isinstance(node, dict) else ():
                data = copy.deepcopy(original)
                changed = at(data, path)
                old = changed.pop(key)
                if value == "misspelt":
                    changed[f"{key}x"] = old
                elif value != "dropped":
                    changed[key] = value
                assert_both_agree(data, name)
