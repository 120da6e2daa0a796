"""Files are on WeChat once, and as they were planned; a draft once, nobody else's, as it was meant."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    kinds,
    make_account_writer,
    make_article,
    make_events,
    make_file,
    make_planned,
    make_send,
)
from wechat_campaigns.core.content import ADD_MATERIAL, UPLOADIMG, Media, MediaIds
from wechat_campaigns.core.errors import (
    ApiError,
    NoResponseError,
    PolicyError,
    StalePlanError,
    UsageError,
    WeChatError,
)
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Articles, Image, Mpvideo, Newspic
from wechat_campaigns.plan.resolve import OFFLINE, resolve
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.send import preparing
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.send.preparing import ReadyDraft

LOST = NoResponseError("cut", hint="again")
DATA = {"cover.png": b"cover", "p.png": b"p", "tea.mp4": b"tea"}
PICTURE = make_file("p.png", b"p")
ARTICLES = Articles(articles=(make_article("茶", PICTURE),))
EDITED = Articles(articles=(make_article("改过", PICTURE),))
ANSWERS: dict[str, Any] = {
    "media_uploadimg": "http://mmbiz.qpic.cn/p",
    "material_add_material": {"media_id": "M"},
    "media_upload": {"media_id": "T"},
    "media_uploadvideo": {"media_id": "N"},
    "draft_add": "D",
}


class Uploader:
    """One account's state, and what was recorded, in short."""

    def __init__(self, **answers: Any) -> None:
        self.api = ScriptedApi(**(ANSWERS | answers))
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


def test_upload_that_the_plan_found_too_old_is_made_again():
    uploader = Uploader()
    counts = []
    for _again in range(2):
        uploader.upload(make_send(content=FILM))
        counts.append(len(uploader.api.named("media_uploadvideo")))
    assert counts == [1, 2]


def test_upload_deleted_on_the_platform_is_made_again():
    uploader, send = Uploader(), make_send(content=ARTICLES)
    uploader.upload(send)
    before = uploader.planned(send)
    with pytest.raises(ApiError) as caught, preparing.forgetting(before, uploader.account()):
        raise api_error(40007)
    assert "uploads the files of this send again" in caught.value.hint
    assert uploader.state.stream(SERVICE).uploads == {}
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
    assert len(uploader.state.stream(SERVICE).uploads) == 2


class DraftMaker:
    """One account and its ledger; `run` makes a send's draft as one run of the command does."""

    def __init__(self, **answers: Any) -> None:
        self.api = ScriptedApi(**(ANSWERS | answers))
        self.ledger: MemoryLedger = MemoryLedger()

    def run(self, send: Send, state: LedgerState | None = None) -> ReadyDraft | None:
        resolved = replace(
            make_planned().resolved,
            uploads=tuple((upload, None) for upload in send.content.uploads()),
        )
        ports = make_account_writer(self.api, self.ledger, lambda file: DATA[file.path.name], state)
        return preparing.prepare(make_planned(send, resolved=resolved), ports)[1]

    def draft(self, send: Send) -> str | None:
        made = self.run(send)
        return made.media_id if made is not None else None

    def then(self, **answers: Any) -> None:
        """Let WeChat answer otherwise from now on."""
        self.api = DraftMaker(**answers).api

    def kinds(self) -> list[str]:
        return kinds(self.ledger.events())

    def added(self) -> int:
        return len(self.api.named("draft_add"))


def news(**changes: Any) -> dict[str, Any]:
    """What draft/get tells of the draft of ARTICLES."""
    results = {UPLOADIMG: "https://mmbiz.qpic.cn/p", ADD_MATERIAL: "M"}
    done = {upload.key: results[upload.endpoint] for upload in ARTICLES.uploads()}
    ids = MediaIds(upload_results=done, material_ids={})
    return {"news_item": [{**ARTICLES.draft_articles(ids)[0], **changes}]}


SEND = make_send(content=ARTICLES)


def facts(made: ReadyDraft | None) -> tuple[str, tuple[str, ...]]:
    assert made is not None
    return made.media_id, made.notes


def test_draft_is_read_back_and_recorded():
    maker = DraftMaker(
        draft_get=news(content='<p class="x">正文</p><img src="http://mmbiz.qpic.cn/p?a=1">', url="u")
    )
    made = maker.run(SEND)
    assert made is not None
    assert facts(made) == ("D", ())
    assert maker.kinds()[-2:] == ["draft", "draft"]
    known = fold(maker.ledger.events()).stream(SERVICE).drafts["sale", 1]
    assert (known.stored_digest, known.stored_changes) == (made.mark, ())
    assert facts(maker.run(SEND)) == ("D", ())
    assert maker.added() == 1


LOSSES = [
    ({"content": '<p>正</p><img src="https://mmbiz.qpic.cn/p">'}, "the text changed"),
    ({"content": "<p>正文</p>"}, "pictures missing"),
    ({"title": "别的"}, "`title`"),
    ({"thumb_media_id": "X"}, "`thumb_media_id`"),
]


@pytest.mark.parametrize(("change", "said"), LOSSES, ids=[said for _, said in LOSSES])
def test_draft_that_lost_content_is_never_sent(change: dict[str, Any], said: str):
    """Readers would get something else: refused now and in every later run, added once."""
    maker = DraftMaker(draft_get=news(**change))
    for _ in range(2):
        with pytest.raises(WeChatError, match=said) as refused:
            maker.run(SEND)
        assert "media_id: D" in refused.value.hint
    assert maker.added() == 1


def test_draft_edited_by_hand_is_refused():
    styled = news(content='<p style="color:red">正文</p><img src="https://mmbiz.qpic.cn/p">')
    for edited, words in ((news(title="手改的"), "手改的"), (styled, "markup")):
        maker = DraftMaker(draft_get=[news(), edited])
        maker.run(SEND)
        with pytest.raises(PolicyError, match=words) as refused:
            maker.run(SEND)
        assert "delete the draft" in refused.value.hint
        assert maker.added() == 1


def test_values_that_change_on_each_read_are_not_an_edit():
    rewritten = '<p>正文</p><img data-x="1" src="https://mmbiz.qpic.cn/p?wx_fmt=png&amp;t=2">'
    later = news(url="http://mp.weixin.qq.com/s?tempkey=2", thumb_url="http://t", content=rewritten)
    maker = DraftMaker(draft_get=[news(url="http://mp.weixin.qq.com/s?tempkey=1"), later])
    maker.run(SEND)
    assert facts(maker.run(SEND)) == ("D", ())


def test_draft_is_read_back_after_a_crash():
    maker = DraftMaker(draft_get=LOST)
    with pytest.raises(NoResponseError):
        maker.run(SEND)
    assert maker.kinds()[-1] == "draft"
    maker.then(draft_get=news())
    assert facts(maker.run(SEND)) == ("D", ())
    assert maker.added() == 0
    assert fold(maker.ledger.events()).stream(SERVICE).drafts["sale", 1].stored_digest


def test_run_uses_a_draft_that_another_run_added():
    maker = DraftMaker()
    maker.run(SEND)
    assert facts(maker.run(SEND, state=LedgerState())) == ("D", ())
    assert maker.added() == 1


def test_unresolved_material_name_stops_before_the_draft():
    named = Newspic(title="图", text="", images=(Media(name="封面"),))
    maker = DraftMaker()
    with pytest.raises(UsageError, match="封面"):
        maker.run(make_send(content=named))
    assert maker.api.calls == []


def test_content_without_articles_needs_no_draft():
    maker = DraftMaker()
    assert maker.draft(make_send(content=Image(media=Media(media_id="M")))) is None
    assert maker.api.calls == []


def test_draft_that_is_gone_is_added_again():
    maker = DraftMaker(draft_get=[news(), api_error(40007), news()], draft_add=["D", "E"])
    maker.draft(SEND)
    assert facts(maker.run(SEND)) == ("E", ())


def test_edited_articles_get_a_new_draft():
    maker = DraftMaker(draft_add=["D", "E"])
    maker.draft(SEND)
    media_id, (note,) = facts(maker.run(make_send(content=EDITED)))
    assert media_id == "E"
    assert note.startswith("draft D,")


def test_draft_whose_answer_was_lost_is_added_again():
    maker = DraftMaker(draft_add=LOST)
    with pytest.raises(NoResponseError):
        maker.run(SEND)
    assert "draft" not in maker.kinds()
    maker.then(draft_add="NEW", draft_get=news())
    assert facts(maker.run(SEND)) == ("NEW", ())


def test_new_draft_that_cannot_be_read_yet_is_read_once_more():
    maker = DraftMaker(draft_get=[api_error(40007), news()])
    assert maker.draft(SEND) == "D"
    assert (maker.added(), len(maker.api.named("draft_get"))) == (1, 2)
    gone = DraftMaker(draft_get=api_error(40007))
    with pytest.raises(WeChatError):
        gone.run(SEND)
