"""The same setting is the same ledger, wherever the command runs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.protocol.events import Entry


def now() -> datetime:
    return datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("setting", ["sqlite:kept/sends.db", "sqlite:./kept/../kept/sends.db"])
def test_relative_path_begins_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
):
    root = tmp_path / "campaigns"
    root.mkdir()
    monkeypatch.chdir(root)
    ledger = open_ledger(setting, default=tmp_path / "state" / "unused", root=Path("../campaigns"), clock=now)
    ledger.append(Entry(stream="wx1", kind=LedgerKind.STATUS))
    ledger.close()
    monkeypatch.chdir(tmp_path)
    ledger = open_ledger(
        "sqlite:kept/sends.db", default=tmp_path / "state" / "unused", root=Path("campaigns"), clock=now
    )
    assert [event.stream for event in ledger.events()] == ["wx1"]
    ledger.close()
    assert (tmp_path / "state/kept/sends.db").is_file()


@pytest.mark.optional_part
def test_user_without_a_home_folder_may_use_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    ledger = open_ledger("postgresql://u@db.example/x", default=tmp_path / "x", root=tmp_path, clock=now)
    ledger.close()
    assert not (tmp_path / "x").exists(), "no other ledger is opened in its place"
