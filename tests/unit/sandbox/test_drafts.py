"""The draft box."""

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
