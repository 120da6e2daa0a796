"""Other people's SDKs, unmodified and in places of their own: none can tell the sandbox from WeChat."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.sdk.tunnel import tunnel
from tests.support.npm_packages import alone, node_modules
from tests.support.optional_parts import skip_or_fail
from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

SCRIPTS = Path(__file__).parent / "sdk"
CACHE = Path(__file__).parents[2] / "build"
PINS = json.loads((SCRIPTS / "package.json").read_text(encoding="utf-8"))["dependencies"]
INSTALL_WITHIN_S, RUN_WITHIN_S = 240, 120

PYTHON = {
    "wechatpy-1.8.18": ("wechatpy_client.py", ("wechatpy==1.8.18", "cryptography")),
    "wechatpy-2.0.0a26": ("wechatpy_client.py", ("wechatpy==2.0.0a26", "cryptography")),
    "werobot-1.13.1": (
        "werobot_client.py",
        ("werobot==1.13.1", "weixin-python==0.5.7", "wechat-publish==1.0.1"),
    ),
}

pytestmark = [pytest.mark.deep, pytest.mark.optional_part]


def ready(folder: Path, commands: list[list[str]]) -> None:
    """Install into a folder, once; a folder half made is made anew."""
    done = folder / ".complete"
    with alone(folder):
        if done.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for command in commands:
            _run_in(folder, command)
        done.touch()


def _run_in(folder: Path, command: list[str]) -> None:
    try:
        subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=INSTALL_WITHIN_S, cwd=folder
        )
    except subprocess.SubprocessError as error:
        skip_or_fail(f"the SDKs cannot be installed: {error} {str(getattr(error, 'stderr', ''))[-300:]}")


def python_of(name: str, packages: tuple[str, ...]) -> str:
    """Return the interpreter of a venv that holds these packages and nothing of ours."""
    folder = CACHE / "sdk" / name
    python = str(folder / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *packages]
    ready(folder, [[sys.executable, "-m", "venv", "--without-pip", "venv"], pip])
    return python


@pytest.fixture
def sandbox() -> Iterator[SandboxClient]:
    with embedded(switches={"retired_cards": True, "api_video": True}) as url:
        yield SandboxClient(url=url)


def run(command: list[str], **more: str) -> str:
    ran = subprocess.run(
        command, env={**os.environ, **more}, capture_output=True, text=True, check=False, timeout=RUN_WITHIN_S
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", PYTHON)
def test_python_sdks_drive_it_from_token_to_event(name: str, sandbox: SandboxClient, tmp_path: Path) -> None:
    script, packages = PYTHON[name]
    python = python_of(name, packages)
    with tunnel(sandbox.url, tmp_path) as network:
        run([python, "-B", str(SCRIPTS / script)], **network, SANDBOX=sandbox.url, TMPDIR=str(tmp_path))
    jobs = sandbox.jobs()
    assert {job["msgtype"] for job in jobs} == {"text", "image", "voice", "mpvideo", "wxcard", "mpnews"}
    assert len({job["clientmsgid"] for job in jobs}) == len(jobs)
    received = [(told["msg_id"], told["openid"]) for told in sandbox.deliveries()]
    assert len(received) == len(set(received)) >= 20


def test_node_sdks_drive_it_from_token_to_event(sandbox: SandboxClient, tmp_path: Path) -> None:
    script = str(SCRIPTS / "node_client.mjs")
    modules = node_modules("sdks", PINS, list(PINS)).parent
    said = run(["node", script, sandbox.url, str(modules), str(tmp_path)])
    clients = ("coWechatApi", "wechatApi", "nodeEasywechat", "wechatCrypto")
    assert said.splitlines() == [f"{client} ok" for client in clients]
    assert {job["msgtype"] for job in sandbox.jobs()} == {"text", "image", "voice", "mpvideo", "mpnews"}
