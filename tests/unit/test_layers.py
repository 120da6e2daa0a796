"""The packages in the order of the data: each imports from those before it, and from nothing else."""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import pytest

from tests.support.source import PACKAGE, ROOT, RUNNER, statements, trees
from tests.tools.make_architecture import PICTURE, picture

ORDER = (
    "wechat_article", "core", "protocol", "messages", "source", "render", "ledger", "wechat", "plan",
    "code_host", "guard", "workspace", "send", "report", "fetch", "notify", "run", "api",
)  # fmt: skip
"""Each may import from those to its left."""
STUDIO = ("wechat_article", "core", "protocol.keys", "messages", "source", "render", "report", "studio")
"""What the studio may import: what it shows and writes, and nothing that connects to WeChat or sends."""
NETWORK = {"requests", "urllib3", "socket", "http", "urllib.request", "ssl"}
IO = NETWORK | {"subprocess", "sqlite3", "flask", "werkzeug", "psycopg", "os", "shutil", "tempfile", "time"}
PURE = (
    "core.diagnostics", "core.errors", "core.model", "core.digest", "core.settings",
    "core.names", "core.redact", "core.content", "protocol", "messages",
    "core.sniff", "source.validate", "source.text", "source.yaml_messages", "source.strict_yaml",
    "source.fmt", "source.scaffold",
    "source.schema_findings",
    "render.render", "render.content", "render.openids", "render.scope",
    "ledger.fold", "ledger.events",
    "ledger.records", "wechat.payloads", "plan", "send",
    "report",
    "notify.notices",
)  # fmt: skip
"""Neither disk nor network nor clock; what they need comes in as a parameter."""
EDGES = ("plan.doctor", "plan.refresh", "send.apply")
"""They ask side by side in threads, or for installed libraries: still no disk, network or clock."""
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that a module imports: inside functions and for type checkers too."""
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import at line {node.lineno}"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def modules() -> dict[str, ast.Module]:
    return {module_name(path): tree for path, tree in trees().items()}


def module_name(path: Path) -> str:
    dotted = ".".join(path.relative_to(RUNNER).with_suffix("").parts)
    return dotted.removeprefix("wechat_campaigns.").removesuffix(".__init__")


@cache
def foreign() -> dict[str, set[str]]:
    return {name: set(imports(tree)) for name, tree in modules().items()}


@cache
def ours() -> dict[str, set[str]]:
    return {
        name: {one.removeprefix("wechat_campaigns.") for one in found} & set(modules())
        for name, found in foreign().items()
    }


def inside(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def test_nothing_stands_beside_the_packages_but_the_two_doors() -> None:
    flat = {name for name in ours() if "." not in name} - {*ORDER, "cli", "studio"}
    assert flat == {"__init__", "__main__", "wechat_sandbox"}


@pytest.mark.parametrize("package", [*ORDER, "wechat_sandbox", "studio"])
def test_a_package_imports_from_those_before_it_alone(package: str) -> None:
    """In functions too. `wechat_article` imports nothing of ours; `wechat_sandbox` shares `core` and a
    reader of HTML with what it judges, and no rule; `studio` cannot
    reach what connects, sends or writes."""
    allowed: tuple[str, ...] = ORDER[: ORDER.index(package) + 1] if package in ORDER else ()
    allowed = {"wechat_sandbox": ("wechat_article.text", "core", "wechat_sandbox"), "studio": STUDIO,
               "workspace": (*allowed, "wechat_sandbox")}.get(package, allowed)  # fmt: skip
    wrong = {(name, one) for name, found in ours().items() if inside(name, package)
             for one in found if not inside(one, *allowed)}  # fmt: skip
    assert wrong == set()


def circles(graph: Mapping[str, Set[str]]) -> set[frozenset[str]]:
    """Return the groups of modules of which each leads to each."""
    found = {name: _reached(name, graph) for name in graph}
    groups = {frozenset(one for one in found[name] if name in found[one]) for name in graph}
    return groups - {frozenset()}


def _reached(name: str, graph: Mapping[str, Set[str]]) -> set[str]:
    """Return the modules that an import of one leads to; itself, if it is in a circle."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        new = {one for one in graph[ahead.pop()] if one not in found}
        found |= new
        ahead += new
    return found


def edges(*, typing: bool) -> dict[str, set[str]]:
    """Return which modules each imports; those for type checkers too, or not."""
    found: dict[str, set[str]] = {}
    for name, tree in modules().items():
        mine = set()
        for node in statements(tree, typing=typing):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("wechat_"):
                base = str(node.module).removeprefix("wechat_campaigns.")
                whole = {f"{base}.{alias.name}" for alias in node.names}
                mine |= (whole & set(modules())) or {base}
        found[name] = mine & set(modules()) - {name}
    return found


def test_the_protocol_can_be_read_alone() -> None:
    """What decides and makes a call rests on fingerprints and errors, and on nothing else of ours."""
    used = {one for name, found in ours().items() if inside(name, "protocol") for one in found}
    assert {one for one in used if not inside(one, "protocol")} <= {"core", "core.digest", "core.errors"}


def test_only_the_workspace_opens_the_platform_and_a_ledger() -> None:
    """Everything else gets an Api and a Ledger as parameters; `cli` looks at what kind of ledger it is."""
    opening = {name for name, found in ours().items() if "wechat.client" in found}
    assert {name for name in opening if not inside(name, "wechat")} == {"workspace"}
    stores = ("ledger.sqlite", "ledger.git", "ledger.postgres", "ledger.open")
    picking = {name for name, found in ours().items() if found & set(stores) and not inside(name, "ledger")}
    assert picking <= {"workspace", "cli.doctor"}


def test_pure_modules_do_no_io() -> None:
    pure = {name for name in foreign() if inside(name, *PURE) and not inside(name, *EDGES)}
    assert len(pure) > 60
    wrong = {(name, one) for name in pure for one in foreign()[name] if inside(one, *IO)}
    assert wrong == set()


def test_pure_modules_ask_no_clock() -> None:
    asking = {name for name, tree in modules().items() if any(map(asks_a_clock, ast.walk(tree)))}
    assert len(asking) > 5
    assert {name for name in asking if inside(name, *PURE)} == set()


def asks_a_clock(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "time" | "date"), attr=name)):
            return name in CLOCKS
    return False


def test_network_is_in_few_packages() -> None:
    """HTTP to WeChat is in `wechat` alone; beside it only the edges open a connection.

    `core.sessions` opens none: it makes the sessions of these; `studio.writing` names the codes of answers.
    """
    reaching = {name for name, found in foreign().items() if any(inside(one, *NETWORK) for one in found)}
    allowed = (
        "core.sessions", "wechat", "wechat_sandbox", "code_host", "fetch", "notify", "cli", "studio.writing",
    )  # fmt: skip
    assert {name for name in reaching if not inside(name, *allowed)} == set()


def test_one_function_joins_a_host_and_a_port() -> None:
    joined = re.compile(r"host[^{}\n]*\}:\{", re.IGNORECASE)
    files = {file.name for file in trees() if joined.search(file.read_text(encoding="utf-8"))}
    assert files == {"hosts.py"}


def test_mass_calls_are_made_in_one_module() -> None:
    """A message goes out by way of the protocol."""
    calls = {"mass_send", "mass_sendall"}
    making = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in calls
    }
    assert making == {"send.posting"}


def test_programs_are_started_in_five_modules() -> None:
    starting = {name for name, found in foreign().items() if "subprocess" in found}
    assert starting == {
        "core.git", "source.secret", "guard.plan_checks", "cli.ci", "cli.studio",
    }  # fmt: skip


def test_the_architecture_names_every_package_once() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = [row.split("|")[1].strip(" `/") for row in text.splitlines() if row.startswith("| `")]
    assert sorted(named) == sorted({*ORDER, "cli", "wechat_sandbox", "studio"})


def test_every_path_of_the_architecture_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    recipes = text.partition("## Where to put the next")[2].partition("\n## ")[0]
    paths = [path for path in re.findall(r"`([\w/*.]+)`", recipes) if "/" in path]
    rows = [row.split("|") for row in text.splitlines() if row.startswith("| `")]
    paths += [f"{row[1].strip(' `')}/{name}" for row in rows for name in re.findall(r"`([\w.]+)`", row[3])]
    assert len(paths) > 25
    assert [one for one in paths if not any([*root.glob(one)] for root in (PACKAGE, RUNNER, ROOT))] == []


def test_the_picture_of_the_packages_is_current() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture()


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
