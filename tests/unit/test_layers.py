"""Data flows one way: which room may import which, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "runner" / "wechat_campaigns"
MODULES = sorted(path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))
NETWORK = {"requests", "urllib3", "socket", "http", "urllib.request", "ssl"}
IO = NETWORK | {"subprocess", "sqlite3", "flask", "werkzeug", "psycopg", "os", "shutil", "tempfile", "time"}
PURE = (
    "errors", "model", "ports", "digest", "validate", "render", "wire", "resolve", "plan",
    "reading.text", "reading.nearest", "reading.sniff", "reading.yaml_words", "reading.strict_yaml",
    "reading.document", "reading.patterns",
    "schemas.findings", "schemas.wording", "schemas.phrases", "schemas.hints",
    "settings.checks", "settings.records", "templates.faults", "templates.placeholders",
    "rendering", "limits", "planning.quota", "planning.decide", "planning.budget", "policy",
    "sending", "article.stored", "preview", "status", "standing", "recall",
    "ledger.state", "ledger.events", "ledger.records", "ledger.names", "ledger.home",
    "protocol", "report", "compare", "promotion",
    "history", "calendar", "notify", "fmt", "scaffold", "wizard",
)  # fmt: skip
"""Rooms that touch neither disk nor network nor clock; what they need comes in as a parameter."""
SENDING = ("apply", "plan", "sending", "preview", "status", "pipeline", "wechat.client", "ledger")
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}


def name_of(module: Path) -> str:
    parts = module.with_suffix("").parts[1:]
    return ".".join(part for part in parts if part != "__init__")


def imports(module: Path) -> Iterator[str]:
    """Every module that a module imports, also inside functions; not what only type checkers see."""
    tree = ast.parse((PACKAGE.parent / module).read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


IMPORTS = {name_of(module): set(imports(module)) for module in MODULES}


def inside(name: str, *rooms: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def importers(*targets: str) -> set[str]:
    """The modules outside the targets that import one of them."""
    wanted = tuple(f"wechat_campaigns.{target}" for target in targets)
    return {
        name
        for name, found in IMPORTS.items()
        if not inside(name, *targets) and any(inside(one, *wanted) for one in found)
    }


def test_the_architecture_names_every_room_once():
    """Whoever meets a module finds it in the table of docs/architecture.md, and nothing there is gone."""
    text = (PACKAGE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    cells = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    named = [name.strip("`/") for cell in cells for name in cell.replace(" ", "").split(",")]
    rooms = {name.partition(".")[0] for name in IMPORTS} | {"starter"}
    assert sorted(named) == sorted(rooms - {"", "__main__"})


def test_every_module_was_read():
    """The test sees the package it judges."""
    assert len(IMPORTS) > 80
    assert "wechat_campaigns.core.digest" in IMPORTS["plan"]


@pytest.mark.parametrize("target", ["wechat.client", "wechat.transport", "wechat.token"])
def test_only_the_command_line_opens_the_platform(target: str):
    """Every other room gets an Api as a parameter."""
    assert all(inside(name, "cli", "wechat") for name in importers(target))


def test_the_protocol_can_be_read_alone():
    """What decides and makes a call rests on fingerprints and errors, and on nothing else of ours."""
    used = {one for name, found in IMPORTS.items() if inside(name, "protocol") for one in found}
    ours = {one for one in used if inside(one, "wechat_campaigns")}
    assert {
        one
        for one in ours
        if not inside(
            one, "wechat_campaigns.protocol", "wechat_campaigns.core.digest", "wechat_campaigns.core.errors"
        )
    } == set()


def test_only_the_command_line_picks_a_ledger():
    """Every other room gets a Ledger as a parameter."""
    backends = ("ledger.sqlite", "ledger.git", "ledger.postgres", "ledger.open")
    assert all(inside(name, "cli", "ledger") for name in importers(*backends))


def test_nobody_imports_the_command_line():
    """It wires rooms, and is wired by none; `api` is its other door, for programs."""
    assert importers("cli") <= {"__main__", "api"}
    assert importers("api") == set()


@pytest.mark.parametrize("room", [name for name in IMPORTS if inside(name, *PURE)])
def test_pure_rooms_do_no_io(room: str):
    """No disk, no network, no process, no clock."""
    assert not {one for one in IMPORTS[room] if inside(one, *IO)}


@pytest.mark.parametrize("room", [name for name in IMPORTS if inside(name, *PURE)])
def test_pure_rooms_ask_no_clock(room: str):
    """The present moment is a parameter too."""
    path = PACKAGE / f"{room.replace('.', '/')}.py"
    path = path if path.exists() else PACKAGE / room.replace(".", "/") / "__init__.py"
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call)]  # fmt: skip
    asked = [f for f in calls if isinstance(f, ast.Attribute) and f.attr in CLOCKS
             and isinstance(f.value, ast.Name) and f.value.id in ("datetime", "time", "date")]  # fmt: skip
    assert not asked


def test_network_is_in_few_rooms():
    """HTTP to the platform is in `wechat` alone; beside it only the edges open a connection."""
    allowed = ("wechat", "sandbox", "callback", "ci", "cli")
    reaching = {name for name, found in IMPORTS.items() if any(inside(one, *NETWORK) for one in found)}
    assert {name for name in reaching if not inside(name, *allowed)} == set()


def test_programs_are_started_in_two_rooms():
    """Git, and the command a user's settings name for a secret: with a clean environment, without a shell."""
    starting = {name for name, found in IMPORTS.items() if "subprocess" in found}
    assert starting == {"git", "settings.secret"}


def test_sandbox_stands_alone():
    """The emulator shares no rule with what it judges, and only the command line starts it."""
    assert all(inside(name, "cli") for name in importers("sandbox"))
    used = {one for name, found in IMPORTS.items() if inside(name, "sandbox") for one in found}
    assert not {one for one in used if inside(one, *(f"wechat_campaigns.{room}" for room in SENDING))}


def test_reports_are_strings():
    """A report neither asks nor tells the platform, nor writes."""
    used = {one for name, found in IMPORTS.items() if inside(name, "report") for one in found}
    assert not {
        one
        for one in used
        if inside(
            one, "wechat_campaigns.wechat.client", "wechat_campaigns.send.apply", "wechat_campaigns.cli"
        )
    }


def test_imports_run_one_way():
    """No two rooms import one another at the top of their files, however far around."""
    graph = {name: {one.removeprefix("wechat_campaigns.") for one in found if one.removeprefix("wechat_campaigns.") in IMPORTS}
             for name, found in IMPORTS.items()}  # fmt: skip
    rooms = {name: {one for one in found if one.partition(".")[0] != name.partition(".")[0]}
             for name, found in graph.items()}  # fmt: skip
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail, name])
        if name not in done:
            for one in rooms[name]:
                visit(one, (*trail, name))
            done.add(name)

    for name in rooms:
        visit(name, ())
