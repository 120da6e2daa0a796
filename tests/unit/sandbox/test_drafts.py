"""The draft box: what is kept of an article, and its limits."""

import pytest

from tests.unit.sandbox.client import NOON, WeChat
from wechat_sandbox import drafts


def test_a_draft_is_kept_as_the_platform_would(wechat: WeChat) -> None:
    media_id = wechat.draft("标题", content="<p>第一&amp;第二</p><script>0</script>", author="小编")
    told = wechat.post("draft/get", {"media_id": media_id})
    (item,) = told["news_item"]
    assert (item["title"], item["author"], item["digest"]) == ("标题", "小编", "第一&第二")
    assert item["url"].startswith("http://mp.weixin.qq.com/")
    assert told["create_time"] == told["update_time"] == int(NOON)
    wechat.wait(60)
    article = {"title": "新", "content": "c", "thumb_media_id": wechat.material()}
    wechat.post("draft/update", {"media_id": media_id, "index": 0, "articles": article})
    (listed,) = wechat.post("draft/batchget", {"offset": 0, "count": 1})["item"]
    assert listed["content"]["create_time"] == int(NOON)
    assert listed["content"]["update_time"] == listed["update_time"] == int(NOON) + 60


def test_drafts_are_listed_updated_counted_and_deleted(wechat: WeChat) -> None:
    media_id = wechat.draft()
    changed = {"title": "新", "content": "c", "thumb_media_id": wechat.material()}
    update = {"media_id": media_id, "index": 0, "articles": changed}
    assert wechat.post("draft/update", update)["errcode"] == 0
    assert wechat.post("draft/update", {**update, "index": 1})["errcode"] == 40114
    assert wechat.post("draft/update", {**update, "articles": [changed]})["errcode"] == 44003
    page = wechat.post("draft/batchget", {"offset": 0, "count": 20, "no_content": 1})
    (item,) = page["item"][0]["content"]["news_item"]
    assert (page["total_count"], item["title"], "content" in item) == (1, "新", False)
    assert wechat.get("draft/count") == wechat.post("draft/count") == {"total_count": 1}
    assert wechat.post("draft/delete", {"media_id": media_id})["errcode"] == 0
    assert wechat.post("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.post("draft/switch", checkonly="1")["is_open"] == 1


CUT = {"x1": "0", "y1": "0.1945", "x2": "1", "y2": "0.5236"}


@pytest.mark.deep
@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"title": ""}, 45003),
        ({"title": "长" * 65}, 45003),
        ({"author": "长" * 17}, 45110),
        ({"digest": "长" * 121}, 45004),
        ({"content": ""}, 44003),
        ({"content": "长" * 20_000}, 45002),
        ({"content_source_url": "ftp://x"}, 41039),
        ({"content_source_url": "https://x/" + "a" * 1024}, 45005),
        ({"thumb_media_id": "nix"}, 40007),
        ({"article_type": "x"}, 40035),
        ({"pic_crop_235_1": "0_0_2_1"}, 40035),
        ({"pic_crop_235_1": "0.1945_0_1_0.5236"}, None),
        ({"need_open_comment": "yes"}, 40035),
        ({"cover_info": {"crop_percent_list": [{"ratio": "1_1", **CUT}]}}, None),
        ({"cover_info": {"crop_percent_list": [{"ratio": "16_9", **CUT}]}}, 40035),
        ({"cover_info": {"crop_percent_list": [{"ratio": "1_1", **CUT, "x2": 1}]}}, 40035),
        ({"cover_info": 1}, 40035),
        ({"cover_info": {"crop_percent_list": 1}}, 40035),
        ({"title": "长" * 64, "author": "长" * 16, "digest": "长" * 120}, None),
    ],
)
def test_article_limits(wechat: WeChat, change: dict[str, object], errcode: int | None) -> None:
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material(), **change}
    assert wechat.post("draft/add", {"articles": [article]}).get("errcode") == errcode


def test_number_of_articles(wechat: WeChat) -> None:
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material()}
    assert "media_id" in wechat.post("draft/add", {"articles": [article] * 8})
    assert wechat.post("draft/add", {"articles": [article] * 9})["errcode"] == 45008
    assert wechat.post("draft/add", {"articles": []})["errcode"] == 44003
    assert wechat.post("draft/add", {"articles": ["x"]})["errcode"] == 44003


def test_picture_posts(wechat: WeChat) -> None:
    images = [{"image_media_id": wechat.material()}]

    def add(listed: object) -> dict[str, object]:
        post = {"article_type": "newspic", "title": "t", "content": "c", "image_info": {"image_list": listed}}
        return wechat.post("draft/add", {"articles": [post]})  # type: ignore[no-any-return]

    assert "media_id" in add(images * 20)
    assert add(images * 21)["errcode"] == 40215
    assert add([])["errcode"] == 40007
    assert add([{"image_media_id": wechat.material("voice")}])["errcode"] == 40007


def test_comments_need_the_privilege(wechat: WeChat) -> None:
    wechat.control("POST", "accounts", {"appid": wechat.appid, "comments": False})
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material(), "need_open_comment": 1}
    assert wechat.post("draft/add", {"articles": [article]})["errcode"] == 88000


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>a</p><script>x()</script>b", "<p>a</p>b"),
        ('<img src="http://example.com/a.png" alt="x">', '<img alt="x">'),
        ("<img src=https://mmbiz.qpic.cn/a/0>", "<img src=https://mmbiz.qpic.cn/a/0>"),
        ('<IMG data-src="//mmbiz.qpic.cn/a">', '<IMG data-src="//mmbiz.qpic.cn/a">'),
        ("<img src='http://evil.com/mmbiz.qpic.cn/'>", "<img>"),
        ("<script>unclosed", ""),
    ],
)
def test_what_is_dropped_from_html(sent: str, kept: str) -> None:
    assert drafts.replace_forbidden_html(sent) == kept


def test_null_in_an_article_is_as_if_left_out(wechat: WeChat) -> None:
    media_id = wechat.draft(content_source_url=None, author=None, digest=None, need_open_comment=None)
    (article,) = wechat.post("draft/get", {"media_id": media_id})["news_item"]
    assert (article["author"], article["content_source_url"]) == ("", "")
