"""A sandbox without sockets: the web application behind a test client, on a clock tests move."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.datastructures import FileStorage
from werkzeug.test import Client, encode_multipart

from wechat_sandbox import seeds, server
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.store import Store

SERVICE = "wx0000000000000001"
SUBSCRIPTION = "wx0000000000000002"
TEST = "wx0000000000000003"
NOON = 1_796_097_600.0  # 2026-12-01T12:00:00+08:00

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
MP3 = b"ID3\x03" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)
SAMPLE = {"image": PNG, "thumb": JPEG, "voice": MP3, "video": MP4}


def dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


@dataclass
class WeChat:
    """One account's client: calls with its token, answers as parsed JSON."""

    http: Client
    dispatcher: Dispatcher
    appid: str = SERVICE
    _token: str = field(default="", repr=False)

    @property
    def token(self) -> str:
        if not self._token:
            body = {"grant_type": "client_credential", "appid": self.appid, "secret": seeds.SECRET}
            self._token = self.raw("POST", "stable_token", body, token=None)["access_token"]
        return self._token

    def of(self, appid: str) -> WeChat:
        return WeChat(self.http, self.dispatcher, appid)

    def raw(
        self, method: str, path: str, body: Any = None, *, token: str | None = "own", **query: Any
    ) -> Any:
        if token is not None:
            query["access_token"] = self.token if token == "own" else token
        data = body if isinstance(body, bytes) else b"" if body is None else dump(body)
        answer = self.http.open(f"/cgi-bin/{path}", method=method, data=data, query_string=query)
        assert answer.status_code == 200
        return json.loads(answer.data) if "json" in answer.content_type else answer

    def get(self, path: str, **query: Any) -> Any:
        return self.raw("GET", path, **query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self.raw("POST", path, body, **query)

    def upload(self, path: str, data: bytes, filename: str = "a.bin", **query: Any) -> Any:
        form = {"media": FileStorage(io.BytesIO(data), filename), **query.pop("form", {})}
        boundary, data = encode_multipart(form)
        answer = self.http.post(
            f"/cgi-bin/{path}",
            data=data,
            query_string={"access_token": self.token, **query},
            content_type=f"multipart/form-data; boundary={boundary}",
        )
        return json.loads(answer.data)

    def material(self, kind: str = "image") -> str:
        form = {"description": json.dumps({"title": "t", "introduction": "i"})}
        media_id: str = self.upload("material/add_material", SAMPLE[kind], type=kind, form=form)["media_id"]
        return media_id

    def draft(self, title: str = "标题", **article: Any) -> str:
        article = {"title": title, "content": "<p>正文</p>", "thumb_media_id": self.material(), **article}
        media_id: str = self.post("draft/add", {"articles": [article]})["media_id"]
        return media_id

    def sendall(self, key: str = "text", value: Any = None, **more: Any) -> Any:
        body = {
            "filter": {"is_to_all": False, "tag_id": 2},
            "msgtype": key,
            key: value or {"content": "你好"},
        }
        return self.post("message/mass/sendall", {**body, **more})

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Any:
        data = b"" if body is None else dump(body)
        answer = self.http.open(f"/_sandbox/{name}", method=method, data=data, query_string=query)
        return json.loads(answer.data)

    def wait(self, seconds: float) -> None:
        """Move the clock; a client whose token has ended by then fetches another."""
        self.control("POST", "clock", {"advance_s": seconds})
        if seconds > 7200:
            self._token = ""

    def next_day(self) -> None:
        self.wait(86400)

    def temporary(self, kind: str = "image") -> str:
        made = self.upload("media/upload", SAMPLE[kind], type=kind)
        return str(made.get("media_id") or made["thumb_media_id"])

    def stock(self) -> None:
        """Store media and a draft under the ids of `bodies.py`."""
        self.control("POST", "accounts", {"appid": self.appid, "quota": False})
        for kind, media_id in (("image", "T"), ("image", "I"), ("video", "V"), ("news", "D")):
            self.control("POST", "media", {"appid": self.appid, "media_id": media_id, "kind": kind})

    def openids(self) -> list[str]:
        return [item["openid"] for item in self.control("GET", "followers", appid=self.appid)["followers"]]


ODD: tuple[object, ...] = (None, True, 0, -1, 2**70, 1.5, "", "x", [], [1], [[]], {}, {"a": 1})


def with_each_part_odd(body: object) -> Iterator[object]:
    """Yield the body again and again, each time with one part, at any depth, replaced by something odd."""
    yield from ODD
    parts: list[tuple[object, object]] = []
    if isinstance(body, dict):
        parts = list(body.items())
    elif isinstance(body, list):
        parts = list(enumerate(body))
    for key, part in parts:
        for odd in with_each_part_odd(part):
            yield {**body, key: odd} if isinstance(body, dict) else [odd]  # type: ignore[dict-item]


@cache
def _planted() -> bytes:
    """The built-in seed as a state; to copy it takes a tenth of the time of planting it."""
    store = Store(None)
    with store.transaction() as db:
        seeds.plant(db, seeds.DEFAULT, NOON)
    planted = store._db.serialize()
    store.close()
    return planted


@contextmanager
def open_sandbox() -> Iterator[tuple[WSGIApplication, Dispatcher]]:
    """A sandbox for many tests: to make its application takes longer than most of them."""
    store = Store(None)
    dispatcher = Dispatcher(store=store, wall=lambda: NOON, sleep=lambda _s: None)
    yield server.build(dispatcher, seeds.DEFAULT), dispatcher
    store.close()


def as_new(app: WSGIApplication, dispatcher: Dispatcher) -> WeChat:
    """A sandbox with the built-in seed, at noon of a first of December; nothing of another test is left."""
    store = dispatcher.store
    with closing(sqlite3.connect(":memory:")) as planted:
        planted.deserialize(_planted())
        planted.backup(store._db)
    dispatcher.in_hand.clear()
    return WeChat(Client(app), dispatcher)
