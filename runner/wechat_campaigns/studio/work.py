"""Pieces of work: a branch and a work tree each, below the state folder; the checkout stays as it is.

A file is written whole or not at all, and never over what somebody else wrote meanwhile. Commits are made of
nothing but the campaigns folder.
"""

import json
import re
import secrets
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from wechat_campaigns.core.errors import CampaignError, UsageError, system_hint, system_reason
from wechat_campaigns.core.files import private_folder, refuse_carried_links, replace_file
from wechat_campaigns.core.git import GitFailure
from wechat_campaigns.core.git_work import GitWork, failed
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.text import decode

PREFIX: Final = "campaign/"
"""Of the branches; the rest of a branch is the name of its piece of work."""
NAME: Final = re.compile(r"w-[0-9]{8}-[0-9a-f]{6}")
SUBJECT_CHARS: Final = 72
REMOTE: Final = "origin"
PERSON: Final = "person.json"
WRITTEN: Final = frozenset(
    {".yaml", ".yml", ".md", ".html", ".txt", ".csv", ".xlsx", ".jpg", ".jpeg", ".png", ".gif", ".webp"}
    | {".bmp", ".heic", ".mp3", ".amr", ".wav", ".wma", ".mp4"}
)
"""What a campaign is made of; nothing else is written."""


class ChangedBeneathError(CampaignError):
    """Somebody else wrote the file that was to be saved."""

    def __init__(self, path: str) -> None:
        super().__init__(
            _("{path} was changed meanwhile by somebody else, so nothing was saved over it").format(
                path=path
            ),
            hint=_("look at what is there now, and choose which stays"),
        )


class Read(NamedTuple):
    """A file as it was read."""

    data: bytes
    stamp: str
    """Of these bytes; a save names what it was made of."""

    @property
    def text(self) -> str:
        """Its text.

        Raises:
            UsageError: it cannot be decoded.
        """
        found = decode(self.data)
        if not isinstance(found, str):
            raise UsageError(found.message, hint=found.hint)
        return found


class Conflict(NamedTuple):
    """A file that both changed; None for a side that removed it, or that cannot be shown."""

    path: str
    mine: str | None
    theirs: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is kept beside a piece of work."""

    title: str
    at: str
    """When it was begun."""
    message: str = ""
    """The message that it was begun for."""
    request: str = ""
    """The address of its request."""
    sentence: str = ""
    """What its newest commit said."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One piece of work."""

    name: str
    folder: Path
    """Of its work tree."""
    root: Path
    """Its campaigns folder."""
    repository: GitWork
    facts_file: Path
    default: str
    """The default branch of the remote."""
    facts: Facts = field(compare=False)

    @property
    def branch(self) -> str:
        """Its branch, here and at the remote."""
        return f"{PREFIX}{self.name}"

    @property
    def base(self) -> str:
        """What it is compared with."""
        return f"refs/remotes/{REMOTE}/{self.default}"

    @property
    def remote_url(self) -> str:
        """Where it is pushed to."""
        return self.repository.run("config", f"remote.{REMOTE}.url").text

    @cached_property
    def git(self) -> GitWork:
        """Git in its work tree."""
        told = (self.folder / ".git").read_text(encoding="utf-8")
        git_dir = Path(told.removeprefix("gitdir:").strip())
        return replace(self.repository, folder=self.folder, git_dir=git_dir)

    @property
    def _below(self) -> str:
        return self.root.relative_to(self.folder).as_posix()

    # --- files

    def changed(self) -> tuple[str, ...]:
        """List the files that differ from the default branch, below the campaigns folder."""
        since = self.git.run("merge-base", self.base, "HEAD").text or "HEAD"
        listed = ("diff", "--name-only", "--no-ext-diff", "-z", "--no-renames", since, "--", self._below)
        found = self.git.checked(*listed).split("\0")
        unknown = ("ls-files", "--others", "--exclude-standard", "-z", "--", self._below)
        new = self.git.checked(*unknown).split("\0")
        paths = {PurePosixPath(path) for path in (*found, *new) if path}
        return tuple(sorted(path.relative_to(self._below).as_posix() for path in paths))

    def _place(self, path: str) -> Path:
        """Return where a file lies that the studio may write.

        Raises:
            UsageError: it lies elsewhere, behind a link, or is of another type.
        """
        parts = PurePosixPath(path)
        is_hidden = any(part.startswith((".", "_")) for part in parts.parts)
        if parts.is_absolute() or ".." in parts.parts or is_hidden or parts.suffix.lower() not in WRITTEN:
            raise UsageError(
                _("files such as {path} are not written here").format(path=path),
                hint=_("texts, pictures, lists and sounds below the campaigns folder can be written here"),
            )
        place = self.root / parts
        refuse_carried_links(place, path)
        return place

    def exists(self, path: str) -> bool:
        """Return whether a file is there."""
        return self._place(path).exists()

    def read(self, path: str) -> Read:
        """Read a file of a message.

        Raises:
            UsageError: it cannot be read.
        """
        place = self._place(path)
        try:
            data = place.read_bytes()
        except OSError as error:
            message = _("{path} cannot be read: {reason}").format(path=path, reason=system_reason(error))
            raise UsageError(message, hint=_("choose another file, or upload it again")) from error
        return Read(data, sha256(data).hexdigest())

    def read_bytes(self, path: str) -> bytes | None:
        """Read a file that may be missing."""
        try:
            return self.read(path).data
        except UsageError:
            return None

    def files_below(self, path: str) -> Iterator[tuple[str, bytes]]:
        """Yield each file of a folder by its path in it."""
        folder = self.root / path
        for found in sorted(folder.rglob("*")) if folder.is_dir() else ():
            below = found.relative_to(self.root).as_posix()
            if found.is_file() and not found.is_symlink() and found.suffix.lower() in WRITTEN:
                yield found.relative_to(folder).as_posix(), self.read(below).data

    def write(self, path: str, data: bytes, *, seen: str | None = None) -> str:
        """Write a file whole; its new stamp.

        Args:
            seen: the stamp of what it was made of; None for a file that nobody looked at.

        Raises:
            ChangedBeneathError: it has changed since.
            UsageError: it cannot be written.
        """
        place = self._place(path)
        now = self.read_bytes(path)
        if seen is not None and (now is None or sha256(now).hexdigest() != seen):
            raise ChangedBeneathError(path)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_file(place, data)
        except OSError as error:
            raise UsageError(
                _("{path} was not saved: {reason}").format(path=path, reason=system_reason(error)),
                hint=system_hint(error, _("keep this page open, and try again")),
            ) from error
        return sha256(data).hexdigest()

    def keep(self, **facts: str) -> None:
        """Keep facts beside it."""
        data = json.dumps(asdict(self.facts) | facts, ensure_ascii=False, indent=1)
        replace_file(self.facts_file, data.encode(), private=True)

    # --- commits

    def person(self) -> tuple[str, str] | None:
        """Return name and address for commits: those kept here, or git's own; None without either."""
        return person_of(self.repository, self.facts_file.parent)

    def set_person(self, name: str, email: str) -> None:
        """Keep name and address for the commits of every piece of work here.

        Raises:
            UsageError: one of them is not complete.
        """
        name, email = name.strip(), email.strip()
        if not name or not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", email) or re.search(r"[<>\x00-\x1f]", name):
            message = _("name or email address is not complete")
            raise UsageError(message, hint=_("write both, such as 李梅 and mei@example.com"))
        data = json.dumps([name, email], ensure_ascii=False).encode()
        replace_file(self.facts_file.parent / PERSON, data, private=True)

    def _commit(self, *arguments: str, given: bytes = b"") -> None:
        """Commit what is in the index, in the person's name.

        Raises:
            UsageError: nobody's name is known, or git refuses.
        """
        if self.person() is None:
            raise UsageError(
                _("git does not know who you are"), hint=_("enter your name and email address below")
            )
        self.git.checked("commit", "--quiet", "--no-verify", *arguments, given=given, config=self.named())

    def named(self) -> tuple[tuple[str, str], ...]:
        """Return git's settings for the person who works here."""
        name, email = self.person() or ("", "")
        return (("user.name", name), ("user.email", email))

    def commit(self, sentence: str) -> bool:
        """Commit what changed below the campaigns folder; False where nothing did.

        Raises:
            UsageError: nobody's name is known, or git refuses.
        """
        self._refuse_conflicts()
        self.git.checked("add", "--all", "--", self._below)
        if self.git.run("diff", "--cached", "--quiet", "--no-ext-diff").code == 0:
            return False
        self._commit("--file=-", given=_message(sentence).encode())
        self.keep(sentence=sentence)
        return True

    def _refuse_conflicts(self) -> None:
        if self.conflicts():
            hint = _("choose for each file whose version stays")
            raise UsageError(_("you and somebody else changed the same files"), hint=hint)

    def push(self, options: Sequence[str] = ()) -> str:
        """Push the branch; what the server said.

        Raises:
            UsageError: it was refused, or the server cannot be reached.
        """
        passed = [part for one in options for part in ("-o", one)]
        answer = self.git.run("push", *passed, REMOTE, f"HEAD:refs/heads/{self.branch}")
        if answer.code:
            raise failed(answer, "push")
        return answer.stderr

    # --- what others changed

    def update(self) -> None:
        """Merge the default branch as it is at the remote.

        Raises:
            UsageError: it cannot be reached.
        """
        self.git.checked("fetch", "--quiet", REMOTE, f"+refs/heads/{self.default}:{self.base}")
        if self.conflicts():
            return
        self.git.checked("add", "--all", "--", self._below)
        if self.git.run("diff", "--cached", "--quiet", "--no-ext-diff").code:
            self._commit("-m", _("As saved"))
        answer = self.git.run("merge", "--quiet", "--no-edit", "--no-verify", self.base, config=self.named())
        if answer.code and not self.conflicts():
            raise failed(answer, "merge")

    def conflicts(self) -> tuple[Conflict, ...]:
        """List what both changed, from a merge that waits for a choice."""
        listed = self.git.checked("diff", "--name-only", "--no-ext-diff", "-z", "--diff-filter=U").split("\0")
        return tuple(
            Conflict(path, self._side(2, path), self._side(3, path)) for path in sorted(filter(None, listed))
        )

    def _side(self, stage: int, path: str) -> str | None:
        answer = self.git.run("show", f":{stage}:{path}")
        try:
            return answer.stdout.decode() if answer.code == 0 else None
        except UnicodeDecodeError:
            return None

    def resolve(self, path: str, which: str) -> None:
        """Choose a side of what both changed, "mine" or "theirs"; the last choice ends the merge."""
        if path not in {one.path for one in self.conflicts()}:
            raise UsageError(_("{path} is not in question").format(path=path), hint=_("load the page again"))
        side = {"mine": 2, "theirs": 3}[which]
        if self.git.run("show", f":{side}:{path}").code:
            self.git.checked("rm", "--quiet", "--", path)
        else:
            self.git.checked("checkout", "--ours" if which == "mine" else "--theirs", "--", path)
            self.git.checked("add", "--", path)
        if not self.conflicts():
            self._commit("--no-edit")


def person_of(repository: GitWork, kept: Path) -> tuple[str, str] | None:
    """Return who works here: what is kept in a folder, or what git's settings have."""
    try:
        name, email = json.loads((kept / PERSON).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        name, email = (repository.run("config", f"user.{key}").text for key in ("name", "email"))
    return (str(name), str(email)) if name and email else None


def _message(sentence: str) -> str:
    """Write a commit message: a subject of one line, the rest below it."""
    first, *rest = " ".join(sentence.split("\n", 1)[0].split()), *sentence.split("\n", 1)[1:]
    if len(first) > SUBJECT_CHARS:
        subject = textwrap.shorten(first, SUBJECT_CHARS, placeholder="…")
        subject = subject if len(subject) > 1 else f"{first[: SUBJECT_CHARS - 1]}…"
        return "\n\n".join([subject, first, *rest]) + "\n"
    return "\n\n".join([first, *rest]) + "\n"


class Works:
    """The pieces of work of one checkout.

    Args:
        checkout: whose repository has the branches.
        root: its campaigns folder.
        state_dir: below which the work trees lie.
        now: the present moment, in a zone.
    """

    def __init__(self, checkout: GitWork, root: Path, state_dir: Path, now: Callable[[], datetime]) -> None:
        self._git, self._now = checkout, now
        self._below = root.resolve().relative_to(checkout.folder)
        self._folder = state_dir / "work"

    @cached_property
    def _default(self) -> str:
        """The default branch of the remote.

        Raises:
            UsageError: there is no remote, or it has no branch.
        """
        known = self._git.run("symbolic-ref", "--quiet", f"refs/remotes/{REMOTE}/HEAD").text
        if known:
            return known.removeprefix(f"refs/remotes/{REMOTE}/")
        asked = self._git.run("ls-remote", "--symref", REMOTE, "HEAD")
        if found := re.search(r"^ref: refs/heads/(\S+)\s+HEAD", asked.text):
            return found[1]
        for name in ("main", "master"):
            if self._git.run("rev-parse", "--verify", "--quiet", f"refs/remotes/{REMOTE}/{name}").text:
                return name
        raise UsageError(
            _("the checkout has no remote `{name}` with a default branch").format(name=REMOTE),
            hint=_("push the campaigns to your code host once: `git push -u origin main`"),
        )

    def list(self) -> list[Work]:
        """List the pieces of work, the newest first."""
        found = []
        for folder in self._folder.glob("w-*/"):
            with suppress(UsageError):  # half made, or half discarded
                found.append(self.open(folder.name))
        return sorted(found, key=lambda work: work.facts.at, reverse=True)

    def open(self, name: str) -> Work:
        """Return one piece of work.

        Raises:
            UsageError: it is missing.
        """
        folder, facts = self._folder / name, self._folder / f"{name}.json"
        try:
            if not NAME.fullmatch(name) or not (folder / ".git").is_file():
                raise FileNotFoundError(name)
            known = Facts(**json.loads(facts.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            message = _("there is no piece of work {name}").format(name=name)
            raise UsageError(message, hint=_("choose one in the list, or begin a new one")) from error
        return Work(
            name=name, folder=folder, root=folder / self._below, repository=self._git, facts_file=facts,
            default=self._default, facts=known,
        )  # fmt: skip

    def create(self, title: str, message: str = "") -> Work:
        """Begin a piece of work from the default branch as it is at the remote, or as it was known last.

        Raises:
            UsageError: there is no such branch, or the disk is full.
        """
        base = f"refs/remotes/{REMOTE}/{self._default}"
        fetched = self._git.run("fetch", "--quiet", REMOTE, f"+refs/heads/{self._default}:{base}")
        if fetched.code and fetched.failure is GitFailure.FULL:
            raise failed(fetched, "fetch")
        name = f"w-{self._now():%Y%m%d}-{secrets.token_hex(3)}"
        folder = self._folder / name
        private_folder(self._folder)
        facts = Facts(title=title, at=self._now().isoformat(timespec="seconds"), message=message)
        added = ("worktree", "add", "--quiet", "--no-track", "-b", f"{PREFIX}{name}", str(folder), base)
        try:
            self._git.checked(*added)
            written = json.dumps(asdict(facts), ensure_ascii=False, indent=1).encode()
            replace_file(self._folder / f"{name}.json", written, private=True)
        except (UsageError, OSError) as error:
            self._remove(name)
            if isinstance(error, OSError):
                raise UsageError(system_reason(error), hint=system_hint(error, "")) from error
            raise
        work = self.open(name)
        work.root.mkdir(parents=True, exist_ok=True)
        return work

    def discard(self, name: str) -> None:
        """Remove a piece of work; what it was stays under `refs/campaign/discarded/`."""
        work = self.open(name)
        work.git.run("add", "--all", "--", ".")
        tree, head = work.git.run("write-tree").text, work.git.run("rev-parse", "HEAD").text
        kept = work.git.run("commit-tree", tree, "-p", head, "-m", name, config=work.named()).text
        self._git.run("update-ref", f"refs/campaign/discarded/{name}", kept or head)
        self._remove(name)

    def _remove(self, name: str) -> None:
        self._git.run("worktree", "remove", "--force", str(self._folder / name))
        shutil.rmtree(self._folder / name, ignore_errors=True)
        self._git.run("worktree", "prune")
        self._git.run("branch", "--quiet", "-D", f"{PREFIX}{name}")
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    def person(self) -> tuple[str, str] | None:
        """Return who works here."""
        return person_of(self._git, self._folder)
