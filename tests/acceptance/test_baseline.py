"""What was sent before the ledger existed is not sent again, even after an edit."""

import json
from pathlib import Path
from typing import Any

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

SETTINGS = "environments: {sandbox: {api: sandbox, ledger: sqlite}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    return root


def write(folder: Path, people: int) -> None:
    openids = ", ".join(f"o{number:027d}" for number in range(people))
    text = f"filter: {{openids: [{openids}]}}\nmsgtype: text\ncontent: 你好\n"
    (folder / "list.yaml").write_text(text, encoding="utf-8")


def planned(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    run(["plan", "--offline", "--format", "json", "--dir", str(folder)])
    plan = json.loads(capsys.readouterr().out)
    return {send["id"]: send["action"] for send in plan["sends"]}


def test_openid_list_that_grew_after_its_baseline_conflicts(folder: Path, capsys: pytest.CaptureFixture[str]):
    """A longer list is cut elsewhere: its second part would reach openids of the old list again."""
    write(folder, 9_000)
    assert (
        run(["ledger", "baseline", "--all", "--reason", "sent in spring", "--dir", str(folder)])
        == ExitCode.OK
    )
    assert planned(folder, capsys) == {"list#1": "sent"}
    write(folder, 12_000)
    assert planned(folder, capsys) == {"list#1": "conflict", "list#2": "conflict"}


def test_baseline_marks_nothing_while_a_campaign_is_invalid(folder: Path, capsys: pytest.CaptureFixture[str]):
    """An invalid campaign would be left out, and sent once it is corrected."""
    text = "filter: {{tag_id: 2}}\nmsgtype: text\ncontent: '{}'\n"
    (folder / "good.yaml").write_text(text.format("你好"), encoding="utf-8")
    (folder / "bad.yaml").write_text(text.format("{{ gone }}"), encoding="utf-8")
    command = ["ledger", "baseline", "--reason", "sent in spring", "--dir", str(folder)]
    assert run([*command, "--all"]) == ExitCode.INVALID
    assert planned(folder, capsys) == {"bad": "invalid", "good": "send"}
    assert run([*command, "good"]) == ExitCode.OK
    (folder / "bad.yaml").write_text(text.format("再见"), encoding="utf-8")
    assert run([*command, "--all"]) == ExitCode.OK
    assert planned(folder, capsys) == {"bad": "sent", "good": "sent"}


def test_baseline_marks_a_rejected_send_that_was_sent_by_hand(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    text = "filter: {tag_id: 2}\nmsgtype: voice\ncontent: {media_id: MISSING}\n"
    (folder / "sale.yaml").write_text(text, encoding="utf-8")
    assert run(["apply", "--auto-approve", "--dir", str(folder)]) == ExitCode.FAILED
    assert planned(folder, capsys) == {"sale": "send"}
    command = ["ledger", "baseline", "sale", "--reason", "sent in the console", "--dir", str(folder)]
    assert run(command) == ExitCode.OK
    assert planned(folder, capsys) == {"sale": "sent"}
    assert run(command) == ExitCode.OK
    assert run(["ledger", "verify", "--dir", str(folder)]) == ExitCode.OK
