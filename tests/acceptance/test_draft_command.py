"""From `campaign draft` to `campaign apply`, against a real sandbox: one draft, as it was looked at."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.playground import PICTURES, Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content:
  articles:
    - {title: 春茶, body: tea.md, cover: {file: cup.png}}
"""


@pytest.fixture
def root(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A campaigns folder with one article, whose only environment is the sandbox of this test."""
    folder = campaigns_on(sandbox, tmp_path)
    for name in ("cup.png", "leaf.jpg"):
        (folder / name).write_bytes((PICTURES / name).read_bytes())
    (folder / "tea.md").write_text("新茶到了。\n\n![茶叶](leaf.jpg)\n", encoding="utf-8")
    (folder / "news.yaml").write_text(NEWS, encoding="utf-8")
    return folder


def campaign(root: Path, *words: str) -> int:
    return run([*words, "--dir", str(root)])


def drafts(sandbox: Sandbox) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.call("draft/batchget", {"offset": 0, "count": 20})["item"]
    return found


def planned_warnings(root: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the plan warns of about the article, by rule."""
    capsys.readouterr()
    assert campaign(root, "plan", "news", "--format", "json") == ExitCode.OK
    (row,) = json.loads(capsys.readouterr().out)["sends"]
    return [one["rule"] for one in row["warnings"]]


def added(sandbox: Sandbox) -> int:
    return sum(request["path"] == "/cgi-bin/draft/add" for request in sandbox.requests())


def test_reviewed_draft_is_the_one_that_is_sent(
    root: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
):
    assert campaign(root, "draft", "news", "--auto-approve", "--format", "json") == ExitCode.OK
    made = json.loads(capsys.readouterr().out)["drafts"][0]
    assert [draft["media_id"] for draft in drafts(sandbox)] == [made["media_id"]]
    assert sandbox.jobs() == []
    assert campaign(root, "draft", "news", "--auto-approve") == ExitCode.OK
    assert "already has the draft" in capsys.readouterr().out
    openid = sandbox.openids()[0]
    assert campaign(root, "preview", "news", "--to", openid) == ExitCode.OK
    assert campaign(root, "apply", "--auto-approve") == ExitCode.OK
    assert sandbox.jobs()[0]["body"]["mpnews"] == {"media_id": made["media_id"]}
    assert added(sandbox) == 1


def test_draft_edited_in_the_console_is_not_sent(
    root: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
):
    campaign(root, "draft", "news", "--auto-approve")
    (draft,) = drafts(sandbox)
    assert planned_warnings(root, capsys) == []
    article = {**draft["content"]["news_item"][0], "title": "改过的标题"}
    assert sandbox.call("draft/update", {"media_id": draft["media_id"], "index": 0, "articles": article})
    assert planned_warnings(root, capsys) == ["draft-edited"]
    assert campaign(root, "apply", "--auto-approve") == ExitCode.POLICY
    told = "".join(capsys.readouterr().out.split())
    assert "editedbyhand" in told
    assert "改过的标题" in told
    assert sandbox.jobs() == []
    sandbox.call("draft/delete", {"media_id": draft["media_id"]})
    assert planned_warnings(root, capsys) == []
    assert campaign(root, "apply", "--auto-approve") == ExitCode.OK
    assert len(sandbox.jobs()) == 1


def test_rejected_send_keeps_its_draft(root: Path, sandbox: Sandbox):
    sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=45028)
    assert campaign(root, "apply", "--auto-approve") == ExitCode.WECHAT
    (draft,) = drafts(sandbox)
    assert campaign(root, "apply", "--auto-approve") == ExitCode.OK
    assert sandbox.jobs()[0]["body"]["mpnews"]["media_id"] == draft["media_id"]
    assert added(sandbox) == 1


def test_draft_command_refuses_a_send_without_a_draft(
    root: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
):
    (root / "hello.yaml").write_text("filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8")
    assert campaign(root, "draft", "hello", "--auto-approve") == ExitCode.USAGE
    assert "does not need a draft: it sends text as it is" in capsys.readouterr().err
    assert campaign(root, "--lang", "zh", "draft", "hello", "--auto-approve") == ExitCode.USAGE
    assert "不用建草稿：文字直接发送" in capsys.readouterr().err
    assert campaign(root, "draft", "news") == ExitCode.USAGE
    assert "--auto-approve" in capsys.readouterr().err
    campaign(root, "apply", "news", "--auto-approve")
    assert campaign(root, "draft", "news", "--auto-approve") == ExitCode.USAGE
    assert "cannot make a draft for news (sent)" in capsys.readouterr().err
    assert len(drafts(sandbox)) == 0


@pytest.mark.parametrize("command", [["draft"], ["preview", "--to", "o"], ["render"]])
def test_unknown_id_is_refused_with_the_ids_that_exist(
    root: Path, command: list[str], capsys: pytest.CaptureFixture[str]
):
    assert campaign(root, *command, "news[beijing]") == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "no send has the id news[beijing]" in told
    assert "one of: news" in told
