"""The OpenAPI document is valid, current, and true."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.unit.sandbox.client import SERVICE, WeChat, dump, with_each_part_odd
from wechat_sandbox.calls import ENDPOINTS
from wechat_sandbox.control import ROUTES, document
from wechat_sandbox.dispatcher import FAULT

PUBLISHED = Path(__file__).parents[3] / "schema" / "sandbox.openapi.json"
DOCUMENT = document()
OPENID = "openid of the first follower"
JOB = 1000000001
"""The first to everyone."""

CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("GET", "deliveries", None, {"msg_id": 1, "limit": 5}),
    ("GET", "jobs", None, {"appid": SERVICE}),
    ("GET", "requests", None, {"after": 1}),
    ("GET", "events", None, {}),
    ("GET", "accounts", None, {}),
    ("POST", "accounts", {"appid": SERVICE, "protection": True, "ip_allow": ["127.0.0.1"], "callback": None,
                          "daily_limits": {"/cgi-bin/tags/get": 3}}, {}),
    ("GET", "followers", None, {"appid": SERVICE, "limit": 3, "search": "tester", "tag_id": 2}),
    ("POST", "followers", {"appid": SERVICE, "openids": [OPENID], "subscribe": False}, {}),
    ("GET", "phone", None, {"appid": SERVICE, "openid": OPENID}),
    ("GET", "sends", None, {"appid": SERVICE, "offset": 1}),
    ("GET", "version", None, {}),
    ("POST", "seed", {"accounts": [{"appid": "wx9", "kind": "test", "secret": "s", "followers": 3,
                                    "tags": ["会员", {"id": 120, "name": "北京"}], "options": {}},
                                   {"appid": "wx8", "followers": [{"openid": "o1", "tags": ["会员"]}]}]}, {}),
    ("POST", "media", {"appid": SERVICE, "kind": "image", "data_base64": "iVBORw0KGgo="}, {}),
    ("POST", "admin", {"msg_id": JOB, "confirm": True}, {}),
    ("GET", "clock", None, {}),
    ("POST", "clock", {"at": "2027-01-01T00:00:00+08:00"}, {}),
    ("GET", "faults", None, {}),
    ("POST", "faults", [{"kind": "http_503", "endpoint": "tags/get", "times": None},
                        {"kind": "clock", "ahead_s": -60}], {}),
    ("DELETE", "faults", None, {}),
    ("POST", "snapshot", None, {}),
    ("POST", "restore", None, {}),
    ("POST", "reset", None, {}),
    ("GET", "openapi.json", None, {}),
]  # fmt: skip


def faults_of(value: Any, schema: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


def test_the_document_is_valid() -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # a third of a second, in every worker

    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_the_published_document_is_current(wechat: WeChat) -> None:
    served = wechat.http.get("/_sandbox/openapi.json").get_json()
    assert served == json.loads(PUBLISHED.read_text(encoding="utf-8")) == DOCUMENT


def test_every_call_is_tried_here() -> None:
    assert sorted((method, name) for method, name, _body, _query in CALLS) == sorted(ROUTES)


@pytest.mark.parametrize(("method", "name", "body", "query"), CALLS, ids=lambda value: str(value)[:20])
def test_calls_take_what_it_says(
    wechat: WeChat, method: str, name: str, body: Any, query: dict[str, Any]
) -> None:
    wechat.control("POST", "accounts", {"appid": SERVICE, "protection": name == "admin"})
    wechat.control("POST", "snapshot")
    wechat.sendall(filter={"is_to_all": True})
    first = wechat.control("GET", "followers", appid=SERVICE)["followers"][0]["openid"]
    body, query = json.loads(json.dumps([body, query]).replace(OPENID, first))
    described = DOCUMENT["paths"][f"/_sandbox/{name}"][method.lower()]
    assert (body is not None) == ("requestBody" in described)
    if body is not None:
        assert faults_of(body, described["requestBody"]["content"]["application/json"]["schema"]) == []
    assert set(query) <= {one["name"] for one in described.get("parameters", ())}
    data = b"" if body is None else dump(body)
    answer = wechat.http.open(f"/_sandbox/{name}", method=method, data=data, query_string=query)
    assert answer.status_code == 200, answer.text


def test_wechats_paths_stand_beside_the_control_calls() -> None:
    paths = {path: set(methods) for path, methods in DOCUMENT["paths"].items() if "/_sandbox/" not in path}
    methods = {"GET": {"get"}, "POST": {"post"}, "ANY": {"get", "post"}}
    assert paths == {path: methods[endpoint.method] for path, endpoint in ENDPOINTS.items()}


@pytest.mark.deep
@pytest.mark.parametrize(("method", "name", "body"), [call[:3] for call in CALLS if call[2] is not None])
def test_no_odd_part_makes_a_control_call_fail(wechat: WeChat, method: str, name: str, body: object) -> None:
    for odd in with_each_part_odd(body):
        answer = wechat.control(method, name, odd)
        assert "errcode" not in answer, odd
        assert "accounts" in wechat.control("GET", "accounts"), odd


def test_a_mistake_has_the_form_of_the_document(wechat: WeChat) -> None:
    for name in ("nothing", "phone"):
        answer = wechat.http.get(f"/_sandbox/{name}")
        assert answer.status_code in (400, 404)
        assert faults_of(answer.get_json(), DOCUMENT["components"]["schemas"]["Error"]) == []


@pytest.mark.parametrize(
    "spec",
    [{}, {"kind": "http_200"}, {"kind": "cut"}, {"kind": "errcode", "times": 0}, {"kind": "html", "when": 1}],
    ids=str,
)  # fmt: skip
def test_what_the_schema_of_a_fault_refuses_the_sandbox_refuses(wechat: WeChat, spec: dict[str, Any]) -> None:
    assert faults_of(spec, FAULT) != []
    assert wechat.http.post("/_sandbox/faults", data=dump(spec)).status_code == 400
