"""Colours where they are wanted: on a terminal, or where CLICOLOR_FORCE asks; never against NO_COLOR."""

import io
from pathlib import Path

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


def test_a_pipe_gets_colours_when_asked_and_json_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    run(["init"])
    for words, is_coloured in (("plan", True), ("plan -o json", False)):
        capsys.readouterr()
        assert run(words.split()) == ExitCode.OK
        assert ("\x1b" in capsys.readouterr().out) is is_coloured
    assert run(["render", "missing"]) != ExitCode.OK
    assert "\x1b[31m" in capsys.readouterr().err
