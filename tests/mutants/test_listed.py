"""The list of mutants fits the program: each changes one place, and leaves something that Python can read."""

import ast

import pytest

from tests.mutants.__main__ import PACKAGE, ROOT, stages_of
from tests.mutants.listed import LISTED


@pytest.mark.parametrize("name", LISTED)
def test_each_mutant_applies_to_one_place_and_changes_it(name: str) -> None:
    text = (ROOT / PACKAGE / name).read_text(encoding="utf-8")
    places = {mutant: text.count(mutant.old) for mutant in LISTED[name]}
    assert {mutant.old: count for mutant, count in places.items() if count != 1} == {}
    plain = ast.dump(ast.parse(text))
    for mutant in places:
        assert ast.dump(ast.parse(text.replace(mutant.old, mutant.new))) != plain, mutant.old


def test_no_mutant_stands_twice() -> None:
    for name, mutants in LISTED.items():
        changes = [(mutant.old, mutant.new) for mutant in mutants]
        assert len(set(changes)) == len(changes), name


def test_there_are_enough_and_each_has_tests() -> None:
    assert sum(map(len, LISTED.values())) >= 150
    assert all(stages_of(name) for name in LISTED)
