"""Read a campaigns folder: its campaigns, and every problem of every file.

Links and repositories in it are refused: a link reads, or hides, what lies elsewhere on the machine, and git
takes some ordinary files for a repository.
"""

import fnmatch
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, Location
from wechat_campaigns.core.errors import InvalidError, UsageError, system_hint, system_reason
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import full_id, id_fault, nearest, quoted, skeleton
from wechat_campaigns.core.redact import redact
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.settings import SETTINGS_FILE
from wechat_campaigns.source.strict_yaml import Document, parse_document
from wechat_campaigns.source.validate import Campaign, check_campaign, sound_part

MAX_YAML_BYTES: Final = 1024 * 1024
_SUFFIXES = ("yaml", "yml")
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
"""What Python puts in place of a byte of a file's name that is not UTF-8."""
EDITOR_LOCK: Final = ".#"
"""How the dangling links begin that Emacs lays beside a file that is being edited."""
_GIT: Final = ".git"
_BARE: Final = frozenset({"HEAD", "objects", "refs"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFile:
    """A campaign file, not read yet.

    `relative` is its path below the campaigns folder, `display_path` the path as the user would type it.
    """

    name: str
    """Its id without the namespace: its path without the suffix."""
    relative: str
    display_path: str
    namespace: str = ""

    @property
    def id(self) -> str:
        """Its id in full, such as `shop:sale`."""
        return full_id(self.namespace, self.name)

    @property
    def file(self) -> PurePosixPath:
        """The path below the campaigns folder."""
        return PurePosixPath(self.relative)


def require_folder(root: Path) -> None:
    """Make sure that the campaigns folder is there, and holds neither links nor a repository at any depth.

    Folders above it may be links, as `/tmp` is on macOS, unless a checkout carries them.

    Raises:
        InvalidError: it is or holds a link, or holds a repository; each of them is named.
        UsageError: it is not there; the hint names one that the working directory is in or below.
    """
    if refused := _walk(root).refused:
        raise InvalidError(refused)


def _check_root(root: Path) -> None:
    """Raise as `require_folder` for a folder that is not there, and for what is above it."""
    if root.is_dir() or root.is_symlink():
        refuse_links_above(root)
        return
    above = enclosing_campaigns_folder(root)
    raise UsageError(
        _("folder `{folder}` does not exist").format(folder=root.as_posix()),
        hint=_("add `--dir {folder}`: the campaigns folder is in a folder above").format(folder=quoted(above))
        if above
        else _(
            "run the command in the folder that contains the campaigns folder, name it with "
            "`--dir`, or create one with `campaign init`"
        ),
    )


def enclosing_campaigns_folder(root: Path) -> str | None:
    """Return the campaigns folder, settings and all, that the working directory is in or below."""
    for up, parent in enumerate(Path.cwd().parents, 1):
        if (parent / root / SETTINGS_FILE).is_file():
            return "/".join([".."] * up + [root.as_posix()])
    return None


def find_campaigns(
    root: Path, only: Sequence[str] = (), namespace: str = "", *, gather: bool = False
) -> tuple[list[CampaignFile], list[Diagnostic]]:
    """List campaign files in order of id without reading them, and what is wrong with their names.

    Args:
        only: ids, id patterns (`2026/*`), or paths of files and folders; empty means all.
        gather: return links and repositories in the folder as problems, and the files beside them.

    Raises:
        InvalidError: as for `require_folder`.
        UsageError: the folder does not exist, or an entry of `only` selects nothing.
    """
    files, refused, unreadable = _walk(root)
    if refused and not gather:
        raise InvalidError(refused)
    if unreadable:
        raise unreadable[0]
    found: list[CampaignFile] = []
    above = _above(root)
    for relative in files:
        stem, _dot, suffix = relative.rpartition(".")
        if suffix.lower() in _SUFFIXES:
            name = unicodedata.normalize("NFC", stem)
            path = above + relative
            found.append(CampaignFile(name=name, relative=relative, display_path=path, namespace=namespace))
    found.sort(key=lambda item: item.name)
    links = {problem.location.file for problem in refused}
    chosen = [item for item in _select(found, only, root) if item.display_path not in links]
    return chosen, [*refused, *_collisions(found, chosen)]


def load_campaign(item: CampaignFile) -> Campaign | tuple[Diagnostic, ...]:
    """Read and check one campaign file: the campaign, or every problem of its file."""
    read = _read(item)
    return check_campaign(read) if isinstance(read, Document) else read


def load_sound_part(item: CampaignFile) -> Campaign | None:
    """Read what can be checked of a campaign file with problems; None when too little is left."""
    read = _read(item)
    return sound_part(read) if isinstance(read, Document) else None


def _read(item: CampaignFile) -> Document | tuple[Diagnostic, ...]:
    shown = item.display_path
    if _NOT_UTF8.search(item.name):
        raw = shown.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        what = _("the file name is not UTF-8; it may be GBK")
        hint = _("rename the file in UTF-8, or use only ASCII letters")
        return (Finding("campaign-id", what, hint).at(Location(file=raw)),)
    if fault := id_fault(item.name):
        return (Finding("campaign-id", *fault).at(Location(file=redact(shown))),)
    file = item.file
    suffix = f".{item.relative.rpartition('.')[2]}"
    if not suffix.islower():
        # Passed over in silence, a campaign that somebody expects would never be sent.
        what = _("the suffix {suffix} is not in lower case").format(suffix=suffix)
        hint = _("rename the file to `{name}`").format(name=file.with_suffix(suffix.lower()).name)
        return (Finding("campaign-id", what, hint).at(Location(file=shown)),)
    try:
        written = read_regular(shown, MAX_YAML_BYTES)
    except FileError as error:
        return (error.to_diagnostic(Location(file=shown)),)
    except OSError as error:
        what = _("`{name}` cannot be read: {reason}").format(name=shown, reason=system_reason(error))
        hint = _("add the file, or correct the path")
        return (Finding("file-missing", what, hint).at(Location(file=shown)),)
    read = parse_document(written, id=item.id, file=file, shown=shown)
    return (read,) if isinstance(read, Diagnostic) else read


def _above(root: Path) -> str:
    """Return what stands before a name in the folder when the file is shown."""
    return (root / "_").as_posix().removesuffix("_")


def _collisions(found: list[CampaignFile], chosen: list[CampaignFile]) -> list[Diagnostic]:
    """Refuse ids that are one and the same file, or id, on another system, and those that look the same."""
    same: dict[str, list[CampaignFile]] = defaultdict(list)
    for item in found:
        same[skeleton(item.name)].append(item)
    problems = []
    for item in chosen:
        others = same[skeleton(item.name)]
        if len(others) > 1:
            others = [other for other in others if other.relative != item.relative]
            is_same = any(normalize_id(other.name) == normalize_id(item.name) for other in others)
            what = _("the id `{id}` looks like the id of `{file}`")
            hint = _("rename one of them: its letters belong to another script and look the same")
            if is_same:
                what = _("the id `{id}` is already used by `{file}`")
                hint = _("rename one of them: ids must differ in more than letter case")
            what = what.format(id=item.id, file=others[0].display_path)
            problems.append(Finding("campaign-id-taken", what, hint).at(Location(file=item.display_path)))
    return problems


def _select(found: list[CampaignFile], only: Sequence[str], root: Path) -> list[CampaignFile]:
    if not only:
        return found
    chosen: set[str] = set()
    for wanted in only:
        # Empty is a variable of a script that was not set: it does not stand for everything.
        matched = list(filter(_matcher(wanted, root), found)) if wanted else []
        if not matched:
            otherwise = _("use an id, a pattern of ids, or a file")
            if wanted.endswith(".json"):  # as other tools take it
                otherwise = _("use `campaign apply --plan FILE` for a plan file")
            raise UsageError(
                _("no campaign matches `{wanted}`").format(wanted=wanted),
                hint=_nearest_id(wanted, found) or otherwise,
            )
        chosen.update(item.relative for item in matched)
    return [item for item in found if item.relative in chosen]


def _nearest_id(wanted: str, found: list[CampaignFile]) -> str:
    """Ask whether the id that looks most alike was meant, also without its folder; empty without one.

    A send of a campaign, `sale[beijing]` or `vip#1`, leads to the campaign.
    """
    by_name = {item.name.rpartition("/")[2]: item.id for item in found}
    by_name.update((item.name, item.id) for item in found)
    name = nearest(re.split(r"[\[#]", wanted)[0], by_name)
    return _("did you mean `{name}`?").format(name=by_name[name]) if name else ""


def _matcher(wanted: str, root: Path) -> Callable[[CampaignFile], bool]:
    """Make the test that a file must pass to be meant by what was written."""
    plain = wanted.removeprefix("./").rstrip("/")
    if plain in ("", root.as_posix(), "."):
        return lambda _item: True
    plain = normalize_id(plain)
    above = _above(root).removeprefix("./")
    fits = re.compile(f"{re.escape(plain)}(?:/.*)?|{fnmatch.translate(plain)}", re.DOTALL).fullmatch

    def matches(item: CampaignFile) -> bool:
        names = (item.id, item.name, item.relative, above + item.name, above + item.relative)
        return any(fits(normalize_id(name)) for name in names)

    return matches


# --- neither links nor repositories in the folder


def refuse_links_above(root: Path) -> None:
    """Raise `InvalidError` if nothing of the folder may be read: it is a link, or a checkout's lies above."""
    if root.is_symlink():
        what = _("`{path}` is a link, which can point anywhere on this machine").format(path=root.as_posix())
        hint = _("put the folder itself here, or name it with `--dir`")
        raise InvalidError((Finding("file-link", what, hint).at(Location(file=root.as_posix())),))
    if above := [folder for folder in root.parents if folder.is_symlink() and _is_carried(folder)]:
        what = _("a folder above the campaigns folder is a link inside a checkout")
        hint = _("use the path of the campaigns folder without the link: `--dir {folder}`")
        finding = Finding("file-link", what, hint.format(folder=quoted(os.path.realpath(root))))
        raise InvalidError(tuple(finding.at(Location(file=folder.as_posix())) for folder in above))


def _is_carried(link: Path) -> bool:
    """Return whether a commit may hold a link: it lies in the checkout of the working directory."""
    # It starts programs: only a link above the folder needs it.
    from wechat_campaigns.core.git_checkout import find_checkout

    here = find_checkout(Path.cwd() / "_")
    return here is not None and Path(os.path.realpath(link.parent)).is_relative_to(here.top)


class _Walked(NamedTuple):
    files: list[str]
    """Paths below the folder, without those that have a part that begins with `_` or `.`."""
    refused: tuple[Diagnostic, ...]
    """Links and repositories, at any depth."""
    unreadable: list[UsageError]
    """Of folders with files that nobody would miss."""


def _walk(root: Path) -> _Walked:
    """List what is in the campaigns folder; raise as `require_folder` for what is above it."""
    _check_root(root)
    files: list[str] = []
    refused: list[Diagnostic] = []
    unreadable: list[UsageError] = []
    waiting = [(os.fspath(root), "", True)]
    while waiting:
        folder, above, is_read = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if is_read:
                what = _("`{name}` cannot be read: {reason}")
                what = what.format(name=Path(folder).as_posix(), reason=system_reason(error))
                hint = _("give yourself permission to read it, or use `--dir` to name another folder")
                unreadable.append(UsageError(what, hint=system_hint(error, hint)))
            continue
        if _BARE.issubset(entry.name for entry in ordered):
            refused.append(_repository(folder))
        for entry in ordered:
            is_own = is_read and not entry.name.startswith(("_", "."))
            if entry.name.casefold() == _GIT:
                refused.append(_repository(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, f"{above}{entry.name}/", is_own))
            elif is_own:
                files.append(above + entry.name)
            if entry.is_symlink() and not entry.name.startswith(EDITOR_LOCK):
                refused.append(_link(Path(entry.path)))
    return _Walked(files, tuple(sorted(refused, key=lambda problem: problem.location.file)), unreadable)


def _link(path: Path) -> Diagnostic:
    what = _("`{path}` is a link, which can point anywhere on this machine").format(path=path.as_posix())
    hint = _("put the file or folder itself here")
    return Finding("file-link", what, hint).at(Location(file=path.as_posix()))


def _repository(folder: str) -> Diagnostic:
    what = _("the campaigns folder contains a git repository")
    hint = _("move the repository out of the campaigns folder; a submodule is not allowed there either")
    return Finding("file-repository", what, hint).at(Location(file=Path(folder).as_posix()))
