"""`doctor --smoke --record`: what it asks, what it costs, and that nothing private is in the file."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.playground import SERVICE, TEST, Command, Sandbox, campaigns_on
from tests.support.recorded import differences
from tests.unit.sandbox.client import PNG, open_sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.redact import OPENID
from wechat_campaigns.plan.doctor import SMOKE
from wechat_campaigns.source.secret import SANDBOX_SECRET
from wechat_campaigns.wechat.endpoints import READS
from wechat_sandbox.server import embedded

PAGE = (Path(__file__).parents[2] / "docs/recorded-answers.md").read_text(encoding="utf-8")
OF_WECHAT = {
    *("service", "subscription", "test", "image", "news", "text", "stable", "[]"),
    "/cgi-bin/message/mass/sendall",
}
"""What the sandbox holds and a recording has, too: words of WeChat's calls, and the kind of the account."""


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Sandbox, Path]]:
    """A sandbox whose account has followers, tags, material, a draft and a send, and its state file."""
    state = tmp_path / "state.sqlite3"
    with embedded(state) as url:
        sandbox = Sandbox(url)
        token = sandbox_token(sandbox)
        picture = requests.post(
            f"{url}/cgi-bin/material/add_material",
            params={"access_token": token, "type": "image"},
            files={"media": ("绝密封面.png", PNG)},
            timeout=60,
        ).json()
        article = {
            "title": "绝密标题",
            "author": "绝密作者",
            "content": "<p>绝密正文</p>",
            "digest": "绝密摘要",
        }
        draft = sandbox.call("draft/add", {"articles": [{**article, "thumb_media_id": picture["media_id"]}]})
        send = {
            "filter": {"is_to_all": True},
            "msgtype": "mpnews",
            "mpnews": draft,
            "clientmsgid": "secret-key",
        }
        assert sandbox.call("message/mass/sendall", send)["errcode"] == 0
        sandbox.call("tags/create", {"tag": {"name": "绝密标签"}})
        sandbox.advance(4 * 86400)
        sandbox.call("draft/add", {"articles": [{**article, "thumb_media_id": picture["media_id"]}]})
        yield sandbox, state


def sandbox_token(sandbox: Sandbox) -> str:
    who = {"grant_type": "client_credential", "appid": SERVICE, "secret": SANDBOX_SECRET}
    return str(
        requests.post(f"{sandbox.url}/cgi-bin/stable_token", json=who, timeout=60).json()["access_token"]
    )


def texts_of(state: Path) -> set[str]:
    """Every text that the sandbox holds of its accounts, those within JSON too."""
    found: set[str] = set()
    with sqlite3.connect(state) as db:
        for table in ("account", "follower", "tag", "token", "media", "draft", "job", "event"):
            for row in db.execute(f"SELECT * FROM {table}"):
                found |= {one for one in row if isinstance(one, str)}
        found |= {rid for (rid,) in db.execute("SELECT rid FROM request")}
    db.close()
    inner = {one for text in found if text[:1] in "[{" for one in re.findall(r'"([^"\\]+)"', text)}
    return {text for text in found | inner if len(text) > 1}


def record(command: Command, folder: Path, *words: str) -> str:
    file = folder.parent / "answers.json"
    code, _out, err = command("doctor", "--dir", str(folder), "--smoke", "--record", str(file), *words)
    assert code in (ExitCode.OK, ExitCode.LEDGER), err  # its ledger is not initialized
    return file.read_text(encoding="utf-8")


def test_a_recording_holds_nothing_private(
    busy: tuple[Sandbox, Path], tmp_path: Path, command: Command
) -> None:
    sandbox, state = busy
    text = record(command, campaigns_on(sandbox, tmp_path))
    known = texts_of(state)
    expected = {SERVICE, SANDBOX_SECRET, "绝密标题", "绝密标签", "绝密封面.png", "tester1", "secret-key"}
    assert expected <= known
    assert len(known) > 400
    keys = {key for exchange in json.loads(text)["exchanges"] for key in keys_of(exchange)}
    assert {one for one in known - keys if one in text} <= OF_WECHAT
    assert not OPENID.search(text)
    assert not re.search(r"[0-9a-f]{16}|\d{5}\.|https?:|\brid\b|wx[0-9a-f]{8}", text.replace("268488001", ""))
    assert not re.findall(r'"[^"]*[一-鿿][^"]*"', text)
    numbers = re.findall(r"(?<![\w-])\d+(?![\w-])", text)
    assert max(map(int, numbers)) < 50_000  # errcodes and lengths


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(one)


@pytest.mark.parametrize("kind", ["service", "subscription", "test"])
def test_the_sandbox_answers_its_own_recording(
    kind: str, sandbox: Sandbox, tmp_path: Path, command: Command
) -> None:
    folder = campaigns_on(sandbox, tmp_path)
    settings = folder / "_settings.yaml"
    text = settings.read_text(encoding="utf-8").replace("kind: service", f"kind: {kind}")
    appid = {"service": SERVICE, "test": TEST}.get(kind, "wx0000000000000002")
    settings.write_text(text.replace(SERVICE, appid), encoding="utf-8")
    recorded = json.loads(record(command, folder))
    paths = {exchange["request"]["path"] for exchange in recorded["exchanges"]}
    assert paths == {*READS, "/cgi-bin/stable_token"}
    assert recorded["account"] == {"kind": kind}
    with open_sandbox() as served:
        assert differences(recorded, served) == []


def test_a_smoke_run_reaches_nobody_and_costs_what_the_page_says(
    sandbox: Sandbox, tmp_path: Path, command: Command
) -> None:
    folder = campaigns_on(sandbox, tmp_path)
    record(command, folder)
    asked = [request["path"] for request in sandbox.requests() if request["method"] != "DELETE"]
    assert len(asked) == len(set(asked))  # one call of each
    costs = set(re.findall(r"^\| `([\w/]+)` \| \S", PAGE.partition("## What the file")[0], re.MULTILINE))
    short = {
        path.removeprefix("/cgi-bin/").removeprefix("message/").removeprefix("/datacube/") for path in asked
    }
    assert short == costs
    assert {*SMOKE} < costs
    assert (sandbox.jobs(), sandbox.deliveries()) == ([], [])


@pytest.mark.parametrize("words", [["--record", "a.json"], ["--smoke", "--record", "a.json"]])
def test_a_recording_is_of_the_reads_of_one_account(
    words: list[str], sandbox: Sandbox, tmp_path: Path, command: Command
) -> None:
    folder = campaigns_on(sandbox, tmp_path)
    settings = folder / "_settings.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace("accounts: {", f"accounts: {{shop: {{kind: test, appid: {TEST}, secret: {{env: X}}}}, "),
        encoding="utf-8",
    )
    code, _out, err = command("doctor", "--dir", str(folder), *words)
    assert (code, "--smoke --accounts NAME" in err) == (ExitCode.USAGE, True)
    assert sandbox.requests() == []
