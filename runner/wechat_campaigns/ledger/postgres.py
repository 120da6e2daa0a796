"""The ledger in PostgreSQL: for teams and for many runners at once.

A stream's head row is locked while an event is chained to it, so accounts never wait for one another.
"""

import json
import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import (
    Ledger,
    Snapshot,
    Streams,
    damaged_head_error,
    head_of,
    heads_of,
    newer_tables_error,
    next_events,
    not_empty_error,
    not_kept_error,
    read_events,
    stream_locked_error,
    verified_after,
)
from wechat_campaigns.ledger.postgres_pool import Connection, ConnectionLostError, Pool, confirmed, scalar
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head

SCHEMA = """
create table campaign_event (
    stream text collate "C" not null, seq integer not null, body text not null,
    nonce text not null, primary key (stream, seq)
);
create table campaign_head (
    stream text collate "C" primary key, seq integer not null, hash text not null
);
"""
VERSION = 1
LOCKS = 0x77784C47
"""The seed of our advisory locks, so that they do not meet those of other programs."""
APPEND_TRIES = 3
LOCK_POLL_S = 0.1


class PostgresLedger(Ledger):
    """Tables in the first schema of the search path, made at the first write.

    Args:
        address: as `postgres_pool.conninfo` made it, without a password.
    """

    def __init__(self, address: str, clock: Clock) -> None:
        self._pool = Pool(address)
        self.where = self._pool.where
        self._clock = clock
        self._ready = False
        self._locks = _Locks(self._pool)

    def streams(self) -> frozenset[str]:
        """See `Ledger.streams`."""
        query = "select stream from campaign_head where seq > 0 union select stream from campaign_event"
        return frozenset(name for (name,) in self._rows(query, ()))

    def heads(self, streams: Collection[str]) -> Mapping[str, Head]:
        """See `Ledger.heads`."""
        query = "select stream, seq, hash from campaign_head where seq > 0 and stream = any(%s)"
        return {stream: head_of(*head) for stream, *head in self._rows(query, (sorted(streams),))}

    def snapshot(self, streams: Streams = None) -> Snapshot:
        """See `Ledger.snapshot`: events and heads in one statement, so of one moment."""
        chosen = "stream = any(%s)" if streams is not None else "true"
        query = (
            f"select stream, seq, body, null from campaign_event where {chosen} union all "  # noqa: S608
            f"select stream, seq, null, hash from campaign_head where seq > 0 and {chosen} order by 1, 2"
        )
        rows = self._rows(query, (sorted(streams),) * 2 if streams is not None else ())
        events = read_events((stream, seq, body) for stream, seq, body, _hash in rows if body is not None)
        return Snapshot(
            events, {stream: head_of(seq, digest) for stream, seq, body, digest in rows if body is None}
        )

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `Ledger.read`: events and head in one statement, so of one moment."""
        query = (
            "select e.seq, e.body, h.seq, h.hash from campaign_head h left join campaign_event e "
            "on e.stream = h.stream and e.seq >= %s where h.stream = %s order by e.seq"
        )
        rows = self._rows(query, (since.seq, stream))
        head = head_of(*rows[0][2:]) if rows else EMPTY
        read = read_events((stream, seq, body) for seq, body, *_ in rows if seq is not None)
        return verified_after(stream, read, since, head)

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """See `Ledger.append_all`."""

        def attempt(number: int) -> tuple[Event, ...]:
            with self._writable() as db, db.transaction():
                return self._chain(db, entries, after, again=number > 1)

        return self._pool.retry(attempt, tries=APPEND_TRIES)

    def restore(self, events: Sequence[Event]) -> None:
        """See `Ledger.restore`."""

        def attempt(_number: int) -> None:
            with self._writable() as db, db.transaction():
                db.execute("lock table campaign_head in exclusive mode")
                if db.execute("select 1 from campaign_head where seq > 0 limit 1").fetchone():
                    raise not_empty_error(self.where)
                _keep(db, events, self.where)

        self._pool.retry(attempt, tries=1)

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        """See `Ledger.lock`: a session's advisory lock, which ends with its connection."""
        deadline = time.monotonic() + wait_s
        while not self._pool.retry(lambda _number: self._locks.take(stream)):
            if time.monotonic() >= deadline:
                raise stream_locked_error(stream)
            time.sleep(LOCK_POLL_S * random.uniform(0.5, 1.5))  # noqa: S311 (spreads the runners, no secret)
        try:
            yield
        finally:
            self._locks.release(stream)

    def close(self) -> None:
        """See `Ledger.close`."""
        self._locks.close()
        self._pool.close()

    def _chain(
        self, db: Connection, entries: Sequence[Entry], after: Head | None, *, again: bool
    ) -> tuple[Event, ...]:
        stream = entries[0].stream
        head = self._locked_head(db, stream)
        if again:
            # The try before may have been committed; behind the head's lock it has ended either way.
            query = "select seq, body from campaign_event where stream = %s and nonce = any(%s) order by seq"
            kept = db.execute(query, (stream, [entry.nonce for entry in entries])).fetchall()
            if kept:
                return read_events((stream, int(str(seq)), str(body)) for seq, body in kept)
        events = next_events(entries, at=self._clock(), head=head, after=after)
        _keep(db, events, self.where)
        return events

    def _locked_head(self, db: Connection, stream: str) -> Head:
        query = "select seq, hash from campaign_head where stream = %s for update"
        row = db.execute(query, (stream,)).fetchone()
        if row is None:
            db.execute(
                "insert into campaign_head values (%s, 0, %s) on conflict do nothing", (stream, EMPTY.hash)
            )
            row = db.execute(query, (stream,)).fetchone()
        if row is None:
            raise damaged_head_error(stream)
        return head_of(*row)

    def _rows(self, query: str, values: tuple[str | int | list[str], ...]) -> list[Any]:
        def read(_number: int) -> list[Any]:
            with self._pool.connection() as db:
                if not self._ready and _version(db, self.where) == 0:
                    return []
                self._ready = True
                return db.execute(query.encode(), values).fetchall()

        return self._pool.retry(read)

    @contextmanager
    def _writable(self) -> Iterator[Connection]:
        with self._pool.connection() as db:
            if not self._ready:
                _make_tables(db, self.where)
                self._ready = True
            with confirmed(db):
                yield db


_INSERT = "insert into campaign_event (stream, seq, body, nonce) values (%s, %s, %s, %s)"
_UPSERT_HEAD = (
    "insert into campaign_head values (%s, %s, %s) "
    "on conflict (stream) do update set seq = excluded.seq, hash = excluded.hash"
)
_KEPT = (
    "select stream, seq, body from campaign_event "
    "where (stream, seq) in (select * from unnest(%s::text[], %s::integer[]))"
)
_KEPT_HEADS = "select stream, seq, hash from campaign_head where stream = any(%s)"
_ODD_TABLES = (
    "select 1 from pg_class t where t.oid in ('campaign_event'::regclass, 'campaign_head'::regclass) and ("
    "t.relkind <> 'r' or t.relrowsecurity or exists (select from pg_rewrite where ev_class = t.oid) "
    "or exists (select from pg_trigger where tgrelid = t.oid and not tgisinternal))"
)
"""Finds what stands between what is written and what is read. None can come before the transaction ends."""


def _keep(db: Connection, events: Sequence[Event], where: str) -> None:
    """Write events, and see that they are there: what was believed to be kept allows a call.

    Raises:
        TamperedLedgerError: they are not.
    """
    # In ASCII, because a database may have any encoding.
    bodies = [json.dumps(event.as_dict(), separators=(",", ":")) for event in events]
    rows = [(event.stream, event.seq, body) for event, body in zip(events, bodies, strict=True)]
    heads = [(stream, *head) for stream, head in heads_of(events).items()]
    with db.pipeline():
        for row, event in zip(rows, events, strict=True):
            db.execute(_INSERT, (*row, event.nonce))
        for head in heads:
            db.execute(_UPSERT_HEAD, head)
        kept = db.execute(_KEPT, ([row[0] for row in rows], [row[1] for row in rows]))
        kept_heads = db.execute(_KEPT_HEADS, ([head[0] for head in heads],))
        odd = db.execute(_ODD_TABLES)
    as_written = sorted(kept.fetchall()) == sorted(rows) and sorted(kept_heads.fetchall()) == sorted(heads)
    if not as_written or odd.fetchall():
        raise not_kept_error(where)


def _version(db: Connection, where: str) -> int:
    """Return the version of the tables, 0 when they are missing."""
    if scalar(db, "select to_regclass('campaign_ledger')") is None:
        return 0
    version = int(scalar(db, "select max(version) from campaign_ledger") or 0)
    if version > VERSION:
        raise newer_tables_error(version, VERSION, where)
    return version


def _make_tables(db: Connection, where: str) -> None:
    """Make the tables in one transaction; a role that may only read and write needs none."""
    if _version(db, where) == VERSION:
        return
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", (LOCKS,))
        # Looks the table up again, unlike to_regclass, which may miss one that another runner just made.
        db.execute("create table if not exists campaign_ledger (version integer not null)")
        if _version(db, where) == 0:
            db.execute(SCHEMA.encode())
            db.execute("insert into campaign_ledger values (%s)", (VERSION,))


class _Locks:
    """The locks of this process, all held by one connection of their own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._db: Connection | None = None
        self._held: set[str] = set()
        self._mutex = threading.Lock()

    def take(self, stream: str) -> bool:
        with self._mutex:
            # A session may take its own lock twice, so threads are kept apart here.
            if stream not in self._held and self._ask("pg_try_advisory_lock", stream):
                self._held.add(stream)
                return True
            return False

    def release(self, stream: str) -> None:
        with self._mutex, suppress(ConnectionLostError):
            self._held.discard(stream)
            # With the connection the lock went as well.
            if self._db is not None:
                self._ask("pg_advisory_unlock", stream)

    def _ask(self, function: str, stream: str) -> bool:
        query = f"select {function}(hashtextextended(current_schema() || %s, %s))"
        self._db = self._db or self._pool.connect()
        try:
            return bool(scalar(self._db, query, (stream, LOCKS)))
        except psycopg.Error as error:
            self._db.close()
            self._db = None
            raise ConnectionLostError(str(error)) from error

    def close(self) -> None:
        with self._mutex, suppress(psycopg.Error):
            if self._db is not None:
                self._db.close()
            self._db = None
