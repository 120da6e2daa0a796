"""Compare the campaigns of a folder with those of a commit: what a change under review changes.

Of the commit only git's objects are read: no checkout, no filter, no attribute, no hook, no network. Its
campaigns folder is written below a temporary folder and rendered there.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.git import EXIT_NOT_INSTALLED, EXIT_TIMED_OUT, GitResult, batched_objects
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.plan.review import Comparison, compare
from wechat_campaigns.plan.rule_changes import SettingsChange, edits
from wechat_campaigns.render.articles import image_bytes
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.files import MAX_MEDIA_BYTES, Files
from wechat_campaigns.source.settings import load_settings, settings_data
from wechat_campaigns.workspace import Workspace

MAX_TOTAL_BYTES: Final = 512 * 1024 * 1024
SHOWN_BYTES: Final = 300_000
"""The largest picture of the time before that is kept to be shown beside the new one."""
_REGULAR = ("100644", "100755")
_SHALLOW = N_("fetch the commit first (actions/checkout: `fetch-depth: 0`), or use another commit")


def compare_since(
    workspace: Workspace,
    compiled: CompileResult,
    select: Sequence[str],
    ref: str,
) -> Comparison:
    """Render the folder as it was at a commit, by the code of today, and compare.

    Args:
        compiled: the campaigns as they are.
        select: what was selected of them; empty means all.
        ref: the commit, as the user wrote it.

    Raises:
        UsageError: git does not have it, or the folder was too large to be compared.
    """
    root, environment = workspace.root, workspace.settings.environment.name
    commit = resolve_ref(root, ref)
    with tree_at(root, commit) as base:
        before, note = _compile_base(base, environment, workspace.variables)
        settings = _settings_edits(root, base)
        now = {file.sha256 for send in compiled.sends for file in _pictures(send)}
        files = {file.sha256: file for send in before for file in _pictures(send) if file.sha256 not in now}
        small = (file for file in files.values() if file.size_bytes <= SHOWN_BYTES)
        pictures = {file.sha256: image_bytes(file, Files(base)) for file in small}
    campaigns = {send.campaign for send in compiled.sends}

    def is_comparable(send: Send) -> bool:
        # A campaign that is not planned was not selected, cannot be rendered any more, or is gone.
        is_gone = not select and not (root / Path(send.location.file).relative_to(base)).exists()
        return send.campaign in campaigns or is_gone

    kept = filter(is_comparable, before)
    found = compare(kept, compiled.sends, ref=ref, commit=commit, settings=settings, note=note)
    return replace(found, pictures=pictures)


def _pictures(send: Send) -> Iterator[FileInfo]:
    """Yield the picture files of a send."""
    files = (upload.file for upload in send.content.uploads() if upload.kind == "image")
    return (file for file in files if file is not None)


def _settings_edits(root: Path, base: Path) -> tuple[SettingsChange, ...]:
    try:
        before = settings_data(base)
    except InvalidError:
        before = {}  # so that every key is shown
    return edits(before, settings_data(root))


def _compile_base(base: Path, environment: str, variables: Mapping[str, str]) -> tuple[tuple[Send, ...], str]:
    """Render the folder of the commit; with a note about what of it cannot be rendered."""
    try:
        compiled = compile_campaigns(
            base,
            settings=load_settings(base, environment=environment),
            files=Files(base),
            variables=variables,
        )
    except (InvalidError, UsageError) as error:
        message = _(
            "the campaigns of that commit cannot be rendered for {name}, so every send counts as new: {error}"
        )
        return (), message.format(name=environment, error=error.message)
    if not compiled.invalid:
        return compiled.sends, ""
    message = ngettext(
        "{count} campaign of that commit cannot be rendered and counts as new",
        "{count} campaigns of that commit cannot be rendered and count as new",
        len(compiled.invalid),
    )
    return compiled.sends, message.format(count=len(compiled.invalid))


def resolve_ref(root: Path, ref: str) -> str:
    """Return the commit a ref stands for by its full hash.

    Args:
        ref: a branch, tag or hash, as a user wrote it.

    Raises:
        UsageError: the repository does not have the commit, or git is not installed.
    """
    is_name = ref and not ref.startswith("-") and ref.isprintable()
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    done = _git(root, *words) if is_name else None
    if done is None or done.code:
        raise UsageError(
            _("git finds no such commit in this repository"),
            hint=_(_SHALLOW),
            location=f"--changed-since {ref}",
        )
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
    files = [one for one in _listed(root, commit) if one[2] <= MAX_MEDIA_BYTES]
    if sum(size_bytes for _path, _id, size_bytes in files) > MAX_TOTAL_BYTES:
        raise UsageError(
            _("at commit {commit}, the campaigns folder is larger than {most} MiB").format(
                most=MAX_TOTAL_BYTES // 1024**2, commit=commit[:12]
            ),
            hint=_("run the command without `--changed-since`"),
        )
    wanted = "".join(f"{object_id}\n" for _path, object_id, _size in files).encode()
    done = _git(root, "cat-file", "--batch", given=wanted)
    for (path, wanted_id, _size), (object_id, data) in zip(files, batched_objects(done.stdout), strict=True):
        if data is None or object_id != wanted_id:
            raise UsageError(_("a git object for `{path}` is missing").format(path=path), hint=_(_SHALLOW))
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _listed(root: Path, commit: str) -> Iterator[tuple[PurePosixPath, str, int]]:
    """Yield path, object id and bytes of each regular file."""
    done = _git(root, "ls-tree", "-r", "-l", "-z", commit)
    for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        facts, _tab, name = entry.partition("\t")
        mode, _kind, object_id, size = facts.split()
        path = PurePosixPath(name)
        if mode in _REGULAR and not path.is_absolute() and ".." not in path.parts and "\\" not in name:
            yield path, object_id, int(size)


def _git(root: Path, *words: str, given: bytes = b"") -> GitResult:
    answer = run_in_checkout(root, *words, given=given, lazily=False)
    if answer.code == EXIT_NOT_INSTALLED:
        raise UsageError(_("`--changed-since` requires git"), hint=_("install git"))
    if answer.code == EXIT_TIMED_OUT:
        raise UsageError(
            _("git did not respond in time"), hint=_("run the command without `--changed-since`")
        )
    return answer
