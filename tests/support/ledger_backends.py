"""The three places a ledger can be kept in, opened, tampered with and taken away the same way."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wechat_campaigns.core.model import Clock
from wechat_campaigns.ledger.events import Ledger, Streams
from wechat_campaigns.ledger.open import local_events, open_ledger
from wechat_campaigns.protocol.events import Event

Rows = dict[tuple[str, int], str]
"""What the storage itself holds: the JSON of each event by stream and number."""
GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "init.defaultBranch=main")


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One ledger, however many runners open it."""

    kind: str
    setting: str
    folder: Path
    server: Any = None
    opened: list[Ledger] = field(default_factory=list)

    def open(self, clock: Clock = now, *, machine: str = "a") -> Ledger:
        """Open it as a runner on that machine would."""
        default = self.folder / machine / "x.ledger.sqlite3"
        self.opened.append(
            open_ledger(self.setting, default=default, root=self.folder / "campaigns", clock=clock)
        )
        return self.opened[-1]

    def offline(self, *, machine: str, streams: Streams = None) -> tuple[Event, ...]:
        """Read what that machine has of it, as an offline plan does."""
        default = self.folder / machine / "x.ledger.sqlite3"
        return local_events(self.setting, streams, default=default, root=self.folder / "campaigns") or ()

    def close(self) -> None:
        """Close every ledger that was opened."""
        for ledger in self.opened:
            ledger.close()

    def tamper(self, change: Callable[[Rows], Rows]) -> None:
        """Change the events where they are kept, leaving everything beside them as it is."""
        {"sqlite": _tamper_sqlite, "git": _tamper_git, "postgres": _tamper_postgres}[self.kind](self, change)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Take the storage away for a while."""
        if self.kind == "postgres":
            self.server.stop()
            try:
                yield
            finally:
                self.server.start()
            return
        kept = self.stored
        away = kept.with_name("away")
        kept.rename(away)
        kept.touch()
        try:
            yield
        finally:
            kept.unlink()
            away.rename(kept)

    def unlock(self, *, older_than_s: float = 0) -> None:
        """Remove what git left locked at the remote: here, as on no server, it is killed with a runner."""
        if self.kind == "git":
            for left in (self.stored / "refs").rglob("*.lock"):
                with suppress(FileNotFoundError):
                    if time.time() - left.stat().st_mtime >= older_than_s:
                        left.unlink()

    @property
    def stored(self) -> Path:
        """The file or folder that holds it."""
        return self.folder / ("remote.git" if self.kind == "git" else "disk")


def sqlite_backend(folder: Path) -> Backend:
    """A file on a disk of its own."""
    (folder / "disk").mkdir()
    return Backend(kind="sqlite", setting=f"sqlite:{folder}/disk/ledger.sqlite3", folder=folder)


def git_backend(folder: Path) -> Backend:
    """A branch in a bare repository."""
    subprocess.run([*GIT, "init", "--quiet", "--bare", folder / "remote.git"], check=True)
    return Backend(kind="git", setting=f"git:{folder}/remote.git#ledger", folder=folder)


def postgres_backend(folder: Path, server: Any, schema: str) -> Backend:
    """Tables in a schema of a running server."""
    return Backend(kind="postgres", setting=server.address(schema), folder=folder, server=server)


def _tamper_sqlite(backend: Backend, change: Callable[[Rows], Rows]) -> None:
    db = sqlite3.connect(backend.stored / "ledger.sqlite3")
    rows = {(stream, seq): body for stream, seq, body in db.execute("select stream, seq, body from event")}
    db.execute("delete from event")
    for (stream, seq), body in change(rows).items():
        db.execute("insert into event values (?, ?, ?)", (stream, seq, body))
    db.commit()
    db.close()


def _tamper_postgres(backend: Backend, change: Callable[[Rows], Rows]) -> None:
    import psycopg

    with psycopg.connect(backend.setting) as db:
        found = db.execute("select stream, seq, body from campaign_event").fetchall()
        db.execute("delete from campaign_event")
        for (stream, seq), body in change({(s, n): body for s, n, body in found}).items():
            row = (stream, seq, body, "x")
            db.execute("insert into campaign_event values (%s, %s, %s, %s)", row)


def _tamper_git(backend: Backend, change: Callable[[Rows], Rows]) -> None:
    def git(*arguments: str, given: str = "") -> str:
        command = ["git", f"--git-dir={backend.stored}", *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True, text=True).stdout

    listed = [line.split("\t") for line in git("ls-tree", "-r", "ledger", "events/").splitlines()]
    rows = {_key(path): git("cat-file", "blob", meta.split()[2]) for meta, path in listed}
    script = "feature done\ncommit refs/heads/ledger\nmark :1\ncommitter x <x@localhost> 1 +0000\ndata 1\nx\n"
    script += "from refs/heads/ledger^0\nD events\n"
    for (stream, seq), body in change(rows).items():
        path = f"events/{stream}/{seq // 100:06d}/{seq:08d}.json"
        script += f"M 100644 inline {path}\ndata {len(body.encode())}\n{body}\n"
    git("fast-import", "--quiet", "--force", "--done", given=script + "done\n")


def _key(path: str) -> tuple[str, int]:
    _, stream, _, name = path.split("/")
    return stream, int(name.removesuffix(".json"))


def edited(body: str) -> str:
    """Change what an event says and leave it readable."""
    data = json.loads(body)
    data["data"] = {**data["data"], "note": "changed"}
    return json.dumps(data, ensure_ascii=False)
