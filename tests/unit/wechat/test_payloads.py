"""A send's JSON on the wire, exactly as WeChat documents it."""

from typing import Any

import pytest

from tests.support.factories import make_article, make_file, make_send
from wechat_campaigns.core.content import Media, MediaIds
from wechat_campaigns.messages import Article, Articles, Image, Images, Newspic, Voice
from wechat_campaigns.wechat import payloads

M = Media(media_id="M")
NO_IDS = MediaIds(upload_results={}, material_ids={})


def test_tag_without_its_id_is_never_posted():
    """A body with no recipients would be read as who knows what: it is not even made."""
    with pytest.raises(AssertionError):
        payloads.mass_body(make_send(), tag_id=None, ids=NO_IDS, draft_media_id=None)


def test_images_options_are_numbers_and_only_those_given():
    content = Images(images=(M,), title="", need_open_comment=True, only_fans_can_comment=False)
    body = payloads.mass_body(make_send(content=content), tag_id=2, ids=NO_IDS,
                          draft_media_id=None)  # fmt: skip
    assert body["images"] == {
        "media_ids": ["M"], "title": "", "need_open_comment": 1, "only_fans_can_comment": 0
    }  # fmt: skip


def draft_article(**crops: str) -> dict[str, Any]:
    article = Article(title="茶", html="<p>正文</p>", cover=M, **crops)  # type: ignore[arg-type]
    (made,) = Articles(articles=(article,)).draft_articles(NO_IDS)
    return made


def test_cover_is_cut_under_both_names():
    article = draft_article(pic_crop_235_1="0_0.1_1_0.6")
    assert article["pic_crop_235_1"] == "0_0.1_1_0.6"
    assert article["cover_info"] == {
        "crop_percent_list": [{"ratio": "2.35_1", "x1": "0", "y1": "0.1", "x2": "1", "y2": "0.6"}]
    }
    article = draft_article(pic_crop_1_1="0_0_1_1", pic_crop_235_1="0_0.1_1_0.6")
    assert [cut["ratio"] for cut in article["cover_info"]["crop_percent_list"]] == ["2.35_1", "1_1"]
    assert "cover_info" not in draft_article()


def test_upload_keys_depend_on_content_not_on_names():
    def key(name: str, data: bytes, content: Any = Image) -> str:
        return content(media=Media(file=make_file(name, data))).uploads()[0].key

    assert key("a.png", b"1") == key("b.png", b"1")
    assert len({key("a.png", b"1"), key("a.png", b"2"), key("a.png", b"1", Voice)}) == 3


def test_draft_articles_carry_uploaded_ids_and_urls():
    picture = make_file("p.png", b"p")
    article = make_article("茶", picture, author="李")
    cover, body = Articles(articles=(article,)).uploads()
    ids = MediaIds(upload_results={cover.key: "T", body.key: "https://mmbiz.qpic.cn/p"}, material_ids={})
    (made,) = Articles(articles=(article,)).draft_articles(ids)
    assert made == {
        "article_type": "news", "title": "茶", "author": "李", "thumb_media_id": "T",
        "content": '<p>正文</p><img src="https://mmbiz.qpic.cn/p">',
        "need_open_comment": 0, "only_fans_can_comment": 0,
    }  # fmt: skip


def test_newspic_lists_its_pictures():
    content = Newspic(title="茶", text="好", images=(Media(media_id="A"), Media(name="杯")))
    ids = MediaIds(upload_results={}, material_ids={("image", "杯"): "B"})
    assert content.draft_articles(ids) == [
        {"article_type": "newspic", "title": "茶", "content": "好",
         "image_info": {"image_list": [{"image_media_id": "A"}, {"image_media_id": "B"}]}}
    ]  # fmt: skip
    assert content.names() == (("image", "杯"),)
    assert content.needs_draft
