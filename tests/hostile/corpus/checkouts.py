"""Whole checkouts that want to be taken for something else: modules, repositories, states of the tool."""

# ruff: noqa: E501 (tables: a case a line)

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.hostile.corpus.case import Case, text
from tests.hostile.trap import Trap

RUNS = "open(r'@MARKER@-' + __name__, 'w').close()\n"
MODULES = (
    "sitecustomize.py", "usercustomize.py", "venv.py", "jinja2.py", "yaml.py", "runner.py", "click.py", "rich.py",
    "json.py", "re.py", "random.py", "typing.py", "requests.py", "lxml.py", "nh3.py", "PIL.py", "pip/__init__.py",
    "runner/wechat_campaigns/__init__.py", "runner/wechat_campaigns/__main__.py", "runner/wechat_campaigns/cli/__init__.py", "wechat_campaigns.py", "tinycss2.py",
    "markdown_it/__init__.py", "pygments/__init__.py", "encodings/__init__.py", "conftest.py", "setup.py",
)  # fmt: skip
PLAIN = {
    "git-attributes": {"campaigns/.gitattributes": "* filter=x diff=x textconv=x\n"},
    "git-modules": {".gitmodules": '[submodule "a"]\n\tpath = -u@MARKER@\n\turl = ext::touch @MARKER@\n'},
    "git-ignore": {"campaigns/.gitignore": "*\n!*\n"},
    "dot-env": {"campaigns/.env": "WECHAT_MAIN_SECRET=x\nPYTHONSTARTUP=x.py\n"},
    "dot-envrc": {".envrc": "touch @MARKER@\n"},
    "python-files": {"pyproject.toml": "[tool.campaign]\nx = 1\n", "setup.cfg": "[a]\n", "pip.conf": "[global]\n"},
    "python-path": {"campaigns/x.pth": "import os; os.system('touch @MARKER@')\n", "x.pth": "import os\n"},
    "pyvenv": {"pyvenv.cfg": "home = .\n", "campaigns/pyvenv.cfg": "home = .\n"},
    "babel": {"babel.cfg": "[extractors]\nx = os:system\n"},
    "editor": {".vscode/settings.json": '{"a": "$(touch @MARKER@)"}', ".editorconfig": "root = true\n"},
    "make": {"Makefile": "all:\n\ttouch @MARKER@\n", "campaigns/Makefile": "x := $(shell touch @MARKER@)\n"},
    "netrc": {".netrc": "machine 127.0.0.1 login x password y\n"},
    "workflow": {".github/workflows/a.yml": "on: pull_request_target\njobs: {a: {runs-on: x, steps: [{run: touch}]}}\n"},
    "partials": {"campaigns/_partials/a.txt": "{{ x.__class__ }}"},
    "theme": {"campaigns/_themes/default.css": "@import url(http://127.0.0.1:@PORT@/);*{background:url(//127.0.0.1)}"},
    "hooks": {"campaigns/.git/hooks/post-checkout": "#!/bin/sh\ntouch @MARKER@\n"},
    "state-text": {".campaign/sandbox.sqlite3": "this is no database\n"},
    "state-clean": {".campaign/clean-00000000.json": "[[[[" * 10_000},
    "state-folder": {".campaign/ledger.sqlite3/x": "a"},
}  # fmt: skip
EVIL_CONFIG = (
    "[core]\n\tbare = true\n\trepositoryformatversion = 0\n\tfsmonitor = \"touch @MARKER@; false\"\n\tpager = touch @MARKER@\n"
    "\tsshCommand = touch @MARKER@\n\thooksPath = hooks\n[diff]\n\texternal = touch @MARKER@\n[filter \"x\"]\n"
    "\tclean = touch @MARKER@\n\tsmudge = touch @MARKER@\n\tprocess = touch @MARKER@\n[diff \"x\"]\n\ttextconv = touch @MARKER@\n"
    "[credential]\n\thelper = !touch @MARKER@\n[remote \"origin\"]\n\turl = ext::touch @MARKER@\n[alias]\n"
    "\tstatus = !touch @MARKER@\n[include]\n\tpath = @TRAP@/secret.txt\n[gpg]\n\tprogram = touch\n"
)  # fmt: skip


def _repository(folder: str) -> Callable[[Trap], object]:
    """Lay the files of a repository, as ordinary files, into a folder of the checkout."""

    def make(trap: Trap) -> None:
        trap.write(f"{folder}/HEAD", "ref: refs/heads/main\n")
        trap.write(f"{folder}/config", EVIL_CONFIG)
        trap.write(f"{folder}/hooks/pre-commit", "#!/bin/sh\ntouch @MARKER@\n").chmod(0o755)
        for name in ("objects/pack", "refs/heads"):
            (trap.checkout / folder / name).mkdir(parents=True, exist_ok=True)
        trap.write("campaigns/.gitattributes", "* filter=x diff=x\n")

    return make


def _instead(path: str, target: str) -> Callable[[Trap], object]:
    """Put a link where the tool looks for a file or folder of its own."""

    def make(trap: Trap) -> None:
        link = trap.checkout / path
        if link.is_dir() and not link.is_symlink():
            link.rename(trap.folder / "moved")
        else:
            link.unlink(missing_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(trap.filled(target))

    return make


def _database(path: str, schema: str) -> Callable[[Trap], object]:
    """Commit a state file whose triggers and tables are a stranger's."""

    def make(trap: Trap) -> None:
        file = trap.checkout / path
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file)
        connection.executescript(schema)
        connection.close()

    return make


def _many(trap: Trap) -> None:
    """Ten thousand files that are not campaigns, and a thousand folders."""
    for number in range(1000):
        folder = trap.campaigns / f"f{number}"
        folder.mkdir()
        for name in ("a.txt", "b.md", "_c.yaml"):
            (folder / name).touch()


def _device(name: str) -> Callable[[Trap], object]:
    return lambda trap: os.mkfifo(Path(trap.checkout / name))


def cases() -> list[Case]:
    """Return the cases; each is a checkout of its own, planned offline by the console script inside it."""
    ordinary = {"c.yaml": text("a")}
    made: dict[str, Callable[[Trap], object]] = {
        "repository-in-campaigns": _repository("campaigns"),
        "repository-below": _repository("campaigns/inner"),
        "repository-git-folder": _repository("campaigns/.git"),
        "repository-is-the-checkout": _repository(".git"),
        "git-file": lambda trap: trap.write("campaigns/.git", "gitdir: ../evil\n"),
        "git-file-outside": lambda trap: trap.write("campaigns/.git", "gitdir: /etc\n"),
        "campaigns-is-a-link-out": _instead("campaigns", "@TRAP@"),
        "campaigns-is-a-link-to-git": _instead("campaigns", ".git"),
        "campaigns-is-a-link-to-root": _instead("campaigns", "/"),
        "settings-is-a-link": _instead("campaigns/_settings.yaml", "@TRAP@/secret.yaml"),
        "settings-is-a-device": _instead("campaigns/_settings.yaml", "/dev/zero"),
        "settings-is-a-fifo": _device("campaigns/_settings.yaml"),
        "partials-is-a-link": _instead("campaigns/_partials", "@TRAP@"),
        "themes-is-a-link": _instead("campaigns/_themes", "@TRAP@"),
        "state-is-a-link": _instead(".campaign", "@TRAP@/home"),
        "state-is-a-file": lambda trap: trap.write(".campaign", "x"),
        "state-is-a-fifo": _device(".campaign"),
        "state-database": _database(
            ".campaign/sandbox.sqlite3", "create table kv(k, v); create table job(x);"
        ),
        "ledger-database": _database(
            ".campaign/ledger.sqlite3",
            "pragma application_id = 2004372551; pragma user_version = 1; create table event(a, b, c);",
        ),
        "many-files": _many,
    }
    modules = {
        "modules-at-the-top": {f"../../{name}": RUNS for name in MODULES},
        "modules-in-campaigns": {f"../{name}": RUNS for name in MODULES},
        "modules-in-the-folder": dict.fromkeys(MODULES, RUNS),
    }
    plain = {name: {f"../../{path}": body for path, body in files.items()} for name, files in PLAIN.items()}
    # What is inert by nature lies in one checkout; a file of state has one of its own.
    inert = {
        path: body for name, files in plain.items() if "state" not in name for path, body in files.items()
    }
    plain = {name: files for name, files in plain.items() if "state" in name} | {"inert-files": inert}
    return [
        *(
            Case(name=name, files=ordinary, make=make, refused=None, alone=True)
            for name, make in made.items()
        ),
        *(
            Case(name=name, files={**ordinary, **files}, refused=None, alone=True)
            for name, files in {**modules, **plain}.items()
        ),
    ]
