"""Files are on WeChat once, and as they were planned."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    ScriptedApi,
    api_error,
    make_account_writer,
    make_article,
    make_events,
    make_file,
    make_planned,
    make_send,
)
from wechat_campaigns.core.content import Media, MediaIds
from wechat_campaigns.core.errors import ApiError, NoResponseError, StalePlanError
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Articles, Image, Mpvideo
from wechat_campaigns.plan.resolve import OFFLINE, resolve
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.send import preparing
from wechat_campaigns.send.posting import AccountWriter

LOST = NoResponseError("cut", hint="again")
DATA = {"cover.png": b"cover", "p.png": b"p", "tea.mp4": b"tea"}
PICTURE = make_file("p.png", b"p")
ARTICLES = Articles(articles=(make_article("茶", PICTURE),))


class Uploader:
    """One account's state, and what was recorded, in short."""

    def __init__(self, **answers: Any) -> None:
        given = {"media_uploadimg": "http://mmbiz.qpic.cn/p", "material_add_material": {"media_id": "M"},
                 "media_upload": {"media_id": "T"}, "media_uploadvideo": {"media_id": "N"}}  # fmt: skip
        self.api = ScriptedApi(**(given | answers))
        self.state = LedgerState()
        self.recorded: list[tuple[str, Mapping[str, Any]]] = []
        self.told: list[str] = []

    def record(self, kind: str, data: Mapping[str, Any], unique: str | None = None) -> Event:
        self.recorded.append((kind, data))
        event = make_events(*self.recorded)[-1]
        self.state.add(event)
        return event

    def upload(self, send: Send, **changes: Any) -> MediaIds:
        planned = self.planned(send)
        read = changes.get("read", lambda file: DATA[file.path.name])
        return preparing.upload(planned, self.account(read))

    def account(self, read: Any = lambda _file: b"p") -> AccountWriter:
        account = make_account_writer(self.api, None, read, self.state)
        account.record = self.record  # type: ignore[assignment,method-assign]
        account.tell = lambda _send, what: self.told.append(what)  # type: ignore[method-assign]
        return account

    def planned(self, send: Send) -> Any:
        base = make_planned(send)
        found = resolve(send, SERVICE, OFFLINE, self.state, NOW).uploads
        needed = tuple((upload, result if upload.life is None else None) for upload, result in found)
        return replace(base, resolved=replace(base.resolved, uploads=needed))

    def kinds(self) -> list[str]:
        return [kind.value for kind, _ in self.recorded]


def test_each_file_is_uploaded_once_for_all_sends_and_reported_as_it_begins():
    uploader = Uploader()
    for name in "ab":
        ids = uploader.upload(make_send(name, content=ARTICLES))
        assert uploader.told == ["uploading cover.png, 1 KiB", "uploading p.png, 1 KiB"]
        assert len(uploader.api.calls) == 2
        content = ARTICLES.draft_articles(ids)[0]["content"]
        assert "https://mmbiz.qpic.cn/p" in content, "pictures in the body use https"


def test_upload_is_recorded_before_the_next_one_begins():
    uploader = Uploader(media_uploadimg=[LOST, "http://mmbiz.qpic.cn/p"])
    with pytest.raises(NoResponseError):
        uploader.upload(make_send(content=ARTICLES))
    uploader.upload(make_send(content=ARTICLES))
    assert len(uploader.api.named("material_add_material")) == 1
    assert uploader.kinds() == ["upload", "upload"]


def test_file_changed_since_the_plan_is_refused():
    uploader = Uploader()
    with pytest.raises(StalePlanError, match=r"p\.png|cover\.png"):
        uploader.upload(make_send(content=ARTICLES), read=lambda _file: b"other")
    assert uploader.api.calls == []


FILM = Mpvideo(media=Media(file=make_file("tea.mp4", b"tea")), title="t", description="d")


def test_video_is_uploaded_and_converted():
    uploader = Uploader()
    uploader.upload(make_send(content=FILM))
    assert uploader.api.calls == [
        ("media_upload", ("video", "tea.mp4", b"tea")), ("media_uploadvideo", ("T", "t", "d"))
    ]  # fmt: skip


@pytest.mark.parametrize("video", [Media(media_id="V"), Media(name="tea")])
def test_video_of_the_console_is_sent_as_it_is(video: Media):
    """uploadvideo refuses permanent material with 40007: nothing is uploaded or converted."""
    uploader = Uploader()
    send = make_send(content=Mpvideo(media=video, title="t", description="d"))
    uploader.upload(send)
    assert uploader.api.calls == []


def test_converted_video_is_reused_for_two_days_only():
    uploader = Uploader()
    uploader.upload(make_send(content=FILM))

    def reused(after: timedelta) -> bool:
        found = resolve(make_send(content=FILM), SERVICE, OFFLINE, uploader.state, NOW + after)
        return all(result is not None for _upload, result in found.uploads)

    assert reused(timedelta(days=1, hours=23))
    assert not reused(timedelta(days=2, minutes=1))


def test_upload_deleted_on_the_platform_is_made_again():
    uploader, send = Uploader(), make_send(content=ARTICLES)
    uploader.upload(send)
    before = uploader.planned(send)
    with pytest.raises(ApiError) as caught, preparing.forgetting(before, uploader.account()):
        raise api_error(40007)
    assert "uploads the files of this send again" in caught.value.hint
    assert uploader.state.uploads == {}
    uploader.upload(send)
    assert len(uploader.api.calls) == 4


def test_forgotten_upload_is_not_taken_from_an_older_plan():
    uploader, send = Uploader(), make_send(content=Image(media=Media(file=make_file("p.png", b"p"))))
    uploader.upload(send)
    planned = uploader.planned(send)
    assert planned.resolved.uploads[0][1] == "M"
    assert preparing.forget_uploads(planned, 40007, uploader.account())
    preparing.upload(planned, uploader.account())
    assert len(uploader.api.named("material_add_material")) == 2


def test_other_refusals_forget_nothing():
    uploader, send = Uploader(), make_send(content=ARTICLES)
    uploader.upload(send)
    assert not preparing.forget_uploads(uploader.planned(send), 45028, uploader.account())
    assert len(uploader.state.uploads) == 2
