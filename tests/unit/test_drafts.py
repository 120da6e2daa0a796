"""A draft whose answer was lost is found when it is certain, and never another one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from factories import NOW, ScriptedApi

from wechat_campaigns.send import drafts

GIVEN = {
    "title": "茶",
    "thumb_media_id": "M",
    "content": '<p>正文</p><img src="https://mmbiz.qpic.cn/p">',
}


def listed(media_id: str, given: dict[str, Any] = GIVEN, **changes: Any) -> dict[str, Any]:
    """A draft as the platform lists it: empty digest filled in, content rewritten."""
    content = given["content"].replace("<p>", '<p style="margin:0">') + "\n"
    told = {
        **given,
        "digest": given.get("digest") or "正文",
        "content": content,
        "url": "http://mp/s?tempkey=1",
    }
    told.update(changes.pop("article", {}))
    return {
        "media_id": media_id,
        "content": {"news_item": [told]},
        "update_time": int(NOW.timestamp()),
        **changes,
    }


def find(*items: dict[str, Any], given: dict[str, Any] = GIVEN, taken: Collection[str] = ()) -> str | None:
    api = ScriptedApi(draft_batchget={"item": list(items)})
    return drafts.find([given], since=NOW, taken=taken, api=api)


def test_lost_draft_is_found():
    """However the platform rewrote its content."""
    assert find(listed("FOUND")) == "FOUND"


def test_draft_that_is_taken_is_not_found():
    """It is known to belong to another send."""
    assert find(listed("OTHER"), taken={"OTHER"}) is None


DIFFERENT = [
    {"article": {"content": "<p>别的正文</p>"}},
    {"article": {"title": "别的"}},
    {"article": {"thumb_media_id": "X"}},
    {"article": {"content": '<p>正文</p><img src="https://mmbiz.qpic.cn/other">'}},
    {"update_time": int(NOW.timestamp()) - 3600},
]


@pytest.mark.parametrize("change", DIFFERENT, ids=str)
def test_draft_that_differs_is_not_found(change: dict[str, Any]):
    """Another text, title, cover or picture, or one that was there before."""
    assert find(listed("FOREIGN", **change)) is None


def test_two_drafts_that_could_be_it_are_left_alone():
    """Not certain is not found."""
    assert find(listed("ONE"), listed("TWO")) is None


def test_digest_counts_when_it_was_given():
    """An empty one is filled in by the platform; a written one comes back as it was."""
    written = {**GIVEN, "digest": "摘要"}
    assert find(listed("FOUND", written), given=written) == "FOUND"
    assert find(listed("FOREIGN", written, article={"digest": "别的摘要"}), given=written) is None
