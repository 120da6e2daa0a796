"""The ledger on a git branch of its own: for CI runners that keep no disk, without any server.

A push that names the commit it follows is the compare-and-swap: the first push takes the place, every other
writer reads and decides again. The local copy is a bare repository of our own; a lost copy costs a fetch.
"""

import random
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from wechat_campaigns.core.errors import (
    LedgerCopyError,
    LedgerError,
    LedgerLockedError,
    LedgerLoginError,
    LedgerUnreachableError,
    TamperedLedgerError,
    system_hint,
    system_reason,
)
from wechat_campaigns.core.files import private_folder
from wechat_campaigns.core.git import TIMEOUT_S, Git, GitFailure, GitResult
from wechat_campaigns.core.git_checkout import NAME, Remote, is_same_repository
from wechat_campaigns.core.git_work import exclusive
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.ledger import git_tree
from wechat_campaigns.ledger.events import (
    Ledger,
    Snapshot,
    Streams,
    heads_of,
    next_events,
    not_empty_error,
    stream_locked_error,
    verified_after,
)
from wechat_campaigns.protocol.events import EMPTY, Entry, Event, Head

TRIES = 60
"""Rejected pushes before giving up: with four writers a push needs 2.6 tries on average."""
BROKEN_TRIES = 4
"""Failures of network or remote before giving up."""
LOCKED_S = 10.0
"""How long a lock on the remote may be in the way while nobody writes: a living git needs a moment."""
BACKOFF_S = 0.05
BACKOFF_MAX_S = 2.0
FETCHED = "refs/campaign/fetched"
CERTAIN = (GitFailure.REFUSED, GitFailure.NO_ACCESS)
_KINDS: Final[dict[GitFailure, type[LedgerError]]] = {
    GitFailure.NO_ACCESS: LedgerLoginError,
    GitFailure.BROKEN: LedgerUnreachableError,
    GitFailure.RACE: LedgerLockedError,
}
_WORDS: Final = {
    GitFailure.REFUSED: (
        N_("this runner is not allowed to write to the ledger branch"),
        N_(
            "allow this runner's identity to push to the branch (rulesets, protected branches, "
            "`contents: write`)"
        ),
    ),
    GitFailure.NO_ACCESS: (
        N_("the remote of the ledger cannot be accessed"),
        N_(
            "check the address and the credentials: git's credential helpers, SSH, or `CAMPAIGN_LEDGER_TOKEN`"
        ),
    ),
    GitFailure.RACE: (
        N_("another runner wrote to the ledger at the same time"),
        N_("run the same command again"),
    ),
    GitFailure.FULL: (
        N_("a disk is full, on this machine or on the git remote"),
        N_("free disk space at the named path, then run the same command again; recorded events are kept"),
    ),
    GitFailure.BROKEN: (
        N_("the remote of the ledger does not respond"),
        N_("check the network and the server, then run the same command again; recorded events are kept"),
    ),
}


@dataclass(slots=True)
class _BranchCopy:
    """What was read so far: a commit, and the streams in it that were asked for."""

    tip: str | None = None
    events: dict[str, list[Event]] = field(default_factory=dict)
    """Of each stream that was read; of no other."""
    heads: dict[str, Head] = field(default_factory=dict)
    """Of every stream."""

    def take(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.stream in self.events:
                self.events[event.stream].append(event)


@dataclass(slots=True)
class _RemoteLock:
    """A lock file on the remote that was in the way of the last push."""

    file: str = ""
    tip: str | None = None
    """The branch's end when the lock was met first: while it moves, somebody writes."""
    since: float = 0.0

    def stays(self, file: str, tip: str | None) -> bool:
        """Remember what was in the way of a push; return whether it was the same lock for too long."""
        now = time.monotonic()
        if (file, tip) != (self.file, self.tip):
            self.file, self.tip, self.since = file, tip, now
        return bool(file) and now - self.since >= LOCKED_S

    def error(self, where: str) -> LedgerError:
        """Report that it stays: a writer holds it for a moment, a git that was killed holds it for ever."""
        held_s = time.monotonic() - self.since
        return LedgerError(
            _("the ledger branch stayed locked for {seconds} s").format(seconds=round(held_s)),
            hint=_(
                "make sure that no run is writing to the branch, delete {file} on the remote, then "
                "run the same command again"
            ).format(file=self.file),
            location=where,
        )


class GitLedger(Ledger):
    """An append-only branch, shared by machines; in one process its calls follow one another.

    Args:
        folder: the local copy, made when absent; one a remote and branch.
    """

    def __init__(
        self,
        remote: Remote,
        folder: Path,
        clock: Clock,
        *,
        sleep: Sleep = time.sleep,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._remote, self.where = remote, remote.display_url
        self._git = Git(folder=folder, config=remote.config, timeout_s=timeout_s)
        self._clock = clock
        self._sleep = sleep
        self._seen = _BranchCopy()
        self._fresh_at = self._pushed_at = float("-inf")
        self._mutex = threading.Lock()
        self.tries = 0
        """Pushes so far, the rejected ones too."""

    def streams(self) -> frozenset[str]:
        """See `Ledger.streams`."""
        with self._fresh() as copy:
            return self._names(copy)

    def heads(self, streams: Collection[str]) -> Mapping[str, Head]:
        """See `Ledger.heads`."""
        with self._fresh() as copy:
            return {stream: copy.heads[stream] for stream in streams if stream in copy.heads}

    def snapshot(self, streams: Streams = None) -> Snapshot:
        """See `Ledger.snapshot`."""
        with self._fresh() as copy:
            names = sorted(self._names(copy) if streams is None else streams)
            self._load(names)
            events = tuple(event for name in names for event in copy.events[name])
            return Snapshot(events, {name: copy.heads[name] for name in names if name in copy.heads})

    def read(self, stream: str, since: Head = EMPTY) -> tuple[Event, ...]:
        """See `Ledger.read`."""
        with self._fresh() as copy:
            self._load([stream])
            head = copy.heads.get(stream, EMPTY)
            events = copy.events[stream][max(since.seq - 1, 0) :]
            return verified_after(stream, events, since, head)

    def append_all(self, entries: Sequence[Entry], *, after: Head | None = None) -> tuple[Event, ...]:
        """See `Ledger.append_all`."""
        unanswered: list[tuple[tuple[Event, ...], git_tree.UnpushedCommit]] = []
        lock, failures = _RemoteLock(), 0
        for attempt in range(TRIES):
            with self._held():
                answer = self._fetch() if attempt or self._seen.tip is None else None
                is_race = False
                if answer is None:
                    # A push may have arrived although its answer did not.
                    for events, commit in unanswered:
                        if self._seen.tip and git_tree.holds(self._git, self._seen.tip, commit.files):
                            return events
                    # Of the past no more is needed: damaged or forged, it keeps nobody from a hold.
                    head = self._seen.heads.get(entries[0].stream, EMPTY)
                    events = next_events(entries, at=self._clock(), head=head, after=after)
                    commit = self._write(events)
                    answer = self._push(commit.commit)
                    if answer.code == 0:
                        self._take(commit.commit, events)
                        return events
                    if answer.failure not in CERTAIN and lock.stays(answer.lock, self._seen.tip):
                        raise lock.error(self.where)
                    is_race = answer.failure is GitFailure.RACE
                    if not is_race:
                        unanswered.append((events, commit))
            failures += not is_race
            if answer.failure in CERTAIN or failures >= BROKEN_TRIES:
                raise self._unusable_error(answer)
            longest = min(BACKOFF_MAX_S, BACKOFF_S * 2**attempt)
            self._sleep(random.uniform(0, longest))  # noqa: S311 (spreads the writers, no secret)
        if lock.file:
            raise lock.error(self.where)
        raise LedgerLockedError(
            _("other runners wrote first {count} times in a row").format(count=TRIES),
            hint=_("run the same command again; for this many runners, use the postgresql ledger"),
            location=self.where,
        )

    def restore(self, events: Sequence[Event]) -> None:
        """See `Ledger.restore`."""
        with self._fresh() as copy:
            if copy.heads:
                raise not_empty_error(self.where)
            if events:
                written = self._write(events)
                answer = self._push(written.commit)
                if answer.code:
                    raise self._unusable_error(answer)
                self._take(written.commit, events)

    @contextmanager
    def lock(self, stream: str, wait_s: float) -> Iterator[None]:
        """See `Ledger.lock`: holds off other runners of this machine only; the rest is the intent's part."""
        folder = self._git.folder.parent
        private_folder(folder)
        lock = folder / f"{self._git.folder.name}.{stream}.lock"
        with exclusive(lock, wait_s, stream_locked_error(stream)):
            yield

    def survives_power_cut(self) -> bool:
        """Whether the remote writes a push to disk before it answers; not known of another machine.

        Source: git-config, core.fsync; by default git leaves refs to the file system.
        """
        place = Path(self._remote.url.removeprefix("file://"))
        if not place.is_dir():
            return True
        synced = Git(folder=place).run("config", "--get", "core.fsync").text.replace(" ", "").split(",")
        return "all" in synced or {"loose-object", "reference"} <= set(synced)

    def close(self) -> None:
        """See `Ledger.close`: nothing is held open between calls."""

    def _names(self, copy: _BranchCopy) -> frozenset[str]:
        found = git_tree.streams(self._git, copy.tip) if copy.tip is not None else frozenset[str]()
        return found | copy.heads.keys()

    def _load(self, streams: Collection[str]) -> None:
        """Read the streams that were not asked for before, as the commit at hand has them."""
        new = [name for name in streams if name not in self._seen.events]
        found = (
            git_tree.read(self._git, self._seen.tip, new, since=None) if self._seen.tip is not None else []
        )
        self._seen.events.update((name, []) for name in new)
        self._seen.take(found)

    def _write(self, events: Sequence[Event]) -> git_tree.UnpushedCommit:
        return git_tree.write(
            self._git,
            events,
            heads={**self._seen.heads, **heads_of(events)},
            parent=self._seen.tip,
        )

    def _push(self, commit: str) -> GitResult:
        if not self.tries:
            self._check_one_repository()
        self.tries += 1
        self._pushed_at = time.monotonic()
        lease = f"--force-with-lease={self._remote.ref}:{self._seen.tip or ''}"
        return self._git.run(
            "push", "--porcelain", "--no-verify", "--quiet", lease, NAME, f"{commit}:{self._remote.ref}"
        )

    def _check_one_repository(self) -> None:
        """Refuse settings of git by which what is written is not where everybody reads."""
        listed = self._git.run_checked("remote", "--verbose").decode(errors="replace").splitlines()
        urls = [
            line.partition("\t")[2].rpartition(" (")[0] for line in listed if line.startswith(f"{NAME}\t")
        ]
        for url in urls:
            if not is_same_repository(url, urls[0]):
                place = replace(self._remote, url=url).display_url
                what = _("git would push the ledger to another repository than it fetches it from: {place}")
                raise LedgerError(
                    what.format(place=place),
                    hint=_("remove the `pushInsteadOf` of this address from git's settings"),
                    location=self.where,
                )

    def _take(self, commit: str, events: Sequence[Event]) -> None:
        self._git.run_checked("update-ref", git_tree.TIP, commit)
        self._seen.take(events)
        self._seen.heads.update(heads_of(events))
        self._seen.tip = commit
        self._fresh_at = self._pushed_at

    @contextmanager
    def _fresh(self) -> Iterator[_BranchCopy]:
        """Return what the branch holds now: threads that wait share a fetch that began after they came."""
        asked = time.monotonic()
        with self._held():
            answer = self._fetch() if self._fresh_at < asked else None
            if answer is not None:
                raise self._unusable_error(answer)
            yield self._seen

    def _fetch(self) -> GitResult | None:
        begun = time.monotonic()
        answer = self._git.fetch("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", NAME)
        listed = self._git.run_checked(
            "for-each-ref", "--format=%(refname) %(objectname)", "refs/campaign/"
        ).decode()
        known = dict(line.split(" ") for line in listed.splitlines())
        if answer.code == 0:
            self._advance(known.get(git_tree.TIP), known[FETCHED])
        elif answer.failure is not GitFailure.NO_BRANCH:
            return answer
        elif known.get(git_tree.TIP) is not None:
            raise self._rewritten_error(_("the ledger branch is missing from the remote"))
        self._fresh_at = begun
        return None

    def _advance(self, before: str | None, tip: str) -> None:
        """Advance to a fetched commit, if it still holds every event that this machine has seen."""
        if before not in (None, tip) and (lost := git_tree.rewritten_files(self._git, str(before), tip)):
            what = ngettext(
                "{count} event that existed before is missing or changed",
                "{count} events that existed before are missing or changed",
                len(lost),
            )
            raise self._rewritten_error(what.format(count=len(lost)))
        if tip != self._seen.tip:
            fresh = git_tree.read(self._git, tip, self._seen.events, since=self._seen.tip)
            heads = git_tree.heads(self._git, tip)
            self._seen.take(fresh)
            self._seen.heads, self._seen.tip = heads, tip
        if before != tip:
            self._git.run_checked("update-ref", git_tree.TIP, tip)

    def _rewritten_error(self, what: str) -> TamperedLedgerError:
        """Report events that this machine has seen, in its copy, and that the branch has lost."""
        return TamperedLedgerError(
            what,
            hint=_(
                "restore the branch and forbid force pushes to it; if it was rewritten on purpose, delete "
                "{folder} and run `campaign ledger verify`"
            ).format(folder=self._git.folder),
            location=self.where,
        )

    def _unusable_error(self, answer: GitResult) -> LedgerError:
        """Report what git answered, and what to do about it."""
        what, hint = _WORDS.get(answer.failure, _WORDS[GitFailure.BROKEN])
        message = _(": ").join((_(what), answer.error_line))
        kind = _KINDS.get(answer.failure, LedgerError)
        return kind(message, hint=_(hint), location=self.where)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Lock the local copy, also against git children of a killed runner."""
        folder = self._git.folder
        with self._mutex:
            try:
                private_folder(folder.parent)
                locked = stream_locked_error(str(folder))
                lock = folder.parent / f"{folder.name}.lock"
                with exclusive(lock, self._git.timeout_s, locked) as descriptor:
                    self._git = replace(self._git, keep_open=(descriptor,))
                    self._prepare(folder)
                    yield
            except OSError as error:
                raise LedgerCopyError(
                    _("the local copy of the ledger is not usable: {error}").format(
                        error=system_reason(error)
                    ),
                    hint=system_hint(
                        error, _("check the permissions and the disk, then run the same command again")
                    ),
                    location=str(folder),
                ) from error

    def _prepare(self, folder: Path) -> None:
        if not (folder / "HEAD").exists():
            hashes = f"--object-format={self._remote.object_format}"
            self._git.run_checked("init", "--bare", "--quiet", "--shared=0600", hashes, str(folder))
        # Nobody else runs git in here now, so what a killed runner left locked is free.
        for left in (*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")):
            left.unlink(missing_ok=True)
