"""A shell that loads the script completes commands, options and campaign ids."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from wechat_campaigns.cli.main import campaign, run
from wechat_campaigns.cli.options import VARIABLE
from wechat_campaigns.core.errors import ExitCode

ROOT = Path(__file__).parents[3]
SETTINGS = """\
environments:
  staging: {api: sandbox}
  production:
    api: https://api.weixin.qq.com
    accounts:
      main: {kind: service, appid: wx1234567890abcdef, secret: {env: MAIN}}
      side: {kind: service, appid: wx1234567890abcde0, secret: {env: SIDE}}
testers: {小李: {wxname: xiaoli}}
"""


def offered(words: list[str], incomplete: str) -> list[str]:
    found = ShellComplete(campaign, {}, "campaign", VARIABLE).get_completions(words, incomplete)
    return [item.value for item in found]


def test_commands_and_options_are_offered() -> None:
    assert {"plan", "apply", "init"} <= set(offered([], ""))
    assert offered(["plan"], "--off") == ["--offline"]


@pytest.mark.parametrize("command", ["plan", "apply", "validate", "render", "preview", "status"])
def test_ids_are_offered(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert offered([command], "autumn/t") == ["autumn/tasting"]


def test_ids_come_from_the_folder_named(tmp_path: Path) -> None:
    (tmp_path / "sale.yaml").touch()
    assert offered(["plan", "--dir", str(tmp_path)], "") == ["sale"]
    assert offered(["plan", "--dir", str(tmp_path / "none")], "") == []


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (["plan", "--env"], "", ["staging", "production", "sandbox"]),
        (["apply", "--env"], "prod", ["production"]),
        (["hold", "--env", "production"], "", ["main", "side"]),
        (["unhold", "--env", "production"], "s", ["side"]),
        (["recall", "sale", "--env", "production", "--account"], "m", ["main"]),
        (["preview", "sale", "--to"], "小", ["小李"]),
    ],
)
def test_names_of_the_settings_are_offered(
    words: list[str], typed: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaigns").mkdir()
    settings = tmp_path / "campaigns" / "_settings.yaml"
    settings.write_text(SETTINGS, encoding="utf-8")
    assert offered(words, typed) == told
    settings.write_text("environments: 7", encoding="utf-8")
    assert offered(words, typed) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_the_script_names_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == ExitCode.OK
    script = capsys.readouterr().out
    assert VARIABLE in script
    if shell != "powershell" and shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, env={"PATH": "/usr/bin:/bin"})


def test_powershell_gets_what_it_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "powershell_complete")
    monkeypatch.setenv("COMP_WORDS", "campaign cal")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        run([])
    kind, word, text = capsys.readouterr().out.splitlines()
    assert (kind, word) == ("plain", "calendar")
    assert text.startswith("Show a month")
