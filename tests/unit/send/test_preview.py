"""A preview reaches the tester that was meant, in every kind, and is remembered without their name."""

import json
from typing import Any

import pytest

from tests.support.factories import (
    MemoryLedger,
    ScriptedApi,
    api_error,
    make_account_writer,
    make_file,
    make_planned,
    make_send,
)
from tests.support.messages import EXAMPLES, MADE
from wechat_campaigns.core import settings as records
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.errors import ApiError, LedgerError, UsageError
from wechat_campaigns.core.model import Audience
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.messages import Mpvideo, Text
from wechat_campaigns.plan.plan import Resolution
from wechat_campaigns.send.preparing import Recipient, preview, preview_recipients

OPENID = "oR5Gjjl_eiZoUpGozMo7dbBJ362A"
TESTERS = {"小李": records.Tester(wxname="xiaoli2026"), "老王": records.Tester(openid="o" + "w" * 27)}
FILM = Mpvideo(media=Media(file=make_file("a.mp4", b"mp4")), title="片", description="")
KINDS = EXAMPLES | {"film": (FILM, {"mpvideo": {"media_id": "M"}})}


def show(content: Content, to: dict[str, str], **answers: Any) -> tuple[ScriptedApi, MemoryLedger]:
    send = make_send(content=content)
    needed = tuple((upload, None) for upload in content.uploads())
    resolved = Resolution(tag_id=100, audience=Audience(count=3, source="tags/get"), uploads=needed)
    script = {
        "material_add_material": {"media_id": "M"},
        "media_uploadimg": "http://mmbiz/x",
        "media_upload": {"media_id": "T"},
        "media_uploadvideo": {"media_id": "M"},
        "draft_add": MADE,
        "mass_preview": {"errcode": 0},
    }
    api, ledger = ScriptedApi(**(script | answers)), MemoryLedger()
    planned = make_planned(send, resolved=resolved)
    data = {"cover.png": b"cover", "a.mp4": b"mp4"}
    ports = make_account_writer(api, ledger, lambda file: data[str(file.path)])
    for error in preview(planned, [Recipient(name="li", body=to)], ports).errors.values():
        raise error
    return api, ledger


@pytest.mark.parametrize("kind", KINDS)
def test_every_msgtype_can_be_previewed(kind: str) -> None:
    content, message = KINDS[kind]
    if kind == "images":
        message = KINDS["image"][1]  # a preview shows one
    api, ledger = show(content, {"towxname": "xiaoli"})
    ((body,),) = api.named("mass_preview")
    assert body == {"msgtype": content.msgtype, "towxname": "xiaoli", **message}
    assert ledger.kept[-1].kind is LedgerKind.PREVIEW
    previewed = make_planned(make_send(content=content))
    assert ledger.kept[-1].data["content_digest"] == previewed.content_digest


def test_ledger_holds_only_a_hash_of_the_tester() -> None:
    for to in ({"towxname": "xiaoli2026"}, {"touser": "oR5Gjjl_eiZoUpGozMo7dbBJ362A"}):
        _, ledger = show(Text(content="你好"), to)
        kept = json.dumps([event.as_dict() for event in ledger.kept])
        assert not any(value in kept for value in to.values())


def test_preview_that_cannot_be_recorded_is_reported_as_sent() -> None:
    """The tester has it on the phone; a second one would be one of a hundred a day."""

    class FullDisk(MemoryLedger):
        def append(self, entry: Any) -> Any:
            raise LedgerError("the disk is full", hint="make room")

    api = ScriptedApi(mass_preview={"errcode": 0})
    planned = make_planned(make_send())
    with pytest.raises(LedgerError, match=r"the preview was sent, but .* the disk is full"):
        preview(planned, [Recipient(name="li", body={"towxname": "x"})], make_account_writer(api, FullDisk()))


def test_preview_forgets_a_deleted_upload() -> None:
    with pytest.raises(ApiError) as caught:
        show(FILM, {"towxname": "x"}, mass_preview=api_error(40007))
    assert "uploads the files of this send again" in caught.value.hint


def test_testers_are_found_by_alias() -> None:
    """An alias stands for its WeChat name or openid."""
    found = preview_recipients(["小李", "老王", "zhang3", "小李", OPENID, OPENID], TESTERS)
    assert [(one.name, one.body) for one in found] == [
        ("小李", {"towxname": "xiaoli2026"}),
        ("老王", {"touser": "o" + "w" * 27}),
        ("tester 3", {"towxname": "zhang3"}),
        ("tester 5", {"touser": OPENID}),
    ]


@pytest.mark.parametrize(
    ("name", "shown"), [("小季", "`小季`"), ("zhang 3", "`zhang 3`"), ("o" * 27, "`tester 1`")]
)
def test_tester_of_an_unknown_form_is_refused(name: str, shown: str) -> None:
    """No message repeats an openid."""
    with pytest.raises(UsageError, match=shown) as caught:
        preview_recipients([name], TESTERS)
    assert "o" * 27 not in str(caught.value) + caught.value.hint


def test_next_tester_is_tried_after_one_that_is_refused() -> None:
    """Files are uploaded once; who does not follow the account keeps nobody else from the preview."""
    api = ScriptedApi(draft_add="D", mass_preview=[api_error(43004), {"errcode": 0}])
    planned, ledger = make_planned(make_send(content=EXAMPLES["newspic"][0])), MemoryLedger()
    ports = make_account_writer(api, ledger)
    to = [Recipient(name=name, body={"towxname": name}) for name in ("first", "second")]
    assert list(preview(planned, to, ports).errors) == ["first"]
    assert [event.kind for event in ledger.kept].count(LedgerKind.PREVIEW) == 1
    assert len(api.named("draft_add")) == 1
