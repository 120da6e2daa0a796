"""How much there is to read: each number may only fall, or rise together with the feature that needs it."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

from tests.support.source import ROOT, statements, trees
from tests.tools.make_catalog import catalogs
from tests.unit.test_layers import circles, edges

LINES = {
    "wechat_campaigns/protocol": 816,
    "wechat_campaigns/core": 4647,
    "wechat_campaigns/source": 2995,
    "wechat_campaigns/render": 7343,
    "wechat_campaigns/ledger": 4169,
    "wechat_campaigns/wechat": 2060,
    "wechat_campaigns/plan": 5246,
    "wechat_campaigns/send": 1487,
    "wechat_campaigns/report": 3964,
    "wechat_campaigns/guard": 1252,
    "wechat_campaigns/code_host": 706,
    "wechat_campaigns/notify": 608,
    "wechat_campaigns/fetch": 626,
    "wechat_campaigns/studio": 775,
    "wechat_campaigns/cli": 6428,
    "wechat_campaigns/run": 819,
    "wechat_sandbox": 4817,
    "wechat_campaigns/": 644,
    "tests": 64929,
    "catalog": 9210,
    "wechat_campaigns/translations": 42,
    "runner": 46,
    "wechat_campaigns/messages": 851,
}
"""Lines of Python by package, as the formatter leaves them."""
RUNNER = 50341
FILES = 234
RECORDS = 192
"""Dataclasses and named tuples."""
PAGES = 52
IMPORTS = 7.6
"""The share of lines in `runner/` that import something, in per cent."""
SHORT_FILES = 40
SHORT = {
    "wechat_campaigns/__main__.py",
    "wechat_sandbox/pytest_plugin.py",
}
"""Beside those that open a package or are a kind of message."""
CIRCLES = 0
"""Of files that import one another, inside functions and for type checkers too."""


@cache
def sources() -> dict[str, str]:
    folder = ROOT / "runner"
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted(folder.rglob("*.py"))}


def package(path: str) -> str:
    top, *below = path.split("/")[:-1] or ["runner"]
    return f"{top}/{''.join(below[:1])}" if top.endswith("campaigns") else top


def lines() -> Counter[str]:
    """Lines by package, of `LINES`."""
    found = Counter({"catalog": _count(catalogs()[0])})
    for path, source in sources().items():
        found[package(path)] += source.count("\n")
    found["tests"] = sum(map(_count, (ROOT / "tests").rglob("*.py")))
    return found


def totals() -> dict[str, float]:
    """What else there is, by the name of its number."""
    every = [node for tree in trees().values() for node in statements(tree)]
    imports = [node for node in every if isinstance(node, ast.Import | ast.ImportFrom)]
    count = sum(source.count("\n") for source in sources().values())
    share = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in imports) / count
    return {
        "RUNNER": count,
        "FILES": len(sources()),
        "RECORDS": sum(map(_is_record, every)),
        "PAGES": len(list((ROOT / "docs").rglob("*.md"))),
        "IMPORTS": round(100 * share, 1),
    }


def _count(path: Path) -> int:
    return path.read_text("utf-8").count("\n")


def test_nothing_grew() -> None:
    """Else see what could go; for a feature, `python -m tests.tools.make_budget` writes the numbers anew."""
    assert lines().keys() == LINES.keys()
    grown = {one: count for one, count in lines().items() if count > LINES[one]}
    assert grown | {one: count for one, count in totals().items() if count > globals()[one]} == {}


def _is_record(node: ast.AST) -> bool:
    if not isinstance(node, ast.ClassDef):
        return False
    words = " ".join(map(ast.unparse, (*node.decorator_list, *node.bases)))
    return "dataclass" in words or "NamedTuple" in words or "TypedDict" in words


def test_short_files_are_named() -> None:
    short = {path for path, source in sources().items() if 0 < source.count("\n") < SHORT_FILES}
    kinds = {path for path in short if "/messages/" in path}
    assert {path for path in short if not path.endswith("__init__.py")} - kinds == SHORT - kinds


def test_circles() -> None:
    assert len(circles(edges(typing=True))) <= CIRCLES
