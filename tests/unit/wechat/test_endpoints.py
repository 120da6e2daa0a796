"""Each call goes to its page's path with its page's fields, and gives what it promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

import pytest

from tests.unit.wechat.scripted_server import Raw, ScriptedServer, Seen
from wechat_campaigns.core.errors import NoResponseError
from wechat_campaigns.wechat.endpoints import WeChatApi

Connected = Callable[..., WeChatApi]

MASS = "/cgi-bin/message/mass/"
BODY = {
    "touser": ["oA", "oB"],
    "text": {"content": "会员全场八折"},
    "msgtype": "text",
    "clientmsgid": "c" * 32,
}
ACCEPTED = {"errcode": 0, "errmsg": "ok", "msg_id": 34182, "msg_data_id": 206227730}

# method, arguments, path, JSON sent, answer, what the method gives of it
POSTS: list[tuple[str, tuple[Any, ...], str, dict[str, Any], dict[str, Any], Any]] = [
    (
        "openapi_quota_get",
        (MASS + "sendall",),
        "/cgi-bin/openapi/quota/get",
        {"cgi_path": MASS + "sendall"},
        {"errcode": 0, "quota": {"daily_limit": 100, "used": 1, "remain": 99}},
        {"daily_limit": 100, "used": 1, "remain": 99},
    ),
    (
        "material_batchget_material",
        ("image", 20, 20),
        "/cgi-bin/material/batchget_material",
        {"type": "image", "offset": 20, "count": 20},
        {"total_count": 20},
        {"errcode": 0, "total_count": 20, "item_count": 0, "item": []},
    ),
    (
        "draft_get",
        ("D",),
        "/cgi-bin/draft/get",
        {"media_id": "D"},
        {"news_item": [{"title": "春"}]},
        {"errcode": 0, "news_item": [{"title": "春"}]},
    ),
    (
        "mass_get",
        (3147483730,),
        MASS + "get",
        {"msg_id": "3147483730"},
        {"msg_id": "3147483730", "msg_status": "SENDING"},
        {"errcode": 0, "msg_id": 3147483730, "msg_status": "SENDING"},
    ),
    (
        "datacube_getarticletotaldetail",
        (date(2026, 11, 25),),
        "/datacube/getarticletotaldetail",
        {"begin_date": "2026-11-25", "end_date": "2026-11-25"},
        {"list": [], "is_delay": True},
        {"errcode": 0, "list": [], "is_delay": True},
    ),
    (
        "media_uploadvideo",
        ("M", "标题", "简介"),
        "/cgi-bin/media/uploadvideo",
        {"media_id": "M", "title": "标题", "description": "简介"},
        {"type": "video", "media_id": "N", "created_at": 1},
        {"errcode": 0, "type": "video", "media_id": "N", "created_at": 1},
    ),
    (
        "draft_add",
        ([{"title": "春"}],),
        "/cgi-bin/draft/add",
        {"articles": [{"title": "春"}]},
        {"media_id": "D"},
        "D",
    ),
    ("mass_sendall", (BODY,), MASS + "sendall", BODY, ACCEPTED, ACCEPTED),
    ("mass_send", (BODY,), MASS + "send", BODY, ACCEPTED, ACCEPTED),
    ("mass_preview", (BODY,), MASS + "preview", BODY, {"errcode": 0}, {"errcode": 0}),
    ("mass_delete", (1, 2), MASS + "delete", {"msg_id": 1, "article_idx": 2}, {"errcode": 0}, {"errcode": 0}),
    ("mass_delete", (1,), MASS + "delete", {"msg_id": 1, "article_idx": 0}, {"errcode": 0}, {"errcode": 0}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "arguments", "path", "sent", "answer", "given"), POSTS)
def test_a_post_carries_the_pages_fields(
    server: ScriptedServer,
    connected: Connected,
    method: str,
    arguments: tuple[Any, ...],
    path: str,
    sent: dict[str, Any],
    answer: dict[str, Any],
    given: object,
) -> None:
    server.on(path, answer)
    assert getattr(connected(), method)(*arguments) == given
    (call,) = server.calls(path)
    assert call.method == "POST"
    assert json.loads(call.body) == sent


def test_tags_are_listed(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/tags/get", {"tags": [{"id": 2, "name": "星标组", "count": 0}]})
    assert connected().tags_get() == [{"id": 2, "name": "星标组", "count": 0}]
    assert server.calls("/cgi-bin/tags/get")[0].method == "GET"


def test_followers_are_counted_by_the_first_page(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/user/get", {"total": 1, "count": 1, "data": {"openid": ["oA"]}, "next_openid": "oA"})
    assert connected().user_get()["total"] == 1
    (call,) = server.calls("/cgi-bin/user/get")
    assert "next_openid" not in call.query


def test_ids_keep_all_their_digits(server: ScriptedServer, connected: Connected) -> None:
    """msg_data_id has 64 bits; a float would round it."""
    server.on(
        MASS + "sendall",
        Raw(body=b'{"errcode":0,"msg_id":9007199254740993,"msg_data_id":"9223372036854775807"}'),
    )
    answer = connected().mass_sendall(BODY)
    assert (answer["msg_id"], answer["msg_data_id"]) == (9007199254740993, 9223372036854775807)


def parts(call: Seen) -> dict[str, Any]:
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    message = message_from_bytes(head + call.body, policy=HTTP)
    return {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}


def test_material_is_a_part_named_media(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/material/add_material", {"media_id": "M", "url": "http://mmbiz.qpic.cn/x"})
    data = bytes(range(256)) * 40
    answer = connected().material_add_material("image", "封面.png", data)
    assert (answer["media_id"], answer["url"]) == ("M", "http://mmbiz.qpic.cn/x")
    (call,) = server.calls("/cgi-bin/material/add_material")
    assert call.query["type"] == ["image"]
    assert list(parts(call)) == ["media"]
    assert parts(call)["media"].get_content_type() == "image/png"
    assert parts(call)["media"].get_payload(decode=True) == data
    assert 'filename="封面.png"'.encode() in call.body


@pytest.mark.parametrize("kind", ["image", "voice", "thumb"])
def test_a_file_of_an_unknown_type_is_bytes(server: ScriptedServer, connected: Connected, kind: str) -> None:
    server.on("/cgi-bin/material/add_material", {"media_id": "M"})
    connected().material_add_material(kind, "a.unknown", b"x")
    media = parts(server.calls("/cgi-bin/material/add_material")[0])
    assert list(media) == ["media"]
    assert media["media"].get_content_type() == "application/octet-stream"


def test_an_article_picture_comes_back_as_its_url(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/media/uploadimg", {"url": "http://mmbiz.qpic.cn/y"})
    assert connected().media_uploadimg("a.jpg", b"jpg") == "http://mmbiz.qpic.cn/y"
    (call,) = server.calls("/cgi-bin/media/uploadimg")
    assert parts(call)["media"].get_content_type() == "image/jpeg"
    assert set(call.query) == {"access_token"}


def test_an_upload_is_replayed_whole_after_a_refresh(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/media/uploadimg", {"errcode": 42001}, {"url": "u"})
    connected().media_uploadimg("a.jpg", b"jpg" * 1000)
    first, second = server.calls("/cgi-bin/media/uploadimg")
    assert first.body == second.body
    assert len(second.body) > 3000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda api: api.tags_get(), "/cgi-bin/tags/get"),
        (lambda api: api.user_get(), "/cgi-bin/user/get"),
        (lambda api: api.mass_get(1), MASS + "get"),
        (lambda api: api.draft_add([]), "/cgi-bin/draft/add"),
        (lambda api: api.mass_sendall(BODY), MASS + "sendall"),
        (lambda api: api.mass_send(BODY), MASS + "send"),
        (lambda api: api.media_uploadimg("a.png", b"x"), "/cgi-bin/media/uploadimg"),
        (lambda api: api.material_add_material("image", "a.png", b"x"), "/cgi-bin/material/add_material"),
        (lambda api: api.media_uploadvideo("M", "t", "d"), "/cgi-bin/media/uploadvideo"),
        (lambda api: api.media_upload("video", "a.mp4", b"x"), "/cgi-bin/media/upload"),
        (
            lambda api: api.datacube_getarticletotaldetail(date(2026, 11, 25)),
            "/datacube/getarticletotaldetail",
        ),
    ],
)
def test_an_answer_without_its_main_key_is_no_answer(
    server: ScriptedServer, connected: Connected, call: Callable[[WeChatApi], Any], path: str
) -> None:
    """`{}` of a gateway must not pass for a send that was accepted."""
    server.on(path, {})
    with pytest.raises(NoResponseError):
        call(connected())


@pytest.mark.deep
@pytest.mark.parametrize(
    ("call", "path", "answer"),
    [
        (lambda api: api.tags_get(), "/cgi-bin/tags/get", {"tags": {}}),
        (lambda api: api.tags_get(), "/cgi-bin/tags/get", {"tags": [7]}),
        (lambda api: api.tags_get(), "/cgi-bin/tags/get", {"tags": [{"name": "会员"}]}),
        (lambda api: api.tags_get(), "/cgi-bin/tags/get", {"tags": [{"id": [], "name": "会员"}]}),
        (lambda api: api.tags_get(), "/cgi-bin/tags/get", {"tags": [{"id": 1, "name": "会员", "count": {}}]}),
        (lambda api: api.user_get(), "/cgi-bin/user/get", {"total": []}),
        (lambda api: api.user_get(), "/cgi-bin/user/get", {"total": 1.5}),
        (lambda api: api.openapi_quota_get("/x"), "/cgi-bin/openapi/quota/get", {"quota": [1]}),
        (lambda api: api.openapi_quota_get("/x"), "/cgi-bin/openapi/quota/get", {"quota": {"remain": "?"}}),
        (
            lambda api: api.material_batchget_material("image", 0, 20),
            "/cgi-bin/material/batchget_material",
            {"total_count": 1, "item": [{"name": "x"}]},
        ),
        (
            lambda api: api.material_batchget_material("image", 0, 20),
            "/cgi-bin/material/batchget_material",
            {"total_count": 1, "item": None},
        ),
        (lambda api: api.draft_get("D"), "/cgi-bin/draft/get", {"news_item": ["x"]}),
        (lambda api: api.draft_get("D"), "/cgi-bin/draft/get", {"news_item": [{"image_info": [1]}]}),
        (lambda api: api.draft_add([]), "/cgi-bin/draft/add", {"media_id": ["D"]}),
        (lambda api: api.mass_get(1), MASS + "get", {"msg_status": {}}),
    ],
)
def test_answer_of_another_type_is_no_answer(
    server: ScriptedServer, connected: Connected, call: Callable[[WeChatApi], Any], path: str, answer: Any
) -> None:
    server.on(path, answer)
    with pytest.raises(NoResponseError, match=path):
        call(connected())
