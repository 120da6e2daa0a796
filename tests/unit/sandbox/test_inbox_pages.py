"""The pages behind the cards, and the files behind pictures, voices and videos."""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.sandbox.client import JPEG, MP3, PNG, SERVICE, WeChat
from tests.unit.sandbox.inbox_calls import page, phone, preview, sent_article, to_all


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


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["javascript:alert(1)", "data:text/html,x", "ftp://x"])
def test_only_web_addresses_become_the_original_link(wechat: WeChat, scheme: str) -> None:
    articles = [{"title": "t", "content": "<p>x</p>", "content_source_url": scheme}]
    wechat.control("POST", "media", {"appid": SERVICE, "kind": "news", "media_id": "N", "articles": articles})
    to_all(wechat, "mpnews", {"media_id": "N"})
    assert scheme not in page(wechat, phone(wechat)[0]["content"]["articles"][0])


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


@pytest.mark.slow
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


def test_article_page_marks_that_it_is_open_to_comments(wechat: WeChat) -> None:
    card = sent_article(wechat, need_open_comment=1)
    named = {"msg_data_id": wechat.control("GET", "jobs")["jobs"][-1]["msg_data_id"]}
    assert "Open to comments" in page(wechat, card)
    wechat.post("comment/close", named)
    assert "Open to comments" not in page(wechat, card)
    wechat.post("comment/open", named)
    assert "Open to comments" in page(wechat, card)
    preview(wechat, "mpnews", {"media_id": wechat.draft(need_open_comment=1)})
    assert "Open to comments" in wechat.http.get("/_sandbox/article/preview/1/1").get_data(as_text=True)
