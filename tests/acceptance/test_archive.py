"""An archive holds what was sent as it was sent, whatever the campaigns folder says later."""

import hashlib
import html
import json
import re
import shutil
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lxml.html import document_fromstring

from tests.support.browser import open_browser
from tests.support.commits import git
from tests.support.console import add_draft, set_clock
from tests.support.factories import intent_of, make_send, make_state
from tests.support.playground import PICTURES, SERVICE
from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.report.archive import ArchivedSend, archive_files

pytestmark = pytest.mark.deep

ARTICLE = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 春茶, author: 茶园, body: tea.html, cover: {file: leaf.jpg}}]}
"""


def commit_and_send(shop: Shop) -> None:
    """Give `ARTICLE` its files, and send what the folder has."""
    campaigns = shop.folder / "campaigns"
    (campaigns / "tea.html").write_text('<p>明前 <img src="leaf.jpg"></p>', encoding="utf-8")
    (campaigns / "leaf.jpg").write_bytes((PICTURES / "leaf.jpg").read_bytes())
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "one")):
        git(shop.folder, *words)
    shop.succeed("apply", "--auto-approve", "--quiet")
    shop.succeed("status")


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """A repository with one committed campaign of each kind, all sent."""
    shop = make_shop()
    listed = f"filter: {{openids: {json.dumps(shop.sandbox.openids()[:2])}}}\nmsgtype: text\ncontent: 名单\n"
    shop.write(tea=ARTICLE, hello=campaign_file("你好"), list=listed)
    commit_and_send(shop)
    return shop


def archive(shop: Shop, *words: str) -> dict[str, Any]:
    said = shop.succeed("archive", "--format", "json", "--quiet", *words)
    return {one["send"]: one for one in json.loads(said)["archives"]}


def contents(folder: Path) -> Mapping[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_send_is_archived_as_it_was_posted(shop: Shop) -> None:
    sends = archive(shop)
    assert all(one["has_message"] for one in sends.values())
    files = contents(shop.folder / "archive" / sends["tea"]["name"])
    picture = (PICTURES / "leaf.jpg").read_bytes()
    assert files[f"media/{hashlib.sha256(picture).hexdigest()}.jpeg"] == picture
    shop.succeed("render", "tea", "--report", "html=render.html")
    assert files["message.html"] == (shop.folder / "render.html").read_bytes().rstrip()
    events = [json.loads(text) for text in files["events.jsonl"].splitlines()]
    (intent,) = [one["data"] for one in events if one["kind"] == "intent"]
    (job,) = [one for one in shop.sandbox.jobs() if one["clientmsgid"] == intent["clientmsgid"]]
    assert (intent["body"]["msgtype"], len(intent["mac"])) == ("mpnews", 64)
    index = files["index.html"].decode()
    assert all(text in index for text in (git(shop.folder, "rev-parse", "HEAD").strip(), str(job["msg_id"])))
    archive(shop, "--out", "campaigns/again")
    assert contents(shop.folder / "campaigns/again") == contents(shop.folder / "archive")
    assert "sent" in shop.run_here("plan")[1], "an archive below the campaigns folder holds no campaign"


def test_the_first_page_lists_every_archive_of_the_folder(shop: Shop) -> None:
    sends = archive(shop)
    later = (datetime.now(CHINA) + timedelta(days=2)).date().isoformat()
    for _run in range(2):
        page = document_fromstring((shop.folder / "archive/index.html").read_text(encoding="utf-8"))
        links = {one.text_content(): unquote(one.get("href", "")) for one in page.iter("a")}
        assert set(links.values()) == {f"{one['name']}/index.html" for one in sends.values()}
        assert all((shop.folder / "archive" / link).is_file() for link in links.values())
        assert "你好" in links
        archive(shop, "--since", later)  # what was archived before stays in the list
    assert [one.text_content() for one in page.iter("small")].count("hello") == 1


def test_what_a_stranger_wrote_into_the_ledger_stops_no_archive(shop: Shop) -> None:
    forged = {"send": "forged", "revision": 1, "content_digest": "0" * 64, "at": "2026-11-01T00:00:00+00:00"}
    file = shop.folder.parent / "ledger.sqlite3"
    with closing(SqliteLedger(file, lambda: datetime.now(CHINA))) as ledger:
        ledger.append(Entry(stream=SERVICE, kind=EventKind.INTENT, data=forged))
    sends = archive(shop)
    assert {*sends} == {"tea", "hello", "list#1", "forged"}
    assert SERVICE in contents(shop.folder / "archive" / sends["forged"]["name"])["index.html"].decode()


def test_a_message_that_the_folder_no_longer_renders(shop: Shop) -> None:
    late = shop.folder / "late"
    kept = contents(shop.folder / "archive" / archive(shop)["tea"]["name"])
    commit = git(shop.folder, "rev-parse", "HEAD").strip()
    (shop.folder / "campaigns/tea.html").write_text("<p>改过了</p>", encoding="utf-8")
    (shop.folder / "campaigns/hello.yaml").unlink()
    assert contents(shop.folder / "archive" / archive(shop)["tea"]["name"]) == kept
    sends = archive(shop, "--out", "late")
    assert {send: one["has_message"] for send, one in sends.items()} == {
        "tea": False, "hello": True, "list#1": True
    }  # fmt: skip
    files = contents(late / sends["tea"]["name"])
    assert set(files) == {"index.html", "events.jsonl"}
    assert f"Check out commit {commit}" in files["index.html"].decode()
    assert "你好" in (late / sends["hello"]["name"] / "message.html").read_text(encoding="utf-8")
    git(shop.folder, "checkout", "-q", "--force", commit)
    assert contents(late / archive(shop, "--out", "late")["tea"]["name"]) == kept


@pytest.mark.parametrize("approved", ["#12 by ann", ""])
def test_an_archive_names_who_approved_and_who_ran_it(approved: str) -> None:
    who = {"user": "li", "run": "https://ci.example/7", "commit": "c" * 40, "approved": approved}
    state = make_state((EventKind.INTENT, intent_of(make_send(), plan_digest="p" * 64, actor=who)))
    (record,) = state.sends
    sent = ArchivedSend(environment="shop", record=record, state=state, events=(), articles=(), message=None)
    page = archive_files(sent, data=lambda file: b"")["index.html"].decode()
    assert all(text in page for text in ("li", who["run"], who["commit"], "p" * 64))
    assert (approved or "no approval is recorded") in page


def test_an_archive_names_the_approvals_by_which_it_was_sent(make_shop: MakeShop) -> None:
    """By whom, when, by which plan and commit; and none of another send."""
    keys = {"ann": "a1" * 32, "bob": "b2" * 32}
    asked = ", ".join(f"{name}: {public_key(key)}" for name, key in keys.items())
    shop = make_shop()
    shop.edit("_settings", "    api:", f"    approvals: {{approvers: {{{asked}}}}}\n    api:")
    shop.write(hello=campaign_file("你好"), other=campaign_file("另一条", "ready: false\n"))
    shop.succeed("ledger", "guard", "--reason", "x", "--auto-approve")
    for name, key in keys.items():
        shop.write(
            other=campaign_file(
                "另一条", "not_before: 2099-01-01T00:00:00Z\n" if name == "bob" else "ready: false\n"
            )
        )
        shop.plan()
        words = ("approve", "plan.json", "--auto-approve")
        code, said = shop.run_here(*words, CAMPAIGN_APPROVAL_KEY=key, USER="cem", LOGNAME="cem")
        assert code == ExitCode.OK, said
    plan = shop.plan()
    shop.succeed("apply", "--auto-approve", "--quiet", *shop.reviewed("file"))
    index = contents(shop.folder / "archive" / archive(shop)["hello"]["name"])["index.html"].decode()
    assert re.search(r"ann, cem, \d{4}-\d\d-\d\d \d\d:\d\d, plan [0-9a-f]{12}", index)
    assert "approved by ann (cem)" in index
    assert "bob" not in index
    assert plan["plan_digest"] in index


def test_no_recipient_is_in_an_archive(shop: Shop) -> None:
    everyone = shop.sandbox.openids()
    rows = "".join(f"王小明,13800138000,{openid}\n" for openid in everyone[2:4])
    (shop.folder / "campaigns/vip.csv").write_text(f"姓名,手机,openid\n{rows}", encoding="utf-8")
    shop.write(vip="filter: {openids: {file: vip.csv}}\nmsgtype: text\ncontent: 贵宾\n")
    shop.succeed("apply", "--auto-approve", "--quiet")
    assert {"list#1", "vip#1"} <= set(archive(shop))
    for data in contents(shop.folder / "archive").values():
        assert not [one for one in ("王小明", "13800138000", *everyone) if one.encode() in data]


def test_of_a_draft_of_the_console_the_links_are_archived(shop: Shop) -> None:
    add_draft(shop.sandbox, "CONSOLE", "秋茶")
    shop.write(draft="filter: {tag: 会员}\nmsgtype: mpnews\ncontent: {draft: 秋茶}\n")
    shop.succeed("apply", "--auto-approve", "--quiet")
    # At noon: no figures are queried before 08:00.
    set_clock(shop.sandbox, datetime.now(CHINA).date() + timedelta(days=2), "12:00")
    shop.succeed("report", "--refresh")
    one = archive(shop)["draft"]
    assert not one["has_message"]
    files = contents(shop.folder / "archive" / one["name"])
    assert set(files) == {"index.html", "events.jsonl"}
    articles = json.loads(shop.succeed("report", "--format", "json", "--quiet"))["articles"]
    (url,) = {row["url"] for row in articles if row["send"] == "draft"}
    assert html.escape(url) in files["index.html"].decode()
    assert "A draft of the WeChat console was sent." in files["index.html"].decode()


NETWORK_OFF = ("host-resolver-rules=MAP * ~NOTFOUND", "proxy-server=127.0.0.1:9")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_the_archive_of_three_sends_is_read_without_the_tool(
    make_shop: MakeShop, tmp_path: Path, language: str
) -> None:
    """Zipped, unzipped elsewhere, opened by who has neither the tool, nor the ledger, nor a network."""
    shop = make_shop()
    shop.write(tea=ARTICLE, hello=campaign_file("你好"), wrong=ARTICLE.replace("春茶", "秋茶"))
    commit_and_send(shop)
    shop.succeed("recall", "wrong", "--auto-approve", "--reason", "价格写错了")
    code, said = shop.run("archive", LC_ALL=f"{language}.UTF-8")
    assert code == ExitCode.OK, said
    packed = shutil.make_archive(str(tmp_path / "sent"), "zip", shop.folder / "archive")
    shutil.unpack_archive(packed, tmp_path / "elsewhere")
    folder = tmp_path / "elsewhere"
    for page in folder.rglob("*.html"):
        document = document_fromstring(page.read_text(encoding="utf-8"))
        assert not [*document.iter("script")]
        for element in document.iter("a", "img", "link", "iframe"):
            address = element.get("href") or element.get("src") or ""
            assert urlsplit(address).scheme in ("", "data"), (page, address)
            if not address.startswith(("data:", "#")) and address:
                assert (page.parent / unquote(address)).is_file(), (page, address)
    (intent,) = [one for one in shop.log() if one["kind"] == "intent" and one["data"]["send"] == "tea"]
    commit, digest = git(shop.folder, "rev-parse", "HEAD").strip(), intent["data"]["plan_digest"]
    zh, by = language != "en", intent["data"]["actor"]["user"]
    with open_browser(width=1280, height=900, language=language, flags=NETWORK_OFF) as chrome:
        chrome.get((folder / "index.html").as_uri())
        rows = [one.text for one in chrome.find_elements("css selector", "tbody tr")]
        assert len(rows) == 3
        for title in ("春茶", "秋茶", "你好"):
            chrome.get((folder / "index.html").as_uri())
            chrome.find_element("partial link text", title).click()
            shown = chrome.find_element("tag name", "main").text
            day = datetime.fromisoformat(intent["data"]["at"]).astimezone(CHINA).date().isoformat()
            followers = str(intent["data"]["audience"]["count"])
            for words in (title, "会员", day, followers, commit, intent["data"]["actor"]["user"]):
                assert words in shown, (words, shown)
            assert ("价格写错了" in shown) is (title == "秋茶")
            recalled = f"由 {by} 在微信撤回" if zh else f"recalled by {by}"
            assert (recalled in shown) is (title == "秋茶")
            assert ("账本记录" if zh else "Events of the ledger") in shown
            assert ("没有审批记录" if zh else "no approval is recorded") in shown
            assert intent["data"]["mac"][:12] in shown or title != "春茶"
            assert digest in shown
            chrome.find_element("css selector", "a[href='message.html']").click()
            assert title in chrome.find_element("tag name", "body").text
            broken = "return [...document.images].filter(one => !one.naturalWidth).length"
            assert chrome.execute_script(broken) == 0
            if title != "你好":
                assert chrome.execute_script("return document.images.length") > 0
