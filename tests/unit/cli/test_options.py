"""What every command takes, and what wins: an option over its variable."""

import json
import socket
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode


def test_an_option_wins_over_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def environment(*words: str) -> object:
        assert run([*words, "-o", "json"]) == ExitCode.OK
        return json.loads(capsys.readouterr().out)["environment"]

    monkeypatch.chdir(tmp_path)
    run(["init"])
    settings = "default_environment: first\nvars: {brand: x}\nenvironments:\n  first: {api: sandbox}\n"
    Path("campaigns/_settings.yaml").write_text(f"{settings}  second: {{api: sandbox}}\n", encoding="utf-8")
    capsys.readouterr()
    monkeypatch.setenv("CAMPAIGN_ENV", "second")
    assert environment("plan") == "second"
    assert environment("plan", "--env", "first") == "first"


def test_template_variables_stand_on_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value may hold blanks."""
    monkeypatch.chdir(tmp_path)
    Path("campaigns").mkdir()
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ city }}, {{ day }}'\n"
    Path("campaigns/sale.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CAMPAIGN_VAR", "city=New York\nday=Monday")
    assert run(["render", "sale"]) == ExitCode.OK
    assert "New York, Monday" in capsys.readouterr().out


def test_version_uses_no_network_and_no_campaigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(socket, "socket")
    assert run(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out
