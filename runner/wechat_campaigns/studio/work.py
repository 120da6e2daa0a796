"""Keep pieces of work apart: each is a branch and a work tree below the state folder.

The checkout stays as it is. A file is written whole or not at all, and never over what somebody else wrote
meanwhile; a commit holds files of the campaigns folder alone. Changes of others come in by files: where both
changed one, a person chooses.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final, Literal, NamedTuple

from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError, system_hint, system_reason
from wechat_campaigns.core.files import refuse_carried_links, replace_file
from wechat_campaigns.core.git import GitFailure, GitResult
from wechat_campaigns.core.git_checkout import DEFAULT_REMOTE, Checkout
from wechat_campaigns.core.git_work import FOLLOWS, GitError, GitWork, git_error
from wechat_campaigns.core.i18n import _
from wechat_campaigns.source.files import FileError, Files
from wechat_campaigns.source.text import decode

PREFIX: Final = "campaign/"
"""Of the branches; the rest of a branch is the name of its piece of work."""
NAME: Final = re.compile(r"w-[0-9]{8}-[0-9a-f]{6}")
BASE: Final = "refs/campaign/base/"
"""The default branch as it was fetched last; the person's own refs of the remote stay as they are."""
REVIEWED: Final = "refs/campaign/remote/"
"""The branch of a piece of work as the remote has it: reviewers may have added to it."""
DISCARDED: Final = "refs/campaign/discarded/"
SUBJECT_CHARS: Final = 72
ABSENT: Final = ""
"""The stamp of a file that is not there."""
WRITTEN: Final = frozenset(
    {".yaml", ".yml", ".md", ".markdown", ".html", ".htm", ".txt", ".csv", ".tsv", ".xlsx", ".xls", ".mp4"}
    | {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".heic", ".avif", ".mp3", ".amr", ".wav", ".wma"}
)
"""How files of a message end; no other is written."""
Person = tuple[str, str]
"""A name and an email address."""
Entries = Mapping[str, str]
"""The mode and the object id, `MODE ID`, of each file that differs; zeros for one that was removed."""


class Read(NamedTuple):
    """A file as it was read."""

    data: bytes
    stamp: str
    """Of these bytes; a save names what it was made of."""

    @property
    def text(self) -> str:
        """Return its text; raise UsageError if it is not text."""
        found = decode(self.data)
        if not isinstance(found, str):
            raise UsageError(found.message, hint=found.hint)
        return found


class ChangedBeneathError(CampaignError):
    """Somebody else wrote the file that was to be saved; `now` is what they wrote, None if it was removed."""

    exit_code = ExitCode.RACE

    def __init__(self, path: str, now: Read | None) -> None:
        super().__init__(
            _("{path} was changed elsewhere meanwhile, so it was not saved").format(path=path),
            hint=_("compare it with what is there now, then choose which one stays"),
        )
        self.now = now


class PersonError(CampaignError):
    """A commit needs the name and the email address of the person who works here."""

    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            _("git does not have your name and email address"),
            hint=_("write them here, or set `user.name` and `user.email` with `git config --global`"),
        )


class Conflict(NamedTuple):
    """A file that both changed, as text; None for a side that removed it."""

    path: str
    mine: str | None
    theirs: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is kept beside a piece of work."""

    title: str
    at: str = ""
    """When it was begun."""
    message: str = ""
    """The message that it was begun for."""
    default: str = ""
    """The branch that it is to be merged into."""
    start: str = ""
    """The commit that it began at."""
    request: str = ""
    """The address of its request."""
    sentence: str = ""
    """Of its newest commit."""
    pushed: str = ""
    """The commit that was pushed last."""
    decided: Entries = field(default_factory=dict)
    """Versions of others that a person chose, or chose the own ones over."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One piece of work. Each method raises CampaignError with the way out; what was saved stays saved."""

    name: str
    folder: Path
    """Of its work tree."""
    root: Path
    """Its campaigns folder."""
    git: GitWork
    works: "Works"

    @property
    def branch(self) -> str:
        """Its branch, here and at the remote."""
        return f"{PREFIX}{self.name}"

    @property
    def ref(self) -> str:
        """The full name of its branch."""
        return f"refs/heads/{self.branch}"

    @property
    def title(self) -> str:
        """What it is about."""
        return self.facts.title

    @property
    def default(self) -> str:
        """The branch that it is to be merged into."""
        return self.facts.default or self.works.default_branch()

    @property
    def base(self) -> str:
        """The ref of that branch, as it was fetched last."""
        return f"{BASE}{self.default}"

    @property
    def facts(self) -> Facts:
        """What is kept beside it now; a damaged file costs no more than that."""
        try:
            found = json.loads(self.beside("json").read_bytes())
            return Facts(**{one.name: found[one.name] for one in fields(Facts) if one.name in found})
        except (OSError, ValueError, TypeError):
            return Facts(title=self.name)

    def keep(self, **facts: Any) -> None:
        """Keep facts beside it."""
        with self.alone():
            self._keep(**facts)

    def _keep(self, **facts: Any) -> None:
        data = json.dumps(asdict(replace(self.facts, **facts)), indent=1).encode()
        replace_file(self.beside("json"), data, private=True)

    def beside(self, suffix: str) -> Path:
        """Return a file of the same name beside its work tree."""
        return self.folder.with_name(f"{self.name}.{suffix}")

    def alone(self) -> AbstractContextManager[GitWork]:
        """Keep every other writer out of the work tree for a block."""
        git_dir, refs = self.git.checkout.git_dir, (self.ref, f"{DISCARDED}{self.name}")
        locks = [self.git.checkout.common_dir / f"{ref}.lock" for ref in refs]
        return self.git.alone(self.beside("lock"), lambda: [*git_dir.glob("*.lock"), *locks])

    @property
    def _below(self) -> str:
        return self.root.relative_to(self.folder).as_posix()

    # --- files

    def changed(self) -> tuple[str, ...]:
        """List the files of the campaigns folder that this work adds, changes or removes."""
        since = self.git.run("merge-base", self.base, self.ref).text or self.facts.start
        plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=all")
        found = self.git.listed("diff", "--name-only", "-z", *plain, since, "--", self._below)
        return tuple(sorted({os.path.relpath(path, self._below) for path in (*found, *self._new_files())}))

    def _new_files(self) -> Iterator[str]:
        """Yield files that git does not have yet, without hidden ones such as a half-written copy."""
        for path in self.git.listed("ls-files", "--others", "--exclude-standard", "-z", "--", self._below):
            if not path.endswith("/") and not any(part.startswith(".") for part in path.split("/")):
                yield path

    def exists(self, path: str) -> bool:
        """Return whether a file is there."""
        return self._place(path).exists()

    def read(self, path: str) -> Read:
        """Read a file of a message."""
        self._place(path)
        try:
            data = Files(self.root).data(PurePosixPath(path))
        except FileError as error:
            raise UsageError(error.message, hint=error.hint) from error
        return Read(data, sha256(data).hexdigest())

    def read_bytes(self, path: str) -> bytes | None:
        """Read a file that may be missing."""
        return self.read(path).data if self.exists(path) else None

    def files_below(self, path: str) -> Iterator[tuple[str, bytes]]:
        """Yield each file of a folder by its path in it; links are left out."""
        for found in sorted((self.root / path).rglob("*")):
            below = found.relative_to(self.root)
            if found.is_file() and not found.is_symlink() and _is_of_message(below):
                yield found.relative_to(self.root / path).as_posix(), self.read(below.as_posix()).data

    def write(self, path: str, data: bytes, *, seen: str | None = None) -> str:
        """Write a file whole; return its new stamp.

        Args:
            seen: the stamp of what it was made of, `ABSENT` for a new file; None replaces any.

        Raises:
            ChangedBeneathError: what is there now has another stamp.
        """
        with self.alone() as git:
            place = self._place(path)
            now = self.read(path) if place.exists() else None
            if seen is not None and seen != (now.stamp if now else ABSENT):
                raise ChangedBeneathError(path, now)
            ignored = ("check-ignore", "--quiet", "--", str(place))
            if now is None and git.run(*ignored, variables={"GIT_LITERAL_PATHSPECS": "0"}).code != 1:
                raise UsageError(
                    _("git ignores {path}, so the request would not have it").format(path=path),
                    hint=_("choose another name, or remove the rule from `.gitignore`"),
                )
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                replace_file(place, data)
            except OSError as error:
                raise UsageError(
                    _("{path} was not saved: {reason}").format(path=path, reason=system_reason(error)),
                    hint=system_hint(error, _("keep this page open, and try again")),
                ) from error
        return sha256(data).hexdigest()

    def _place(self, path: str) -> Path:
        """Return where a file of a message lies; raise UsageError for any other file, and behind a link."""
        try:
            located = Files(self.root).locate(PurePosixPath("_"), path)
        except FileError as error:
            raise UsageError(error.message, hint=error.hint) from error
        if not _is_of_message(located):
            raise UsageError(
                _("{path} is not a file of a message").format(path=path),
                hint=_("choose a text, picture, list, sound or video in the campaigns folder"),
            )
        refuse_carried_links(self.root / located, path)
        return self.root / located

    # --- commits

    def person(self) -> Person | None:
        """Return who works here."""
        return self.works.person()

    def set_person(self, name: str, email: str) -> None:
        """Keep who works here, for the commits of all pieces of work of this checkout."""
        self.works.set_person(name, email)

    def commit(self, sentence: str, person: Person | None = None) -> str:
        """Commit what is saved; return the commit, empty where nothing changed.

        Raises:
            PersonError: git does not have who works here.
        """
        with self.alone() as git:
            self._check_branch(git)
            commit = self._commit_saved(git, sentence, person)
            if commit:
                self._keep(sentence=sentence)
            return commit

    def push(self, options: Sequence[str] = ()) -> str:
        """Push the branch with push options; return what the remote printed."""
        passed = [part for one in options for part in ("-o", one)]
        commit = self.git.checked("rev-parse", "--verify", self.ref).text
        words = ("push", "--no-follow-tags", *passed, DEFAULT_REMOTE, f"{commit}:{self.ref}")
        printed = self.git.checked(*words).stderr
        self.keep(pushed=commit)
        return printed

    @property
    def remote_url(self) -> str:
        """The address that a push goes to."""
        return self.git.remote_url()

    def _check_branch(self, git: GitWork) -> None:
        """Check that the branch is checked out here, and nowhere else; make it again if it was deleted."""
        listed = git.checked("worktree", "list", "--porcelain").text
        for block in listed.split("\n\n"):
            facts = dict(line.split(" ", 1) for line in block.split("\n") if " " in line)
            folder, branch = facts["worktree"], facts.get("branch", "")
            is_here = os.path.realpath(folder) == str(self.folder)
            if is_here != (branch == self.ref):
                other = self.branch if is_here else self.default
                raise GitError(
                    _("{branch} is checked out in {folder}, so this work cannot be changed").format(
                        branch=branch.removeprefix("refs/heads/") or facts.get("HEAD"), folder=folder
                    ),
                    hint=_("run `git switch {branch}` in that folder, then try again").format(branch=other),
                )
        if not git.commit_at(self.ref):
            self._restore_branch(git)

    def _restore_branch(self, git: GitWork) -> None:
        """Make a branch that is not there, at a commit that the files already follow."""
        refs = (f"{DISCARDED}{self.name}", self.facts.pushed, self.facts.start, self.base)
        commit = next(filter(None, map(git.commit_at, refs)), self.facts.start)
        git.checked("update-ref", self.ref, commit, "")

    def _commit_saved(self, git: GitWork, sentence: str, person: Person | None = None) -> str:
        tree, head = self._stage(git), git.commit_at(self.ref)
        if tree == git.checked("rev-parse", f"{head}^{{tree}}").text:
            return ""
        commit = self._new_commit(git, tree, (head,), sentence, person)
        git.checked("update-ref", self.ref, commit, head)
        return commit

    def _stage(self, git: GitWork) -> str:
        """Write a tree of what is saved in the campaigns folder, and all else as the branch has it."""
        git.checked("read-tree", "--reset", self.ref)
        edited = git.listed("diff-files", "--name-only", "-z", "--ignore-submodules=all", "--", self._below)
        names = os.fsencode("".join(f"{path}\0" for path in (*edited, *self._new_files())))
        git.checked("update-index", "--add", "--remove", "--replace", "-z", "--stdin", given=names)
        return git.checked("write-tree").text

    def _new_commit(
        self, git: GitWork, tree: str, parents: Iterable[str], sentence: str, person: Person | None = None
    ) -> str:
        """Write a commit that nothing refers to yet; raise PersonError without a person."""
        person = person or self.person()
        if person is None:
            raise PersonError
        words = [word for one in parents for word in ("-p", one)]
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in zip(("NAME", "EMAIL"), person, strict=True)
        }
        message = commit_message(sentence or self.title).encode(errors="replace")
        return git.checked("commit-tree", tree, *words, "-F", "-", given=message, variables=who).text

    # --- what others changed

    def update(self) -> tuple[Conflict, ...]:
        """Merge what others changed on the default branch, and on this one at the remote.

        Returns:
            The files that both changed; nothing comes in before `resolve` has a choice for each.
        """
        default, fetched = self.works.fetch(self.default, self.name)
        if fetched.code:
            raise git_error(fetched, "fetch", self.folder)
        with self.alone() as git:
            self._check_branch(git)
            self._keep(default=default)
            return self._take_in(git)

    def conflicts(self) -> tuple[Conflict, ...]:
        """List the files that wait for a choice."""
        theirs, waiting = self._waiting(self.git)
        return tuple(
            Conflict(
                os.path.relpath(path, self._below),
                *(_as_text(self._blob(commit, path)) for commit in (self.ref, theirs)),
            )
            for path in sorted(waiting)
        )

    def resolve(self, path: str, side: Literal["mine", "theirs"]) -> tuple[Conflict, ...]:
        """Choose a side of a file that both changed; the last choice takes everything in.

        Returns:
            What still waits for a choice.
        """
        with self.alone() as git:
            self._check_branch(git)
            (theirs, waiting), place = self._waiting(git), os.path.normpath(f"{self._below}/{path}")
            if place not in waiting:
                message = _("{path} does not wait for a choice").format(path=path)
                raise UsageError(message, hint=_("load the page again"))
            if side == "theirs":
                self._commit_saved(git, self.title)  # mine stays in the history
                is_there = self._blob(theirs, place) is not None
                words = ("checkout", "--quiet", theirs) if is_there else ("rm", "--quiet", "--force")
                git.checked(*words, "--", place)
            self._keep(decided={**self.facts.decided, place: waiting[place]})
            return self._take_in(git)

    def _take_in(self, git: GitWork) -> tuple[Conflict, ...]:
        """Commit what is saved and merge what the remote has; return what waits for a choice."""
        self._commit_saved(git, self.title)
        for theirs in self._others(git):
            base, taken, waiting = self._compared(git, theirs)
            if waiting:
                return self.conflicts()
            head, new = git.commit_at(self.ref), theirs
            if base != head:
                tree = self._merged_tree(git, head, taken)
                new = self._new_commit(git, tree, (head, theirs), f"Merge commit '{theirs[:12]}'")
            # Files first: a process that dies here leaves theirs as changes, never mine as a step back.
            git.run("update-index", "-q", "--refresh")
            git.checked("read-tree", "-m", "-u", head, new)
            git.checked("update-ref", self.ref, new, head)
        return ()

    def _others(self, git: GitWork) -> Iterator[str]:
        """Yield the commits of the remote that are not part of this work yet."""
        for theirs in map(git.commit_at, (f"{REVIEWED}{self.name}", self.base)):
            if theirs and git.run("merge-base", "--is-ancestor", theirs, self.ref).code:
                yield theirs

    def _waiting(self, git: GitWork) -> tuple[str, Entries]:
        """Return the first commit with files that wait for a choice, and these."""
        found = ((theirs, self._compared(git, theirs)[2]) for theirs in self._others(git))
        return next(((theirs, waiting) for theirs, waiting in found if waiting), ("", {}))

    def _compared(self, git: GitWork, theirs: str) -> tuple[str, Entries, Entries]:
        """Return the commit that both began at, what they alone changed, and what waits for a choice."""
        base = git.run("merge-base", self.ref, theirs).text
        since = ("diff-tree", "-r", "-z", "--no-renames", base or git.checked("mktree").text)
        tips = (self.ref, theirs, *filter(None, [git.commit_at(self.facts.pushed)]))
        changes = [_entries(git.listed(*since, tip)) for tip in tips]
        return base, *merged_by_files(*changes, self.facts.decided)

    def _merged_tree(self, git: GitWork, head: str, taken: Entries) -> str:
        index = {"GIT_INDEX_FILE": str(self.git.checkout.git_dir / "campaign-merge")}
        lines = "".join(f"{entry}\t{path}\0" for path, entry in taken.items())
        git.checked("read-tree", head, variables=index)
        git.checked("update-index", "-z", "--index-info", given=os.fsencode(lines), variables=index)
        return git.checked("write-tree", variables=index).text

    def _blob(self, commit: str, path: str) -> bytes | None:
        answer = self.git.run("cat-file", "blob", f"{commit}:{path}")
        return answer.stdout if answer.code == 0 else None


def merged_by_files(mine: Entries, theirs: Entries, *known: Entries) -> tuple[Entries, Entries]:
    """Return of theirs what they alone changed, and what both changed, each in another way.

    Args:
        known: versions that do not count as theirs: what I pushed before, rebased or squashed since, and
            what a person decided about.
    """
    taken = {path: entry for path, entry in theirs.items() if path not in mine}
    both = {path: entry for path, entry in theirs.items() if path in mine}
    old = {(path, entry) for one in (mine, *known) for path, entry in one.items()}
    return taken, {path: entry for path, entry in both.items() if (path, entry) not in old}


def _is_of_message(path: PurePath) -> bool:
    is_special = any(part.startswith((".", "_")) for part in path.parts)
    return not is_special and path.suffix.lower() in WRITTEN


def _entries(listed: Sequence[str]) -> Entries:
    """Read what `diff-tree -z` listed: `:MODE MODE ID ID STATUS`, then the path."""
    rows = zip(map(str.split, listed[::2]), listed[1::2], strict=True)
    return {path: f"{facts[1]} {facts[3]}" for facts, path in rows}


def _as_text(data: bytes | None) -> str | None:
    if data is None:
        return None
    text = decode(data)
    return text if isinstance(text, str) else _("a file of {size} KB").format(size=-(-len(data) // 1024))


def commit_message(sentence: str) -> str:
    """Write a sentence as a subject of one line; if it is longer, the whole of it below."""
    lines = [" ".join(line.split()) for line in sentence.replace("\0", "").strip().splitlines()] or [""]
    first, rest = lines[0], lines[1:]
    if len(first) > SUBJECT_CHARS:
        cut = first[: SUBJECT_CHARS - 1]
        first, rest = f"{cut.rpartition(' ')[0] or cut}…", lines
    return "\n".join([first, "", *rest]).rstrip() + "\n"


class Works:
    """The pieces of work of one checkout.

    Args:
        checkout: of the campaigns folder, by `find_checkout`; its files and its index are never touched.
        root: the campaigns folder.
        state_dir: the state folder, below which the work trees lie.
        now: the present moment, in a zone.
    """

    def __init__(self, checkout: Checkout, root: Path, state_dir: Path, now: Callable[[], datetime]) -> None:
        self._git, self._now = GitWork(checkout=checkout), now
        self._below = Path(os.path.realpath(root)).relative_to(checkout.top)
        self._folder = Path(os.path.realpath(state_dir)) / "work"

    def list(self) -> list[Work]:
        """List the pieces of work, the newest first."""
        names = [file.stem for file in self._folder.glob("w-*.json") if NAME.fullmatch(file.stem)]
        return sorted(map(self.open, names), key=lambda work: (work.facts.at, work.name), reverse=True)

    def open(self, name: str) -> Work:
        """Return a piece of work; what is missing of its work tree is made again from its branch."""
        work = self._work(name)
        if not NAME.fullmatch(name) or not work.beside("json").exists():
            raise UsageError(
                _("there is no piece of work {name}").format(name=name),
                hint=_("choose one in the list, or begin a new one"),
            )
        if not _is_whole(work):
            with work.alone() as git:
                self._make_tree(work, git)
        return work

    def create(self, title: str, message: str = "") -> Work:
        """Begin a piece of work at the newest default branch; offline, at the newest that is known."""
        default, fetched = self.fetch(self.default_branch())
        start = self._git.commit_at(f"{BASE}{default}")
        if not start or (fetched.code and fetched.failure is GitFailure.FULL):
            raise git_error(fetched, "fetch", self._git.checkout.top)
        now = self._now()
        work = self._work(f"w-{now:%Y%m%d}-{secrets.token_hex(3)}")
        try:
            with work.alone() as git:
                begun = now.isoformat(timespec="seconds")
                work._keep(title=title, message=message, at=begun, default=default, start=start)
                self._make_tree(work, git)
                work.root.mkdir(parents=True, exist_ok=True)
        except BaseException:
            self._remove(work)
            raise
        return work

    def discard(self, name: str) -> None:
        """Remove a piece of work; all that was saved stays under `refs/campaign/discarded/`."""
        work = self.open(name)
        with work.alone() as git:
            if not git.commit_at(work.ref):
                work._restore_branch(git)
            person = self.person() or ("campaign studio", "studio@localhost")  # is never pushed
            head = git.commit_at(work.ref)
            kept = work._new_commit(git, work._stage(git), (head,), work.title, person)
            git.checked("update-ref", f"{DISCARDED}{name}", kept)
            self._remove(work)

    def person(self) -> Person | None:
        """Return who works here: as kept by `set_person`, else as git's settings have it."""
        try:
            name, email = json.loads((self._folder / "person.json").read_bytes())
        except (OSError, ValueError, TypeError):
            name, email = (self._git.run("config", "--get", f"user.{key}").text for key in ("name", "email"))
        return (str(name), str(email)) if name and email else None

    def set_person(self, name: str, email: str) -> None:
        """Keep who works here; git's own settings stay as they are."""
        name, email = name.strip(), email.strip()
        is_name = re.search(r"\w", name) and not re.search(r"[<>]", name)
        is_address = re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", email)
        if not is_name or not is_address or not f"{name}{email}".isprintable():
            raise UsageError(
                _("name or email address is not complete"),
                hint=_("write both, such as 李梅 and mei@example.com"),
            )
        replace_file(self._folder / "person.json", json.dumps([name, email]).encode(), private=True)

    def default_branch(self, *, ask: bool = False) -> str:
        """Return the default branch of the remote.

        Args:
            ask: ask the remote, whatever the checkout has of it.
        """
        known = "" if ask else self._git.run("symbolic-ref", "--quiet", _tracked("HEAD")).text
        if known:
            return known.removeprefix(_tracked(""))
        asked = self._git.run("ls-remote", "--symref", DEFAULT_REMOTE, "HEAD")
        if found := re.match(r"ref: refs/heads/(\S+)\tHEAD", asked.text):
            return found[1]
        for name in ("main", "master"):
            if self._git.commit_at(_tracked(name)):
                return name
        if asked.code and self._git.remote_url():
            raise git_error(asked, "ls-remote", self._git.checkout.top)
        raise UsageError(
            _("the campaigns have no default branch at a remote `{name}` yet").format(name=DEFAULT_REMOTE),
            hint=_("push them to your code host once: `git push -u origin main`"),
        )

    def refresh(self) -> str:
        """Fetch the default branch; a copy that `clone` made follows it where nobody works in it.

        Returns:
            The commit that everybody has.

        Raises:
            GitError: it cannot be fetched.
        """
        default, fetched = self.fetch(self.default_branch())
        if fetched.code:
            raise git_error(fetched, "fetch", self._git.checkout.top)
        head, new = map(self._git.commit_at, ("HEAD", f"{BASE}{default}"))
        follows = self._git.run("config", "--local", "--type=bool", "--get", FOLLOWS).text == "true"
        is_there = self._git.run("symbolic-ref", "HEAD").text == f"refs/heads/{default}"
        if follows and is_there and not self._git.run("merge-base", "--is-ancestor", head, new).code:
            self._git.run("update-index", "-q", "--refresh")
            self._git.checked("read-tree", "-m", "-u", head, new)  # refuses to touch what was changed here
            self._git.checked("update-ref", "HEAD", new, head)
        return new

    def fetch(self, default: str, name: str = "") -> tuple[str, GitResult]:
        """Fetch the default branch and, if the remote has it, that of a piece of work, into refs of ours.

        Returns:
            The default branch, by its new name if it was renamed; and what git answered. If that is a
            failure, ours is the newest that the checkout has.
        """
        words = ("--quiet", "--no-tags", "--refmap=", "--no-write-fetch-head", "--no-recurse-submodules")
        # A pattern, so that a branch that is not there is not an error; `--prune` drops one that is gone.
        more = (f"+refs/heads/{PREFIX}{name}*:{REVIEWED}{name}*",) if name else ()
        prune = "--prune" if name else "--no-prune"
        own = self._git.checkout.common_dir / "refs" / "campaign"
        with self._git.alone(self._folder / "fetch.lock", lambda: own.rglob("*.lock")) as git:
            for tries_left in (1, 0):
                spec = f"+refs/heads/{default}:{BASE}{default}"
                fetched = git.run("fetch", *words, prune, DEFAULT_REMOTE, *more, spec)
                if not tries_left or not fetched.code or fetched.failure is not GitFailure.NO_BRANCH:
                    break
                default = self.default_branch(ask=True)
            if fetched.code:
                known = ("--sort=-committerdate", "--count=1", "--format=%(objectname)")
                if newest := git.run("for-each-ref", *known, f"{BASE}{default}", _tracked(default)).text:
                    git.run("update-ref", f"{BASE}{default}", newest)
            return default, fetched

    # --- work trees

    def _work(self, name: str) -> Work:
        common, folder = self._git.checkout.common_dir, self._folder / name
        tree = Checkout(top=folder, git_dir=common / "worktrees" / name, common_dir=common)
        git = GitWork(checkout=tree)
        return Work(name=name, folder=folder, root=folder / self._below, git=git, works=self)

    def _make_tree(self, work: Work, git: GitWork) -> None:
        """Make the work tree of a branch, or what is missing of it; files that are there stay."""
        git_dir, half = git.checkout.git_dir, self._folder / ".half" / work.name
        outside = replace(git, checkout=self._git.checkout)
        shutil.rmtree(half, ignore_errors=True)
        if not outside.commit_at(work.ref):
            work._restore_branch(outside)
        if not (git_dir / "HEAD").exists():
            # Git names its entry after the last part of the folder: here, too, the name of the work.
            options = ("--quiet", "--force", "--no-checkout", "--no-guess-remote")
            outside.checked("worktree", "add", *options, str(half), work.branch)
        is_gone = not work.folder.exists() or not any(work.folder.iterdir())
        place, files = (half, ("-u",)) if is_gone else (work.folder, ())
        replace_file(place / ".git", _pointer(git_dir), private=True)
        replace_file(git_dir / "gitdir", os.fsencode(work.folder / ".git") + b"\n")
        here = replace(git, checkout=replace(git.checkout, top=place))
        here.checked("read-tree", "--reset", *files, work.ref)
        if is_gone:
            half.rename(work.folder)
        shutil.rmtree(half, ignore_errors=True)

    def _remove(self, work: Work) -> None:
        """Remove work tree and branch; the facts last, so that it stays in the list if the process dies."""
        for folder in (work.folder, self._folder / ".half" / work.name, work.git.checkout.git_dir):
            shutil.rmtree(folder, ignore_errors=True)
        self._git.run("update-ref", "-d", work.ref)
        for suffix in ("json", "lock"):
            work.beside(suffix).unlink(missing_ok=True)


def _is_whole(work: Work) -> bool:
    """Return whether folder and repository name each other; git writes the index after all files."""
    git_dir = work.git.checkout.git_dir
    try:
        return (work.folder / ".git").read_bytes() == _pointer(git_dir) and (git_dir / "index").exists()
    except OSError:
        return False


def _tracked(branch: str) -> str:
    """Return the person's own ref of a branch of the remote."""
    return f"refs/remotes/{DEFAULT_REMOTE}/{branch}"


def _pointer(git_dir: Path) -> bytes:
    """Return what the `.git` of a work tree holds."""
    return b"gitdir: " + os.fsencode(git_dir) + b"\n"
