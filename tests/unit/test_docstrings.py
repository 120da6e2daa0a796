"""Docstrings and comments of the packages and their tests: modules that exist, constants that follow."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.support.source import PACKAGE, ROOT, comments, statements, trees

pytestmark = pytest.mark.slow

FILE = re.compile(r"(?<![\w./-])[\w./-]*\w\.py\b")
ENDINGS = {"yaml", "json", "js"}
DOTTED = re.compile(r"`([a-z_]+(?:\.\w+)+)`|\bwechat_campaigns((?:\.\w+)+)")
TEXT = re.compile(r'^ *"""(?=[\w`…])(.*?)"""', re.MULTILINE | re.DOTALL)
SOURCES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in (ROOT / "runner", ROOT / "tests")
    for file in folder.rglob("*.py")
}


def prose() -> Iterator[tuple[str, str]]:
    """Yield every comment and every string that stands alone, with its file."""
    for place, source in SOURCES.items():
        yield from ((place, text) for _line, text in comments(source))
        yield from ((place, found[1]) for found in TEXT.finditer(source))


def is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_modules_that_are_named_exist() -> None:
    ends = {
        "/".join(parts[i:]) for place in SOURCES for parts in [place.split("/")] for i in range(len(parts))
    }
    package = PACKAGE.relative_to(ROOT).as_posix() + "/"
    modules = {
        place.removeprefix(package).removesuffix(".py").replace("/", ".").removesuffix(".__init__"): source
        for place, source in SOURCES.items()
        if place.startswith(package)
    }
    heads = (
        {part for name in modules for part in name.split(".")} | sys.stdlib_module_names | {*dir(builtins)}
    )

    def exists(dotted: str) -> bool:
        head, _dot, last = dotted.rpartition(".")
        return dotted in modules or re.search(rf"\b{last}\b", modules.get(head, "")) is not None

    def unknown(place: str, text: str) -> Iterator[str]:
        yield from (m[0] for m in FILE.finditer(text) if m[0].lstrip("./") not in ends)
        for found in DOTTED.finditer(text):
            dotted = (found[1] or found[2]).removeprefix("wechat_campaigns").strip(".")
            head, last = dotted.partition(".")[0], dotted.rpartition(".")[2]
            # Two parts may be a setting or a field of a record: `policy.checks`, `plan.sends`.
            if found[2] or (dotted.count(".") > 1 and head in modules):
                yield from () if exists(dotted) else (dotted,)
            elif dotted.count(".") == 1 and head not in heads and last not in ENDINGS and "runner" in place:
                yield dotted

    assert [f"{place}: {name}" for place, text in prose() for name in unknown(place, text)] == []


def test_strings_under_an_assignment_explain_it() -> None:
    """One each, in the line below: of two in a row the second would explain what stands further up."""
    wrong = []
    for file, tree in trees().items():
        for node in (tree, *statements(tree)):
            body = getattr(node, "body", None)
            for above, text in pairwise(body) if isinstance(body, list) else ():
                is_explained = isinstance(above, ast.Assign | ast.AnnAssign)
                if is_text(text) and not (is_explained and text.lineno == (above.end_lineno or 0) + 1):
                    wrong.append(f"{file.relative_to(ROOT)}:{text.lineno}")
    assert wrong == []
