"""What tests of the inbox ask and send."""

from __future__ import annotations

from typing import Any

from tests.unit.sandbox.client import WeChat


def told(wechat: WeChat, name: str, **query: Any) -> Any:
    answer = wechat.http.get(f"/_sandbox/{name}", query_string={"appid": wechat.appid, **query})
    assert answer.status_code == 200, answer.text
    return answer.json


def phone(wechat: WeChat, openid: str = "", **query: Any) -> list[dict[str, Any]]:
    found = told(wechat, "phone", openid=openid or wechat.openids()[0], **query)
    messages: list[dict[str, Any]] = found["messages"]
    return messages


def openids(found: dict[str, Any]) -> list[str]:
    return [item["openid"] for item in found["followers"]]


def page(wechat: WeChat, card: dict[str, Any], **query: str) -> str:
    return wechat.http.get(card["page"], query_string=query).text


def to_all(wechat: WeChat, msgtype: str, body: Any, key: str = "") -> Any:
    message = {"filter": {"is_to_all": True}, "msgtype": msgtype, key or msgtype: body}
    return wechat.post("message/mass/sendall", message)


def preview(wechat: WeChat, msgtype: str, body: Any) -> None:
    wechat.post("message/mass/preview", {"touser": wechat.openids()[0], "msgtype": msgtype, msgtype: body})


def sent_article(wechat: WeChat, **article: Any) -> dict[str, Any]:
    to_all(wechat, "mpnews", {"media_id": wechat.draft(**article)})
    card: dict[str, Any] = phone(wechat)[0]["content"]["articles"][0]
    return card
