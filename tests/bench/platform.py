"""Fills a PostgreSQL ledger as a platform of many accounts would, and shows what its statements cost."""

import argparse
import json
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from typing import Any, Final, Self

import psycopg

from tests.bench.growth import ACCOUNTS, Past, past_events
from tests.bench.measure import SCRATCH, run
from tests.bench.works import campaign, sandbox, write_sends
from tests.support.postgres_server import postgres_server
from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.postgres import PostgresLedger
from wechat_campaigns.ledger.postgres_pool import Connection, Pool
from wechat_campaigns.protocol.events import Entry

EVENTS_EACH: Final = 100
SHARD: Final = 1_000
"""Accounts of one runner."""
PAST: Final = Past(own=EVENTS_EACH * ACCOUNTS)
NAMES: Final = (
    "(select 'wx8' || lpad(n::text, 15, '0') as stream from generate_series(0, %(accounts)s - 1) n)"
)
FILL: Final = f"""
    insert into campaign_event
    select stream, %(seq)s, replace(%(body)s, %(sample)s, stream), md5(stream || %(seq)s) from {NAMES} names
"""
"""The next event of every account: they send in turn, so no account's events lie together."""
FILL_HEADS: Final = f"insert into campaign_head select stream, %(seq)s, %(hash)s from {NAMES} names"


class Noting(psycopg.Cursor[tuple[object, ...]]):
    """A cursor that notes each statement and its seconds."""

    noted: Final[list[tuple[float, Any, Any]]] = []

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """See `psycopg.Cursor.execute`."""
        began = time.perf_counter()
        super().execute(query, params, **options)
        self.noted.append((time.perf_counter() - began, query, params))
        return self


class NotingPool(Pool):
    """A pool whose connections note their statements."""

    def connect(self) -> Connection:
        """See `Pool.connect`."""
        db = super().connect()
        db.cursor_factory = Noting
        return db


def main() -> None:
    """Plan before and after the ledger is filled, then explain the slowest statement of each method."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.platform", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000, help=f"each has {EVENTS_EACH} events")
    parser.add_argument("--partitions", type=int, default=0, help="of the events, by hash of the AppID")
    options = parser.parse_args()
    accounts: int = options.accounts
    root = SCRATCH / "platform/campaigns"
    with postgres_server() as server, sandbox(SCRATCH / "sandbox", ACCOUNTS, latency_s=0) as url:
        address = server.address("platform")
        write_sends(root, url, range(ACCOUNTS), 25, ledger=address)
        with closing(PostgresLedger(address, lambda: datetime.now(UTC))) as ledger:
            ledger.restore(list(past_events(PAST)))
        run(campaign(root, "ledger", "init"))
        run(campaign(root, "plan"))
        print("plan beside none:", run(campaign(root, "plan")))
        with psycopg.connect(address, autocommit=True) as db:
            if options.partitions:
                divide(db, options.partitions)
            fill(db, accounts)
            run(campaign(root, "plan"))
            print("plan beside them:", run(campaign(root, "plan")))
            for table in ("campaign_event", "campaign_head"):
                sizes = "sum(pg_table_size(relid)) / 1e6, sum(pg_indexes_size(relid)) / 1e6"
                parts = (
                    "select %(table)s::regclass relid union select relid from pg_partition_tree(%(table)s)"
                )
                found = db.execute(f"select {sizes} from ({parts}) parts".encode(), {"table": table})
                print(table, "MB, of its index:", found.fetchone())
            explain(db, address, accounts)


def divide(db: Connection, partitions: int) -> None:
    """Divide the events by hash of the AppID."""
    db.execute("create table divided (like campaign_event including all) partition by hash (stream)")
    for number in range(partitions):
        part = f"for values with (modulus {partitions}, remainder {number})"
        db.execute(f"create table divided_{number} partition of divided {part}".encode())
    db.execute("insert into divided select * from campaign_event")
    db.execute("drop table campaign_event")
    db.execute("alter table divided rename to campaign_event")


def fill(db: Connection, accounts: int) -> None:
    """Add the events of made-up accounts: a real send's, though no mac and no hash fits its account."""
    sample = list(islice(past_events(PAST), 3))
    bodies = [json.dumps(event.as_dict(), separators=(",", ":")) for event in sample]
    row = {"accounts": accounts, "sample": sample[0].stream, "hash": sample[0].hash}
    began = time.perf_counter()
    for seq in range(1, EVENTS_EACH + 1):
        db.execute(FILL.encode(), {**row, "seq": seq, "body": bodies[(seq - 1) % 3]})
        if seq % 10 == 0:
            print(f"{accounts * seq:,} events after {time.perf_counter() - began:.0f} s", flush=True)
    db.execute(FILL_HEADS.encode(), {**row, "seq": EVENTS_EACH})
    db.execute("vacuum (analyze) campaign_event, campaign_head")


def explain(db: Connection, address: str, accounts: int) -> None:
    """Do what runs and people do; print the seconds of it and the plan of the slowest query."""
    ledger = PostgresLedger(address, lambda: datetime.now(UTC))
    ledger._pool = NotingPool(address)
    shard = [f"wx8{number:015d}" for number in range(0, accounts, accounts // SHARD)]
    works: dict[str, Callable[[], object]] = {
        "read 100 accounts, one after the other": lambda: [_read(ledger, one) for one in shard[:100]],
        "append to 100 accounts": lambda: [ledger.append(_entry(one)) for one in shard[:100]],
        "append to 100 new accounts": lambda: [ledger.append(_entry(f"wx7{n}")) for n in range(100)],
        "heads of 1,000 accounts": lambda: ledger.heads(shard),
        "events of 16 accounts, as a verification reads them": lambda: ledger.snapshot(shard[:16]),
        "events of 1,000 accounts": lambda: ledger.snapshot(shard),
        "names of all accounts, once a verification": ledger.streams,
    }
    with closing(ledger):
        for name, work in works.items():
            Noting.noted.clear()
            began = time.perf_counter()
            work()
            print(f"\n## {name}: {(time.perf_counter() - began) * 1000:.1f} ms")
            noted = [(seconds, as_text(query), values) for seconds, query, values in Noting.noted]
            seconds, query, values = max((one for one in noted if "select" in one[1][:9]), key=itemgetter(0))
            print(f"{query} -- slowest of {len(noted)}, {seconds * 1000:.1f} ms")
            with db.transaction(force_rollback=True):
                for (line,) in db.execute(f"explain (analyze, buffers) {query}".encode(), values).fetchall():
                    print(f"    {line}")


def _read(ledger: PostgresLedger, stream: str) -> None:
    with suppress(TamperedLedgerError):  # read, and of no real chain
        ledger.read(stream)


def _entry(stream: str) -> Entry:
    return Entry(stream=stream, kind=LedgerKind.INIT)


def as_text(query: str | bytes) -> str:
    """Return a statement as text."""
    return query.decode() if isinstance(query, bytes) else query


if __name__ == "__main__":
    main()
