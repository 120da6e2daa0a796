"""Every interleaving of the real protocol, and a counterexample for each rule that is switched off."""

import pytest

from tests.protocol.model import search
from tests.protocol.scenarios import SCENARIOS
from tests.protocol.switched_off import FAR, RULES
from tests.protocol.world import Scenario


@pytest.mark.parametrize("most", [3_000, pytest.param(12_000, marks=pytest.mark.deep)])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_interleaving_breaks_the_promise(scenario: Scenario, most: int):
    found = search(scenario, most=most)
    assert not found.broken, "\n".join((found.broken, *found.story))
    assert found.complete or found.states >= most


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.deep if name in FAR else ()) for name in RULES]
)
def test_promise_breaks_without_this_rule(name: str):
    rule = RULES[name]
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == rule.scenario)
    with rule.off():
        found = search(scenario, most=60_000)
    assert found.broken
    assert len(found.story) <= 15, "\n".join(found.story)


def test_each_scenario_is_needed_or_is_about_what_may_happen():
    """A name that no scenario has would search nothing."""
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names)
    assert {rule.scenario for rule in RULES.values()} <= set(names)
