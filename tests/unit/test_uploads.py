"""What is made on the platform before a send: once, and nobody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import (
    NOW,
    SERVICE,
    ScriptedApi,
    api_error,
    make_article,
    make_events,
    make_file,
    make_planned,
    make_send,
)

from runner import uploads, wire
from runner.errors import LostAnswerError, StalePlanError
from runner.ledger.events import Event, Kind
from runner.ledger.state import LedgerState
from runner.model import Articles, Image, Media, Mpvideo, Send
from runner.resolve import OFFLINE, resolve

LOST = LostAnswerError("cut", remedy="again")
DATA = {"cover.png": b"cover", "p.png": b"p", "tea.mp4": b"tea"}
PICTURE = make_file("p.png", b"p")
ARTICLES = Articles(articles=(make_article("茶", PICTURE),))


class Desk:
    """One account's state, and what was recorded, in short."""

    def __init__(self, **answers: Any) -> None:
        given = {"media_uploadimg": "http://mmbiz.qpic.cn/p", "material_add_material": {"media_id": "M"},
                 "media_uploadvideo": {"media_id": "N"}, "draft_add": "D", "draft_get": {"news_item": []},
                 "draft_batchget": {"item": []}}  # fmt: skip
        self.api = ScriptedApi(**(given | answers))
        self.state = LedgerState()
        self.recorded: list[tuple[Kind, Mapping[str, Any]]] = []

    def record(self, kind: Kind, data: Mapping[str, Any]) -> Event:
        self.recorded.append((kind, data))
        event = make_events(*self.recorded)[-1]
        self.state.add(event)
        return event

    def upload(self, send: Send, **changes: Any) -> wire.Ids:
        planned = self.planned(send)
        read = changes.get("read", lambda file: DATA[file.path.name])
        return uploads.upload(planned, api=self.api, state=self.state, record=self.record, read=read)

    def draft(self, send: Send) -> str | None:
        ids = self.upload(send)
        return uploads.draft(self.planned(send), ids, api=self.api, state=self.state, record=self.record)

    def planned(self, send: Send) -> Any:
        reusable = {upload.key: self.state.uploads.get((SERVICE, upload.key))
                    for upload in wire.uploads(send.content)}  # fmt: skip
        needed = tuple(
            (upload, known.result if (known := reusable[upload.key]) and upload.life is None else None)
            for upload in wire.uploads(send.content)
        )
        base = make_planned(send)
        return replace(base, resolved=replace(base.resolved, uploads=needed))

    def kinds(self) -> list[str]:
        return [kind.value for kind, _ in self.recorded]


def test_each_file_is_uploaded_once_for_all_sends():
    """A second send with the same files uploads nothing."""
    desk = Desk()
    desk.upload(make_send("a", content=ARTICLES))
    made = len(desk.api.calls)
    desk.upload(make_send("b", content=ARTICLES))
    assert made == len(desk.api.calls) == 2


def test_result_is_recorded_before_the_next_upload():
    """A crash between two uploads repeats the second only."""
    desk = Desk(media_uploadimg=[LOST, "http://mmbiz.qpic.cn/p"])
    with pytest.raises(LostAnswerError):
        desk.upload(make_send(content=ARTICLES))
    desk.upload(make_send(content=ARTICLES))
    assert len(desk.api.named("material_add_material")) == 1
    assert desk.kinds() == ["upload", "upload"]


def test_body_pictures_are_https():
    """The platform answers with http; the article says https."""
    ids = Desk().upload(make_send(content=ARTICLES))
    assert "https://mmbiz.qpic.cn/p" in wire.draft_articles(ARTICLES, ids)[0]["content"]


def test_file_changed_since_the_plan_is_refused():
    """What was reviewed is what goes out: other bytes stop the send before anything is uploaded."""
    desk = Desk()
    with pytest.raises(StalePlanError, match=r"p\.png|cover\.png"):
        desk.upload(make_send(content=ARTICLES), read=lambda _file: b"other")
    assert desk.api.calls == []


def test_video_is_uploaded_and_converted():
    """The id of the upload is what is converted, with title and description."""
    desk = Desk()
    video = Mpvideo(media=Media(file=make_file("tea.mp4", b"tea")), title="t", description="d")
    desk.upload(make_send(content=video))
    assert desk.api.calls[1] == ("media_uploadvideo", ("M", "t", "d"))


def test_converted_video_is_reused_for_two_days_only():
    """A temporary id is not trusted for good."""
    video = Mpvideo(media=Media(media_id="V"), title="t", description="d")
    desk = Desk()
    desk.upload(make_send(content=video))

    def reused(after: timedelta) -> bool:
        found = resolve(make_send(content=video), SERVICE, OFFLINE, desk.state, NOW + after)
        return found.uploads[0][1] is not None

    assert reused(timedelta(days=1, hours=23))
    assert not reused(timedelta(days=2, minutes=1))


def test_content_without_articles_needs_no_draft():
    """Nothing is asked."""
    desk = Desk()
    assert desk.draft(make_send(content=Image(media=Media(media_id="M")))) is None
    assert desk.api.calls == []


def test_draft_is_announced_then_added_then_recorded():
    """So that a crash in between is known."""
    desk = Desk()
    assert desk.draft(make_send(content=ARTICLES)) == "D"
    assert desk.kinds()[-2:] == ["drafting", "draft"]


def test_draft_is_added_once():
    """The second run uses it while it exists."""
    desk = Desk()
    desk.draft(make_send(content=ARTICLES))
    assert desk.draft(make_send(content=ARTICLES)) == "D"
    assert len(desk.api.named("draft_add")) == 1


def test_draft_that_is_gone_is_added_again():
    """40007 says that it was used up or deleted."""
    desk = Desk(draft_get=api_error(40007), draft_add=["D", "E"])
    desk.draft(make_send(content=ARTICLES))
    assert desk.draft(make_send(content=ARTICLES)) == "E"


def test_edited_articles_get_a_draft_of_their_own():
    """An old draft with the old text is not sent."""
    desk = Desk(draft_add=["D", "E"])
    desk.draft(make_send(content=ARTICLES))
    edited = Articles(articles=(make_article("改过", PICTURE),))
    assert desk.draft(make_send(content=edited)) == "E"


def kept(send: Send, media_id: str, desk: Desk, **changes: Any) -> dict[str, Any]:
    """A draft as the platform lists it: empty digest filled in, content rewritten, pictures elsewhere."""
    assert isinstance(send.content, Articles)
    articles = [dict(article) for article in wire.draft_articles(send.content, desk.upload(send))]
    for article in articles:
        article["digest"] = article.get("digest") or "正文"
        article["content"] = article["content"].replace("<p>", '<p style="margin:0">') + "\n"
        article["url"] = "http://mp.weixin.qq.com/s?tempkey=1"
        article.update(changes.pop("article", {}))
    return {"media_id": media_id, "content": {"news_item": articles},
            "update_time": int(NOW.timestamp()), **changes}  # fmt: skip


def lost(*listed: dict[str, Any], send: Send | None = None, desk: Desk | None = None) -> str | None:
    """The draft used by a second run after the answer of the first draft/add was lost."""
    send, desk = send or make_send(content=ARTICLES), desk or Desk()
    desk.api = Desk(draft_add=[LOST, "NEW"], draft_batchget={"item": list(listed)}).api
    with pytest.raises(LostAnswerError):
        desk.draft(send)
    return desk.draft(send)


def test_lost_draft_is_found():
    """However the platform rewrote its content."""
    send = make_send(content=ARTICLES)
    assert lost(kept(send, "FOUND", Desk())) == "FOUND"


def test_draft_of_another_send_is_never_taken():
    """Two cities with the same title, cover and text: the other city's draft stays the other city's."""
    desk = Desk(draft_add="OTHER")
    other, mine = make_send("sale[b]", content=ARTICLES), make_send("sale[a]", content=ARTICLES)
    desk.draft(other)
    assert lost(kept(other, "OTHER", Desk()), send=mine, desk=desk) == "NEW"


DIFFERENT = [
    {"article": {"content": "<p>别的正文</p>"}},
    {"article": {"title": "别的"}},
    {"article": {"thumb_media_id": "X"}},
    {"article": {"content": '<p>正文</p><img src="https://mmbiz.qpic.cn/other">'}},
    {"update_time": int(NOW.timestamp()) - 3600},
]


@pytest.mark.parametrize("change", DIFFERENT, ids=str)
def test_draft_that_differs_is_not_taken(change: dict[str, Any]):
    """Another text, title, cover or picture, or one that was there before: a new draft is added."""
    assert lost(kept(make_send(content=ARTICLES), "FOREIGN", Desk(), **change)) == "NEW"


def test_two_drafts_that_could_be_it_are_left_alone():
    """Not certain is not found."""
    send = make_send(content=ARTICLES)
    assert lost(kept(send, "ONE", Desk()), kept(send, "TWO", Desk())) == "NEW"


def test_digest_counts_when_it_was_given():
    """An empty one is filled in by the platform; a written one comes back as it was."""
    written = make_send(content=Articles(articles=(make_article("茶", PICTURE, digest="摘要"),)))
    assert lost(kept(written, "FOUND", Desk()), send=written) == "FOUND"
    other = kept(written, "FOREIGN", Desk(), article={"digest": "别的摘要"})
    assert lost(other, send=written) == "NEW"
