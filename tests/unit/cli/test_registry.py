"""Each command is the module of its name, and is imported only to run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wechat_campaigns import cli
from wechat_campaigns.cli.registry import COMMANDS

FOLDER = Path(cli.__file__).parent
PROGRAM = """
import sys
from wechat_campaigns.cli.main import run
code = run(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""


def registering(folder: Path) -> set[str]:
    """The names of the modules and packages that register a command."""
    modules = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    found = [
        path for path in modules if "\n@command(" in (text := path.read_text("utf-8")) or "\n@group(" in text
    ]
    names = {path.parent.name if path.stem == "__init__" else path.stem for path in found}
    return {name.rstrip("_") for name in names} - {"main"}


def commands_loaded(*words: str, cwd: Path) -> set[str]:
    """The commands whose modules a run has imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return {name for name in COMMANDS if f"wechat_campaigns.cli.{name}" in modules}


def test_the_list_names_every_module_of_a_command() -> None:
    """A module that is not listed would be a command that nobody can run."""
    assert registering(FOLDER) == set(COMMANDS)


@pytest.mark.deep
@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["--help"], set()),
        (["--version"], {"version"}),
        (["ledger", "verify", "--help"], {"ledger"}),
        (["schema"], {"schema"}),
    ],
    ids=str,
)
def test_only_the_command_that_runs_is_imported(words: list[str], loaded: set[str], tmp_path: Path) -> None:
    assert commands_loaded(*words, cwd=tmp_path) == loaded
