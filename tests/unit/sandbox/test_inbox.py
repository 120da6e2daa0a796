"""The inbox over plain HTTP: what it tells, its guards, and the pages behind the cards."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.sandbox.client import MP3, NOON, PNG, SERVICE, WeChat
from tests.unit.sandbox.inbox_calls import openids, phone, preview, to_all, told
from wechat_sandbox import seeds, web
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.store import Store

SCRIPTS = ("main.js", "lists.js", "phone.js", "bubbles.js", "dom.js", "words.js")
STATIC = (*SCRIPTS, "inbox.css", "phone.css", "article.css", "icon.svg")


# --- the page itself -----------------------------------------------------------------------------


def test_page_allows_nothing_but_its_own_files(wechat: WeChat) -> None:
    answer = wechat.http.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert answer.content_type.startswith("text/html")
    assert policy.startswith("default-src 'none'")
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_page_needs_no_inline_code(wechat: WeChat) -> None:
    html = wechat.http.get("/").text
    assert re.findall(r"<script[^>]*>[^<]+</script>|\sstyle=|\son\w+=|<style", html) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", STATIC)
def test_files_name_no_other_machine(wechat: WeChat, name: str) -> None:
    with wechat.http.get(f"/inbox/{name}") as answer:
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)\w", answer.text) == []
        assert "innerHTML" not in answer.text


@pytest.mark.parametrize(("accepted", "lang"), [("zh-CN,zh;q=0.9", "zh"), ("de,en;q=1", "en"), ("fr", "en")])
def test_language_is_the_browsers(wechat: WeChat, accepted: str, lang: str) -> None:
    assert f'<html lang="{lang}">' in wechat.http.get("/", headers={"Accept-Language": accepted}).text


# --- what it tells -------------------------------------------------------------------------------


def test_accounts_come_with_tags_and_counts(wechat: WeChat) -> None:
    wechat.sendall()
    first, second, _ = told(wechat, "accounts")["accounts"]
    assert (first["name"], first["followers"], first["sends"]) == ("示例服务号", 60, 1)
    assert second["sends"] == 0
    assert {"id": 2, "name": "星标组", "count": 6} in first["tags"]
    assert "secret" not in json.dumps(first)


def test_followers_come_by_pages(wechat: WeChat) -> None:
    pages = [told(wechat, "followers", offset=offset, limit=40) for offset in (0, 40)]
    assert openids(pages[0]) + openids(pages[1]) == wechat.openids()
    assert {page["total"] for page in pages} == {60}


@pytest.mark.slow
def test_page_of_followers_is_bounded(wechat: WeChat) -> None:
    seed = {"accounts": [{"appid": SERVICE, "followers": 3000, "tags": ["会员"]}]}
    wechat.control("POST", "seed", seed)
    found = told(wechat, "followers", limit=999_999)
    assert (found["total"], len(found["followers"])) == (3000, 1000)


@pytest.mark.parametrize("part", ["TESTER7", "nickname", "openid"])
def test_followers_are_searched(wechat: WeChat, part: str) -> None:
    seventh = told(wechat, "followers")["followers"][6]
    found = told(wechat, "followers", search=seventh.get(part, part))
    assert seventh["openid"] in openids(found)
    assert found["total"] < 20


def test_search_takes_signs_as_they_are(wechat: WeChat) -> None:
    assert told(wechat, "followers", search="%")["total"] == 0
    assert told(wechat, "followers", search="' OR 1=1 --")["total"] == 0


def test_followers_by_tag_and_by_send_are_the_same(wechat: WeChat) -> None:
    msg_id = wechat.sendall()["msg_id"]
    tagged, reached = told(wechat, "followers", tag_id=2), told(wechat, "followers", msg_id=msg_id)
    assert openids(tagged) == openids(reached)
    assert reached["total"] == 6


def test_follower_shows_count_and_latest(wechat: WeChat) -> None:
    to_all(wechat, "text", {"content": "一"})
    preview(wechat, "text", {"content": '二 <a href="https://example.com/">三</a>'})
    first, second = told(wechat, "followers")["followers"][:2]
    assert (first["count"], first["latest"]["summary"]) == (2, "二 三")
    assert (second["count"], second["latest"]["kind"]) == (1, "job")
    assert first["latest"]["time"] == "2026-12-01T12:00:00+08:00"


def test_phone_shows_what_arrived_and_from_which_send(wechat: WeChat) -> None:
    sent = wechat.sendall(clientmsgid="c" * 32)
    (message,) = phone(wechat)
    assert message["content"]["text"] == "你好"
    assert (message["msg_id"], message["clientmsgid"]) == (sent["msg_id"], "c" * 32)
    assert message["time"].endswith("+08:00")
    assert phone(wechat, wechat.openids()[1]) == []


def test_phone_of_a_stranger_is_empty(wechat: WeChat) -> None:
    assert told(wechat, "phone", openid="o-gone") == {"follower": None, "messages": [], "earlier": False}


def test_missing_clientmsgid_is_told_as_such(wechat: WeChat) -> None:
    wechat.sendall()
    assert phone(wechat)[0]["clientmsgid"] == ""


def test_phone_shows_the_latest_and_says_there_are_earlier(wechat: WeChat) -> None:
    for text in "一二三":
        preview(wechat, "text", {"content": text})
    told_phone = told(wechat, "phone", openid=wechat.openids()[0], limit=2)
    assert [item["content"]["text"] for item in told_phone["messages"]] == ["二", "三"]
    assert told_phone["earlier"] is True


def test_preview_is_marked(wechat: WeChat) -> None:
    preview(wechat, "text", {"content": "试"})
    assert [item["kind"] for item in phone(wechat)] == ["preview"]
    assert phone(wechat, wechat.openids()[1]) == []


def test_unfinished_send_is_listed_but_on_no_phone(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 60})
    wechat.sendall()
    (send,) = told(wechat, "sends")["sends"]
    assert (send["status"], send["delivered"], send["total"]) == ("SENDING", 0, 6)
    assert phone(wechat) == []


def test_looking_finishes_what_is_due(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 60})
    wechat.sendall()
    later = web.build(replace(wechat.dispatcher, wall=lambda: NOON + 61), seeds.DEFAULT).test_client()
    (send,) = later.get(f"/_sandbox/sends?appid={SERVICE}").json["sends"]
    assert (send["status"], send["delivered"]) == ("SEND_SUCCESS", 6)


def test_sends_come_latest_first_with_previews(wechat: WeChat) -> None:
    wechat.sendall()
    wechat.wait(5)
    preview(wechat, "text", {"content": "试"})
    found = told(wechat, "sends", limit=1)
    assert (found["total"], [item["kind"] for item in found["sends"]]) == (2, ["preview"])
    assert [item["kind"] for item in told(wechat, "sends", offset=1)["sends"]] == ["job"]


def test_media_of_messages_are_paths_of_this_server(wechat: WeChat) -> None:
    ids = {kind: wechat.material(kind) for kind in ("voice", "video", "image")}
    wechat.control("POST", "accounts", {"appid": SERVICE, "quota": False, "api_video": True})
    to_all(wechat, "voice", {"media_id": ids["voice"]})
    to_all(wechat, "image", {"media_ids": [ids["image"]] * 2, "title": "图"}, "images")
    to_all(wechat, "mpvideo", {"media_id": ids["video"], "title": "片", "description": "述"})
    contents = [item["content"] for item in phone(wechat)]
    voice, images, video = contents[0]["voice"], contents[1]["images"], contents[2]["video"]
    assert wechat.http.get(voice["src"]).data == MP3
    assert len(images["pictures"]) == 2
    assert wechat.http.get(images["pictures"][0]).data == PNG
    assert (video["title"], wechat.http.get(video["src"]).content_type) == ("片", "video/mp4")


def test_version_changes_with_every_write_only(wechat: WeChat) -> None:
    before = told(wechat, "version")
    phone(wechat)
    assert told(wechat, "version") == before
    wechat.sendall()
    assert told(wechat, "version") != before


def test_version_sees_a_restored_snapshot(wechat: WeChat) -> None:
    wechat.control("POST", "snapshot")
    wechat.sendall()
    before = told(wechat, "version")
    wechat.control("POST", "restore")
    assert told(wechat, "version") != before


def test_version_sees_another_process(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "state.sqlite3") for _ in range(2)]
    dispatchers = [Dispatcher(store=store, wall=lambda: NOON) for store in stores]
    with stores[0].transaction() as db:
        seeds.plant(db, seeds.DEFAULT, NOON)
    watching, sending = (
        WeChat(web.build(dispatcher, seeds.DEFAULT).test_client(), dispatcher) for dispatcher in dispatchers
    )
    before = told(watching, "version")
    assert told(watching, "version") == before
    sending.sendall()
    assert told(watching, "version") != before
    assert phone(watching)[0]["content"]["text"] == "你好"
    for store in stores:
        store.close()


def test_looking_leaves_no_trace_among_the_calls(wechat: WeChat) -> None:
    for path in ("/", "/favicon.ico", "/inbox/main.js", "/_sandbox/accounts"):
        with wechat.http.get(path) as answer:
            assert answer.status_code == 200
    assert wechat.control("GET", "requests")["requests"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("followers", 400),
        ("followers?appid=wx1", 400),
        (f"followers?appid={SERVICE}&offset=-1", 400),
        (f"followers?appid={SERVICE}&msg_id=二", 400),
        (f"sends?appid={SERVICE}&limit={'9' * 40}", 400),
        ("nothing", 404),
    ],
)
def test_wrong_question_is_answered_in_words(wechat: WeChat, query: str, status: int) -> None:
    answer = wechat.http.get(f"/_sandbox/{query}")
    assert (answer.status_code, list(answer.json)) == (status, ["error"])
