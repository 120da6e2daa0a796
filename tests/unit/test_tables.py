"""A table by the members of an enum has all of them, or is asked in a way that allows for none."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from tests.support.source import PACKAGE, RUNNER, trees
from wechat_campaigns.core.diagnostics import Level
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.plan.doctor import Severity
from wechat_campaigns.report import problems, terminal
from wechat_campaigns.send.outcome import Result
from wechat_campaigns.studio.data import TONES

LEVELS = set(get_args(Level))
BY_VALUE = {
    "STYLES": (terminal.STYLES, {*PlanAction, *Result, *Severity} | LEVELS),
    "SEVERITY": (problems.SEVERITY, LEVELS),
}
"""Tables whose keys are strings, and what is looked up in them."""
BY_PART = {"_ORIGINS"}
"""Asked for the kinds that begin a send, which it lists itself."""
FEWEST = 2
"""Strings that are values of one enum: fewer may be so by chance."""


def members(enum: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for one in enum.body:
        if isinstance(one, ast.Assign):
            names = one.targets[0].elts if isinstance(one.targets[0], ast.Tuple) else one.targets
            values = one.value.elts if isinstance(one.value, ast.Tuple) else [one.value]
            yield from (
                (ast.unparse(name), str(ast.literal_eval(v))) for name, v in zip(names, values, strict=True)
            )


ENUMS = {
    node.name: dict(members(node))
    for tree in trees().values()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Enum") for base in node.bases)
}


def keys(table: ast.Dict) -> Iterator[ast.expr]:
    """The keys of a literal, those of `**dict.fromkeys((…), …)` too."""
    for key, value in zip(table.keys, table.values, strict=True):
        if key is not None:
            yield key
        elif isinstance(value, ast.Call) and isinstance(value.args[0], ast.Tuple):
            yield from value.args[0].elts


def lacking(table: ast.Dict) -> set[str]:
    """The members that a table lacks of the enums of its keys."""
    found = defaultdict(set)
    for key in keys(table):
        enum, _dot, name = ast.unparse(key).rpartition(".")
        found[enum.rpartition(".")[2]].add(name)
    return {
        f"{enum}.{name}" for enum in found.keys() & ENUMS.keys() for name in ENUMS[enum].keys() - found[enum]
    }


def values(table: ast.Dict) -> set[str]:
    """The strings among the keys, where several are values of one enum."""
    texts = {key.value for key in keys(table) if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return texts if any(len(texts & set(enum.values())) >= FEWEST for enum in ENUMS.values()) else set()


def asked(tree: ast.Module) -> set[str | ast.Dict]:
    """The tables that a module subscripts with what it does not know: their names, or the literals."""
    return {
        node.value.id if isinstance(node.value, ast.Name) else node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        if isinstance(node.value, ast.Name | ast.Dict) and not isinstance(node.slice, ast.Constant)
        if ast.unparse(node.slice).rpartition(".")[0].rpartition(".")[2] not in ENUMS
    }


def imported(tree: ast.Module) -> set[str]:
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}


ASKED = {path: asked(tree) for path, tree in trees().items()}
IMPORTED = {path: imported(tree) for path, tree in trees().items()}


def tables() -> Iterator[tuple[Path, str, ast.Dict]]:
    """Every literal that is asked for what the code does not know, with its name."""
    for path, tree in trees().items():
        everywhere = {name for other, names in ASKED.items() for name in names & IMPORTED[other]} | ASKED[
            path
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and node in ASKED[path]:
                yield path, str(node.lineno), node
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                name = ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
                if name in everywhere:
                    yield path, name, node.value


def test_table_that_is_subscripted_has_every_member() -> None:
    found: Mapping[str, set[str]] = {
        f"{path.relative_to(RUNNER)}:{name}": missing
        for path, name, table in tables()
        if name not in BY_PART and (missing := lacking(table))
    }
    assert found == {}


def test_table_of_strings_says_what_is_looked_up_in_it() -> None:
    assert {name for _path, name, table in tables() if name.isupper() and values(table)} == set(BY_VALUE)
    assert {
        name: wanted - set(table) for name, (table, wanted) in BY_VALUE.items() if wanted - set(table)
    } == {}


def test_each_tone_of_the_studio_has_a_style() -> None:
    css = (PACKAGE / "studio" / "static" / "studio.css").read_text(encoding="utf-8")
    assert {tone for tone in TONES.values() if f".dot.{tone}" not in css} == set()
