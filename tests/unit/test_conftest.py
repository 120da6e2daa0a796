"""The guards of the suite hold."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from tests.support.playground import Sandbox
from wechat_campaigns.core.files import state_home


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_no_test_reaches_another_machine(method: str):
    with socket.socket() as wire, pytest.raises(RuntimeError, match=r"may not reach 192\.0\.2\.1"):
        getattr(wire, method)(("192.0.2.1", 80))


def test_loopback_is_open(sandbox: Sandbox):
    assert sandbox.jobs() == []


def test_environment_is_clean():
    assert not {"CI", "GITHUB_ACTIONS", "NO_COLOR", "HTTPS_PROXY", "WECHAT_MAIN_SECRET"} & set(os.environ)


def test_home_is_nobodys():
    assert Path.home().name.startswith("home")
    assert Path.home().parent.name.startswith(("pytest-", "popen-"))


def test_state_is_kept_for_the_suite_alone():
    assert state_home(os.environ).name.startswith("campaign-state-")
    assert state_home(os.environ).parent == Path(tempfile.gettempdir())


@pytest.mark.parametrize("data", [os.urandom(1000)])
def test_a_test_has_one_name_in_every_worker(data: bytes, request: pytest.FixtureRequest):
    """Bytes that each worker makes for itself name no test: the run would end as it begins."""
    assert request.node.name.endswith("[data]")
