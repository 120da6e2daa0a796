"""Every interleaving of the real protocol, and a counterexample for each rule that is switched off."""

import pytest

from tests.protocol.model import Scenario, search
from tests.protocol.scenarios import SCENARIOS, SWITCHED_OFF

FAR = (
    "the window counts from the first call",
    "a resend is of the send decided on",
    "the deadline of a call",
)
"""Rules without which a promise breaks only seconds into the search."""


@pytest.mark.parametrize("most", [3_000, pytest.param(12_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_interleaving_breaks_the_promise(scenario: Scenario, most: int):
    found = search(scenario, most=most)
    assert not found.broken, "\n".join((found.broken, *found.story))
    assert found.complete or found.states >= most


@pytest.mark.parametrize(
    "rule", [pytest.param(rule, marks=pytest.mark.deep if rule in FAR else ()) for rule in SWITCHED_OFF]
)
def test_promise_breaks_without_this_rule(rule: str):
    name, switched_off = SWITCHED_OFF[rule]
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    with switched_off():
        found = search(scenario, most=60_000)
    assert found.broken
    assert len(found.story) <= 15, "\n".join(found.story)
