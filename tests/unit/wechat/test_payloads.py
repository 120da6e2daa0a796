"""A send's JSON on the wire, exactly as WeChat documents it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import make_article, make_file, make_send
from wechat_campaigns.core.model import (
    Article,
    Articles,
    Draft,
    Filter,
    Image,
    Images,
    Media,
    Mpvideo,
    Msgtype,
    Newspic,
    Text,
    Voice,
    Wxcard,
)
from wechat_campaigns.wechat import payloads

TAG = {"is_to_all": False, "tag_id": 2}
M = Media(media_id="M")
NO_IDS = payloads.MediaIds(upload_results={}, material_ids={})
VIDEO = Mpvideo(media=M, title="TITLE", description="Description")
FILM = Mpvideo(media=Media(file=make_file("tea.mp4")), title="TITLE", description="Description")
CONVERTED = payloads.MediaIds(upload_results={payloads.uploads(FILM)[-1].key: "N"}, material_ids={})

BODIES: list[tuple[Any, Msgtype, payloads.MediaIds, dict[str, Any]]] = [
    (Draft(media_id="M"), Msgtype.MPNEWS, NO_IDS,
     {"filter": TAG, "mpnews": {"media_id": "M"}, "msgtype": "mpnews", "send_ignore_reprint": 0}),
    (Text(content="CONTENT"), Msgtype.TEXT, NO_IDS,
     {"filter": TAG, "text": {"content": "CONTENT"}, "msgtype": "text"}),
    (Voice(media=M), Msgtype.VOICE, NO_IDS,
     {"filter": TAG, "voice": {"media_id": "M"}, "msgtype": "voice"}),
    (Image(media=M), Msgtype.IMAGE, NO_IDS,
     {"filter": TAG, "image": {"media_id": "M"}, "msgtype": "image"}),
    (FILM, Msgtype.MPVIDEO, CONVERTED,
     {"filter": TAG, "mpvideo": {"media_id": "N"}, "msgtype": "mpvideo"}),
    (VIDEO, Msgtype.MPVIDEO, NO_IDS,
     {"filter": TAG, "mpvideo": {"media_id": "M"}, "msgtype": "mpvideo"}),
    (Wxcard(card_id="C"), Msgtype.WXCARD, NO_IDS,
     {"filter": TAG, "wxcard": {"card_id": "C"}, "msgtype": "wxcard"}),
    (Images(images=(Media(media_id="A"), Media(media_id="B")), recommend="看"), Msgtype.IMAGE, NO_IDS,
     {"filter": TAG, "images": {"media_ids": ["A", "B"], "recommend": "看"}, "msgtype": "image"}),
]  # fmt: skip


@pytest.mark.parametrize(("content", "msgtype", "ids", "body"), BODIES, ids=[str(b[1]) for b in BODIES])
def test_body_of_each_msgtype(content: Any, msgtype: Msgtype, ids: payloads.MediaIds, body: dict[str, Any]):
    send = make_send(content=content, msgtype=msgtype, filter=Filter(tag_id=2))
    assert payloads.mass_body(send, tag_id=2, ids=ids, draft_media_id=None) == body
    assert payloads.endpoint(send) == "message/mass/sendall"


def test_body_to_everyone():
    body = payloads.mass_body(
        make_send(filter=Filter(is_to_all=True)), tag_id=None, ids=NO_IDS, draft_media_id=None
    )
    assert body["filter"] == {"is_to_all": True}


def test_body_to_openids():
    send = make_send(filter=Filter(openids=("a", "b")))
    body = payloads.mass_body(send, tag_id=None, ids=NO_IDS, draft_media_id=None)
    assert body == {"touser": ["a", "b"], "msgtype": "text", "text": {"content": "你好"}}
    assert payloads.endpoint(send) == "message/mass/send"


def test_tag_without_its_id_is_never_posted():
    """A body with no recipients would be read as who knows what: it is not even made."""
    with pytest.raises(AssertionError):
        payloads.mass_body(make_send(), tag_id=None, ids=NO_IDS, draft_media_id=None)


def test_send_ignore_reprint_is_1_when_asked_for():
    send = make_send(content=Draft(media_id="M"), msgtype=Msgtype.MPNEWS, send_ignore_reprint=True)
    assert payloads.mass_body(send, tag_id=2, ids=NO_IDS, draft_media_id=None)["send_ignore_reprint"] == 1
    text = make_send(send_ignore_reprint=True)
    assert "send_ignore_reprint" not in payloads.mass_body(text, tag_id=2, ids=NO_IDS, draft_media_id=None)


def test_images_options_are_numbers_and_only_those_given():
    content = Images(images=(M,), title="", need_open_comment=True, only_fans_can_comment=False)
    body = payloads.mass_body(make_send(content=content, msgtype=Msgtype.IMAGE), tag_id=2, ids=NO_IDS,
                          draft_media_id=None)  # fmt: skip
    assert body["images"] == {
        "media_ids": ["M"], "title": "", "need_open_comment": 1, "only_fans_can_comment": 0
    }  # fmt: skip


def draft_article(**crops: str) -> dict[str, Any]:
    article = Article(title="茶", html="<p>正文</p>", cover=M, **crops)  # type: ignore[arg-type]
    (made,) = payloads.draft_articles(Articles(articles=(article,)), NO_IDS)
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


def test_video_is_uploaded_then_converted():
    both = payloads.uploads(FILM)
    assert [upload.endpoint for upload in both] == [payloads.MEDIA_UPLOAD, payloads.UPLOADVIDEO]
    assert [upload.life for upload in both] == [payloads.TEMPORARY_LIFE] * 2
    assert payloads.uploads(VIDEO) == ()


def test_upload_keys_depend_on_content_not_on_names():
    def key(name: str, data: bytes, content: Any = Image) -> str:
        return payloads.uploads(content(media=Media(file=make_file(name, data))))[0].key

    assert key("a.png", b"1") == key("b.png", b"1")
    assert len({key("a.png", b"1"), key("a.png", b"2"), key("a.png", b"1", Voice)}) == 3


def test_the_same_file_is_uploaded_once():
    content = Articles(articles=(make_article("一"), make_article("二")))
    assert len(payloads.uploads(content)) == 1


def test_draft_articles_carry_uploaded_ids_and_urls():
    picture = make_file("p.png", b"p")
    article = make_article("茶", picture, author="李")
    cover, body = payloads.uploads(Articles(articles=(article,)))
    ids = payloads.MediaIds(
        upload_results={cover.key: "T", body.key: "https://mmbiz.qpic.cn/p"}, material_ids={}
    )
    (made,) = payloads.draft_articles(Articles(articles=(article,)), ids)
    assert made == {
        "article_type": "news", "title": "茶", "author": "李", "thumb_media_id": "T",
        "content": '<p>正文</p><img src="https://mmbiz.qpic.cn/p">',
        "need_open_comment": 0, "only_fans_can_comment": 0,
    }  # fmt: skip


def test_newspic_lists_its_pictures():
    content = Newspic(title="茶", text="好", images=(Media(media_id="A"), Media(name="杯")))
    ids = payloads.MediaIds(upload_results={}, material_ids={("image", "杯"): "B"})
    assert payloads.draft_articles(content, ids) == [
        {"article_type": "newspic", "title": "茶", "content": "好",
         "image_info": {"image_list": [{"image_media_id": "A"}, {"image_media_id": "B"}]}}
    ]  # fmt: skip
    assert payloads.names(content) == (("image", "杯"),)
    assert payloads.needs_draft(content)


def test_mass_call_sends_the_draft_that_was_added():
    send = make_send(content=Articles(articles=(make_article(),)), msgtype=Msgtype.MPNEWS)
    body = payloads.mass_body(send, tag_id=2, ids=NO_IDS, draft_media_id="D")
    assert body["mpnews"] == {"media_id": "D"}


def test_preview_body_has_no_receivers_and_one_picture():
    images = Images(images=(Media(media_id="A"), Media(media_id="B")))
    send = make_send(content=images, msgtype=Msgtype.IMAGE)
    expected = {"msgtype": "image", "image": {"media_id": "A"}}
    assert payloads.preview_body(send, ids=NO_IDS, draft_media_id=None) == expected
