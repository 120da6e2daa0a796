"""Options that all commands share go before the command, behind it, or into a variable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from wechat_campaigns.cli.main import campaign, run
from wechat_campaigns.core.errors import ExitCode

SETTINGS = """\
vars: {brand: shop}
default_environment: first
environments:
  first: {api: sandbox, ledger: sqlite}
  second: {api: sandbox, ledger: sqlite}
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run(["init"])
    Path("campaigns/_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    capsys.readouterr()


def planned_for(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run([*words]) == ExitCode.OK
    return str(json.loads(capsys.readouterr().out)["environment"])


@pytest.mark.deep
@pytest.mark.parametrize(
    "line",
    [
        "plan --env second -o json",
        "--env second plan -o json",
        "--env=second -o json plan",
        "-ojson --env second",
        "--env second --offline --format json",
        "--lang zh --env second --quiet --format json plan",
        "--env first plan --env second -o json",
        "--dir campaigns --env second -o json plan welcome",
    ],
)
def test_before_and_after_are_the_same(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned_for(capsys, *line.split()) == "second"


@pytest.mark.slow
@pytest.mark.parametrize("line", ["--env second ledger init -o json", "ledger --env second -o json init"])
def test_a_command_of_a_group_has_them_too(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert planned_for(capsys, *line.split()) == "second"


@pytest.mark.slow
def test_a_variable_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CAMPAIGN_ENV", "second")
    monkeypatch.setenv("CAMPAIGN_FORMAT", "json")
    assert planned_for(capsys, "plan") == "second"
    assert planned_for(capsys, "--env", "first", "plan") == "first"
    assert planned_for(capsys, "plan", "--env", "first") == "first"


def test_template_variables_stand_on_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ city }}, {{ day }}'\n"
    Path("campaigns/sale.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CAMPAIGN_VAR", "city=New York\nday=Monday")
    assert run(["render", "sale"]) == ExitCode.OK
    assert "New York, Monday" in capsys.readouterr().out


def test_what_only_shows_may_stand_before_and_behind_any_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--quiet", "--no-color", "schema"]) == ExitCode.OK
    assert run(["plan", "--offline", "-q"]) == run(["schema", "-q", "--no-color"]) == ExitCode.OK
    assert run(["--env", "second", "schema"]) == ExitCode.USAGE
    assert "--env" in capsys.readouterr().err


def test_a_value_that_is_missing_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--env"]) == ExitCode.USAGE
    assert "requires an argument" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "typed", "offered"),
    [
        ([], "--en", ["--env"]),
        (["--env"], "", ["first", "second", "sandbox"]),
        (["--env", "second"], "calen", ["calendar"]),
        (["--env", "second", "render"], "wel", ["welcome"]),
        (["--env", "second", "plan"], "--off", ["--offline"]),
        (["ledger", "--env", "second"], "sett", ["settle"]),
    ],
)
def test_a_shell_completes_them(words: list[str], typed: str, offered: list[str]) -> None:
    complete = ShellComplete(campaign, {}, "campaign", "_CAMPAIGN_COMPLETE")
    assert [item.value for item in complete.get_completions(words, typed)] == offered
