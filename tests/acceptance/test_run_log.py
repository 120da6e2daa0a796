"""The log of a run: JSON lines of one shape, which hold no campaign text, no openid and no secret."""

import json
import logging
import stat
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.listen import EventHandler
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.run_log import Entry, listen, new_run
from wechat_campaigns.source.schemas.store import schema

MARKERS = ("MARKER-TEXT", "MARKER-TITLE", "MARKER-VAR", "MARKER-TAG", "MARKER-REASON", "MARKER-DESCRIPTION")
SALE = """\
description: MARKER-DESCRIPTION
filter: {tag: 会员}
msgtype: text
content: MARKER-TEXT {{ city }}
vars: {city: MARKER-VAR}
"""
NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: MARKER-TITLE, body: news.html, cover: {file: leaf.jpg}}]}
"""
WRONG = "filter: {tag: MARKER-TAG}\nmsgtype: MARKER-TEXT\ncontent: {MARKER-VAR: MARKER-TEXT}\n"
LINES = [
    "validate",
    "plan",
    "draft news --auto-approve",
    "preview sale --to OPENID",
    "apply --auto-approve",
    "status",
    "report",
    "ledger log",
    "ledger verify",
    "hold main --reason MARKER-REASON",
    "apply again --auto-approve --var city=MARKER-VAR",
    "unhold main --reason MARKER-REASON",
    "recall news --auto-approve",
    "plan --allow MARKER-TEXT=MARKER-REASON",
    "aply MARKER-TEXT",
]
PICTURE = Path(__file__).parents[1] / "articles" / "images" / "leaf.jpg"


@pytest.fixture
def campaigns(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
    folder = campaigns_on(sandbox, tmp_path)
    (folder / "sale.yaml").write_text(SALE, encoding="utf-8")
    (folder / "news.yaml").write_text(NEWS, encoding="utf-8")
    (folder / "news.html").write_text("<p>MARKER-TEXT</p>", encoding="utf-8")
    (folder / "leaf.jpg").write_bytes(PICTURE.read_bytes())
    return folder


def checked(text: str) -> list[dict[str, Any]]:
    """The entries of a log, each of the published shape and with no other key."""
    validator = Draft7Validator({**schema("log"), "additionalProperties": False})
    entries = [json.loads(line) for line in text.splitlines()]
    for entry in entries:
        assert [error.message for error in validator.iter_errors(entry)] == []
    return entries


def test_every_line_has_the_shape_and_no_text(
    campaigns: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAMPAIGN_LOG", "json")
    monkeypatch.setenv("CAMPAIGN_LOG_FILE", "run.jsonl")
    openid = sandbox.openids()[0]
    logs = ""
    for line in LINES:
        run(line.replace("OPENID", openid).split())
        logs += capsys.readouterr().err
    (campaigns / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    assert run(["validate"]) == ExitCode.INVALID
    assert run(["apply", "--auto-approve"]) == ExitCode.INVALID
    logs += capsys.readouterr().err
    entries = checked(logs)
    in_file = Path("run.jsonl").read_text(encoding="utf-8")
    assert set(in_file.splitlines()) <= set(logs.splitlines())
    checked(in_file)
    assert {entry["event"] for entry in entries} == {
        "run_started", "http_call", "problem", "send", "error", "run_ended",
    }  # fmt: skip
    assert len({entry["run"] for entry in entries}) == len(LINES) + 2
    for hidden in (*MARKERS, openid, "0" * 32, "access_token"):
        assert hidden not in logs


def test_the_file_is_for_its_owner(campaigns: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Further runs append to it; people read their messages as before."""
    assert run(["validate", "--log-file", "run.jsonl"]) == ExitCode.OK
    assert run(["plan", "--log-file", "run.jsonl"]) == ExitCode.OK
    assert stat.S_IMODE(Path("run.jsonl").stat().st_mode) == 0o600
    entries = checked(Path("run.jsonl").read_text(encoding="utf-8"))
    commands = [entry["command"] for entry in entries if entry["event"] == "run_started"]
    assert commands == ["campaign validate", "campaign plan"]
    assert "sale" in capsys.readouterr().out


def test_lines_that_cannot_be_written_are_said(campaigns: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", "--auto-approve", "--quiet", "--log-file", "/dev/full"]) == ExitCode.OK
    assert capsys.readouterr().err.count("/dev/full") == 1


def test_a_link_of_the_checkout_is_not_followed(campaigns: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "run.jsonl").symlink_to("/dev/null")
    assert run(["validate", "--log-file", "run.jsonl"]) == ExitCode.USAGE


def test_an_unknown_kind_of_log_is_an_error(
    campaigns: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt kind would leave a machine without its log."""
    monkeypatch.setenv("CAMPAIGN_LOG", "jsn")
    assert run(["validate"]) == ExitCode.USAGE
    assert "CAMPAIGN_LOG" in capsys.readouterr().err


def test_the_receiver_of_events_logs_in_the_same_shape() -> None:
    entries: list[Entry] = []
    with new_run():
        listen(entries.append)
        EventHandler().emit(logging.LogRecord("c", logging.INFO, "", 1, "msg_id %s: %s", (7, "sent"), None))
        EventHandler().emit(logging.LogRecord("c", logging.WARNING, "", 1, "refused", (), None))
    lines = "\n".join(json.dumps({"format_version": "1.0", **entry}) for entry in entries)
    assert [(entry["level"], entry["message"]) for entry in checked(lines)] == [
        ("info", "msg_id 7: sent"),
        ("warning", "refused"),
    ]
