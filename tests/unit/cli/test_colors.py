"""Colours where they are wanted: on a terminal, or where CLICOLOR_FORCE asks; never against NO_COLOR."""

from __future__ import annotations

import io

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.output import wants_color
from wechat_campaigns.core.errors import ExitCode


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "on_terminal", "elsewhere"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_variables_choose(variables: dict[str, str], on_terminal: bool, elsewhere: bool) -> None:
    assert wants_color(Terminal(), variables) is on_terminal
    assert wants_color(io.StringIO(), variables) is elsewhere


@pytest.mark.slow
def test_a_pipe_gets_colours_when_asked(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On both streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    run(["init"])
    capsys.readouterr()
    assert run(["plan"]) == ExitCode.OK
    assert "\x1b[" in capsys.readouterr().out
    assert run(["render", "missing"]) != ExitCode.OK
    assert "\x1b[31m" in capsys.readouterr().err


def test_json_has_none(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    run(["init"])
    capsys.readouterr()
    assert run(["plan", "-o", "json"]) == ExitCode.OK
    assert "\x1b" not in capsys.readouterr().out
