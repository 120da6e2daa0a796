"""The commands of a family are in one module, which is imported only to run one of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import COMMANDS as EVERY
from wechat_campaigns import cli
from wechat_campaigns.cli.registry import FAMILIES, Command

FOLDER = Path(cli.__file__).parent
PROGRAM = """
import sys
from wechat_campaigns.cli.main import run
code = run(sys.argv[1:])
print(code, *sys.modules, file=sys.stderr)
"""


def families_loaded(*words: str, cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return {name for name in FAMILIES if f"wechat_campaigns.cli.{name}" in modules}


def test_the_lists_name_every_command() -> None:
    """A command that is not listed would be one that nobody can run."""
    written = sum(path.read_text("utf-8").count("\n@command(") for path in FOLDER.glob("*.py"))
    assert written == sum(isinstance(found, Command) for found in EVERY.values())


@pytest.mark.deep
@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (["--help"], set()),
        (["--version"], {"reference"}),
        (["ledger", "verify", "--help"], {"ledger"}),
        (["schema"], {"reference"}),
    ],
    ids=str,
)
def test_only_the_family_that_runs_is_imported(words: list[str], loaded: set[str], tmp_path: Path) -> None:
    assert families_loaded(*words, cwd=tmp_path) == loaded
