"""`accept` against the whole validator: whatever the quick one takes, `jsonschema` takes too."""

import copy
import random
from typing import Any

import pytest

from tests.unit.source.test_validate_fuzz import CAMPAIGNS, KEYS, MOMENTS, OTHERS, SETTINGS, TEXTS, at, paths
from wechat_campaigns.source.schema import SchemaName, accepts
from wechat_campaigns.source.schema_findings import validator

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


@pytest.mark.parametrize(("name", "originals"), [("campaign", CAMPAIGNS), ("settings", SETTINGS)])
@pytest.mark.deep
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


@pytest.mark.parametrize(("name", "originals"), [("campaign", CAMPAIGNS), ("settings", SETTINGS)])
def test_quick_validator_accepts_every_valid_file(name: SchemaName, originals: list[Any]) -> None:
    assert [data for data in originals if not accepts(name, data)] == []
