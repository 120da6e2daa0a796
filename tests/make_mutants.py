"""Break one thing at a time in the rooms that decide, and count what the unit tests notice.

`python -m tests.make_mutants [--seed N] [--room TEXT] [MUTANTS_PER_ROOM]` works in a copy; survivors are
printed with their line. Another seed breaks other things.
"""

from __future__ import annotations

import argparse
import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = {
    "plan.py": ("test_plan.py", "test_decide.py", "test_apply.py", "test_apply_policy.py", "test_sharing.py"),
    "planning/decide.py": ("test_decide.py", "test_plan.py", "test_overtaken.py"),
    "planning/quota.py": ("test_quota.py", "policy", "test_plan.py"),
    "resolve.py": ("test_resolve.py", "test_plan.py", "test_apply.py"),
    "wire.py": ("test_wire.py", "test_uploads.py", "test_drafting.py", "test_apply.py"),
    "apply.py": ("test_apply.py", "test_apply_policy.py", "test_overtaken.py", "test_sharing.py"),
    "sending/posting.py": ("test_posting.py", "test_apply.py", "test_overtaken.py", "test_apply_policy.py"),
    "ledger/state.py": ("ledger/test_state.py", "ledger/test_told.py", "test_apply.py", "test_decide.py"),
    "ledger/sqlite.py": ("ledger/test_sqlite.py", "ledger/test_conformance.py", "-knot git and not postgres"),
    "limits/check.py": ("test_limits.py",),
    "policy/rules.py": ("policy", "test_apply_policy.py"),
    "policy/content.py": ("policy",),
}
OPPOSITE = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or,
    ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
}  # fmt: skip
TIMEOUT_S = 60


def main() -> None:
    asked = argparse.ArgumentParser(
        description="Break one thing at a time; count what the unit tests notice."
    )
    asked.add_argument("wanted", metavar="MUTANTS_PER_ROOM", type=int, nargs="?", default=30)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--room", default="", help="only rooms whose path holds this")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        copied = Path(name)
        for part in ("runner", "tests", "schema", "campaigns", "docs", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copied / part)
        for room, tests in ROOMS.items():
            if options.room in room:
                _report(copied, room, tests, wanted=options.wanted, seed=options.seed)


def _report(copied: Path, room: str, tests: tuple[str, ...], *, wanted: int, seed: int) -> None:
    file = copied / "runner" / "wechat_campaigns" / room
    source = file.read_text(encoding="utf-8")
    if not _passes(copied, tests):
        print(f"{room}: its tests do not pass unbroken", flush=True)
        return
    mutants = list(_mutants(ast.parse(source)))
    chosen = random.Random(seed).sample(mutants, min(wanted, len(mutants)))
    survivors = []
    for what, text in chosen:
        _write(file, text)
        if _passes(copied, tests):
            survivors.append(what)
    _write(file, source)
    print(f"{room}: {len(chosen) - len(survivors)} of {len(chosen)} noticed ({len(mutants)} possible)")
    print("".join(f"  survived {what}\n" for what in survivors), end="", flush=True)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    # Python trusts compiled code by size and whole second: two mutants of one second could look the same.
    for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
        compiled.unlink()


def _passes(copied: Path, tests: tuple[str, ...]) -> bool:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-qx",
        "-p",
        "no:cacheprovider",
        *(t if t.startswith("-") else f"tests/unit/{t}" for t in tests),
    ]
    try:
        done = subprocess.run(
            command, cwd=copied, capture_output=True, timeout=TIMEOUT_S, check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copied), "HOME": str(copied)},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _mutants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    # A record's `frozen=True` and the like: nothing assigns to records, so nothing would notice.
    settings = [d for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for d in node.decorator_list]
    passed_by = {id(part) for decorator in settings for part in ast.walk(decorator)}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in passed_by or not _break(copy.copy(node)):
            continue
        changed = copy.deepcopy(tree)
        there = list(ast.walk(changed))[number]
        _break(there)
        line = getattr(node, "lineno", 0)
        yield f"line {line}: {ast.unparse(node)} → {ast.unparse(there)}", ast.unparse(changed)


def _break(node: ast.AST) -> bool:
    match node:
        case ast.Compare(ops=[op]) if type(op) in OPPOSITE:
            node.ops = [OPPOSITE[type(op)]()]
        case ast.BoolOp(op=op):
            node.op = OPPOSITE[type(op)]()
        case ast.BinOp(op=op) if type(op) in OPPOSITE:
            node.op = OPPOSITE[type(op)]()
        case ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value)):
            node.value = value + 1
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            node.value = ast.Constant(None)
        case _:
            return False
    return True


if __name__ == "__main__":
    main()
