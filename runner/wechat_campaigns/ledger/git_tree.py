"""Events in and out of git objects: paths, one commit an append, and what two commits differ by.

A commit holds `heads.json` (count and last hash of each stream) and one file an event,
`events/STREAM/HUNDREDS/SEQ.json`, in folders of a hundred so that a commit stays small however long the past.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError
from wechat_campaigns.core.git import Git, GitResult, batched_objects
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.events import (
    UNREADABLE,
    Snapshot,
    Streams,
    head_of,
    read_event,
    stream_name,
    verified,
)
from wechat_campaigns.protocol.events import Event, Head

HEADS = "heads.json"
EVENTS = "events"
AUTHOR = "campaign <campaign@localhost>"
NEXT = "refs/campaign/next"
TIP = "refs/campaign/tip"
"""What this machine saw last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpushedCommit:
    """A commit that is not pushed yet."""

    commit: str
    files: Mapping[str, bytes]
    """By path: exactly these bytes, so that their writer knows them again."""


def write(
    git: Git,
    events: Sequence[Event],
    *,
    heads: Mapping[str, Head],
    parent: str | None,
) -> UnpushedCommit:
    """Make the commit that adds events.

    Args:
        heads: of all streams, these events included.
        parent: the commit it follows; None begins the branch.
    """
    files = {
        f"{EVENTS}/{event.stream}/{event.seq // 100:06d}/{event.seq:08d}.json": canonical(event.as_dict())
        for event in events
    }
    last = events[-1]
    title = f"{last.stream} {last.seq}: {last.kind}"
    stamp = f"{AUTHOR} {int(last.at.timestamp())} +0000"
    script = [b"feature done\ncommit ", NEXT.encode(), b"\nmark :1\n"]
    script += [f"author {stamp}\ncommitter {stamp}\n".encode(), _data(title.encode())]
    script += [f"from {parent}\n".encode()] if parent else []
    for path, content in {**files, HEADS: canonical(dict(heads))}.items():
        script += [f'M 100644 inline "{path}"\n'.encode(), _data(content)]
    script += [b"get-mark :1\ndone\n"]
    if parent is None:
        git.run_checked("update-ref", "-d", NEXT)
    out = git.run_checked("fast-import", "--quiet", "--force", "--done", given=b"".join(script))
    return UnpushedCommit(commit=out.decode().strip(), files=files)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def streams(git: Git, commit: str) -> frozenset[str]:
    """Return the names of the streams of which a commit has events.

    Raises:
        TamperedLedgerError: one is not a text.
    """
    listing = git.run_checked("ls-tree", "-z", "--name-only", "--full-tree", commit, f"{EVENTS}/")
    paths = (path.removeprefix(f"{EVENTS}/".encode()) for path in listing.split(b"\0") if path)
    return frozenset(stream_name(_text(path) if path.isascii() else path) for path in paths)


def _text(output: bytes) -> str:
    """Decode what git lists: a path in it that is not UTF-8 is only shown."""
    return output.decode(errors="backslashreplace")


def read(git: Git, commit: str, streams: Streams = None, *, since: str | None) -> list[Event]:
    """Read a commit's events of some streams, or those it has beyond an earlier commit.

    Raises:
        LedgerError: the repository lacks a file of it.
        TamperedLedgerError: a file is not an event.
    """
    folders = _folders(streams)
    if not folders:
        return []
    if since is None:
        listing = _text(git.run_checked("ls-tree", "-r", "-z", "--full-tree", commit, *folders))
        blobs = [(line.split("\t")[1], line.split()[2]) for line in listing.split("\0") if line]
    else:
        added = _changes(git, since, commit, folders)
        blobs = [(path, blob) for status, blob, path in added if status == "A"]
    blobs.sort()
    contents = _contents(git, [blob for _path, blob in blobs])
    return [
        read_event(content, where=partial(_on_branch, path))
        for (path, _blob), content in zip(blobs, contents, strict=True)
    ]


def snapshot(git: Git, commit: str, streams: Streams) -> Snapshot:
    """Read what a commit holds of some streams. Raises as `read` and `heads`."""
    noted = heads(git, commit)
    ends = {name: head for name, head in noted.items() if streams is None or name in streams}
    return Snapshot(tuple(read(git, commit, streams, since=None)), ends)


def _folders(streams: Streams) -> list[str]:
    """Return the folders that hold the events of some streams."""
    return [f"{EVENTS}/"] if streams is None else [f"{EVENTS}/{name}/" for name in sorted(streams)]


def _on_branch(path: str) -> str:
    return _("{path} on the ledger branch").format(path=path)


def rewritten_files(git: Git, before: str, after: str) -> list[str]:
    """Return the event files that `after` lacks or holds differently."""
    return [path for status, _, path in _changes(git, before, after, _folders(None)) if status != "A"]


def heads(git: Git, commit: str) -> dict[str, Head]:
    """Read the heads a commit notes; an unreadable one stops no other stream.

    Raises:
        LedgerError: the repository lacks their file.
        TamperedLedgerError: the file is not a list of heads.
    """
    place = f"{commit}:{HEADS}"
    answer = git.run("cat-file", "blob", place)
    if not answer.stdout and (blob := git.run("rev-parse", "--verify", "--quiet", place).text):
        raise _missing_file_error(git, blob)
    try:
        noted = json.loads(answer.stdout).items()
    except (ValueError, RecursionError, AttributeError) as error:
        raise TamperedLedgerError(
            _("{file} on the ledger branch is missing or was changed").format(file=HEADS),
            location=commit[:12],
        ) from error
    return {
        stream: head_of(*head) if isinstance(head, list) and len(head) == 2 else UNREADABLE
        for stream, head in noted
        if stream.isprintable()  # git and JSON cannot write every name that JSON can spell
    }


def holds(git: Git, commit: str, files: Mapping[str, bytes]) -> bool:
    """Return whether a commit holds exactly these files."""
    return all(
        git.run("cat-file", "blob", f"{commit}:{path}").stdout == content for path, content in files.items()
    )


def _changes(git: Git, before: str, after: str, folders: Sequence[str]) -> list[tuple[str, str, str]]:
    out = git.run_checked("diff-tree", "-r", "-z", "--no-renames", before, after, "--", *folders)
    parts = _text(out).split("\0")
    pairs = zip(parts[::2], parts[1::2], strict=False)
    return [(meta.split()[4], meta.split()[3], path) for meta, path in pairs]


def _contents(git: Git, blobs: Iterable[str]) -> list[bytes]:
    """Read many blobs with one command."""
    wanted = "".join(f"{blob}\n" for blob in blobs).encode()
    contents = []
    for name, content in batched_objects(git.run_checked("cat-file", "--batch", given=wanted)):
        if content is None:
            raise _missing_file_error(git, name)
        contents.append(content)
    return contents


def _missing_file_error(git: Git, name: str) -> LedgerError:
    return LedgerError(
        _("a file of the ledger branch is missing in this copy: {name}").format(name=name),
        hint=_("fetch the branch again, with its files"),
        location=str(git.folder),
    )


def cached_events(folder: Path, streams: Streams = None) -> tuple[Event, ...] | None:
    """Read the ledger as this machine saw it last, without its remote; nothing is written.

    Returns:
        The events of these streams, in order within each; None when this machine never saw the ledger.

    Raises:
        LedgerError: the copy cannot be read.
        TamperedLedgerError: a chain does not hold.
    """
    if not (folder / "HEAD").is_file():
        return None
    git = Git(folder=folder)
    tip = git.run("rev-parse", "--verify", "--quiet", TIP).text
    if not tip:
        return None
    return verified(snapshot(git, tip, streams), str(folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class _CheckoutGit(Git):
    """Reads the repository of the checkout that the folder lies in; it fetches nothing and writes nothing."""

    def run(self, *arguments: str, given: bytes = b"") -> GitResult:
        """Ask one question; see `run_in_checkout`."""
        return run_in_checkout(self.folder, *arguments, given=given, lazily=False)


def fetched_events(root: Path, remote: str, branch: str, streams: Streams = None) -> tuple[Event, ...] | None:
    """Read the ledger as the checkout fetched it last; nothing is fetched now.

    Args:
        root: the campaigns folder.
        remote: a name; an address has no branches in the checkout.

    Returns:
        The events of these streams, in order within each; None when the checkout lacks the branch or files
        of it.

    Raises:
        TamperedLedgerError: the chain does not hold.
    """
    git = _CheckoutGit(folder=root)
    try:
        ref = f"refs/remotes/{remote}/{branch}"
        tip = git.run("show-ref", "--verify", "--hash", ref).text
        if not tip:
            return None
        return verified(snapshot(git, tip, streams), ref)
    except TamperedLedgerError:
        raise
    except LedgerError:
        return None
