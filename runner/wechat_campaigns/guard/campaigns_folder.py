"""Check which campaigns folder a ledger belongs to, namespace by namespace: two would take each other's ids.

A folder is known by its path within its repository and by the repository's first commit, which every clone
has. A shallow clone does not have it, and a copy without git knows no more than the folder's own name; where
something is not known, two folders count as one: better an error too many than a message too many.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path, PurePosixPath

from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import InvalidError, SecretError
from wechat_campaigns.core.git_checkout import run_in_checkout
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import namespace_of
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.ledger.events import Ledger, LedgerKind, append_at_end
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import CampaignsFolder
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.source.settings import SETTINGS_FILE

HasCommit = Callable[[str], bool | None]
"""Whether the repository here has a commit; None where git cannot tell."""


def check_campaigns_folder(root: Path, settings: Settings, state: LedgerState) -> None:
    """Refuse a ledger that belongs to another campaigns folder, or to this one under another namespace.

    Raises:
        InvalidError: `namespace` of the settings is to be written, or to be what it was.
    """
    namespace = settings.namespace
    for appid in sorted(settings.environment.by_appid):
        folders = state.stream(appid).campaigns_folders
        if not folders and not namespace:
            continue  # the ledger records no owner, and git need not be asked
        found = folder_violation(
            folders,
            _here(root),
            namespace,
            sent_by=frozenset(map(namespace_of, state.stream(appid).ids)),
            has_commit=partial(_has_commit, root),
        )
        if found is not None:
            what, hint = found
            place = Location(file=(root / SETTINGS_FILE).as_posix(), line=1)
            raise InvalidError(
                (Diagnostic(location=place, path="$.namespace", rule="namespace", message=what, hint=hint),)
            )


def former_appids(root: Path, settings: Settings, state: LedgerState) -> frozenset[str]:
    """List the AppIDs that left this ledger's environments and have unknown sends of this folder in it."""
    left, namespace = state.streams.keys() - settings.ledger_appids, normalize_id(settings.namespace)
    return frozenset(
        appid
        for appid in left
        if state.stream(appid).unknown_sends()
        # Another folder may share the ledger: it has the account, and reports its sends.
        and (
            (before := state.stream(appid).campaigns_folders.get(namespace)) is None
            or is_same(before, _here(root), partial(_has_commit, root))
        )
    )


def record_campaigns_folder(
    root: Path,
    settings: Settings,
    ledger: Ledger,
    state: LedgerState,
    appids: Iterable[str],
    who: Mapping[str, object],
    *,
    moved: bool = False,
) -> list[str]:
    """Write down whose ledger it is, for each of these accounts where that is not known yet, or less is.

    Args:
        appids: those that an apply calls for, before the first call.
        moved: a person vouches that the folder is another one now.

    Returns:
        The AppIDs for which something was new.

    Raises:
        LedgerError: the ledger does not take it.
    """
    environment, namespace, new = settings.environment, settings.namespace, []
    asks_for_something = environment.protected or environment.asks_approval or namespace
    if environment.is_sandbox and not (asks_for_something or moved):
        return []  # no follower is reached
    here = replace(_here(root), root=_first_commit(root))
    for appid in sorted(environment.by_appid.keys() & appids):
        before = state.stream(appid).campaigns_folders.get(normalize_id(namespace))
        if before is not None:
            knows_more = (here.in_git, bool(here.root)) > (before.in_git, bool(before.root))
            if not knows_more and not (moved and here != before):
                continue
        data = {**asdict(here), "namespace": namespace, "actor": dict(who)}
        # An account without its secret sends nothing, and keeps no other from sending.
        with suppress(SecretError):
            # After the newest event, which its mac then covers: a copy of it elsewhere is found out.
            append_at_end(ledger, appid, partial(_entry, appid, data))
            new.append(appid)
    return new


def _entry(appid: str, data: Mapping[str, object], _events: object) -> Entry:
    return Entry(stream=appid, kind=LedgerKind.CAMPAIGNS_FOLDER, data=data)


@cache
def _here(root: Path) -> CampaignsFolder:
    inside = run_in_checkout(root, "rev-parse", "--show-prefix", lazily=False)
    if inside.code:
        return CampaignsFolder(folder=root.resolve().name)
    return CampaignsFolder(folder=inside.text.rstrip("/") or ".", in_git=True)


def _first_commit(root: Path) -> str:
    """Return the commit that every clone has; empty outside git, in a shallow clone, before the first one."""
    if not _is_whole(root):
        return ""
    found = run_in_checkout(root, "rev-list", "--max-parents=0", "HEAD", lazily=False).text.split()
    return found[-1] if found else ""


def _is_whole(root: Path) -> bool:
    return run_in_checkout(root, "rev-parse", "--is-shallow-repository", lazily=False).text == "false"


@cache
def _has_commit(root: Path, commit: str) -> bool | None:
    if run_in_checkout(root, "cat-file", "-e", f"{commit}^{{commit}}", lazily=False).code == 0:
        return True
    return False if _is_whole(root) else None


def is_same(before: CampaignsFolder, here: CampaignsFolder, has_commit: HasCommit) -> bool:
    """Return whether two are one folder, as far as is known."""
    if before.root and has_commit(before.root) is False:
        return False
    if before.in_git and here.in_git:
        return before.folder == here.folder
    return PurePosixPath(before.folder).name == PurePosixPath(here.folder).name


def folder_violation(
    folders: Mapping[str, CampaignsFolder],
    here: CampaignsFolder,
    namespace: str,
    *,
    sent_by: frozenset[str],
    has_commit: HasCommit,
) -> tuple[str, str] | None:
    """Find what speaks against using an account's ledger from here: in words, with the hint.

    Args:
        folders: the newest of each namespace, by `normalize_id`.
        sent_by: the namespaces, by `normalize_id`, under which anything was sent.
    """
    before = folders.get(normalize_id(namespace))
    if before is not None:
        if is_same(before, here, has_commit):
            return None
        message = _(
            "the ledger belongs to another campaigns folder, `{folder}`; its sends would "
            "count as sends of this folder"
        )
        if namespace:
            message = _("another campaigns folder, `{folder}`, already uses this namespace in the ledger")
        hint = _(
            "if the folder was moved or renamed, run `campaign ledger guard`; if it is a "
            "different folder, set `namespace: NAME` to a name that no other folder uses"
        )
        return message.format(folder=before.folder), hint
    others = [one for one in folders.values() if is_same(one, here, has_commit)]
    if others:
        message = _(
            "this folder used another namespace in the ledger before; its earlier sends are recorded there"
        )
        name = others[-1].namespace
        back = _("restore `namespace: {name}`").format(name=name) if name else _("remove `namespace`")
        guard = _("if this is a different folder, confirm it with `campaign ledger guard`")
        return message, f"{back}; {guard}"
    if namespace and not folders and "" in sent_by:
        message = _(
            "the ledger holds sends without a namespace and does not record which folder made "
            "them; it may have been this one"
        )
        hint = _(
            "remove `namespace`; if another folder made those sends, run `campaign ledger guard` "
            "in that folder first"
        )
        return message, hint
    return None
