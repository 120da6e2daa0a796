"""The source of the packages, for tests and tools that read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "runner"
PACKAGE, SANDBOX = RUNNER / "wechat_campaigns", RUNNER / "wechat_sandbox"


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module by its path; parsed once for all who ask, so none may change a tree."""
    files = sorted([*PACKAGE.rglob("*.py"), *SANDBOX.rglob("*.py")])
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def statements(node: ast.AST, *, typing: bool = True) -> Iterator[ast.AST]:
    """Every statement in a node, without the expressions, which are most of a tree."""
    blocks = ["body", "orelse", "finalbody", "handlers", "cases"]
    if not typing and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        blocks.remove("body")
    for block in blocks:
        for one in getattr(node, block, ()):
            yield one
            yield from statements(one, typing=typing)
