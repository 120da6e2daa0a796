"""An archive holds what was sent as it was sent, whatever the campaigns folder says later."""

import hashlib
import html
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.commits import git
from tests.support.console import set_clock
from tests.support.playground import PICTURES, SERVICE, Command, Sandbox, campaigns_on
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan.quota import CHINA

pytestmark = pytest.mark.deep

ARTICLE = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 春茶, author: 茶园, body: tea.html, cover: {file: leaf.jpg}}]}
"""


@pytest.fixture
def campaign(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs the command in a repository with one committed campaign of each kind, all sent."""
    sandbox.reset()
    monkeypatch.chdir(tmp_path)
    campaigns = campaigns_on(sandbox, tmp_path)
    openid = sandbox.openids()[0]
    (campaigns / "tea.yaml").write_text(ARTICLE, encoding="utf-8")
    (campaigns / "tea.html").write_text('<p>明前 <img src="leaf.jpg"></p>', encoding="utf-8")
    (campaigns / "leaf.jpg").write_bytes((PICTURES / "leaf.jpg").read_bytes())
    (campaigns / "hello.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8"
    )
    two = [openid, sandbox.openids()[1]]
    (campaigns / "list.yaml").write_text(
        f"filter: {{openids: {json.dumps(two)}}}\nmsgtype: text\ncontent: 名单\n", encoding="utf-8"
    )
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")

    code, out, err = command("apply", "--auto-approve", "--quiet")
    assert code == ExitCode.OK, out + err
    assert command("status")[0] == ExitCode.OK
    return command


def archive(campaign: Command, *words: str) -> dict[str, Any]:
    code, out, err = campaign("archive", "--format", "json", *words)
    assert code == ExitCode.OK, err
    return {one["send"]: one for one in json.loads(out)["archives"]}


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_send_is_archived_as_it_was_posted(campaign: Command, sandbox: Sandbox) -> None:
    sends = archive(campaign)
    assert all(one["has_message"] for one in sends.values())
    files = contents(Path("archive") / sends["tea"]["name"])
    picture = (PICTURES / "leaf.jpg").read_bytes()
    assert files[f"media/{hashlib.sha256(picture).hexdigest()}.jpeg"] == picture
    assert campaign("render", "tea", "--report", "html=render.html")[0] == ExitCode.OK
    assert files["message.html"] == Path("render.html").read_bytes().rstrip()
    events = [json.loads(text) for text in files["events.jsonl"].splitlines()]
    (intent,) = [one["data"] for one in events if one["kind"] == "intent"]
    (job,) = [one for one in sandbox.jobs() if one["clientmsgid"] == intent["clientmsgid"]]
    assert (intent["body"]["msgtype"], len(intent["mac"])) == ("mpnews", 64)
    index = files["index.html"].decode()
    assert all(text in index for text in (git(Path.cwd(), "rev-parse", "HEAD").strip(), str(job["msg_id"])))
    archive(campaign, "--out", "campaigns/again")
    assert contents(Path("campaigns/again")) == contents(Path("archive"))
    assert "sent" in campaign("plan")[1], "an archive below the campaigns folder holds no campaign"


def test_a_message_that_the_folder_no_longer_renders(campaign: Command) -> None:
    kept = contents(Path("archive") / archive(campaign)["tea"]["name"])
    commit = git(Path.cwd(), "rev-parse", "HEAD").strip()
    Path("campaigns/tea.html").write_text("<p>改过了</p>", encoding="utf-8")
    Path("campaigns/hello.yaml").unlink()
    sends = archive(campaign)
    assert contents(Path("archive") / sends["tea"]["name"]) == kept
    sends = archive(campaign, "--out", "late")
    assert {send: one["has_message"] for send, one in sends.items()} == {
        "tea": False, "hello": True, "list#1": True
    }  # fmt: skip
    late = contents(Path("late") / sends["tea"]["name"])
    assert set(late) == {"index.html", "events.jsonl"}
    assert f"Check out commit {commit}" in late["index.html"].decode()
    assert "你好" in (Path("late") / sends["hello"]["name"] / "message.html").read_text(encoding="utf-8")
    git(Path.cwd(), "checkout", "-q", "--force", commit)
    sends = archive(campaign, "--out", "late")
    assert contents(Path("late") / sends["tea"]["name"]) == kept


def test_no_recipient_is_in_an_archive(campaign: Command, sandbox: Sandbox) -> None:
    rows = "".join(f"王小明,13800138000,{openid}\n" for openid in sandbox.openids()[2:4])
    Path("campaigns/vip.csv").write_text(f"姓名,手机,openid\n{rows}", encoding="utf-8")
    Path("campaigns/vip.yaml").write_text(
        "filter: {openids: {file: vip.csv}}\nmsgtype: text\ncontent: 贵宾\n", encoding="utf-8"
    )
    assert campaign("apply", "--auto-approve", "--quiet")[0] == ExitCode.OK
    assert {"list#1", "vip#1"} <= set(archive(campaign))
    for data in contents(Path("archive")).values():
        assert not [one for one in ("王小明", "13800138000", *sandbox.openids()) if one.encode() in data]


def test_of_a_draft_of_the_console_the_links_are_archived(campaign: Command, sandbox: Sandbox) -> None:
    articles = [{"title": "秋茶", "content": "<p>白露</p>"}]
    sandbox.media("CONSOLE", "news", appid=SERVICE, articles=articles)
    Path("campaigns/draft.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {draft: 秋茶}\n", encoding="utf-8"
    )
    assert campaign("apply", "--auto-approve", "--quiet")[0] == ExitCode.OK
    # At noon: no figures are queried before 08:00.
    set_clock(sandbox, datetime.now(CHINA).date() + timedelta(days=2), "12:00")
    assert campaign("report", "--refresh")[0] == ExitCode.OK
    one = archive(campaign)["draft"]
    assert not one["has_message"]
    files = contents(Path("archive") / one["name"])
    assert set(files) == {"index.html", "events.jsonl"}
    (url,) = {
        row["url"]
        for row in json.loads(campaign("report", "--format", "json")[1])["articles"]
        if row["send"] == "draft"
    }
    assert html.escape(url) in files["index.html"].decode()
    assert "A draft of the WeChat console was sent." in files["index.html"].decode()
