"""`campaign version` says what is installed, and what of it was not tested, without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode


def test_it_uses_no_network_and_no_campaigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In any folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(socket, "socket")
    assert run(["version", "-o", "json"]) == ExitCode.OK
    assert "version" in json.loads(capsys.readouterr().out)


def test_the_option_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == ExitCode.OK
    short = capsys.readouterr().out
    assert run(["version"]) == ExitCode.OK
    assert capsys.readouterr().out == short
