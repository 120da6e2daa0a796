"""A shell that loads the script completes commands, options and campaign ids."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from runner.cli.completing import VARIABLE
from runner.cli.main import campaign, run
from runner.errors import Exit

ROOT = Path(__file__).parents[3]


def offered(words: list[str], incomplete: str) -> list[str]:
    found = ShellComplete(campaign, {}, "campaign", VARIABLE).get_completions(words, incomplete)
    return [item.value for item in found]


def test_commands_are_offered() -> None:
    """Without a command yet, commands are offered and not the ids of `plan`."""
    assert {"plan", "apply", "init"} <= set(offered([], ""))
    assert offered([], "app") == ["apply"]


@pytest.mark.parametrize("command", ["plan", "apply", "validate", "render", "preview", "status"])
def test_ids_are_offered(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns of the folder in use, by what is typed so far."""
    monkeypatch.chdir(ROOT)
    assert offered([command], "autumn/t") == ["autumn/tasting"]


def test_ids_come_from_the_folder_named(tmp_path: Path) -> None:
    """`--dir` counts, and a folder that is not there offers nothing."""
    (tmp_path / "sale.yaml").touch()
    assert offered(["plan", "--dir", str(tmp_path)], "") == ["sale"]
    assert offered(["plan", "--dir", str(tmp_path / "none")], "") == []


def test_options_are_offered() -> None:
    """Long options too."""
    assert offered(["plan"], "--off") == ["--offline"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each shell gets a script, and one that is here takes it without complaint."""
    assert run(["completion", shell]) == Exit.OK
    script = capsys.readouterr().out
    assert VARIABLE in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
