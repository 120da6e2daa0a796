"""What a plan costs beside events that do not concern it, or did long ago, in each of the three stores."""

import multiprocessing
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.bench.measure import INHERITED, SCRATCH, Command, run
from tests.bench.works import SECRET, Figure, Pair, Part, Work, appid, campaign, sandbox, write_sends
from tests.support.postgres_server import Server, postgres_server
from wechat_campaigns.core.digest import canonical, sha256
from wechat_campaigns.core.files import state_folder
from wechat_campaigns.ledger.events import LedgerKind, next_event
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, EventKind, Head
from wechat_campaigns.protocol.keys import mac_key, mac_of

ACCOUNTS: Final = 8
OTHERS: Final = 400
STORES: Final = ("sqlite", "git", "postgres")
EVENTS_A_SEND: Final = 3
STEPS: Final = (1_000, 10_000, 100_000, 1_000_000)
STEPS_ON_GIT: Final = 3
"""A branch of a million files takes git minutes to push and to fetch."""
BEGUN: Final = timedelta(days=5 * 365)
ENDED: Final = timedelta(days=40)
"""How long ago the first and the last event was: no quota of this month counts one."""
DISK_EVENTS: Final = 30_000
MOST_BYTES: Final = {"sqlite": 800 / 551}


@dataclass(frozen=True, kw_only=True)
class Past:
    """How many events a ledger holds: of other accounts, and of those whose sends are planned."""

    others: int = 0
    own: int = 0


class Cases:
    """Builds folders and ledgers; what they need runs as long as `stack`."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._folder = SCRATCH / "growth"
        self._built: set[Path] = set()

    @cached_property
    def _url(self) -> str:
        return self._stack.enter_context(sandbox(self._folder, ACCOUNTS, latency_s=0))

    @cached_property
    def _server(self) -> Server:
        return self._stack.enter_context(postgres_server())

    def beside(self, store: str, others: int, *words: str) -> Pair:
        """Plan beside events of other accounts, and beside none."""
        beside = self._plan(store, Past(others=others), *words)
        return beside, self._plan(store, Past(), *words)

    def after(self, store: str, own: int, before: int) -> Pair:
        """Plan after many events of the same accounts, and after few."""
        return self._plan(store, Past(own=own)), self._plan(store, Past(own=before))

    def bytes_on_disk(self, store: str) -> float:
        """Measure what a byte of an event takes, with all that is beside it."""
        past = Past(others=DISK_EVENTS)
        root = self.build(store, past)
        size = self._table_bytes(root.parent.name) if store == "postgres" else _bytes_of(root, store)
        return size / sum(len(canonical(event.as_dict())) for event in past_events(past))

    def _plan(self, store: str, past: Past, *words: str) -> Command:
        return campaign(self.build(store, past), "plan", *words)

    def build(self, store: str, past: Past) -> Path:
        """Write 200 campaigns of 8 accounts and a ledger in a store, in a process that may use memory."""
        folder = self._folder / f"{store}_{past.others}_{past.own}"
        root = folder / "campaigns"
        if root in self._built:
            return root
        setting = self._setting(store, folder)
        write_sends(root, self._url, range(ACCOUNTS), 25, ledger=setting)
        filling = multiprocessing.get_context("fork").Process(target=_fill, args=(setting, root, past))
        filling.start()
        filling.join()
        assert filling.exitcode == 0
        run(campaign(root, "ledger", "init"))  # a run reads the accounts that are named here
        self._built.add(root)
        return root

    def _setting(self, store: str, folder: Path) -> str:
        if store == "git":
            remote = str(folder.with_suffix(".git"))
            subprocess.run(["git", "init", "--bare", "--quiet", remote], check=True)
            return f"git:{remote}#ledger"
        return self._server.address(folder.name) if store == "postgres" else "sqlite"

    def _table_bytes(self, schema: str) -> int:
        import psycopg

        with psycopg.connect(self._server.address(schema)) as db:
            row = db.execute("select pg_total_relation_size('campaign_event')").fetchone()
            return int(row[0]) if row else 0


def beside_name(others: int, store: str, *words: str) -> str:
    """Return the name of a plan beside so many events of other accounts."""
    return " ".join([f"plan, 200 sends beside {others:,} events,", store, *words])


def growth(stack: ExitStack) -> Iterator[Work | Figure]:
    """Plan 200 sends of 8 accounts: beside ever more events of 400 others, and after more of their own."""
    cases = Cases(stack)
    for store in STORES:
        for others in STEPS[: STEPS_ON_GIT if store == "git" else None]:
            for words in (["--offline"], []) if store == "sqlite" else ([],):
                name = beside_name(others, store, *words)
                yield Work(part=Part.GROWTH, name=name, against="beside none", goal=1.1, most_memory=1.1,
                           commands=partial(cases.beside, store, others, *words))  # fmt: skip
        name = f"plan, 200 sends after 30,000 events of their own, {store}"
        yield Work(part=Part.GROWTH, name=name, against="after 300", goal=1.3,
                   commands=partial(cases.after, store, 30_000, 300))  # fmt: skip
    for store in STORES:
        yield Figure(part=Part.DISK, name=f"bytes on disk for one of an event, {store}",
                     goal=MOST_BYTES.get(store), figure=partial(cases.bytes_on_disk, store))  # fmt: skip


def _bytes_of(root: Path, store: str) -> int:
    """Return what a ledger takes on the disk: SQLite's files, or the remote repository."""
    sqlite = state_folder(root, INHERITED).glob("*.ledger.sqlite3*")
    files = sqlite if store == "sqlite" else root.parent.with_suffix(".git").glob("**/*")
    return sum(file.stat().st_blocks * 512 for file in files if file.is_file())


def _fill(setting: str, root: Path, past: Past) -> None:
    """Keep a past in a ledger, as an import would."""
    default = state_folder(root, INHERITED) / "bench.ledger.sqlite3"
    with closing(open_ledger(setting, default=default, root=root, clock=lambda: datetime.now(UTC))) as ledger:
        ledger.restore(list(past_events(past)))


def past_events(past: Past) -> Iterator[Event]:
    """Make sends that ended long ago: each intended, accepted and found sent, under macs that hold."""
    yield from _in_turn([f"wx9{number:015d}" for number in range(OTHERS)], past.others)
    yield from _in_turn([appid(number) for number in range(ACCOUNTS)], past.own)


def _in_turn(appids: list[str], events: int) -> Iterator[Event]:
    """Make the events of accounts that send in turn, as they do: no account's events lie together."""
    streams = [
        _stream(stream, events * (number + 1) // len(appids) - events * number // len(appids))
        for number, stream in enumerate(appids)
    ]
    while streams:
        found = [(stream, list(islice(stream, EVENTS_A_SEND))) for stream in streams]
        streams = [stream for stream, send in found if len(send) == EVENTS_A_SEND]
        yield from (event for _stream, send in found for event in send)


def _stream(stream: str, count: int) -> Iterator[Event]:
    """Make the events of one account, in order."""
    count -= count % EVENTS_A_SEND == 1  # no send is left unknown: its account would be read
    key = mac_key(SECRET, stream)
    begun, step = datetime.now(UTC) - BEGUN, (BEGUN - ENDED) / max(count, 1)
    head, intent = EMPTY, EMPTY
    for seq in range(1, count + 1):
        number, at = (seq - 1) // EVENTS_A_SEND, begun + seq * step
        kind, data = _told(number, seq % EVENTS_A_SEND, head, intent, at)
        plain = Entry(stream=stream, kind=kind, data=data, nonce=sha256([stream, seq])[:32])
        signed = replace(plain, data={**data, "mac": mac_of(key, plain)})
        event = next_event(signed, at=at, head=head)
        head = event.head
        intent = head if kind == EventKind.INTENT else intent
        yield event


def _told(number: int, step: int, head: Head, intent: Head, at: datetime) -> tuple[Any, dict[str, Any]]:
    """Return kind and data of one of the three events of a send."""
    named = {"send": f"{number % 60 // 12 + 2021}/{number:05d}-会员日", "revision": 1}
    if step == 2:
        return EventKind.ACCEPTED, {**named, "intent": intent.hash, "msg_id": number + 1}
    if step == 0:
        told = {"msg_id": number + 1, "msg_status": "SEND_SUCCESS"}
        return LedgerKind.STATUS, {**named, **told}
    body = {
        "filter": {"is_to_all": False, "tag_id": 100},
        "msgtype": "text",
        "text": {"content": named["send"]},
    }
    content, digests = sha256(number), sha256(body) * 4
    return EventKind.INTENT, {
        **named, "account": "main", "actor": {"user": "ci"}, "after": head.hash, "at": at.isoformat(),
        "audience": {"count": 20_000, "source": "tags/get"}, "body": body, "body_sha256": sha256(body),
        "clientmsgid": content[:32], "content_digest": content, "endpoint": "message/mass/sendall",
        "filter": {"tag": "会员"}, "message_digest": content, "not_after": None, "overrides": {},
        "plan_digest": content, "recipients": "tag 会员", "tag": "会员",
        "words_sample": " ".join(digests[at : at + 12] for at in range(0, 12 * (number % 20 + 1), 12)),
    }  # fmt: skip
