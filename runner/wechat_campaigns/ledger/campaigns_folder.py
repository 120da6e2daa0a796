"""Which campaigns folder a ledger belongs to, namespace by namespace: two would take each other's ids.

A folder is known by its path within its repository and by the repository's first commit, which every clone
has. A shallow clone does not have it, and a copy without git knows no more than the folder's own name; where
something is not known, two folders count as one: better an error too many than a message too many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from wechat_campaigns.core.i18n import _
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import normalize_id


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignsFolder:
    """A campaigns folder."""

    folder: str
    """Its path within the repository; outside git its name."""
    in_git: bool = False
    root: str = ""
    """The repository's first commit, where it is known."""

    @classmethod
    def from_event(cls, event: Event) -> CampaignsFolder:
        """Read it back from the event that kept it."""
        data = event.data
        return cls(folder=str(data["folder"]), in_git=bool(data["in_git"]), root=str(data["root"]))

    def is_more_specific(self, before: CampaignsFolder) -> bool:
        """Return whether more is known of the same folder than before."""
        return (self.in_git, bool(self.root)) > (before.in_git, bool(before.root))


HasCommit = Callable[[str], bool | None]
"""Whether the repository here has a commit; None where git cannot tell."""


def is_same(before: CampaignsFolder, here: CampaignsFolder, has_commit: HasCommit) -> bool:
    """Return whether two are one folder, as far as is known."""
    if before.root and has_commit(before.root) is False:
        return False
    if before.in_git and here.in_git:
        return before.folder == here.folder
    return PurePosixPath(before.folder).name == PurePosixPath(here.folder).name


def folder_violation(
    folders: Mapping[str, Event],
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
    mine = folders.get(normalize_id(namespace))
    if mine is not None:
        before = CampaignsFolder.from_event(mine)
        return None if is_same(before, here, has_commit) else _another_folder(before, namespace)
    others = (one for one in folders.values() if is_same(CampaignsFolder.from_event(one), here, has_commit))
    newest = next(reversed([*others]), None)
    if newest is not None:
        return _another_namespace(str(newest.data["namespace"]))
    if namespace and not folders and "" in sent_by:
        return (
            _(
                "the ledger holds sends without a namespace and does not record which folder made "
                "them; it may have been this one"
            ),
            _(
                "remove `namespace`; if another folder made those sends, run `campaign ledger guard` "
                "in that folder first"
            ),
        )
    return None


def _another_folder(before: CampaignsFolder, namespace: str) -> tuple[str, str]:
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


def _another_namespace(name: str) -> tuple[str, str]:
    message = _(
        "this folder used another namespace in the ledger before; its earlier sends are recorded there"
    )
    back = _("restore `namespace: {name}`").format(name=name) if name else _("remove `namespace`")
    guard = _("if this is a different folder, confirm it with `campaign ledger guard`")
    return message, f"{back}; {guard}"
