"""Each call goes to its page's path with its page's fields, and gives what it promises."""

import json
from collections.abc import Callable
from datetime import date
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

import pytest

from tests.support.scripted_server import ScriptedServer, Seen
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
# Of 64 bits, which a float would round.
ACCEPTED = {"errcode": 0, "errmsg": "ok", "msg_id": 9007199254740993, "msg_data_id": 9223372036854775807}

TAG = {"id": 2, "name": "星标组", "count": 0}

# method, arguments, path, JSON sent (a GET has none), answer, what the method returns of it
CALLS: list[tuple[str, tuple[Any, ...], str, dict[str, Any] | None, dict[str, Any], Any]] = [
    ("tags_get", (), "/cgi-bin/tags/get", None, {"tags": [TAG]}, [TAG]),
    (
        "user_get",
        (),
        "/cgi-bin/user/get",
        None,
        {"total": 1, "next_openid": "oA"},
        {"errcode": 0, "total": 1, "next_openid": "oA"},
    ),
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


@pytest.mark.parametrize(("method", "arguments", "path", "sent", "answer", "given"), CALLS)
def test_a_call_carries_the_pages_fields(
    server: ScriptedServer,
    connected: Connected,
    method: str,
    arguments: tuple[Any, ...],
    path: str,
    sent: dict[str, Any] | None,
    answer: dict[str, Any],
    given: object,
) -> None:
    server.on(path, answer)
    assert getattr(connected(), method)(*arguments) == given
    (call,) = server.calls(path)
    assert (call.method, set(call.query)) == ("POST" if sent else "GET", {"access_token"})
    assert json.loads(call.body or "null") == sent


def parts(call: Seen) -> dict[str, Any]:
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    message = message_from_bytes(head + call.body, policy=HTTP)
    return {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}


def test_material_is_a_part_named_media(server: ScriptedServer, connected: Connected) -> None:
    server.on("/cgi-bin/material/add_material", {"media_id": "M", "url": "http://mmbiz.qpic.cn/x"})
    data = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
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
    """Whole again, where the token had to be renewed."""
    server.on("/cgi-bin/media/uploadimg", {"errcode": 42001}, {"url": "http://mmbiz.qpic.cn/y"})
    assert connected().media_uploadimg("a.jpg", b"\xff\xd8\xff") == "http://mmbiz.qpic.cn/y"
    first, call = server.calls("/cgi-bin/media/uploadimg")
    assert first.body == call.body
    assert parts(call)["media"].get_content_type() == "image/jpeg"
    assert set(call.query) == {"access_token"}


PAGE = ("/cgi-bin/material/batchget_material", lambda api: api.material_batchget_material("image", 0, 20))
QUOTA = ("/cgi-bin/openapi/quota/get", lambda api: api.openapi_quota_get("/x"))
TAGS = ("/cgi-bin/tags/get", lambda api: api.tags_get())
FOLLOWERS = ("/cgi-bin/user/get", lambda api: api.user_get())
STATUS = (f"{MASS}get", lambda api: api.mass_get(1))
DRAFT = ("/cgi-bin/draft/get", lambda api: api.draft_get("D"))
NEW_DRAFT = ("/cgi-bin/draft/add", lambda api: api.draft_add([]))
FIGURES = (
    "/datacube/getarticletotaldetail",
    lambda api: api.datacube_getarticletotaldetail(date(2026, 11, 25)),
)


@pytest.mark.parametrize(
    ("call", "answers"),
    [
        ((f"{MASS}sendall", lambda api: api.mass_sendall(BODY)), [{}]),
        ((f"{MASS}send", lambda api: api.mass_send(BODY)), [{}]),
        (("/cgi-bin/media/uploadimg", lambda api: api.media_uploadimg("a.png", b"x")), [{}]),
        (("/cgi-bin/media/upload", lambda api: api.media_upload("video", "a.mp4", b"x")), [{}]),
        (("/cgi-bin/media/uploadvideo", lambda api: api.media_uploadvideo("M", "t", "d")), [{}]),
        (
            ("/cgi-bin/material/add_material", lambda api: api.material_add_material("image", "a.png", b"x")),
            [{}],
        ),
        (FIGURES, [{}]),
        (FOLLOWERS, [{}, {"total": []}, {"total": 1.5}]),
        (STATUS, [{}, {"msg_status": {}}]),
        (NEW_DRAFT, [{}, {"media_id": ["D"]}]),
        (DRAFT, [{"news_item": ["x"]}, {"news_item": [{"image_info": [1]}]}]),
        (QUOTA, [{"quota": [1]}, {"quota": {"remain": "?"}}]),
        (PAGE, [{"total_count": 1, "item": [{"name": "x"}]}, {"total_count": 1, "item": None}]),
        (TAGS, [{}, {"tags": {}}, {"tags": [7]}, {"tags": [{"name": "会员"}]}]),
        (TAGS, [{"tags": [{"id": [], "name": "会员"}]}, {"tags": [{"id": 1, "name": "会员", "count": {}}]}]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_answer_without_its_key_or_of_another_type_is_no_answer(
    server: ScriptedServer,
    connected: Connected,
    call: tuple[str, Callable[[WeChatApi], Any]],
    answers: list[dict[str, Any]],
) -> None:
    """`{}` of a gateway must not pass for a send that was accepted."""
    path, ask = call
    for answer in answers:
        server.on(path, answer)
        with pytest.raises(NoResponseError, match=path):
            ask(connected())
