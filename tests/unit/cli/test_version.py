"""`campaign version` says what is installed, and what of it was not tested, without a network."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.version import differing
from wechat_campaigns.core.errors import ExitCode

LOCK = """\
click==8.5.1 \\
    --hash=sha256:00
pillow==12.3.0 ; python_version < '3.12' \\
    --hash=sha256:00
pillow==12.4.0 ; python_version >= '3.12' \\
    --hash=sha256:00
lxml==6.1 \\
    --hash=sha256:00
"""


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"click": "8.5.1", "pillow": "12.4.0"}, []),
        ({"click": "8.6", "pillow": "12.3.0"}, [("click", "8.6", "8.5.1")]),
        ({"pillow": "12.5"}, [("pillow", "12.5", "12.3.0, 12.4.0")]),
    ],
    ids=["tested", "newer", "of several"],
)
def test_a_package_of_another_version_is_named(
    installed: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    assert [tuple(one.values()) for one in differing(LOCK, installed.get)] == expected


def test_it_uses_no_network_and_no_campaigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(socket, "socket")
    assert run(["version", "--check", "-o", "json"]) == ExitCode.OK
    assert isinstance(json.loads(capsys.readouterr().out)["differing"], list)


def test_the_option_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == ExitCode.OK
    short = capsys.readouterr().out
    assert run(["version"]) == ExitCode.OK
    assert capsys.readouterr().out == short
