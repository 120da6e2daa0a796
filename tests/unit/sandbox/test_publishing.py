"""Publishing without a push."""

from tests.unit.sandbox.client import NOON, TEST, WeChat


def test_publishing_takes_the_draft_and_gives_an_article(wechat: WeChat) -> None:
    media_id = wechat.draft("公开")
    ids = wechat.post("freepublish/submit", {"media_id": media_id})
    assert wechat.post("freepublish/submit", {"media_id": media_id})["errcode"] == 40007
    told = wechat.post("freepublish/get", {"publish_id": str(ids["publish_id"])})
    assert told["publish_status"] == 0
    assert told["article_detail"]["count"] == 1
    shown = wechat.post("freepublish/getarticle", {"article_id": told["article_id"]})
    assert shown["create_time"] == shown["update_time"] == int(NOON)
    (item,) = shown["news_item"]
    assert (item["title"], item["is_deleted"]) == ("公开", False)
    listed = wechat.post("freepublish/batchget", {"offset": 0, "count": 1, "no_content": 1})
    assert listed["item"][0]["article_id"] == told["article_id"]
    assert listed["item"][0]["content"]["create_time"] == int(NOON)
    article = {"article_id": told["article_id"]}
    assert wechat.post("freepublish/delete", {**article, "index": 2})["errcode"] == 40114
    assert wechat.post("freepublish/delete", article)["errcode"] == 0
    assert wechat.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 5
    assert wechat.post("freepublish/get", {"publish_id": 1})["errcode"] == 53502
    assert wechat.post("freepublish/get", {"x": 1})["errcode"] == 40002
    unknown = wechat.post("freepublish/getarticle", {"article_id": "x"})
    assert (unknown["errcode"], unknown["errmsg"].partition(" rid: ")[0]) == (53600, "Article ID 无效")


def test_a_test_accounts_publication_fails(wechat: WeChat) -> None:
    account = wechat.of(TEST)
    ids = account.post("freepublish/submit", {"media_id": account.draft()})
    assert account.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 3
