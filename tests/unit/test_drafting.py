"""A send's draft: added once, nobody else's, as it was meant, and as it was made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from factories import (
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    kinds,
    make_article,
    make_file,
    make_planned,
    make_send,
)

from wechat_campaigns.core.errors import (
    NoResponseError,
    PolicyError,
    UsageError,
    WeChatError,
)
from wechat_campaigns.core.model import Articles, Image, Media, Newspic, Send
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.send import drafting
from wechat_campaigns.send.drafting import ReadyDraft
from wechat_campaigns.wechat import payloads as wire

LOST = NoResponseError("cut", hint="again")
DATA = {"cover.png": b"cover", "p.png": b"p"}
PICTURE = make_file("p.png", b"p")
ARTICLES = Articles(articles=(make_article("茶", PICTURE),))
EDITED = Articles(articles=(make_article("改过", PICTURE),))


class Desk:
    """One account and its ledger; `run` makes a send's draft as one run of the command does."""

    def __init__(self, **answers: Any) -> None:
        given = {"media_uploadimg": "http://mmbiz.qpic.cn/p", "material_add_material": {"media_id": "M"},
                 "draft_add": "D", "draft_batchget": {"item": []}}  # fmt: skip
        self.api = ScriptedApi(**(given | answers))
        self.ledger: MemoryLedger = MemoryLedger()

    def run(self, send: Send, state: LedgerState | None = None) -> ReadyDraft | None:
        resolved = replace(
            make_planned().resolved, uploads=tuple((upload, None) for upload in wire.uploads(send.content))
        )
        return drafting.create_draft(
            make_planned(send, resolved=resolved),
            api=self.api,
            ledger=self.ledger,
            state=state or fold(self.ledger.events()),
            read=lambda file: DATA[file.path.name],
        )

    def draft(self, send: Send) -> str | None:
        made = self.run(send)
        return made.media_id if made is not None else None

    def then(self, **answers: Any) -> None:
        """Let the platform answer otherwise from now on."""
        self.api = Desk(**answers).api

    def kinds(self) -> list[str]:
        return kinds(self.ledger.events())

    def added(self) -> int:
        return len(self.api.named("draft_add"))


def news(**changes: Any) -> dict[str, Any]:
    """What draft/get tells of the draft of ARTICLES."""
    results = {wire.UPLOADIMG: "https://mmbiz.qpic.cn/p", wire.ADD_MATERIAL: "M"}
    done = {upload.key: results[upload.endpoint] for upload in wire.uploads(ARTICLES)}
    ids = wire.MediaIds(uploaded=done, named={})
    return {"news_item": [{**wire.draft_articles(ARTICLES, ids)[0], **changes}]}


SEND = make_send(content=ARTICLES)


def facts(made: ReadyDraft | None) -> tuple[str, bool, tuple[str, ...]]:
    assert made is not None
    return made.media_id, made.added, made.notes


def test_draft_is_read_back_and_remembered_as_it_was_made():
    """Added, recorded, then compared with what was given."""
    desk = Desk(
        draft_get=news(content='<p class="x">正文</p><img src="http://mmbiz.qpic.cn/p?a=1">', url="u")
    )
    made = desk.run(SEND)
    assert facts(made) == ("D", True, ())
    assert desk.kinds()[-2:] == ["draft", "draft"]
    known = fold(desk.ledger.events()).drafts[SERVICE, "sale", 1]
    assert made is not None
    assert known.stored == made.mark
    assert known.changed == ()


def test_changed_markup_is_told_and_sent():
    """What only looks otherwise is a note, kept in the ledger, and told again by later runs."""
    desk = Desk(draft_get=news(content='<section>正文</section><img src="https://mmbiz.qpic.cn/p">'))
    notes = [made.notes for made in (desk.run(SEND), desk.run(SEND)) if made is not None]
    assert notes[0] == notes[1]
    assert "<p> removed" in notes[0][0]
    assert "<p> removed (1×)" in desk.ledger.events()[-1].data["changed"]


LOSSES = [
    ({"content": '<p>正</p><img src="https://mmbiz.qpic.cn/p">'}, "the text differs"),
    ({"content": "<p>正文</p>"}, "1 of 1 pictures lost"),
    ({"title": "别的"}, "`title`"),
    ({"thumb_media_id": "X"}, "`thumb_media_id`"),
]


@pytest.mark.parametrize(("change", "said"), LOSSES, ids=[said for _, said in LOSSES])
def test_draft_in_which_something_is_lost_is_never_handed_out(change: dict[str, Any], said: str):
    """Readers would not get what was meant: refused now and in every later run, added once."""
    desk = Desk(draft_get=news(**change))
    for _ in range(2):
        with pytest.raises(WeChatError, match=said) as refused:
            desk.run(SEND)
        assert "media_id: D" in refused.value.hint
    assert desk.added() == 1


def test_draft_edited_by_hand_is_refused():
    """What a colleague changed in the console was reviewed by nobody; the error names the edit."""
    desk = Desk(draft_get=[news(), news(title="手改的")])
    desk.run(SEND)
    with pytest.raises(PolicyError, match=r"edited by hand.*手改的") as refused:
        desk.run(SEND)
    assert "delete the draft" in refused.value.hint
    assert desk.added() == 1


def test_edit_of_the_looks_alone_is_an_edit():
    """The web editor rewrites styles when it saves; the text need not differ."""
    styled = news(content='<p style="color:red">正文</p><img src="https://mmbiz.qpic.cn/p">')
    desk = Desk(draft_get=[news(), styled])
    desk.run(SEND)
    with pytest.raises(PolicyError, match="markup"):
        desk.run(SEND)


def test_what_changes_by_itself_is_no_edit():
    """Temporary links, times and parameters of addresses differ from read to read."""
    rewritten = '<p>正文</p><img data-x="1" src="https://mmbiz.qpic.cn/p?wx_fmt=png&amp;t=2">'
    later = news(url="http://mp.weixin.qq.com/s?tempkey=2", thumb_url="http://t", content=rewritten)
    desk = Desk(draft_get=[news(url="http://mp.weixin.qq.com/s?tempkey=1"), later])
    desk.run(SEND)
    assert facts(desk.run(SEND)) == ("D", False, ())


def test_crash_before_reading_back_is_made_up_for():
    """The draft is known; the next run reads it back and adds none."""
    desk = Desk(draft_get=LOST)
    with pytest.raises(NoResponseError):
        desk.run(SEND)
    assert desk.kinds()[-1] == "draft"
    desk.then(draft_get=news())
    assert facts(desk.run(SEND)) == ("D", False, ())
    assert desk.added() == 0
    assert fold(desk.ledger.events()).drafts[SERVICE, "sale", 1].stored


def test_a_run_that_has_not_looked_lately_takes_the_draft_that_is_there():
    """Its uploads brought its view up to date before it looked for a draft."""
    desk = Desk()
    first = desk.run(SEND)
    assert first is not None
    again = desk.run(SEND, state=LedgerState())
    assert again is not None
    assert (again.media_id, again.added) == (first.media_id, False)
    assert desk.added() == 1


def test_name_nobody_asked_about_stops_before_the_draft():
    """A send that is not due has no ids for its material names."""
    named = Newspic(title="图", text="", images=(Media(name="封面"),))
    desk = Desk()
    with pytest.raises(UsageError, match="封面"):
        desk.run(make_send(content=named))
    assert desk.api.calls == []


def test_content_without_articles_needs_no_draft():
    """Nothing is asked."""
    desk = Desk()
    assert desk.draft(make_send(content=Image(media=Media(media_id="M")))) is None
    assert desk.api.calls == []


def test_draft_is_added_once():
    """The second run uses it while it exists."""
    desk = Desk()
    desk.draft(SEND)
    assert desk.draft(SEND) == "D"
    assert len(desk.api.named("draft_add")) == 1


def test_draft_that_is_gone_is_added_again():
    """40007 says that it was used up or deleted."""
    desk = Desk(draft_get=[news(), api_error(40007), news()], draft_add=["D", "E"])
    desk.draft(SEND)
    assert facts(desk.run(SEND)) == ("E", True, ())


def test_edited_articles_get_a_draft_of_their_own():
    """An old draft with the old text is not sent, and a person is told that it is still there."""
    desk = Desk(draft_add=["D", "E"])
    desk.draft(SEND)
    made = desk.run(make_send(content=EDITED))
    assert made is not None
    assert made.media_id == "E"
    assert made.notes == ("draft D, made for it before the last edit, stays in the draft box unsent",)


def test_a_draft_whose_answer_was_lost_is_added_again():
    """The first may be in the draft box, unsent; the send takes the one that is known."""
    desk = Desk(draft_add=LOST)
    with pytest.raises(NoResponseError):
        desk.run(SEND)
    assert "draft" not in desk.kinds()
    desk.then(draft_add="NEW", draft_get=news())
    assert facts(desk.run(SEND)) == ("NEW", True, ())
