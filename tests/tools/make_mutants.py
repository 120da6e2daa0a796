"""Break one thing at a time in the modules that decide, and count what their tests notice.

`python -m tests.tools.make_mutants [--seed N] [--module TEXT] [MUTANTS_PER_MODULE]` works in a copy;
survivors are printed with their line. Another seed breaks other things.
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

ROOT = Path(__file__).parents[2]
MODULES = {
    "protocol/decide.py": ("protocol/test_decide.py", "protocol/test_attempt.py"),
    "protocol/state.py": ("protocol/test_state.py", "protocol/test_attempt.py"),
    "plan/plan.py": ("unit/plan/test_plan.py", "unit/plan/test_stored_intent.py", "unit/send"),
    "plan/planner.py": (
        "unit/plan/test_planner.py",
        "unit/plan/test_plan.py",
        "unit/plan/test_decision.py",
        "unit/plan/test_policy.py",
        "unit/send",
    ),
    "plan/unknown_sends.py": ("unit/plan/test_unknown_sends.py", "unit/plan/test_plan.py"),
    "plan/decision.py": ("unit/plan/test_decision.py", "unit/plan/test_plan.py"),
    "plan/hints.py": ("unit/plan/test_decision.py", "unit/plan/test_plan.py"),
    "plan/quota.py": ("unit/plan/test_quota.py", "unit/plan/test_policy.py", "unit/plan/test_plan.py"),
    "plan/resolve.py": ("unit/plan/test_resolve.py", "unit/plan/test_plan.py", "unit/send/test_apply.py"),
    "plan/policy/rules.py": ("unit/plan/test_policy.py", "unit/send/test_apply_policy.py"),
    "plan/policy/content.py": ("unit/plan/test_policy.py",),
    "wechat/payloads.py": ("unit/wechat/test_payloads.py", "unit/send"),
    "send/apply.py": ("unit/send",),
    "send/account_run.py": ("unit/send",),
    "send/posting.py": ("unit/send",),
    "ledger/fold.py": (
        "unit/ledger/test_fold.py",
        "unit/ledger/test_fold_callbacks.py",
        "unit/send",
        "unit/plan",
    ),
    "ledger/sqlite.py": (
        "unit/ledger/test_sqlite.py",
        "unit/ledger/test_conformance.py",
        "-knot git and not postgres",
    ),
    "render/limits/check.py": ("unit/render/test_limits.py",),
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
    asked.add_argument("wanted", metavar="MUTANTS_PER_MODULE", type=int, nargs="?", default=30)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--module", default="", help="only modules whose path holds this")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        copied = Path(name)
        for part in ("runner", "tests", "schema", "campaigns", "docs", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copied / part)
        for module, tests in MODULES.items():
            if options.module in module:
                _report(copied, module, tests, wanted=options.wanted, seed=options.seed)


def _report(copied: Path, module: str, tests: tuple[str, ...], *, wanted: int, seed: int) -> None:
    file = copied / "runner" / "wechat_campaigns" / module
    source = file.read_text(encoding="utf-8")
    if not _passes(copied, tests):
        print(f"{module}: its tests do not pass unbroken", flush=True)
        return
    mutants = list(_mutants(ast.parse(source)))
    chosen = random.Random(seed).sample(mutants, min(wanted, len(mutants)))
    survivors = []
    for what, text in chosen:
        _write(file, text)
        if _passes(copied, tests):
            survivors.append(what)
    _write(file, source)
    print(f"{module}: {len(chosen) - len(survivors)} of {len(chosen)} noticed ({len(mutants)} possible)")
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
        *(t if t.startswith("-") else f"tests/{t}" for t in tests),
    ]
    try:
        done = subprocess.run(
            command, cwd=copied, capture_output=True, timeout=TIMEOUT_S, check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copied / "runner"), "HOME": str(copied)},
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
