"""Whether every change of the settings was approved, before they make this run read a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import chain, pairwise
from pathlib import PurePosixPath
from typing import Final

from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.guard.approvals import check_approvals
from wechat_campaigns.guard.checkout import (
    blob_id,
    check_committed,
    check_same,
    is_shallow,
    newer_than,
    require_history,
    versions,
)
from wechat_campaigns.guard.ports import OnlinePort
from wechat_campaigns.guard.reviews import head_of, request_finder
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.source.settings import SETTINGS_FILE, approvals_in, approvals_of

SETTINGS: Final = PurePosixPath(SETTINGS_FILE)


def check_settings_approved(workspace: OnlinePort, appid: str) -> str:
    """Refuse settings that nobody approved, by the rules that were in force before each change of them.

    Every commit that changed the file since the last apply is asked about, each by the approvals that the
    version before it asked for, a merge also by those of the versions that it dropped: who is let in by a
    commit cannot approve that very commit.

    Args:
        appid: of the account whose secret is about to be read; its stream of the ledger holds the last apply.

    Returns:
        Who approved what; empty where nothing is asked, and on a person's machine, where nobody can be.

    Raises:
        PolicyError: an approval is missing, or nobody can be asked.
    """
    run, folder = current_run(), workspace.root
    if run is None or run.default_branch is None or not workspace.settings.source:
        return ""

    environment = workspace.settings.environment
    guard = workspace.guard(appid)
    in_force = [*filter(None, [environment.approvals, guard_approvals(guard)])]
    if in_force:
        require_history(folder)
    elif is_shallow(folder):
        if workspace.is_sandbox and not environment.protected:
            return ""
        require_history(folder)
    steps = list(_changes_to_ask(workspace, guard))
    if not (in_force or any(rules for _commit, _data, rules in steps)):
        return ""
    check_committed(folder, {SETTINGS: blob_id(folder, workspace.settings.source)})
    told = {}
    request = request_finder(run, run.default_branch)
    for commit, data, rules in steps:
        for rule in rules:
            told[commit] = check_approvals({commit: request(commit)}, rule, branch=run.default_branch)
            if data is not None:
                check_same(folder, head_of(request(commit)), {SETTINGS: blob_id(folder, data)})
    return "; ".join(dict.fromkeys(told.values()))


def _changes_to_ask(
    workspace: OnlinePort, guard: Event | None
) -> Iterator[tuple[str, bytes | None, tuple[Approvals, ...]]]:
    """Go back through the versions of the settings to the one of the last apply."""
    environment, folder = workspace.settings.environment, workspace.root
    accepted = guard.data.get("settings_sha256") if guard is not None else None
    # The same bytes may have come back since: without the rules that were asked for in between.
    since = newer_than(folder, _commit_of(guard))
    asked: list[tuple[str, bytes | None, tuple[Approvals, ...]]] = []
    reached = False
    for version, older in pairwise(chain(versions(folder, SETTINGS), [None])):
        if version is None:
            break
        data, before = version.data, older.data if older is not None else None
        is_accepted = data is not None and sha256(data).hexdigest() == accepted
        if is_accepted and version.commit not in since:
            reached = True
            break
        held = [*version.dropped_parents, *([before] if before is not None and before != data else [])]
        before_it = chain.from_iterable(approvals_in(one, environment) for one in held)
        asked.append((version.commit, data, tuple(dict.fromkeys(before_it))))
    for number, (commit, data, rules) in enumerate(asked):
        if number == 0:
            # By its own rules where there were none before; by the guard's where its version is not found.
            kept = None if reached else guard_approvals(guard)
            rules = tuple(filter(None, dict.fromkeys([*rules, kept]))) or tuple(
                filter(None, [environment.approvals])
            )
        yield commit, data, rules


def _commit_of(guard: Event | None) -> str:
    """Name the commit that an apply was run at; empty when the ledger does not say, or says no commit."""
    actor = guard.data.get("actor") if guard is not None else None
    commit = str(actor.get("commit")).removesuffix("-dirty") if isinstance(actor, Mapping) else ""
    return commit if commit.isalnum() else ""


def guard_approvals(guard: Event | None) -> Approvals | None:
    """Read the approvals that an apply went by, as the ledger says: good enough to ask for more."""
    rules = guard.data.get("rules") if guard is not None else None
    data = rules.get("approvals") if isinstance(rules, Mapping) else None
    return approvals_of(data) if isinstance(data, Mapping) else None
