"""Whatever authors, outdated clones, faults and people do in turn: no message goes out twice."""

from pathlib import Path
from unittest import mock

import pytest

from tests.support.playground import Playground
from tests.torture.history import History
from wechat_campaigns.protocol import decide
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import StreamState

MOVES = 40
QUICK, DEEP = 6, 100
SEEDS = [pytest.param(seed, marks=[pytest.mark.deep] if seed >= QUICK else []) for seed in range(DEEP)]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_history_sends_a_message_twice(playground: Playground, tmp_path: Path, seed: int) -> None:
    history = History(playground, tmp_path, seed)
    found = history.walked(MOVES)
    assert not found.faults, "\n".join((*found.faults, *history.told))


@pytest.mark.parametrize(
    ("where", "rule", "instead", "seed"),
    [
        (decide, "_moved", lambda *_: None, 2),
        (decide, "_other_form", lambda *_: None, 8),
        (StreamState, "aliases", lambda _self, first, *_: frozenset({normalize_id(first)}), 20),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_history_finds_what_a_rule_prevents(
    playground: Playground, tmp_path: Path, where: object, rule: str, instead: object, seed: int
) -> None:
    with mock.patch.object(where, rule, instead):
        assert History(playground, tmp_path, seed).play(MOVES)
