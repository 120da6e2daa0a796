"""`validate` under mutation: what the schema refuses is told, no more; what `accepts` takes, it takes too."""

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.folder import parsed
from wechat_campaigns.source.schema import SchemaName, accepts, schema
from wechat_campaigns.source.schema_findings import UNWORDED, validator
from wechat_campaigns.source.settings import cross_findings
from wechat_campaigns.source.strict_yaml import Document, read
from wechat_campaigns.source.validate import Campaign, check_campaign, find, in_file_order

pytestmark = pytest.mark.deep

TESTS = Path(__file__).parents[2]
CAMPAIGNS = [read(path.read_text())[0] for path in sorted((TESTS / "campaigns/valid").glob("*.yaml"))]
SETTINGS = [read(path.read_text())[0] for path in sorted((TESTS / "settings/valid").glob("*.yaml"))]
ORIGINALS = pytest.mark.parametrize(("name", "originals"), [("campaign", CAMPAIGNS), ("settings", SETTINGS)])
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


TAILS = ("\n", " ", "\u3000", "\u2028", "\u00a0", "\x1c", "é", "٣", "𝟙", "ſ", "\ud800")
"""What one engine's patterns may take for an end, a blank, a digit or a letter and another's not."""
MUTANTS = 2_500


def mutant(original: Any, chance: random.Random) -> Any:
    """Change one to three places of valid data: values, keys, and single characters of both."""
    data = copy.deepcopy(original)
    for _ in range(chance.randint(1, 3)):
        node = at(data, chance.choice(paths(data)))
        if isinstance(node, list):
            node.append(copy.deepcopy(chance.choice([*TEXTS, *OTHERS])))
        elif node and chance.random() < 0.7:
            alter(node, chance.choice(list(node)), chance)
        else:
            node[chance.choice(KEYS)] = copy.deepcopy(chance.choice([*TEXTS, *MOMENTS, *OTHERS]))
    return data


def alter(node: dict[Any, Any], key: Any, chance: random.Random) -> None:
    value = node.pop(key)
    match chance.choice(["drop", "key", "text", "number", "value"]):
        case "key":
            node[key + chance.choice(TAILS)] = value
        case "text":
            node[key] = value + chance.choice(TAILS) if isinstance(value, str) else str(value)
        case "number":
            node[key] = chance.choice([float(value), -value, 10**17]) if isinstance(value, int) else 1.0
        case "value":
            node[key] = copy.deepcopy(chance.choice([*TEXTS, *OTHERS, *CAMPAIGNS[:2]]))


def written(data: Any) -> Document:
    return parsed(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))


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


@ORIGINALS
def test_what_is_refused_has_problems(name: SchemaName, originals: list[Any]) -> None:
    chance = random.Random(name)
    for _ in range(MUTANTS // 10):
        data = mutant(chance.choice(originals), chance)
        if repr(TAILS[-1])[1:-1] not in repr(data):  # no file can hold it
            assert_both_agree(data, name)


@pytest.mark.parametrize("value", ["dropped", "misspelt", None, "x", 7, {}, []], ids=repr)
@ORIGINALS
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


@ORIGINALS
def test_quick_and_full_validator_agree(name: SchemaName, originals: list[Any]) -> None:
    chance = random.Random(name)
    taken = missed = 0
    for _ in range(MUTANTS):
        data = mutant(chance.choice(originals), chance)
        quick, whole = accepts(name, data), validator(name).is_valid(data)
        assert whole or not quick, data
        taken += quick
        missed += whole and not quick
    assert taken > MUTANTS / 25
    assert missed < taken / 4


@ORIGINALS
def test_quick_validator_accepts_every_valid_file(name: SchemaName, originals: list[Any]) -> None:
    assert [data for data in originals if not accepts(name, data)] == []
