"""A checkpoint is the account that its events are folded to, at every event; else it is not believed."""

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import NOW, SERVICE, intent_of, make_events, make_send, named
from wechat_campaigns.ledger import checkpoint
from wechat_campaigns.ledger.account import NEVER, AccountState
from wechat_campaigns.ledger.checkpoint import Checkpoints
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import Event, EventKind

KEY, OTHER = b"k" * 32, b"o" * 32
SALE, NEXT, LOST, MOVED = (make_send(name) for name in ("sale", "Next", "lost", "2026/moved[a]#1"))
SECOND = make_send(revision=2)
CALLBACK = {"status": "send success", "addressed": 3, "sent": 2, "left_out": 1, "failed": 0, "links": ["u"],
            "originals": [{"article_idx": 1, "url": "o"}]}  # fmt: skip


def ago(days: float, data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "at": NOW - timedelta(days=days)}


STEPS: list[Any] = [
    (LedgerKind.INIT, ago(300, {"environment": "test"})),
    (LedgerKind.GUARD, ago(299, {"environment": "test", "rules": {}, "replaces": ""})),
    (
        LedgerKind.CAMPAIGNS_FOLDER,
        ago(299, {"namespace": "Shop", "folder": "x", "in_git": True, "root": "r"}),
    ),
    (LedgerKind.UPLOAD, ago(298, {"upload": "u", "result": "M"})),
    (
        LedgerKind.DRAFT,
        ago(298, {**named(SALE), "sha256": "s", "media_id": "D", "stored": "f", "changed": ["x"]}),
    ),
    (LedgerKind.PREVIEW, ago(298, {**named(SALE), "content_digest": "d", "to": "h"})),
    (EventKind.INTENT, ago(297, intent_of(SALE))),
    (EventKind.ACCEPTED, ago(297, named(SALE, msg_id=7))),
    (LedgerKind.CALLBACK, ago(297, {"msg_id": 7, **CALLBACK})),
    (LedgerKind.STATUS, ago(296, named(SALE, msg_id=7, msg_status="SEND_SUCCESS"))),
    (
        EventKind.HOLD,
        ago(295, {"held": True, "reason": "x", "until": (NOW - timedelta(days=294)).isoformat()}),
    ),
    (EventKind.INTENT, ago(200, intent_of(NEXT))),
    (EventKind.REJECTED, ago(200, named(NEXT, errcode=45028))),
    (EventKind.INTENT, ago(199, intent_of(NEXT))),
    (EventKind.DUPLICATE, ago(199, named(NEXT, msg_id=8))),
    (EventKind.RESEND, ago(199, intent_of(SALE))),
    (EventKind.INTENT, ago(150, intent_of(LOST))),
    (EventKind.RESEND, ago(149, intent_of(LOST))),
    (EventKind.IN_USE, ago(149, named(LOST))),
    (EventKind.SETTLED, ago(140, named(LOST, sent=True, msg_id=9, reason="looked"))),
    (EventKind.BASELINE, ago(130, {"send": "old", "revision": 1, "content_digest": "e" * 64, "reason": "?"})),
    (EventKind.INTENT, ago(120, {**intent_of(MOVED), "formerly": ["sale", "2025/before"]})),
    (EventKind.ACCEPTED, ago(120, named(MOVED, msg_id=10))),
    (LedgerKind.RECALL, ago(119, named(MOVED, msg_id=10, article_idx=1))),
    (LedgerKind.RECALL, ago(119, named(MOVED, msg_id=10, article_idx=0))),
    (EventKind.HOLD, ago(100, {"held": False, "reason": "x"})),
    (LedgerKind.NOTIFIED, ago(99, {"day": "d", "notices": ["n"]})),
    (LedgerKind.UPLOAD, ago(98, {"upload": "u", "result": None})),
    (LedgerKind.GUARD, ago(97, {"environment": "test", "rules": {"x": 1}, "replaces": ""})),
    (LedgerKind.APPROVED, ago(96, {"plan_digest": "d", "environment": "test", "who": ["ann"]})),
    (LedgerKind.WITHDRAWN, ago(95, {"plan_digest": "d", "reason": "x"})),
    (EventKind.INTENT, ago(20, intent_of(SECOND))),
    (EventKind.ACCEPTED, ago(20, named(SECOND, msg_id=11))),
    (EventKind.HOLD, ago(1, {"held": True, "reason": "y"})),
    (LedgerKind.DRAFT, ago(1, {**named(SECOND), "sha256": "s", "media_id": "D2"})),
]
OF_A_CHECKPOINT = {"past", "past_until", "of_sends", "beside", "_quota_uses"}


def signed() -> list[Event]:
    return [replace(one, data={**one.data, "mac": "m"}) for one in make_events(*STEPS)]


def told(account: AccountState) -> dict[str, Any]:
    """All that an account answers, its past unpacked."""
    sends = sorted(account.all_sends(), key=lambda one: (one.send, one.revision))
    assert not account.past
    return {"all": sends} | {
        one.name: getattr(account, one.name) for one in fields(account) if one.name not in OF_A_CHECKPOINT
    }


def authentic(event: Event) -> bool:
    return event.seq % 5 != 0


@pytest.mark.parametrize("believed", [None, authentic], ids=["all", "some"])
@pytest.mark.parametrize("days", [-1000, 35, 1000], ids=["all past", "some past", "none past"])
def test_an_account_goes_on_from_a_checkpoint_as_from_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, believed: Any, days: int
) -> None:
    monkeypatch.setattr(checkpoint, "ENDED", timedelta(days))
    events = signed()
    expected = told(fold(events, believed).stream(SERVICE))
    file, again = Checkpoints(tmp_path / "seen" / "x"), 0
    for number in range(1, len(events)):
        account = fold(events[:number], believed).stream(SERVICE)
        file.save(account, "first", KEY)
        found = file.load(SERVICE, lambda: KEY)
        assert found is not None
        again += len(found.account.past)
        assert found.first == "first"
        assert [one.send for one in found.account.unknown_sends()] == [
            one.send for one in account.unknown_sends()
        ]
        # Once more, from what was not unpacked.
        file.save(found.account, "first", KEY)
        found = file.load(SERVICE, lambda: KEY)
        assert found is not None
        state = fold(events[number:], believed, known=[found.account])
        assert told(state.stream(SERVICE)) == expected
    assert bool(again) is (days != 1000)


def test_only_sends_that_ended_long_ago_stay_packed(tmp_path: Path) -> None:
    file = Checkpoints(tmp_path / "x")
    file.save(fold(signed()).stream(SERVICE), "", KEY)
    found = file.load(SERVICE, lambda: KEY)
    assert found is not None
    assert set(found.account.past) == {"old", "2026/moved[a]#1"}
    assert {one.send for one in found.account.all_sends(NEVER)} == {"sale", "Next", "lost"}
    assert found.account.ids == {"old", "2026/moved[a]#1", "sale", "next", "lost"}
    assert {one.send for one in found.account.all_sends(NOW - timedelta(31))} == {"sale", "Next", "lost"}
    assert len(list(found.account.all_sends(NOW - timedelta(150)))) == 6


@pytest.mark.parametrize(
    "change",
    [
        lambda row: (row[0], row[1].replace(b"sale", b"sa1e")),
        lambda row: (row[0][:-1] + bytes([row[0][-1] ^ 1]), row[1]),
        lambda row: (b"", row[1]),
        lambda row: (row[0], b""),
        lambda row: (row[0].hex(), row[1]),
        lambda row: (row[0], row[1].decode()),
    ],
)
def test_an_edited_checkpoint_is_not_believed(tmp_path: Path, change: Any) -> None:
    import sqlite3

    file = Checkpoints(tmp_path / "x")
    file.save(fold(signed()).stream(SERVICE), "", KEY)
    with sqlite3.connect(file.file) as db:
        row = db.execute("select seal, body from checkpoint").fetchone()
        db.execute("update checkpoint set seal = ?, body = ?", change(row))
    db.close()
    assert file.load(SERVICE, lambda: KEY) is None


def test_a_checkpoint_of_another_key_stream_or_version_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    file = Checkpoints(tmp_path / "x")
    assert file.load(SERVICE, lambda: KEY) is None
    file.save(fold(signed()).stream(SERVICE), "", KEY)
    assert file.load(SERVICE, lambda: OTHER) is None
    assert file.load("wx2", lambda: KEY) is None
    with sqlite3.connect(file.file) as db:
        db.execute("insert into checkpoint select 'wx2', seal, body from checkpoint")
    db.close()
    assert file.load("wx2", lambda: KEY) is None
    monkeypatch.setattr(checkpoint, "code_digest", lambda: b"2")
    assert file.load(SERVICE, lambda: KEY) is None


@pytest.mark.parametrize("content", [b"", b"garbage", b"SQLite format 3\0" * 100])
def test_a_file_of_something_else_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    file = Checkpoints(tmp_path / "x")
    file.file.write_bytes(content)
    assert file.load(SERVICE, lambda: KEY) is None
    file.save(fold(signed()).stream(SERVICE), "", KEY)
    file.file.unlink()
    file.file.mkdir()
    assert file.load(SERVICE, lambda: KEY) is None
    file.save(fold(signed()).stream(SERVICE), "", KEY)
