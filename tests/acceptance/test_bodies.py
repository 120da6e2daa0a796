"""A campaign file whose apply posts exactly this JSON: `bodies/*.yaml`, each beside its `*.json`.

The real command runs against a sandbox in a process of its own; what is compared is the parsed body that
the sandbox received, `clientmsgid` taken out and checked by itself.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import SERVICE, Sandbox, campaigns_on

pytestmark = pytest.mark.deep

CASES = sorted((Path(__file__).parent / "bodies").glob("*.yaml"))
MEDIA = {"M": "image", "A": "image", "B": "image", "V": "voice", "F": "video", "D": "news"}
"""Literal media ids of the cases, and what kind each is on the sandbox."""


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A campaigns folder whose only environment is the sandbox of this test."""
    folder = campaigns_on(sandbox, tmp_path, "policy: {allow_to_all: true}\n")
    for media_id, kind in MEDIA.items():
        sandbox.control("POST", "media", {"appid": SERVICE, "media_id": media_id, "kind": kind})
    sandbox.control("POST", "accounts", {"appid": SERVICE, "retired_cards": True})
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_apply_posts_exactly_the_body_of_the_case(case: Path, project: Path, sandbox: Sandbox) -> None:
    expected = json.loads(case.with_suffix(".json").read_text(encoding="utf-8"))
    text = case.read_text(encoding="utf-8")
    openids = [
        row["openid"] for row in sandbox.control("GET", "followers", appid=SERVICE, limit=2)["followers"]
    ]
    for number, openid in enumerate(openids):
        text = text.replace(f"OPENID{number}", openid)
    (project / "case.yaml").write_text(text, encoding="utf-8")

    done = run(project, "apply", "--auto-approve")

    assert done.returncode == 0, done.stdout + done.stderr
    sent = [r for r in sandbox.requests() if "/message/mass/" in r["path"]]
    assert [request["path"] for request in sent] == [f"/cgi-bin/message/mass/{expected['endpoint']}"]
    body = dict(sent[0]["body"])
    assert re.fullmatch("[0-9a-f]{32}", body.pop("clientmsgid"))
    assert body == fill(expected["body"], sandbox, openids)
    assert str(sandbox.jobs()[0]["msg_id"]) in done.stdout


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wechat_campaigns", *words, "--dir", str(project)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def fill(expected: dict[str, Any], sandbox: Sandbox, openids: list[str]) -> dict[str, Any]:
    if "touser" in expected:
        expected["touser"] = openids
    return expected
