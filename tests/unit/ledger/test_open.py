"""A ledger's file lies where no commit can put another in its place."""

from pathlib import Path

import pytest

from tests.support.commits import git
from tests.support.ledger_backends import now
from wechat_campaigns.core.errors import LedgerError
from wechat_campaigns.ledger.open import local_events, open_ledger


@pytest.mark.parametrize(
    "place", ["../elsewhere.sqlite3", "a/../../elsewhere.sqlite3", "{repository}/campaigns/l.sqlite3"]
)
def test_a_file_that_a_commit_could_replace_is_no_ledger(tmp_path: Path, place: str) -> None:
    git(tmp_path, "init", "--quiet", "repository")
    root = tmp_path / "repository" / "campaigns"
    root.mkdir()
    default = tmp_path / "state" / "x.ledger.sqlite3"
    setting = f"sqlite:{place.format(repository=tmp_path / 'repository')}"
    with pytest.raises(LedgerError):
        open_ledger(setting, default=default, root=root, clock=now)
    with pytest.raises(LedgerError):
        local_events(setting, default=default, root=root)
    for free in ("a/l.sqlite3", str(tmp_path / "free.sqlite3")):
        open_ledger(f"sqlite:{free}", default=default, root=root, clock=now).close()
