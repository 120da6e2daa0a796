"""One real message to a tester, remembered by its digest."""

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
    make_planned,
    make_send,
)

from runner import wire
from runner.digest import send_digest
from runner.errors import ApiError, UsageError
from runner.ledger.state import LedgerState, fold
from runner.model import Articles, Filter, Media, Voice
from runner.preview import preview

TESTER = {"towxname": "tester-li"}


def shown(planned: Any, receiver: Any = TESTER, **answers: Any) -> tuple[ScriptedApi, MemoryLedger]:
    given = {"mass_preview": {"errcode": 0}, "material_add_material": {"media_id": "M"}, "draft_add": "D",
             "draft_get": {}}  # fmt: skip
    api, ledger = ScriptedApi(**(given | answers)), MemoryLedger()
    preview(planned, receiver, api=api, ledger=ledger, state=LedgerState(), read=lambda _file: b"cover")
    return api, ledger


def test_preview_goes_to_the_tester_alone():
    """No filter, no openid list, no clientmsgid: exactly the tester and the message."""
    api, _ = shown(make_planned(make_send(filter=Filter(is_to_all=True))))
    assert api.calls == [("mass_preview", ({"msgtype": "text", "text": {"content": "你好"}, **TESTER},))]


def test_preview_counts_for_exactly_this_content():
    """The policy asks whether this digest was seen."""
    _, ledger = shown(make_planned())
    state = fold(ledger.events())
    assert (SERVICE, send_digest(make_send())) in state.previews
    assert (SERVICE, send_digest(make_send(text="改过"))) not in state.previews


def test_tester_is_kept_as_a_hash():
    """Neither name nor openid stays in the ledger."""
    for receiver in (TESTER, {"touser": "o-tester"}):
        _, ledger = shown(make_planned(), receiver)
        assert not any(value in str(ledger.events()[-1].as_dict()) for value in receiver.values())


def test_refused_preview_is_not_recorded():
    """Nobody saw it."""
    ledger = MemoryLedger()
    with pytest.raises(ApiError):
        preview(make_planned(), TESTER, api=ScriptedApi(mass_preview=api_error(43004)), ledger=ledger,
                state=LedgerState(), read=lambda _file: b"")  # fmt: skip
    assert ledger.events() == ()


def test_previewed_draft_is_the_one_that_will_be_sent():
    """Its uploads and its draft are recorded for apply to use."""
    content = Articles(articles=(make_article(),))
    planned = make_planned(make_send(content=content))
    needed = tuple((upload, None) for upload in wire.uploads(content))
    api, ledger = shown(replace(planned, resolved=replace(planned.resolved, uploads=needed)))
    assert kinds(ledger.events()) == ["upload", "drafting", "draft", "preview"]
    assert api.named("mass_preview")[0][0]["mpnews"] == {"media_id": "D"}


def test_name_that_was_not_looked_up_is_said():
    """A send that is done has its material names not resolved: said in words, before any call."""
    planned = make_planned(make_send(content=Voice(media=Media(name="钟声"))))
    with pytest.raises(UsageError, match="钟声"):
        shown(planned)
