"""The list of mutants fits the program: each changes one place, each in a way of its own."""

import ast

import pytest

from tests.mutants.__main__ import PACKAGE, ROOT, stages_of
from tests.mutants.listed import LISTED


@pytest.mark.parametrize("name", LISTED)
def test_each_mutant_applies_to_one_place_and_changes_it(name: str) -> None:
    text = (ROOT / PACKAGE / name).read_bytes()
    plain = ast.dump(ast.parse(text))
    changed = [ast.dump(ast.parse(mutant.applied(text))) for mutant in LISTED[name]]
    assert plain not in changed
    assert len(set(changed)) == len(changed)


def test_there_are_enough_and_each_has_tests() -> None:
    assert sum(map(len, LISTED.values())) >= 150
    assert all(stages_of(name) for name in LISTED)
