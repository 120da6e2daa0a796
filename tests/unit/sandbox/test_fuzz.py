"""Whatever arrives is answered by a rule, never by a failure of the sandbox; what it keeps stays whole."""

import json
import logging
from typing import Any, NoReturn
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.sandbox.bodies import SENDALL, json_values
from tests.unit.sandbox.client import MP4, PNG, SAMPLE, WeChat
from wechat_sandbox import dispatcher
from wechat_sandbox.calls import ENDPOINTS

TEXT = b'{"filter":{"tag_id":2},"msgtype":"text","text":{"content":"x"},"more":%s}'
slow = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the state of one test is shared by its examples, as a server's is


def strict(raw: bytes) -> Any:
    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    return json.loads(raw, parse_constant=refuse)


def looks_whole(wechat: WeChat) -> None:
    """Everything the sandbox tells about itself can be read."""
    for page in ("jobs", "requests?limit=9", "deliveries", "events", "accounts", "version"):
        strict(wechat.http.get(f"/_sandbox/{page}").data)
    whose = {"appid": wechat.appid, "openid": wechat.openids()[0]}
    for page in ("phone", "sends", "followers"):
        answer = wechat.http.get(f"/_sandbox/{page}", query_string=whose)
        assert answer.status_code == 200
        strict(answer.data)


def sound(answer: Any) -> bool:
    return not isinstance(answer, dict) or answer.get("errcode", 0) != -1


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999"])
def test_a_number_that_json_does_not_know_is_refused(wechat: WeChat, number: bytes) -> None:
    assert wechat.post(SENDALL, TEXT % number)["errcode"] == 47001
    looks_whole(wechat)


@pytest.mark.parametrize(("deep", "errcode"), [(50, 0), (70, 47001), (960, 47001), (100_000, 47001)])
def test_bodies_are_only_so_deep(wechat: WeChat, deep: int, errcode: int) -> None:
    assert wechat.post(SENDALL, TEXT % (b"[" * deep + b"]" * deep))["errcode"] == errcode
    looks_whole(wechat)


def test_half_a_character_is_refused(wechat: WeChat) -> None:
    assert wechat.post("tags/create", b'{"tag":{"name":"\\ud83d"}}')["errcode"] == 40033
    (kept,) = wechat.control("GET", "requests", path="/cgi-bin/tags/create")["requests"]
    assert kept["body"] == '{"tag":{"name":"\\ud83d"}}'


@pytest.mark.parametrize("described", ["[" * 100_000, '{"title":"\\ud83d"}', '{"title":1e999}', "[1]", ""])
def test_a_videos_description_must_be_json(wechat: WeChat, described: str) -> None:
    answer = wechat.upload("material/add_material", MP4, type="video", form={"description": described})
    assert answer["errcode"] == 47001


def test_the_record_of_a_call_is_bounded(wechat: WeChat) -> None:
    assert wechat.token
    wechat.http.get(f"/cgi-bin/{'x' * 80_000}", query_string={"a": "y" * 80_000})
    wechat.upload("media/upload", PNG, type="image", form={"more": "z" * 400_000})
    kept = wechat.control("GET", "requests")["requests"][-2:]
    assert [len(json.dumps(call)) < 3 * dispatcher.KEPT_BYTES for call in kept] == [True, True]
    assert kept[0]["query"]["too_long_to_keep"]
    assert len(kept[0]["path"]) <= dispatcher.KEPT_BYTES


@pytest.mark.deep
@slow
@given(data=st.data())
def test_no_call_at_all_makes_the_sandbox_fail(
    wechat: WeChat, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(sorted(ENDPOINTS)))
    method = data.draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]))
    keys = st.sampled_from(["type", "media_id", "openid", "next_openid", "grant_type", "appid", "secret"])
    query = data.draw(st.dictionaries(keys, st.binary(max_size=6) | st.just(b"image"), max_size=4))
    text = "&".join(f"{key}={quote_from_bytes(value)}" for key, value in query.items())
    body = data.draw(st.none() | st.dictionaries(st.text(max_size=6), json_values, max_size=4))
    raw = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    with caplog.at_level(logging.WARNING):
        answer = wechat.http.open(f"{path}?access_token={wechat.token}&{text}", method=method, data=raw)
    assert answer.status_code == 200
    assert "json" not in answer.content_type or not answer.data or sound(strict(answer.data))
    assert caplog.records == []


@pytest.mark.deep
@slow
@given(data=st.data())
def test_no_upload_makes_the_sandbox_fail(
    wechat: WeChat, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(["media/upload", "media/uploadimg", "material/add_material"]))
    name = data.draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12))
    file = data.draw(st.sampled_from([*SAMPLE.values(), b""]) | st.binary(max_size=40))
    form = {"description": data.draw(st.sampled_from(['{"title":"t"}', '{"title":{"a":[1]}}', "{", "1"]))}
    kind = data.draw(st.sampled_from([*SAMPLE, "news", ""]))
    with caplog.at_level(logging.WARNING):
        assert sound(wechat.upload(path, file, name, type=kind, form=form))
    assert caplog.records == []


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"[" * 100_000, "deep"),
        (b'{"title":"\\ud83d"}', "surrogates"),
        (b"advance_s: 1", "Expecting"),
    ],
)
def test_a_control_call_is_told_what_is_wrong_with_its_body(wechat: WeChat, raw: bytes, says: str) -> None:
    answer = wechat.http.post("/_sandbox/clock", data=raw)
    assert answer.status_code == 400
    assert says in strict(answer.data)["error"]
