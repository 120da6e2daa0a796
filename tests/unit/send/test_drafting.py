"""A send's draft: added once, nobody else's, as it was meant, and as it was made."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import (
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    kinds,
    make_account_writer,
    make_article,
    make_file,
    make_planned,
    make_send,
)
from wechat_campaigns.core.content import ADD_MATERIAL, UPLOADIMG, Media, MediaIds
from wechat_campaigns.core.errors import NoResponseError, PolicyError, UsageError, WeChatError
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger.fold import LedgerState, fold
from wechat_campaigns.messages import Articles, Image, Newspic
from wechat_campaigns.send import preparing
from wechat_campaigns.send.preparing import ReadyDraft

LOST = NoResponseError("cut", hint="again")
DATA = {"cover.png": b"cover", "p.png": b"p"}
PICTURE = make_file("p.png", b"p")
ARTICLES = Articles(articles=(make_article("茶", PICTURE),))
EDITED = Articles(articles=(make_article("改过", PICTURE),))


class DraftMaker:
    """One account and its ledger; `run` makes a send's draft as one run of the command does."""

    def __init__(self, **answers: Any) -> None:
        given = {"media_uploadimg": "http://mmbiz.qpic.cn/p", "material_add_material": {"media_id": "M"},
                 "draft_add": "D"}  # fmt: skip
        self.api = ScriptedApi(**(given | answers))
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


def facts(made: ReadyDraft | None) -> tuple[str, bool, tuple[str, ...]]:
    assert made is not None
    return made.media_id, made.is_new, made.notes


def test_draft_is_read_back_and_recorded():
    maker = DraftMaker(
        draft_get=news(content='<p class="x">正文</p><img src="http://mmbiz.qpic.cn/p?a=1">', url="u")
    )
    made = maker.run(SEND)
    assert made is not None
    assert facts(made) == ("D", True, ())
    assert maker.kinds()[-2:] == ["draft", "draft"]
    known = fold(maker.ledger.events()).drafts[SERVICE, "sale", 1]
    assert (known.stored_digest, known.stored_changes) == (made.mark, ())
    assert facts(maker.run(SEND)) == ("D", False, ())
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
    assert facts(maker.run(SEND)) == ("D", False, ())


def test_draft_is_read_back_after_a_crash():
    maker = DraftMaker(draft_get=LOST)
    with pytest.raises(NoResponseError):
        maker.run(SEND)
    assert maker.kinds()[-1] == "draft"
    maker.then(draft_get=news())
    assert facts(maker.run(SEND)) == ("D", False, ())
    assert maker.added() == 0
    assert fold(maker.ledger.events()).drafts[SERVICE, "sale", 1].stored_digest


def test_run_uses_a_draft_that_another_run_added():
    maker = DraftMaker()
    maker.run(SEND)
    assert facts(maker.run(SEND, state=LedgerState())) == ("D", False, ())
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
    assert facts(maker.run(SEND)) == ("E", True, ())


def test_edited_articles_get_a_new_draft():
    maker = DraftMaker(draft_add=["D", "E"])
    maker.draft(SEND)
    media_id, is_new, (note,) = facts(maker.run(make_send(content=EDITED)))
    assert (media_id, is_new) == ("E", True)
    assert note.startswith("draft D,")


def test_draft_whose_answer_was_lost_is_added_again():
    maker = DraftMaker(draft_add=LOST)
    with pytest.raises(NoResponseError):
        maker.run(SEND)
    assert "draft" not in maker.kinds()
    maker.then(draft_add="NEW", draft_get=news())
    assert facts(maker.run(SEND)) == ("NEW", True, ())


def test_new_draft_that_cannot_be_read_yet_is_read_once_more():
    maker = DraftMaker(draft_get=[api_error(40007), news()])
    assert maker.draft(SEND) == "D"
    assert (maker.added(), len(maker.api.named("draft_get"))) == (1, 2)
    gone = DraftMaker(draft_get=api_error(40007))
    with pytest.raises(WeChatError):
        gone.run(SEND)
