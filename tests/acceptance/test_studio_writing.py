"""The studio writes: a piece of work from its first word to its request, beside an untouched checkout."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.studio import TEXT, StudioProcess, git, make_checkout, open_studio, picture, until


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture
def studio(shop: Path) -> Iterator[StudioProcess]:
    with open_studio(shop) as opened:
        opened.get("/")
        yield opened


def shown(studio: StudioProcess, name: str, work: str = "") -> str:
    """The first send of a message as its phone has it."""
    (send,) = studio.campaign(name, work=work)["sends"]
    return studio.get(f"{send['message']}&work={work}").text


def form(studio: StudioProcess, begun: dict[str, Any]) -> dict[str, Any]:
    answer = studio.get("/data/form", params={"work": begun["work"], "id": begun["id"]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def save(studio: StudioProcess, begun: dict[str, Any], *changes: tuple[list[Any], Any]) -> Any:
    stamp = form(studio, begun)["stamp"]
    named = [{"path": path, "value": value} for path, value in changes]
    return studio.write("/save", work=begun["work"], id=begun["id"], seen=stamp, changes=named)


def test_an_edit_is_sent_for_review_as_one_branch(studio: StudioProcess, shop: Path) -> None:
    before = git(shop, "status", "--porcelain=v2", "--branch")
    begun = studio.write("/begin", edit="hello")
    save(studio, begun, (["content"], "第二版"))
    until(lambda: "第二版" in shown(studio, "hello", begun["work"]))
    assert "第一版" in shown(studio, "hello")
    studio.write("/person", work=begun["work"], name="李梅", email="mei@example.invalid")
    sent = studio.write("/review", work=begun["work"], sentence="换成第二版，因为价格变了")
    said = git(shop, "ls-remote", "origin", sent["branch"])
    commit = said.split()[0]
    git(shop, "fetch", "--quiet", "origin", sent["branch"])
    assert git(shop, "log", "-1", "--format=%an <%ae> %s", commit) == (
        "李梅 <mei@example.invalid> 换成第二版，因为价格变了"
    )
    diff = git(shop, "diff", "--unified=0", "main", commit, "--", "campaigns")
    assert [one for one in diff.splitlines() if one[:1] in "+-" and one[:3] not in ("+++", "---")] == [
        "-content: 第一版", "+content: 第二版",
    ]  # fmt: skip
    assert git(shop, "status", "--porcelain=v2", "--branch") == before


def test_a_new_article_gets_its_pictures_and_text(studio: StudioProcess) -> None:
    begun = studio.write("/begin", kind="mpnews", words="春茶上市")
    assert begun["id"] == "春茶上市"
    fields = {tuple(one["path"]): one for one in form(studio, begun)["fields"]}
    assert fields["content", "articles", 0, "title"]["value"] == "春茶上市"
    body = fields["content", "articles", 0, "body"]["value"]
    kept = studio.post(f"/upload?work={begun['work']}&id={begun['id']}&name=封面.jpg", data=picture()).json()
    save(studio, begun, (["content", "articles", 0, "cover"], kept["path"]))
    text = studio.get("/data/text", params={**begun, "path": body}).json()
    written = {"work": begun["work"], "id": begun["id"], "path": body, "seen": text["stamp"]}
    studio.write("/text", **written, text="# 新茶\n\n三月的第一批。\n")
    sends = until(lambda: studio.campaign(begun["id"], work=begun["work"])["sends"])
    html = studio.get(sends[0]["pages"][0]["url"] + f"&work={begun['work']}").text
    assert "三月的第一批" in html
    again = studio.post("/text", {**written, "text": "别的"})
    assert (again.status_code, bool(again.json()["hint"])) == (409, True)


@pytest.mark.parametrize(
    "headers", [{"X-Studio-Key": "guessed"}, {"Origin": "http://evil.example"}, {"Origin": ""}]
)
def test_only_the_page_writes(studio: StudioProcess, headers: dict[str, str]) -> None:
    assert studio.post("/begin", {"edit": "hello"}, **headers).status_code == 403
    assert studio.get("/data/works").json()["works"] == []


def test_read_only_studio_writes_nothing(shop: Path) -> None:
    with open_studio(shop, "--read-only") as studio:
        assert studio.key == ""
        assert studio.post("/begin", {"edit": "hello"}, **{"X-Studio-Key": ""}).status_code == 405


def test_an_account_is_stopped_with_a_reason(studio: StudioProcess, shop: Path) -> None:
    campaign = [sys.executable, "-m", "wechat_campaigns"]
    subprocess.run([*campaign, "ledger", "init"], cwd=shop, check=True, capture_output=True)
    account = studio.campaign("hello")["sends"][0]["account"]
    assert studio.post("/hold", {"account": account, "reason": " "}).status_code == 422
    studio.write("/hold", account=account, reason="价格写错了")
    status = subprocess.run([*campaign, "status"], cwd=shop, check=False, capture_output=True, text=True)
    assert "价格写错了" in status.stderr
    refused = studio.post("/hold", {"account": "--all", "reason": "x"})
    assert (refused.status_code, bool(refused.json()["hint"])) == (422, True)


def test_a_new_machine_begins_with_an_address(shop: Path, tmp_path: Path) -> None:
    address, here = str(tmp_path / "remote.git"), tmp_path / "new"
    here.mkdir()
    for start in range(2):
        with open_studio(here, "--clone", address) as studio:
            assert shown(studio, "hello")
            begun = studio.write("/begin", edit="hello")
            save(studio, begun, (["content"], "从新电脑"))
            merged = shop / "campaigns/hello.yaml"
            merged.write_text(f"{TEXT}# {start}\n".replace("第一版", f"第{start}版"), encoding="utf-8")
            git(shop, "commit", "--quiet", "-am", "Merged")
            git(shop, "push", "--quiet")
            assert studio.write("/look") == {"behind": ""}
            assert f"第{start}版" in shown(studio, "hello")
            (tmp_path / "remote.git").rename(tmp_path / "away")
            assert studio.write("/look")["behind"]
            assert next(studio.events())["behind"]
            (tmp_path / "away").rename(tmp_path / "remote.git")
    assert (here / "remote/campaigns/hello.yaml").read_bytes() == merged.read_bytes()


def test_what_another_page_saved_is_not_saved_over(studio: StudioProcess) -> None:
    begun = studio.write("/begin", edit="hello")
    stamp = form(studio, begun)["stamp"]
    save(studio, begun, (["content"], "他们的"))
    mine = {**begun, "seen": stamp, "changes": [{"path": ["content"], "value": "我的"}]}
    assert studio.post("/save", mine).status_code == 409
    assert "他们的" in shown(studio, "hello", begun["work"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/save", {"changes": "all"}),
        ("/save", {"changes": [{"path": [], "value": 1}]}),
        ("/save", []),
        ("/text", {"path": "../../x.md", "text": "x", "seen": ""}),
        ("/resolve", {"path": "x", "which": "both"}),
        ("/begin", {"edit": "nobody"}),
        ("/begin", {"kind": "none", "words": "x", "work": "w-20260101-000000"}),
        ("/review", {"sentence": ""}),
        ("/discard", {"work": "../.."}),
        ("/import", {"path": "x", "html": "x"}),
        ("/upload?work=../..&id=hello&name=x.jpg", {}),
    ],
)
def test_what_makes_no_sense_is_refused(studio: StudioProcess, path: str, body: Any) -> None:
    begun = studio.write("/begin", edit="hello")
    values = {**begun, "seen": "", **body} if isinstance(body, dict) else body
    answer = studio.post(path, values)
    assert answer.status_code in (400, 409, 422), answer.text
    if answer.status_code == 422:
        assert answer.json()["error"]
