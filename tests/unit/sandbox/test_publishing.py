"""Publishing without a push."""

from tests.unit.sandbox.client import TEST, WeChat


def test_publishing_takes_the_draft_and_gives_an_article(wechat: WeChat) -> None:
    media_id = wechat.draft("公开")
    ids = wechat.post("freepublish/submit", {"media_id": media_id})
    assert wechat.post("freepublish/submit", {"media_id": media_id})["errcode"] == 40007
    told = wechat.post("freepublish/get", {"publish_id": str(ids["publish_id"])})
    assert told["publish_status"] == 0
    assert told["article_detail"]["count"] == 1
    (item,) = wechat.post("freepublish/getarticle", {"article_id": told["article_id"]})["news_item"]
    assert (item["title"], item["is_deleted"]) == ("公开", False)
    listed = wechat.post("freepublish/batchget", {"offset": 0, "count": 1, "no_content": 1})
    assert listed["item"][0]["article_id"] == told["article_id"]
    article = {"article_id": told["article_id"]}
    assert wechat.post("freepublish/delete", {**article, "index": 2})["errcode"] == 40114
    assert wechat.post("freepublish/delete", article)["errcode"] == 0
    assert wechat.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 5
    assert wechat.post("freepublish/get", {"publish_id": 1})["errcode"] == 53502
    assert wechat.post("freepublish/get", {"x": 1})["errcode"] == 40002
    assert wechat.post("freepublish/getarticle", {"article_id": "x"})["errcode"] == 53600


def test_a_publication_names_the_articles_that_are_not_original(wechat: WeChat) -> None:
    wechat.control("POST", "originals", {"title": "原创"})
    article = {"content": "<p>正文</p>", "thumb_media_id": wechat.material()}
    both = [{**article, "title": title} for title in ("自己的", "原创")]
    draft = wechat.post("draft/add", {"articles": both})["media_id"]
    publish_id = wechat.post("freepublish/submit", {"media_id": draft})["publish_id"]
    assert "news_item" in wechat.post("draft/get", {"media_id": draft}), "only success takes it"
    told = {"publish_id": publish_id, "publish_status": 2, "fail_idx": [2]}
    assert wechat.post("freepublish/get", {"publish_id": publish_id}) == told
    assert wechat.control("GET", "events")["events"][0]["PublishEventInfo"] == told


def test_a_test_accounts_publication_fails(wechat: WeChat) -> None:
    account = wechat.of(TEST)
    ids = account.post("freepublish/submit", {"media_id": account.draft()})
    assert account.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 3
