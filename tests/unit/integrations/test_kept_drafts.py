"""What a sent draft of the console said is kept beside the ledger, and used only while it is unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import make_planned, make_send, plan_of
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.model import Draft, Msgtype, Send
from wechat_campaigns.integrations.kept_drafts import KeptDraft, KeptDrafts, keep_sent_drafts
from wechat_campaigns.plan.stored_draft import fingerprint
from wechat_campaigns.send.outcome import Result, SendOutcome

ITEMS: list[dict[str, Any]] = [{"title": "秋茶", "content": "<p>白露</p>", "thumb_media_id": "T"}]
MARK = fingerprint(ITEMS)
DIGEST = "ab" * 32


@pytest.fixture
def drafts(tmp_path: Path) -> KeptDrafts:
    return KeptDrafts(tmp_path / "state" / "test.drafts")


def sent_draft(**changes: Any) -> Send:
    content = Draft(title="秋茶", media_id="D1", fingerprint=MARK, news_items=tuple(ITEMS), **changes)
    return make_send(msgtype=Msgtype.MPNEWS, content=content)


def kept_after(send: Send, result: Result, drafts: KeptDrafts) -> tuple[SendOutcome, ...]:
    planned = make_planned(send)
    plan = plan_of(send)
    assert [one.content_digest for one in plan.sends] == [planned.content_digest]
    return keep_sent_drafts(plan, (SendOutcome(send.id, "main", result, ""),), drafts)


def test_what_is_kept_is_read_again(drafts: KeptDrafts) -> None:
    """In a file for this user alone, named by the content digest."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(DIGEST, MARK) == KeptDraft(ITEMS)
    (file,) = drafts.folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{DIGEST}.json", 0o600)
    assert drafts.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 1}',
        '{"version": 1, "news_item": [], "pictures": {}}',
        '{"version": 1, "news_item": [1], "pictures": {}}',
        json.dumps({"version": 2, "news_item": ITEMS, "pictures": {}}),
        json.dumps({"version": 1, "news_item": [{**ITEMS[0], "content": "<p>寒露</p>"}], "pictures": {}}),
        "[" * 100_000,
    ],
)
def test_a_file_that_was_changed_is_not_used(drafts: KeptDrafts, text: str) -> None:
    """Its articles must have the fingerprint that the ledger has of them."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    (drafts.folder / f"{DIGEST}.json").write_text(text, encoding="utf-8")
    assert drafts.read(DIGEST, MARK) is None


@pytest.mark.parametrize("digest", ["", "cd" * 32, "../secret", f"../test.drafts/{DIGEST}"])
def test_a_digest_names_no_other_file(drafts: KeptDrafts, digest: str) -> None:
    """A ledger may come from elsewhere: what it holds is no path."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(digest, MARK) is None


def test_a_draft_without_a_fingerprint_is_not_found(drafts: KeptDrafts) -> None:
    """Of a send whose draft nobody read, nothing could be compared."""
    drafts.write(DIGEST, KeptDraft(ITEMS))
    assert drafts.read(DIGEST, "") is None


@pytest.mark.parametrize("result", [Result.ACCEPTED, Result.UNKNOWN])
def test_a_draft_that_may_have_been_sent_is_kept(drafts: KeptDrafts, result: Result) -> None:
    """Without an answer too: WeChat may have removed it."""
    send = sent_draft()
    (outcome,) = kept_after(send, result, drafts)
    assert outcome.notes == ()
    assert drafts.read(compute_content_digest(send), MARK) == KeptDraft(ITEMS)


@pytest.mark.parametrize("result", [Result.REJECTED, Result.SKIPPED, Result.NOT_SENT])
def test_a_draft_that_was_not_sent_is_not_kept(drafts: KeptDrafts, result: Result) -> None:
    """It is in the draft box."""
    kept_after(sent_draft(), result, drafts)
    assert not drafts.folder.exists()


def test_a_draft_that_cannot_be_kept_is_a_note(drafts: KeptDrafts) -> None:
    """The send is made; nothing about it changes."""
    drafts.folder.parent.mkdir()
    drafts.folder.write_text("in the way")
    (outcome,) = kept_after(sent_draft(), Result.ACCEPTED, drafts)
    assert outcome.result is Result.ACCEPTED
    assert "the articles of the draft were not kept for `campaign archive`" in outcome.notes[0]
