"""Keep what an account's events were folded to, so that a plan reads only what came later.

Nothing is believed that the key of the account's macs does not seal, and no call is decided on by it.
"""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.files import private_file
from wechat_campaigns.ledger import account as account_module
from wechat_campaigns.ledger.account import AccountState, Judged
from wechat_campaigns.ledger.events import event_from
from wechat_campaigns.protocol import state as state_module
from wechat_campaigns.protocol.events import Event, EventKind, Head
from wechat_campaigns.protocol.state import Status

_FOLDED_BY: Final = (Path(__file__), *(Path(str(one.__file__)) for one in (account_module, state_module)))


@cache
def code_digest() -> bytes:
    """Hash the code that folds: other code may fold the same events to something else."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in _FOLDED_BY)).digest()


ENDED: Final = timedelta(days=35)
"""How long before the newest event a send was decided on that is kept unread: no quota counts it."""
SCHEMA: Final = (
    "create table if not exists checkpoint (stream text primary key, seal blob not null, body blob not null)"
)


GROWN: Final = 500
"""How many more events make another checkpoint worth its time."""


class Checkpoint(NamedTuple):
    """An account as it was at the end of its stream."""

    account: AccountState
    first: str
    """The hash of its first event."""


class Checkpoints:
    """The checkpoints of one ledger on this machine, in a file that may be deleted at any time.

    Args:
        file: made at the first checkpoint, together with its folder.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def load(self, stream: str, key_of: Callable[[], bytes]) -> Checkpoint | None:
        """Read the checkpoint of an account; None unless this version wrote it, with this key."""
        row = None
        with suppress(sqlite3.Error, OSError):
            if self.file.is_file():
                with closing(sqlite3.connect(self.file)) as db:
                    query = "select seal, body from checkpoint where stream = ?"
                    row = db.execute(query, (stream,)).fetchone()
        if row is None or not all(isinstance(part, bytes) for part in row):
            return None
        seal, body = row
        is_ours = hmac.compare_digest(seal, _seal(key_of(), stream, body))
        return _loaded(stream, body) if is_ours else None

    def save(self, account: AccountState, first: str, key: bytes) -> None:
        """Write the checkpoint of an account, unless its AppSecret signed none of its events.

        Where it cannot be written, all is read again the next time.
        """
        if account.last_own is None:
            return
        body = _written(account, account.last_own, first)
        with suppress(sqlite3.Error, OSError):
            private_file(self.file)
            with closing(sqlite3.connect(self.file)) as db, db:
                db.execute(SCHEMA)
                row = (account.stream, _seal(key, account.stream, body), body)
                db.execute("insert or replace into checkpoint values (?, ?, ?)", row)


def _seal(key: bytes, stream: str, body: bytes) -> bytes:
    # No mac of an event is over such a text: those begin with a bracket.
    return hmac.digest(key, b"\n".join((b"checkpoint", code_digest(), stream.encode(), body)), "sha256")


def _written(account: AccountState, own: Event, first: str) -> bytes:
    """Write an account: a line of everything but its sends, then a line for the sends of each id."""
    past, live, until = dict(account.past), dict[str, bytes](), account.past_until
    for name, events in account.of_sends.items():
        text, times = canonical(_plain(events)), [send.at for send in account.sends[name].values()]
        is_over = all(send.status is Status.ACCEPTED for send in account.sends[name].values())
        is_over = is_over and not any(event.kind == EventKind.RESEND for _is_authentic, event in events)
        if is_over and max(times) < account._latest - ENDED:
            past[name], until = text, max(until, *times)
        else:
            live[name] = text
    data = {
        "first": first,
        "head": account.head,
        "own": own.as_dict(),
        "holds": [[hold.as_dict(), end.isoformat()] for hold, end in account.holds.values()],
        "last_hold": account.last_hold,
        "last_stop": account.last_stop.as_dict() if account.last_stop is not None else None,
        "latest": account._latest.isoformat(),
        "names": [sorted(group) for group in {*account._names.values()}],
        "by_campaign": [
            [campaign, entry, sorted(ids)]
            for campaign, entries in account._by_campaign.items()
            for entry, ids in entries.items()
        ],
        "by_content": {digest: sorted(ids) for digest, ids in account._by_content.items()},
        "recall_times": [at.isoformat() for at in account.recall_times],
        "beside": _plain(account.beside),
        "past": list(past),
        "live": list(live),
        "past_until": until.isoformat(),
    }
    return b"\n".join([canonical(data), *past.values(), *live.values()])


def _plain(events: Iterable[Judged]) -> list[Any]:
    return [[is_authentic, event.as_dict()] for is_authentic, event in events]


def _loaded(stream: str, body: bytes) -> Checkpoint:
    first_line, *lines = body.split(b"\n")
    data = json.loads(first_line)
    account = AccountState(stream)
    for is_authentic, event in data["beside"]:
        account.add(event_from(event), is_authentic=is_authentic)
    account.past = dict(zip([*data["past"], *data["live"]], lines, strict=True))
    account.past_until = datetime.fromisoformat(data["past_until"])
    account.revisions(data["live"])
    holds = ((event_from(hold), datetime.fromisoformat(end)) for hold, end in data["holds"])
    account.holds = {hold.hash: (hold, end) for hold, end in holds}
    account.head, account.last_hold = Head(*data["head"]), data["last_hold"]
    account.last_stop = event_from(data["last_stop"]) if data["last_stop"] is not None else None
    account.last_own = event_from(data["own"])
    account._latest = datetime.fromisoformat(data["latest"])
    account._names = {name: group for ids in data["names"] for group in [frozenset(ids)] for name in ids}
    for campaign, entry, ids in data["by_campaign"]:
        account._by_campaign.setdefault(campaign, {})[entry] = set(ids)
    account._by_content = {digest: set(ids) for digest, ids in data["by_content"].items()}
    account.recall_times = [datetime.fromisoformat(at) for at in data["recall_times"]]
    return Checkpoint(account, data["first"])
