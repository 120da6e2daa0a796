"""The JSON of every command has the published shape, and is the same in both languages."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.commands import COMMANDS
from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.registry import Command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.schemas.store import schema

PICTURE = Path(__file__).parents[1] / "articles" / "images" / "cover.jpg"
TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"
NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 新品, body: news.html, cover: cover.jpg}]}
"""
RUNS = {
    "reference": "reference",
    "validate": "validate",
    "fmt": "fmt --check",
    "new": "new fresh --tag 会员",
    "render": "render sale",
    "plan": "plan sale",
    "draft": "draft news --auto-approve",
    "preview": "preview sale --to tester",
    "apply": "apply sale news --auto-approve",
    "status": "status",
    "report": "report",
    "calendar": "calendar",
    "doctor": "doctor",
    "recall": "recall news --auto-approve",
    "tags": "tags",
    "environments": "environments",
    "hold": "hold main --reason x",
    "unhold": "unhold main --reason x",
    "ledger init": "ledger init",
    "ledger baseline": "ledger baseline fresh --reason x",
    "ledger log": "ledger log",
    "ledger verify": "ledger verify",
    "ledger guard": "ledger guard --reason x --auto-approve",
    "ledger settle": "ledger settle lost --not-sent --reason x",
    "ledger import": "ledger import ../ledger.jsonl --as-backup --reason x --env empty",
}
"""Each command that has JSON, in an order in which each has something to say."""


def strict(node: Any) -> Any:
    """The schema as the program keeps it: no key that is not described."""
    if isinstance(node, dict):
        closed = {key: strict(value) for key, value in node.items()}
        if isinstance(node.get("properties"), dict) and "type" in node:
            closed.setdefault("additionalProperties", False)
        return closed
    return [strict(value) for value in node] if isinstance(node, list) else node


def validator(name: str) -> Draft7Validator:
    """The published shape of the JSON of a command."""
    if name == "plan":
        return Draft7Validator(strict(schema("plan")))
    output = schema("output")
    return Draft7Validator(
        strict({"definitions": output["definitions"], **output["definitions"][name.replace(" ", "-")]})
    )


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = campaigns_on(sandbox, tmp_path, "testers: {tester: {wechat: someone}}\n")
    settings = folder / "_settings.yaml"
    text = settings.read_text(encoding="utf-8")
    (folder / "sale.yaml").write_text(TEXT, encoding="utf-8")
    (folder / "lost.yaml").write_text(TEXT.replace("你好", "再见"), encoding="utf-8")
    (folder / "news.yaml").write_text(NEWS, encoding="utf-8")
    (folder / "news.html").write_text("<p>新品上市</p>", encoding="utf-8")
    (folder / "cover.jpg").write_bytes(PICTURE.read_bytes())
    settings.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


def test_every_command_with_json_is_run() -> None:
    """One with a new JSON needs an entry in the schema and in `RUNS`."""
    assert set(RUNS) == {
        path for path, command in COMMANDS.items() if isinstance(command, Command) and "json" in command.formats
    }
