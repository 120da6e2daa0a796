"""The source of the packages, for tests and tools that read it."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "runner"
ARTICLE, PACKAGE, SANDBOX = (RUNNER / f"wechat_{name}" for name in ("article", "campaigns", "sandbox"))


COMMENT = re.compile(r"(?:^|[ \t])# ?(.*)$", re.MULTILINE)


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module by its path; parsed once for all who ask, so none may change a tree."""
    files = sorted([*ARTICLE.rglob("*.py"), *PACKAGE.rglob("*.py"), *SANDBOX.rglob("*.py")])
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in files}


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of what looks like a comment; reading tokens takes ten times as long."""
    for number, line in enumerate(source.splitlines(), 1):
        if "#" in line and (found := COMMENT.search(line)):
            yield number, found[1]


def statements(node: ast.AST, *, typing: bool = True) -> Iterator[ast.AST]:
    """Every statement in a node, without the expressions, which are most of a tree."""
    blocks = ["body", "orelse", "finalbody", "handlers", "cases"]
    if not typing and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        blocks.remove("body")
    for block in blocks:
        for one in getattr(node, block, ()):
            yield one
            yield from statements(one, typing=typing)
