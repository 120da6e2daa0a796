"""How much there is to read: ceilings in round numbers, so that two changes seldom write the same line."""

import ast
from collections import Counter

from tests.support.source import ROOT, statements, trees
from tests.tools.make_catalog import catalogs
from tests.unit.test_layers import circles, edges

CEILINGS = {
    "runner/wechat_campaigns": 44_600,
    "runner/wechat_article": 5_200,
    "runner/wechat_sandbox": 4_500,
    "runner": 100,
    "tests": 67_000,
    "catalog": 10_100,
    "files": 250,
    "records": 215,
    "pages": 54,
    "imports in %": 8,
    "circles": 0,
}
"""Lines of Python by what lies in `runner/`, of the tests and of the Chinese catalog; files, dataclasses and
named tuples, and the share of lines that import something, of `runner/`; pages of docs; circles of files that
import one another, inside functions and for type checkers too. One rises only for a feature that needs it.
"""
SHORT_FILES = 40
SHORT = {
    "wechat_campaigns/__main__.py",
    "wechat_sandbox/pytest_plugin.py",
}
"""Beside those that open a package or are a kind of message."""


def sources() -> dict[str, str]:
    folder = ROOT / "runner"
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in sorted(folder.rglob("*.py"))}


def counts() -> dict[str, int]:
    found = Counter({"catalog": _count("catalog"), "tests": _count("tests")})
    for path, source in sources().items():
        found[f"runner/{path.split('/')[0]}" if "/" in path else "runner"] += source.count("\n")
    every = [node for tree in trees().values() for node in statements(tree)]
    imports = [node for node in every if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = sum((node.end_lineno or node.lineno) - node.lineno + 1 for node in imports)
    return {
        **found,
        "files": len(sources()),
        "records": sum(map(_is_record, every)),
        "pages": len(list((ROOT / "docs").rglob("*.md"))),
        "imports in %": 100 * lines // sum(source.count("\n") for source in sources().values()),
        "circles": len(circles(edges(typing=True))),
    }


def _count(what: str) -> int:
    files = catalogs()[:1] if what == "catalog" else (ROOT / what).rglob("*.py")
    return sum(path.read_text("utf-8").count("\n") for path in files)


def test_nothing_grew() -> None:
    """Else see what could go; a ceiling rises for a feature alone, to the next round number."""
    assert counts().keys() == CEILINGS.keys()
    assert {one: count for one, count in counts().items() if count > CEILINGS[one]} == {}


def _is_record(node: ast.AST) -> bool:
    if not isinstance(node, ast.ClassDef):
        return False
    words = " ".join(map(ast.unparse, (*node.decorator_list, *node.bases)))
    return "dataclass" in words or "NamedTuple" in words or "TypedDict" in words


def test_short_files_are_named() -> None:
    short = {path for path, source in sources().items() if 0 < source.count("\n") < SHORT_FILES}
    kinds = {path for path in short if "/messages/" in path}
    assert {path for path in short if not path.endswith("__init__.py")} - kinds == SHORT - kinds
