"""What a recording keeps of an exchange: shapes, errcodes, words; never a value, wherever it stands."""

import json
from typing import Any

import pytest

from wechat_campaigns.wechat.recording import recorded_exchange
from wechat_campaigns.wechat.responses import Reply
from wechat_campaigns.wechat.transport import Request

OPENID = "oABCdefGHIjklMNOpqrSTUvwxYZ12"[:28]
SECRET, TOKEN = "0123456789abcdef" * 2, "75_" + "Ab1-" * 30
NICKNAME, MEDIA = "Alice", "mEdia-Id_" * 7
PRIVATE = (
    OPENID,
    SECRET,
    TOKEN,
    NICKNAME,
    MEDIA,
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "王小满",
    "wx1234567890abcdef",
)


def recorded(answer: Any, asked: Any = None, content_type: str = "application/json; encoding=utf-8") -> Any:
    raw = answer if isinstance(answer, bytes) else json.dumps(answer, ensure_ascii=False).encode()
    body = None if asked is None else json.dumps(asked).encode()
    request = Request(method="POST", path="/cgi-bin/tags/get", query={"openid": OPENID}, body=body)
    return recorded_exchange(request, Reply(status=200, body=raw, content_type=content_type))


def test_types_keys_and_lengths_stay() -> None:
    answer = {
        "errcode": 0, "errmsg": "ok", "total": 7, "rate": 0.5, "is_delay": False, "nothing": None, "item": [],
        "tags": [{"id": 2, "name": "会员"}, {"id": 3, "name": "北京"}], "msg_status": "SEND_SUCCESS",
    }  # fmt: skip
    asked = {"offset": 0, "type": "image", "secret": SECRET, "user_list": [{"openid": "none"}]}
    found = recorded(answer, asked)
    assert found["request"] == {
        "method": "POST",
        "path": "/cgi-bin/tags/get",
        "query": {"openid": "<text 28>"},
        "body": {"offset": 0, "type": "image", "secret": "<text 32>", "user_list": [{"openid": "none"}]},
    }
    assert found["answer"] == {
        "status": 200,
        "content_type": "application/json",
        "body": {
            "total": "<integer>", "rate": "<number>", "is_delay": "<boolean>", "nothing": None, "item": [],
            "tags": ["<2 items>", {"id": "<integer>", "name": "<text 2>"}], "msg_status": "SEND_SUCCESS",
            "errcode": 0, "errmsg": "ok",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("errmsg", "kept"),
    [
        ("invalid openid rid: 65d56251-31349bbf-5f45a190", "invalid openid"),
        ("invalid openid hint: [aB3x] rid: 65d56251-31349bbf-5f45a190", "invalid openid hint: […]"),
        (
            "invalid ip 10.1.2.3 ipv6 ::ffff:10.1.2.3, not in whitelist",
            "invalid ip *** *** *** not in whitelist",
        ),
        ("invalid media id! must be uploaded by api(cgi-bin/material/add_material)",) * 2,
        (f"{NICKNAME} is not {OPENID}", "*** is not ***"),
        (f"token {TOKEN} of {SECRET}, {MEDIA}", "token *** of ***, ***"),
        ("Article ID 无效",) * 2,
    ],
)
def test_an_errmsg_keeps_its_words(errmsg: str, kept: str) -> None:
    answer = {"errcode": 40003, "errmsg": errmsg, "nickname": NICKNAME}
    assert recorded(answer)["answer"]["body"]["errmsg"] == kept


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize(
    "shape",
    [
        lambda one: {"errcode": 40003, "errmsg": f"refused: {one}.", "echo": one},
        lambda one: {"errcode": 40003, "errmsg": {"text": one}, "echo": one},
        lambda one: {"errcode": one, "errmsg": one},
        lambda one: [one, [one], {"a": one}],
        lambda one: {"data": {"openid": [one]}, "next_openid": one},
        lambda one: f"<html>{one}</html>".encode(),
        lambda one: one,
    ],
)
def test_no_value_of_an_answer_is_kept(private: str, shape: Any) -> None:
    assert private not in json.dumps(recorded(shape(private)), ensure_ascii=False)


@pytest.mark.parametrize("key", [OPENID, SECRET, TOKEN, MEDIA, "10.1.2.3", "王小满"])
def test_no_key_that_is_a_value_is_kept(key: str) -> None:
    assert recorded({"data": {key: 1, "openid": 2}})["answer"]["body"] == {
        "data": {f"<key {len(key)}>": "<integer>", "openid": "<integer>"}
    }


@pytest.mark.parametrize("content_type", ["", "text/plain", f"text/{SECRET}", f"a/b; c={TOKEN}"])
def test_a_content_type_is_words(content_type: str) -> None:
    assert recorded({}, content_type=content_type)["answer"]["content_type"] in (
        "",
        "text/plain",
        "text/***",
        "a/b",
    )
