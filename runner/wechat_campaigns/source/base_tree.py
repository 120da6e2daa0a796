"""A commit's campaigns folder, written out below a temporary folder to be rendered and compared.

Only git's objects are read: no checkout, no filter, no attribute, no hook, no network.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, EXIT_TIMED_OUT, GitResult, batched_objects
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.source.files import MAX_MEDIA_BYTES

MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
_REGULAR = ("100644", "100755")
_SHALLOW = N_("fetch the commit first (actions/checkout: `fetch-depth: 0`), or use another commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    path: PurePosixPath
    object_id: str
    size_bytes: int


def resolve_ref(root: Path, ref: str) -> str:
    """Return the commit a ref stands for by its full hash.

    Args:
        ref: a branch, tag or hash, as a user wrote it.

    Raises:
        UsageError: git knows no such commit here, or there is no git.
    """
    where = f"--changed-since {ref}"
    if not ref or ref.startswith("-") or not ref.isprintable():
        raise UsageError(
            _("this is not a valid name of a commit"), hint=_("use a branch, a tag or a hash"), location=where
        )
    done = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if done.code:
        raise UsageError(_("git finds no such commit in this repository"), hint=_(_SHALLOW), location=where)
    return done.stdout.decode().strip()


@contextmanager
def tree_at(root: Path, commit: str) -> Iterator[Path]:
    """Write the regular files that a folder had at a commit into a folder of the same name.

    Args:
        commit: a full hash, from `resolve_ref`.

    Yields:
        The folder, which is gone afterwards.

    Raises:
        UsageError: the folder was too large to be compared, or an object is missing.
    """
    with tempfile.TemporaryDirectory(prefix="campaign-base-") as folder:
        base = Path(folder) / root.resolve().name
        base.mkdir()
        _write_tree(root, commit, base)
        yield base


def _write_tree(root: Path, commit: str, target: Path) -> None:
    blobs = [blob for blob in _listed(root, commit) if blob.size_bytes <= MAX_MEDIA_BYTES]
    if sum(blob.size_bytes for blob in blobs) > MAX_TOTAL_BYTES:
        raise UsageError(
            _("at commit {commit}, the campaigns folder is larger than {most} MiB").format(
                most=MAX_TOTAL_BYTES // 1024**2, commit=commit[:12]
            ),
            hint=_("run the command without `--changed-since`"),
        )
    wanted = "".join(f"{blob.object_id}\n" for blob in blobs).encode()
    done = _git(root, "cat-file", "--batch", given=wanted)
    for blob, (object_id, data) in zip(blobs, batched_objects(done.stdout), strict=True):
        if data is None or object_id != blob.object_id:
            raise UsageError(
                _("a git object for `{path}` is missing").format(path=blob.path), hint=_(_SHALLOW)
            )
        file = target / blob.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _listed(root: Path, commit: str) -> Iterator[_Blob]:
    done = _git(root, "ls-tree", "-r", "-l", "-z", commit)
    for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        facts, _tab, name = entry.partition("\t")
        mode, _kind, object_id, size = facts.split()
        path = PurePosixPath(name)
        if mode in _REGULAR and not path.is_absolute() and ".." not in path.parts and "\\" not in name:
            yield _Blob(path=path, object_id=object_id, size_bytes=int(size))


def _git(root: Path, *words: str, given: bytes = b"") -> GitResult:
    answer = run_in_checkout(root, *words, given=given, lazily=False)
    if answer.code == EXIT_NOT_INSTALLED:
        raise UsageError(_("`--changed-since` requires git"), hint=_("install git"))
    if answer.code == EXIT_TIMED_OUT:
        raise UsageError(
            _("git did not respond in time"), hint=_("run the command without `--changed-since`")
        )
    return answer
