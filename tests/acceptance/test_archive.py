"""What was sent is kept as it was sent, and whatever is changed in it later is found."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.support.commits import git
from tests.support.playground import PICTURES, Command, Sandbox, campaigns_on
from wechat_campaigns.core.errors import ExitCode

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


def test_a_send_is_kept_as_it_was_at_its_commit(campaign: Command, sandbox: Sandbox) -> None:
    """Pages, pictures, campaign, plan, outcome: of the commit, whatever the folder holds today."""
    Path("campaigns/tea.html").write_text("<p>改过了</p>", encoding="utf-8")
    Path("campaigns/leaf.jpg").unlink()
    sends = archive(campaign)
    assert {name: one["origin"] for name, one in sends.items()} == dict.fromkeys(
        ("tea", "hello", "list#1"), "commit"
    )
    folder = Path("archive") / sends["tea"]["name"]
    files = contents(folder)
    picture = (PICTURES / "leaf.jpg").read_bytes()
    assert files[f"media/{hashlib.sha256(picture).hexdigest()}.jpeg"] == picture
    assert "明前" in files["article-1.html"].decode()
    assert "明前" in files["index.html"].decode()
    assert b"Content-Security-Policy" in files["article-1.html"]
    assert files["campaign/tea.yaml"].decode() == ARTICLE
    assert "明前" in files["campaign/tea.html"].decode()
    plan, outcome = (json.loads(files[name]) for name in ("plan.json", "outcome.json"))
    (job,) = [one for one in sandbox.jobs() if one["clientmsgid"] == plan["clientmsgid"]]
    assert (outcome["status"], outcome["msg_id"]) == ("sent", job["msg_id"])
    assert plan["commit"] == git(Path.cwd(), "rev-parse", "HEAD").strip()
    with ZipFile(f"{folder}.zip") as packed:
        assert {one: packed.read(one) for one in packed.namelist()} == {
            f"{folder.name}/{name}": data for name, data in files.items()
        }


@pytest.mark.parametrize("out", ["campaigns", "campaigns/old/archive", "link"])
def test_nothing_is_archived_as_a_campaign(campaign: Command, tmp_path: Path, out: str) -> None:
    """The campaign in an archive would be a new one there, and its message would go out once more."""
    (tmp_path / "link").symlink_to("campaigns")
    assert campaign("archive", "--out", out)[0] == ExitCode.USAGE
    assert len(list((tmp_path / "campaigns").rglob("*.yaml"))) == 4
    assert "sent" in campaign("plan")[1]


def test_no_openid_is_in_an_archive(campaign: Command, sandbox: Sandbox) -> None:
    """A list is its count and digest; the campaign file is kept with the openids masked."""
    folder = Path("archive") / archive(campaign)["list#1"]["name"]
    files = contents(Path("archive"))
    for openid in sandbox.openids():
        assert not [name for name, data in files.items() if openid.encode() in data]
    content = json.loads((folder / "content.json").read_text(encoding="utf-8"))
    assert content["filter"]["openids"]["count"] == 2
    assert "o***" in (folder / "campaign/list.yaml").read_text(encoding="utf-8")


def test_the_same_ledger_gives_the_same_bytes(campaign: Command) -> None:
    """On another day too, after other sends, in another folder."""
    archive(campaign)
    before = contents(Path("archive"))
    Path("campaigns/more.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: text\ncontent: 再来\n", encoding="utf-8"
    )
    assert campaign("apply", "--auto-approve", "--quiet")[0] == ExitCode.OK
    archive(campaign, "--out", "again")
    after = contents(Path("again"))
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)


def test_a_message_that_nothing_renders_is_said_to_be_missing(campaign: Command) -> None:
    """Without git a text comes from the ledger; an article whose file is gone does not come at all."""
    shutil.rmtree(".git")
    Path("campaigns/tea.html").write_text("<p>改过了</p>", encoding="utf-8")
    Path("campaigns/hello.yaml").unlink()
    sends = archive(campaign)
    found = {name: one["origin"] for name, one in sends.items()}
    assert found == {"tea": "missing", "hello": "ledger", "list#1": "folder"}
    folder = Path("archive") / sends["tea"]["name"]
    assert "neither the commit nor" in (folder / "index.html").read_text(encoding="utf-8")
    assert "你好" in (Path("archive") / sends["hello"]["name"] / "index.html").read_text(encoding="utf-8")


def test_no_list_of_recipients_is_in_an_archive(campaign: Command, sandbox: Sandbox) -> None:
    """A table of customers has names and numbers beside the openids; a text file may be a list, too."""
    openids = sandbox.openids()[2:6]
    rows = "".join(f"王小明,13800138000,{openid}\n" for openid in openids[:2])
    Path("campaigns/vip.csv").write_text(f"姓名,手机,openid\n{rows}", encoding="utf-8")
    Path("campaigns/more.txt").write_text(
        "".join(f"{openid}  # 李小红\n" for openid in openids[2:]), encoding="utf-8"
    )
    for name, file in (("vip", "vip.csv"), ("more", "more.txt")):
        Path(f"campaigns/{name}.yaml").write_text(
            f"filter: {{openids: {{file: {file}}}}}\nmsgtype: text\ncontent: {name} 贵宾\n", encoding="utf-8"
        )
    assert campaign("apply", "--auto-approve", "--quiet")[0] == ExitCode.OK
    sends = archive(campaign)
    files = contents(Path("archive"))
    for secret in ("王小明", "李小红", "13800138000", *openids):
        assert not [name for name, data in files.items() if secret.encode() in data]
    assert f"{sends['vip#1']['name']}/campaign/vip.yaml" in files
