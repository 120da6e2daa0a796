"""The guards of the suite hold."""

from __future__ import annotations

import ast
import os
import socket
import tempfile
from pathlib import Path

import pytest

from tests.support.playground import Sandbox
from tests.support.source import ROOT
from wechat_campaigns.core.state_folder import state_home


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_no_test_reaches_another_machine(method: str):
    """A connection to anything but loopback is refused loudly, not as an ordinary network fault."""
    with socket.socket() as wire, pytest.raises(RuntimeError, match=r"may not reach 192\.0\.2\.1"):
        getattr(wire, method)(("192.0.2.1", 80))


def test_loopback_is_open(sandbox: Sandbox):
    """Tests may talk to servers of their own."""
    assert sandbox.jobs() == []


def test_environment_is_clean():
    """What CI or a developer has set changes no test."""
    assert not {"CI", "GITHUB_ACTIONS", "NO_COLOR", "HTTPS_PROXY", "WECHAT_MAIN_SECRET"} & set(os.environ)


def test_home_is_nobodys():
    """No test reads or writes the home of whoever runs it."""
    assert Path.home().name.startswith("home")
    assert Path.home().parent.name.startswith(("pytest-", "popen-"))


def test_state_is_kept_for_the_suite_alone():
    """No test, and no program that one starts, reads or writes the state of whoever runs it."""
    assert state_home(os.environ).name.startswith("campaign-state-")
    assert state_home(os.environ).parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize("data", [os.urandom(1000)])
def test_a_test_has_one_name_in_every_worker(data: bytes, request: pytest.FixtureRequest):
    """Bytes that each worker makes for itself name no test: the run would end as it begins."""
    assert request.node.name.endswith("[data]")


def test_terminals_are_read_with_a_limit():
    """By `tests.support.terminal`: to wait for a program that writes nothing has no end of its own."""
    files = {file for file in (ROOT / "tests").rglob("*.py") if "pty" in file.read_text(encoding="utf-8")}
    opening = {
        file.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and "pty" in {alias.name for alias in node.names}
    }
    assert opening == {"terminal.py"}
