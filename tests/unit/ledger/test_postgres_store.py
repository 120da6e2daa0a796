"""What only the PostgreSQL ledger has: roles, connections that die, many threads, its address."""

import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.support.ledger_backends import Backend, now, postgres_backend
from tests.support.pooler import pooler
from tests.support.postgres_server import Server, postgres_server
from tests.unit.ledger.writer import STREAM
from wechat_campaigns.core.errors import (
    ExitCode,
    LedgerError,
    LedgerLockedError,
    TamperedLedgerError,
    UsageError,
)
from wechat_campaigns.ledger import postgres_pool as pool
from wechat_campaigns.ledger.events import LedgerKind, find_chain_faults
from wechat_campaigns.ledger.open import open_ledger
from wechat_campaigns.ledger.postgres import PostgresLedger
from wechat_campaigns.ledger.postgres_pool import SIZE
from wechat_campaigns.protocol.events import Entry

pytestmark = pytest.mark.optional_part


def entry(number: int = 0, *, stream: str = STREAM) -> Entry:
    return Entry(stream=stream, kind=LedgerKind.STATUS, data={"n": number})


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Iterator[Backend]:
    made = postgres_backend(tmp_path, server, f"s{uuid.uuid4().hex}")
    yield made
    made.close()


def sql(place: Backend, *statements: str) -> None:
    with psycopg.connect(place.setting, autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())


def connections(place: Backend) -> int:
    with psycopg.connect(place.setting) as db:
        row = db.execute(
            "select count(*) from pg_stat_activity where application_name = 'wechat-campaigns'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def role(place: Backend, *grants: str) -> PostgresLedger:
    """A ledger opened by a role that has only these rights."""
    name, schema = f"r{uuid.uuid4().hex}", place.setting.rpartition("%3D")[2]
    sql(
        place,
        f"create role {name} login",
        f"grant usage on schema {schema} to {name}",
        *(f"grant {grant} to {name}" for grant in grants),
    )
    ledger = PostgresLedger(place.setting.replace("user=postgres", f"user={name}"), now)
    place.opened.append(ledger)
    return ledger


def test_reading_creates_no_tables(place: Backend) -> None:
    assert role(place).events() == ()
    assert role(place).snapshot().heads == {}
    with psycopg.connect(place.setting) as db:
        assert db.execute("select to_regclass('campaign_event')").fetchone() == (None,)


def test_a_role_that_may_only_read_is_enough_to_plan(place: Backend) -> None:
    place.open().append(entry())
    reader = role(place, "select on campaign_ledger, campaign_event, campaign_head")
    assert len(reader.events()) == 1
    with pytest.raises(LedgerError, match="permission denied") as caught:
        reader.append(entry())
    assert "docs/ledger.md" in caught.value.hint


@pytest.mark.deep
def test_a_promoted_standby_is_found_by_the_variables_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The primary crashes; what it confirmed is on the standby, and an open ledger goes on there."""
    with postgres_server() as primary, primary.standby() as standby:
        with psycopg.connect(primary.address(), autocommit=True) as db:
            db.execute("alter system set synchronous_standby_names = '*'")
            db.execute("select pg_reload_conf()")
        monkeypatch.setenv("PGHOST", f"{standby.host},{primary.host}")
        monkeypatch.setenv("PGTARGETSESSIONATTRS", "read-write")
        monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
        address = "postgresql://postgres@/postgres"
        with closing(open_ledger(address, default=tmp_path / "none", root=tmp_path, clock=now)) as ledger:
            first = ledger.append(entry(1))
            primary.stop()
            with pytest.raises(LedgerError) as caught:
                ledger.append(entry(2))
            assert caught.value.exit_code is ExitCode.LEDGER_UNREACHABLE
            standby.promote()
            with psycopg.connect(address, autocommit=True) as db:  # no third server confirms its commits
                db.execute("alter system reset synchronous_standby_names")
                db.execute("select pg_reload_conf()")
            assert ledger.append(entry(2)).previous == first.hash
            assert [event.data["n"] for event in ledger.events()] == [1, 2]
        primary.start()


@pytest.mark.parametrize(
    ("timeout", "code"), [("lock", ExitCode.RACE), ("statement", ExitCode.LEDGER_UNREACHABLE)]
)
def test_a_timeout_of_the_server_may_be_tried_again(
    place: Backend, monkeypatch: pytest.MonkeyPatch, timeout: str, code: ExitCode
) -> None:
    place.open().append(entry())
    monkeypatch.setattr(pool, "SESSION", f"{pool.SESSION}; set {timeout}_timeout = '200ms'")
    with closing(PostgresLedger(place.setting, now)) as waiting, psycopg.connect(place.setting) as other:
        other.execute("select 1 from campaign_head for update")
        with pytest.raises(LedgerError) as caught:
            waiting.append(entry(1))
        assert caught.value.exit_code is code
        other.rollback()
        assert waiting.append(entry(1)).seq == 2


def test_a_standby_after_a_failover_is_named(place: Backend) -> None:
    ledger = place.open()
    ledger.append(entry())
    sql(place, "alter role postgres set default_transaction_read_only = on")
    try:
        with closing(PostgresLedger(place.setting, now)) as standby:
            assert len(standby.events()) == 1
            with pytest.raises(LedgerError, match="read-only") as caught:
                standby.append(entry(1))
    finally:
        sql(place, "set default_transaction_read_only = off", "alter role postgres reset all")
    assert "primary" in caught.value.hint
    ledger.append(entry(1))


def test_a_stricter_isolation_of_the_server_refuses_no_append(place: Backend) -> None:
    place.open().append(entry())
    isolation = "default_transaction_isolation=serializable"
    strict = PostgresLedger(f"{place.setting}%20-c{quote(isolation, safe='')}", now)
    place.opened.append(strict)
    with psycopg.connect(place.setting) as other, ThreadPoolExecutor(1) as pool:
        other.execute("update campaign_head set seq = seq")
        waiting = pool.submit(strict.append, entry(1))
        while not other.execute("select 1 from pg_locks where not granted").fetchone():
            time.sleep(0.01)
        other.commit()
        assert waiting.result(timeout=30).seq == 2


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "EUC_CN"])
def test_any_encoding_of_the_database_keeps_what_was_written(place: Backend, encoding: str) -> None:
    """Also where its role has another one: a hold must not fail for the characters of its reason."""
    name = f"d{uuid.uuid4().hex}"
    sql(place, f"create database {name} template template0 encoding '{encoding}' locale 'C'")
    setting = place.setting.partition("&options")[0].replace("/postgres?", f"/{name}?")
    ledger = PostgresLedger(f"{setting}&options=-cclient_encoding%3DGBK", now)
    place.opened.append(ledger)
    written = [ledger.append(Entry(stream=STREAM, kind="hold", data={"reason": text})) for text in "价😀"]
    assert ledger.read(STREAM) == tuple(written)
    assert not find_chain_faults(*ledger.snapshot())


def test_a_commit_that_the_standby_did_not_confirm_is_not_taken_for_kept(place: Backend) -> None:
    ledger = place.open()
    ledger.append(entry(1))
    waits = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
    with psycopg.connect(place.setting, autocommit=True) as admin, ThreadPoolExecutor(1) as pool:
        try:
            admin.execute("alter system set synchronous_standby_names = 'dead'")
            admin.execute("select pg_reload_conf()")
            while admin.execute("show synchronous_standby_names").fetchone() != ("dead",):
                time.sleep(0.01)
            time.sleep(1)  # the server's checkpointer, which makes commits wait, reads it a moment later
            appended = pool.submit(ledger.append, entry(2))
            for _ in range(2):
                while not (waiting := admin.execute(waits).fetchone()):
                    assert not appended.done()
                    time.sleep(0.01)
                admin.execute("select pg_cancel_backend(%s)", waiting)
                while admin.execute(waits).fetchone():
                    time.sleep(0.01)
        finally:
            admin.execute("alter system reset synchronous_standby_names")
            admin.execute("select pg_reload_conf()")
        assert appended.result(timeout=30).seq == 2
    assert [event.data["n"] for event in ledger.events()] == [1, 2]


def test_a_role_that_may_not_change_events_is_enough_to_send(place: Backend) -> None:
    place.open().append(entry())
    writer = role(
        place,
        "select on campaign_ledger",
        "select, insert on campaign_event",
        "select, insert, update on campaign_head",
    )
    writer.append(entry(1))
    writer.append(entry(2, stream="wx0000000000000002"))
    assert not find_chain_faults(*writer.snapshot())


def test_the_grants_of_the_page_are_enough_and_no_more(place: Backend) -> None:
    page = Path(__file__).parents[3] / "docs" / "ledger.md"
    [block] = re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    place.open().append(entry())
    schema = place.setting.rpartition("%3D")[2]
    statements = block.replace("schema public", f"schema {schema}").split(";")
    suffix = uuid.uuid4().hex  # roles are of the whole server
    own = [
        one.replace("campaign_sender", f"s{suffix}").replace("campaign_reader", f"r{suffix}")
        for one in statements
        if one.strip()
    ]
    logins = [f"create role {kind}l{suffix} login in role {kind}{suffix}" for kind in "sr"]
    sql(place, *own, *logins)
    sender, reader = (
        PostgresLedger(place.setting.replace("user=postgres", f"user={kind}l{suffix}"), now) for kind in "sr"
    )
    place.opened.extend((sender, reader))
    sender.append(entry(1))
    sender.append(entry(2, stream="wx0000000000000002"))
    with sender.lock(STREAM, 0):
        assert not find_chain_faults(*reader.snapshot())
    assert len(reader.events()) == 3
    with pytest.raises(LedgerError, match="permission denied"):
        reader.append(entry(3))
    for change in (
        "update campaign_event set seq = 9",
        "delete from campaign_event",
        "delete from campaign_head",
    ):
        address = place.setting.replace("user=postgres", f"user=sl{suffix}")
        with psycopg.connect(address) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(change.encode())


def test_tables_of_a_newer_program_are_refused(place: Backend) -> None:
    place.open().append(entry())
    sql(place, "insert into campaign_ledger values (99)")
    with pytest.raises(LedgerError, match="format 99"):
        place.open().events()


LOSES = "create function lose() returns trigger language plpgsql as 'begin return null; end'"
DELETES = (
    "create function lose() returns trigger language plpgsql as "
    "'begin delete from campaign_event where seq = new.seq; return null; end'"
)
LOSING = {
    "ignored": (
        LOSES,
        "create trigger t before insert on campaign_event for each row execute function lose()",
    ),
    "deleted at the commit": (
        DELETES,
        "create constraint trigger t after insert on campaign_event initially deferred "
        "for each row execute function lose()",
    ),
    "a rule": ("create rule r as on insert to campaign_event do instead nothing",),
    "a view": (
        "alter table campaign_event rename to other",
        "create view campaign_event as select * from other",
        "create rule r as on insert to campaign_event do instead nothing",
    ),
    "rows that are not shown": ("alter table campaign_event enable row level security",),
}


@pytest.mark.parametrize("how", LOSING)
@pytest.mark.parametrize("is_open", [True, False])
def test_tables_that_need_not_keep_what_is_written_take_nothing(
    place: Backend, how: str, is_open: bool
) -> None:
    ledger = place.open()
    ledger.append(entry())
    schema = place.setting.rpartition("%3D")[2]
    sql(place, f"set search_path = {schema}", *LOSING[how])
    with pytest.raises(TamperedLedgerError):
        (ledger if is_open else place.open()).append(entry(1))


@pytest.mark.deep
def test_cut_connections_are_opened_again(place: Backend) -> None:
    ledger = place.open()
    ledger.append(entry(1))
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wechat-campaigns'"
    sql(place, cut)
    ledger.append(entry(2))
    sql(place, cut)
    assert [event.data["n"] for event in ledger.events()] == [1, 2]
    with ledger.lock(STREAM, 0):
        sql(place, cut)
    with ledger.lock(STREAM, 0):
        pass


def test_a_commit_whose_answer_was_lost_is_found(place: Backend) -> None:
    ledger = CutAfterCommit(place.setting, now)
    place.opened.append(ledger)
    events = ledger.append_all([entry(1), entry(2)])
    assert ledger.is_cut
    assert ledger.events() == events


class CutAfterCommit(PostgresLedger):
    """Loses the first answer to a commit."""

    is_cut = False

    def _chain(self, db, entries, after, *, again):  # type: ignore[no-untyped-def]
        events = super()._chain(db, entries, after, again=again)
        if not self.is_cut:
            self.is_cut = True
            db.execute("commit")
            db.close()
            raise psycopg.OperationalError("the connection was interrupted")
        return events


@pytest.mark.parametrize("lends_newest", [True, False])
def test_a_pooler_that_divides_a_session_is_refused(
    place: Backend, server: Server, *, lends_newest: bool
) -> None:
    """Two runs would hold the lock of one account, and a session without our settings would write."""
    with pooler(server.host, per_transaction=True, lends_newest=lends_newest) as host:
        for _each in range(2):
            ledger = PostgresLedger(place.setting.replace(server.host, host), now)
            place.opened.append(ledger)
            with pytest.raises(LedgerError, match="pooler") as caught:
                ledger.append(entry())
            assert caught.value.exit_code == ExitCode.LEDGER
    assert place.open().events() == ()


def test_a_pooler_in_session_mode_keeps_the_locks_apart(place: Backend, server: Server) -> None:
    with pooler(server.host, per_transaction=False) as host:
        setting = place.setting.replace(server.host, host)
        first, second = (PostgresLedger(setting, now) for _each in range(2))
        place.opened.extend((first, second))
        first.append(entry())
        with first.lock(STREAM, 0), pytest.raises(LedgerLockedError), second.lock(STREAM, 0):
            pass
        assert len(second.events()) == 1


@pytest.mark.deep
def test_two_hundred_threads_share_a_few_connections(place: Backend) -> None:
    ledger = place.open()

    def work(number: int) -> int:
        stream = f"wx{number:016d}"
        with ledger.lock(stream, 0):
            ledger.append(entry(stream=stream))
            return connections(place) if number % 50 == 0 else 0

    with ThreadPoolExecutor(200) as pool:
        most = max(pool.map(work, range(200)))
    assert len(ledger.events()) == 200
    assert most <= SIZE + 1
    ledger.close()
    # The server takes a moment to see that a client has gone.
    until = time.monotonic() + 20
    while connections(place) and time.monotonic() < until:
        time.sleep(0.05)
    assert connections(place) == 0


@pytest.mark.parametrize(
    "address", ["postgresql://li:s3cret@localhost/x", "postgresql://li@localhost/x?pass%77ord=s3cret"]
)
def test_a_password_in_the_address_is_refused_and_not_repeated(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="password") as caught:
        open_ledger(address, default=tmp_path / "x", root=tmp_path, clock=now)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def test_an_address_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not valid"):
        open_ledger("postgresql://localhost/x?nonsense=1", default=tmp_path, root=tmp_path, clock=now)
    unreachable = open_ledger("postgresql://127.0.0.1:1/x", default=tmp_path, root=tmp_path, clock=now)
    with closing(unreachable), pytest.raises(LedgerError, match="not reachable"):
        unreachable.events()


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
