"""The inbox over plain HTTP: what it tells, its guards, and the pages behind the cards."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from tests.unit.sandbox.client import JPEG, MP3, NOON, PNG, SERVICE, WeChat
from wechat_sandbox import seeds, server
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.store import Store

SCRIPTS = ("main.js", "lists.js", "phone.js", "bubbles.js", "dom.js", "words.js")
STATIC = (*SCRIPTS, "inbox.css", "phone.css", "article.css", "icon.svg")


def told(wechat: WeChat, name: str, **query: Any) -> Any:
    answer = wechat.http.get(f"/_sandbox/{name}", query_string={"appid": wechat.appid, **query})
    assert answer.status_code == 200, answer.text
    return answer.json


def phone(wechat: WeChat, openid: str = "", **query: Any) -> list[dict[str, Any]]:
    found = told(wechat, "phone", openid=openid or wechat.openids()[0], **query)
    messages: list[dict[str, Any]] = found["messages"]
    return messages


def openids(found: dict[str, Any]) -> list[str]:
    return [item["openid"] for item in found["followers"]]


def page(wechat: WeChat, card: dict[str, Any], **query: str) -> str:
    return wechat.http.get(card["page"], query_string=query).text


def to_all(wechat: WeChat, msgtype: str, body: Any, key: str = "") -> Any:
    message = {"filter": {"is_to_all": True}, "msgtype": msgtype, key or msgtype: body}
    return wechat.post("message/mass/sendall", message)


def preview(wechat: WeChat, msgtype: str, body: Any) -> None:
    wechat.post("message/mass/preview", {"touser": wechat.openids()[0], "msgtype": msgtype, msgtype: body})


def sent_article(wechat: WeChat, **article: Any) -> dict[str, Any]:
    to_all(wechat, "mpnews", {"media_id": wechat.draft(**article)})
    card: dict[str, Any] = phone(wechat)[0]["content"]["articles"][0]
    return card


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


def test_phone_shows_the_latest_and_says_there_are_earlier(wechat: WeChat) -> None:
    for text in "一二三":
        preview(wechat, "text", {"content": text})
    told_phone = told(wechat, "phone", openid=wechat.openids()[0], limit=2)
    assert [item["content"]["text"] for item in told_phone["messages"]] == ["二", "三"]
    assert told_phone["earlier"] is True


def test_looking_finishes_what_is_due(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 60})
    wechat.sendall()
    later = Client(server.build(replace(wechat.dispatcher, wall=lambda: NOON + 61), seeds.DEFAULT))
    (send,) = later.get(f"/_sandbox/sends?appid={SERVICE}").json["sends"]
    assert (send["status"], send["delivered"]) == ("SEND_SUCCESS", 6)


def test_sends_come_latest_first_with_previews(wechat: WeChat) -> None:
    wechat.sendall()
    wechat.wait(5)
    preview(wechat, "text", {"content": "试"})
    found = told(wechat, "sends", limit=1)
    assert (found["total"], [item["kind"] for item in found["sends"]]) == (2, ["preview"])
    assert [item["kind"] for item in told(wechat, "sends", offset=1)["sends"]] == ["job"]
    account = told(wechat, "accounts")["accounts"][0]
    assert (account["sends"], account["previews"]) == (1, 1)


def test_version_changes_with_every_write_only(wechat: WeChat) -> None:
    before = told(wechat, "version")
    phone(wechat)
    assert told(wechat, "version") == before
    wechat.sendall()
    assert told(wechat, "version") != before


def test_version_sees_another_process(tmp_path: Path) -> None:
    stores = [Store(tmp_path / "state.sqlite3") for _ in range(2)]
    dispatchers = [Dispatcher(store=store, wall=lambda: NOON) for store in stores]
    with stores[0].transaction() as db:
        seeds.plant(db, seeds.DEFAULT, NOON)
    watching, sending = (
        WeChat(Client(server.build(dispatcher, seeds.DEFAULT)), dispatcher) for dispatcher in dispatchers
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


# --- the pages behind the cards, and the files behind pictures, voices and videos -------------------


def test_article_page_may_run_nothing(wechat: WeChat) -> None:
    policy = wechat.http.get(sent_article(wechat)["page"]).headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "; sandbox " in policy
    assert "frame-ancestors 'self'" in policy


def test_article_shows_uploaded_pictures(wechat: WeChat) -> None:
    url = wechat.upload("media/uploadimg", PNG)["url"]
    other = url.replace("http:", "https:").replace("?wx_fmt=png", "?tp=webp")
    html = page(wechat, sent_article(wechat, content=f'<p><img src="{url}"><img data-src="{other}"></p>'))
    sources = re.findall(r'<img src="([^"]*)"', html)
    assert len(sources) == 2
    assert "qpic.cn" not in html
    assert [wechat.http.get(source).data for source in sources] == [PNG, PNG]


def test_card_has_its_cover(wechat: WeChat) -> None:
    card = sent_article(wechat, thumb_media_id=wechat.material("thumb"), pic_crop_235_1="0_0_1_0.5")
    assert wechat.http.get(card["cover"]).data == JPEG
    assert card["crop_wide"] == "0_0_1_0.5"


def test_phone_does_not_carry_article_html(wechat: WeChat) -> None:
    sent_article(wechat, content="<p>很长的正文</p>", digest="摘要")
    assert "很长的正文" not in json.dumps(phone(wechat), ensure_ascii=False)


def test_article_page_escapes_every_field(wechat: WeChat) -> None:
    card = sent_article(
        wechat, title="<b>&\"'<script>", author="<i>作者</i>", content_source_url='https://e.com/"><script>'
    )
    html = page(wechat, card)
    assert "<script" not in html
    assert "<i>作者" not in html
    assert "&lt;b&gt;&amp;&#34;&#39;&lt;script&gt;" in html


@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "data:text/html,x", "ftp://x"])
def test_only_web_addresses_become_the_original_link(wechat: WeChat, scheme: str) -> None:
    articles = [{"title": "t", "content": "<p>x</p>", "content_source_url": scheme}]
    wechat.control("POST", "media", {"appid": SERVICE, "kind": "news", "media_id": "N", "articles": articles})
    to_all(wechat, "mpnews", {"media_id": "N"})
    assert scheme not in page(wechat, phone(wechat)[0]["content"]["articles"][0])


@pytest.mark.parametrize("path", ["job/1/1", "preview/1/1", "job/3147483648/1", "job/3147483648/0"])
def test_no_such_article_says_so(wechat: WeChat, path: str) -> None:
    wechat.sendall()
    answer = wechat.http.get(f"/_sandbox/article/{path}")
    assert (answer.status_code, "There is no such article" in answer.text) == (404, True)


def test_media_come_with_guards_and_in_parts(wechat: WeChat) -> None:
    path = f"/_sandbox/media/{SERVICE}/{wechat.material('voice')}"
    answer = wechat.http.get(path, headers={"Range": "bytes=0-2"})
    assert (answer.status_code, answer.data) == (206, MP3[:3])
    assert answer.content_type == "audio/mpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].endswith("; sandbox")


def test_unknown_media_is_not_found(wechat: WeChat) -> None:
    assert wechat.http.get(f"/_sandbox/media/{SERVICE}/nothing").status_code == 404


def test_media_are_never_given_out_as_a_page(wechat: WeChat) -> None:
    media_id = wechat.material()
    with wechat.dispatcher.store.transaction() as db:
        db.execute("UPDATE media SET content_type = 'text/html'")
    answer = wechat.http.get(f"/_sandbox/media/{SERVICE}/{media_id}")
    assert answer.content_type == "application/octet-stream"


def test_picture_post_shows_its_pictures(wechat: WeChat) -> None:
    images = [{"image_media_id": wechat.material()} for _ in range(3)]
    post = {"article_type": "newspic", "title": "图", "content": "字", "image_info": {"image_list": images}}
    media_id = wechat.post("draft/add", {"articles": [post]})["media_id"]
    to_all(wechat, "mpnews", {"media_id": media_id})
    card = phone(wechat)[0]["content"]["articles"][0]
    html = page(wechat, card)
    assert (card["type"], card["pictures"]) == ("newspic", 3)
    assert html.count("<figure>") == 3
    assert "字" in html


def test_recalled_article_is_an_empty_page(wechat: WeChat) -> None:
    card = sent_article(wechat, title="写错了", content="<p>正文在此</p>")
    msg_id = phone(wechat)[0]["msg_id"]
    assert "正文在此" in page(wechat, card)
    wechat.post("message/mass/delete", {"msg_id": msg_id})
    message = phone(wechat)[0]
    assert (message["recalled"], message["content"]["articles"][0]["gone"]) == (True, True)
    html = page(wechat, card, lang="zh")
    assert "该内容已被发布者删除" in html
    assert "正文在此" not in html


def test_unfinished_send_is_listed_but_on_no_phone(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "finish_after_s": 60})
    wechat.sendall()
    (send,) = told(wechat, "sends")["sends"]
    assert (send["status"], send["delivered"], send["total"]) == ("SENDING", 0, 6)
    assert phone(wechat) == []
