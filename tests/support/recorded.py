"""Recorded answers of WeChat, played again to the sandbox; what differs is named by its field.

A file holds, beside its source and date:

    {"account": {"kind": "test", "followers": 0, "tags": []}, "free": ["3.answer.body.rate_limit"],
     "exchanges": [{"request": {"method", "path", "query", "body"}, "answer": {"status", "body"}}]}

In an answer `<text 28>`, `<integer>`, `<number>`, `<boolean>` stand for any value of the type, and a list
that begins with `<3 items>` for items that each have one of the shapes behind it; anything else is the
value itself. What `free` lists is not compared: paths, from the number of the exchange. An account has 60
followers unless the file says otherwise.

In a request, `<text 18>` below `appid` and the like is the sandbox's own value; `$2.media_id` is what it
answered to exchange 2, and `upload` a sample file of a kind. An exchange without an answer is made and not
compared; `fault` orders the errcode of a state that the sandbox does not get into by itself; `wait_s` lets
time pass before; `event` is the newest event, not a call.
"""

import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from tests.unit.sandbox.client import NOON, SAMPLE, WeChat, as_new
from wechat_campaigns.core.redact import redact_errmsg
from wechat_sandbox import seeds
from wechat_sandbox.dispatcher import Dispatcher

APPID = "wx00000000000000ff"
OWN = {"appid": APPID, "secret": seeds.SECRET, "begin_date": "2026-11-29", "end_date": "2026-11-29"}
"""What a recording does not keep of a request, by key. The sandbox's day is the first of December 2026."""
PLACEHOLDER = re.compile(r"<(text|integer|number|boolean)(?: \d+)?>")
ITEMS = re.compile(r"<\d+ items>")
HINT = re.compile(r"\s*hint: \[…\]")
TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
"""A whole number may stand for a fraction: WeChat writes 0 and 1 for rates."""


def differences(recorded: Mapping[str, Any], served: tuple[Any, Dispatcher]) -> list[str]:
    """Play a file again to a sandbox; each difference that is not free, such as `2.answer.body.tag.id: …`."""
    wechat = as_new(*served).of(APPID)
    with wechat.dispatcher.transaction() as (db, _now):
        seeds.plant(db, {"accounts": [{"appid": APPID, "followers": 60, **recorded["account"]}]}, NOON)
    answers: list[Any] = []
    found: list[str] = []
    for number, exchange in enumerate(recorded["exchanges"]):
        actual = _answer(wechat, exchange, answers)
        answers.append(actual["body"])
        expected = _filled(exchange.get("answer", {}), answers, own=False)
        found += [
            text
            for path, text in _compared(
                expected, {key: actual.get(key) for key in expected}, f"{number}.answer"
            )
            if not any(path == free or path.startswith(f"{free}.") for free in recorded.get("free", ()))
        ]
    return found


def _answer(wechat: WeChat, exchange: Mapping[str, Any], answers: list[Any]) -> dict[str, Any]:
    if "wait_s" in exchange:
        wechat.wait(exchange["wait_s"])
        wechat._token = ""
    if exchange.get("event"):
        with wechat.dispatcher.transaction() as (db, _now):
            newest = db.execute("SELECT fields FROM event ORDER BY id DESC LIMIT 1").fetchone()
        return {"status": 200, "body": json.loads(newest[0])}
    request = _filled(exchange["request"], answers)
    if "fault" in exchange:
        spec = {"endpoint": request["path"], "kind": "errcode", "errcode": exchange["fault"]}
        wechat.control("POST", "faults", spec)
    query = {**request.get("query", {})}
    if "token" not in request["path"]:
        query.setdefault("access_token", wechat.token)
    content_type, data = "application/json", b""
    if "upload" in request:
        media = FileStorage(io.BytesIO(SAMPLE[request["upload"]]), "a.bin")
        form = {"media": media, **request.get("form", {})}
        boundary, data = encode_multipart(form)
        content_type = f"multipart/form-data; boundary={boundary}"
    elif request.get("body") is not None:
        data = json.dumps(request["body"], ensure_ascii=False).encode()
    answer = wechat.http.open(
        request["path"], method=request["method"], query_string=query, data=data, content_type=content_type
    )
    try:
        body = json.loads(answer.data)
    except ValueError:
        body = answer.get_data(as_text=True)
    return {"status": answer.status_code, "content_type": answer.mimetype, "body": body}


def _filled(value: Any, answers: list[Any], key: str = "", *, own: bool = True) -> Any:
    """Put the sandbox's own values in the place of references, and of what a recording does not keep."""
    if isinstance(value, dict):
        return {name: _filled(one, answers, name, own=own) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, answers, key, own=own) for one in value]
    if own and isinstance(value, str) and PLACEHOLDER.fullmatch(value):
        return OWN[key]
    if isinstance(value, str) and (reference := re.fullmatch(r"\$(\d+)\.(\w+)", value)):
        return answers[int(reference[1])][reference[2]]
    return value


def _compared(recorded: Any, actual: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each difference: its path, and what was recorded and answered."""
    if path.endswith(".body.errmsg"):
        # Whether WeChat gives its hint differs from answer to answer.
        recorded, actual = (HINT.sub("", redact_errmsg(str(text))) for text in (recorded, actual))
    if isinstance(recorded, dict) and isinstance(actual, dict):
        for key in [*recorded, *(key for key in actual if key not in recorded)]:
            if key in recorded and key in actual:
                yield from _compared(recorded[key], actual[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}", f"{path}.{key}: only {'recorded' if key in recorded else 'answered'}"
        return
    if isinstance(recorded, list) and isinstance(actual, list):
        yield from _compared_items(recorded, actual, path)
        return
    kind = PLACEHOLDER.fullmatch(recorded) if isinstance(recorded, str) else None
    if kind is not None:
        is_same = isinstance(actual, TYPES[kind[1]]) and (
            kind[1] == "boolean" or not isinstance(actual, bool)
        )
    else:
        is_same = recorded == actual and type(recorded) is type(actual)
    if not is_same:
        yield path, f"{path}: recorded {recorded!r}, answered {actual!r}"


def _compared_items(recorded: list[Any], actual: list[Any], path: str) -> Iterator[tuple[str, str]]:
    if recorded and isinstance(recorded[0], str) and ITEMS.fullmatch(recorded[0]):
        for number, item in enumerate(actual):
            found = [list(_compared(shape, item, f"{path}.{number}")) for shape in recorded[1:]]
            yield from min(found, key=len)
    elif len(recorded) != len(actual):
        # Of a list that was empty nothing is known but that it was one.
        if recorded:
            yield path, f"{path}: recorded {len(recorded)} items, answered {len(actual)}"
    else:
        for number, (one, other) in enumerate(zip(recorded, actual, strict=True)):
            yield from _compared(one, other, f"{path}.{number}")
