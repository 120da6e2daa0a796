"""Check that the campaigns are what was approved last, and nothing since: one question of all in force.

It stands in for an environment's required reviewers, where a plan of GitHub or GitLab has none.

A commit is accepted if it came by a request that enough approvers agreed to, by the rules of what was
accepted before; if it holds what that request's newest commit holds; and if the reviewers saw the change
against what was accepted before. Everything else, pushed or merged in whatever order, leaves what was
approved as it was. A run goes on only where the checked-out commit holds the same as the one accepted last.
Compared are git's trees: that of the campaigns folder, or of the whole repository where the settings name
programs, which may read all of it.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import NamedTuple

from wechat_campaigns.code_host.ci_run import CiRun, MergedRequest
from wechat_campaigns.core.errors import PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import SANDBOX, Approvals, Environment, Settings
from wechat_campaigns.guard import checkout
from wechat_campaigns.ledger.trust import has_valid_mac
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import mac_key
from wechat_campaigns.source.settings import maps


def check_approval(commit: str, request: MergedRequest | None, wanted: Approvals, *, branch: str) -> str:
    """Refuse a commit unless it came by a request that enough of the approvers agreed to.

    Args:
        request: the merged request it came by; None when it came without one.

    Returns:
        Who approved it, for the ledger: `#12 by ann, bob`.

    Raises:
        PolicyError: says what is missing.
    """
    if request is None:
        raise approval_error(
            _("commit {commit} reached {branch} without a merged request").format(
                commit=commit[:12], branch=branch
            ),
            _(
                "revert it, then submit the change in a pull or merge request and have it approved; "
                "forbid direct pushes to the branch"
            ),
        )
    # Kept in the ledger, so in English whatever the reader speaks.
    return f"#{request.number} by {', '.join(_approvers(request, wanted))}"


def _approvers(request: MergedRequest, wanted: Approvals) -> list[str]:
    """List the approvals that count, in the order of their names."""
    if not request.is_complete:
        raise approval_error(
            _("#{number} has more commits than the code host lists, so who wrote them is unknown").format(
                number=request.number
            ),
            _("revert it, then submit it again in requests of fewer than 250 commits"),
        )
    eligible = {name.casefold() for name in wanted.approvers}
    against = [name for name in request.changes_requested_by if name.casefold() in eligible]
    if against:
        raise approval_error(
            _("{names} asked for changes in #{number}").format(
                names=_(", ").join(against), number=request.number
            ),
            _("resolve it in that request: an approval by the same person withdraws the request for changes"),
        )
    barred = {name.casefold() for name in (request.author, *request.writers)}
    counted = sorted({name.casefold() for name in request.approved_by} & eligible - barred)
    if len(counted) < wanted.count:
        may = [name for name in wanted.approvers if name.casefold() not in barred]
        raise approval_error(
            _("#{number} has {count} of {wanted} required approvals for its newest commit").format(
                number=request.number, count=len(counted), wanted=wanted.count
            ),
            _(
                "ask one of {names} to approve it, then run this again; approvals given before the "
                "last commit do not count"
            ).format(names=_(", ").join(may or [*wanted.approvers])),
        )
    return counted


def approval_error(what: str, hint: str) -> PolicyError:
    """Return that something was not approved, and what to do."""
    return PolicyError(_("not approved: {what}").format(what=what), hint=hint, location=_("approvals"))


class ApprovedTree(NamedTuple):
    """What a run goes by; empty where nobody was asked."""

    told: str = ""
    """Who approved what, for the ledger: `#12 by ann, bob`."""
    commit: str = ""
    tree: str = ""


class Anchor(NamedTuple):
    """What the ledger records of the last apply; the writer of another ledger chooses it.

    So it adds what it asks for, and takes nothing away. See `is_genuine` for what may shorten the history.
    """

    commit: str = ""
    """It held what was approved; empty where nobody was asked."""
    approvals: Approvals | None = None
    told: str = ""


def anchor_of(guard: Event | None) -> Anchor:
    """Read the rules of the last apply, and the commit that it was run at."""
    if guard is None:
        return Anchor()
    commit, actor = guard.data.get("commit"), guard.data.get("actor")
    told = actor.get("approved") if isinstance(actor, Mapping) else None
    return Anchor(
        commit=commit if isinstance(commit, str) and commit.isalnum() else "",
        approvals=guard_approvals(guard),
        told=told if isinstance(told, str) else "",
    )


def guard_approvals(guard: Event | None) -> Approvals | None:
    """Read the approvals that an apply went by, as the ledger says: good enough to ask for more."""
    rules = guard.data.get("rules") if guard is not None else None
    if guard is None or not isinstance(rules, Mapping):
        return None
    accounts = (one for _name, one in maps(rules.get("accounts")) if one.get("appid") == guard.stream)
    asked = (one.get("approvals") for one in (*accounts, rules))
    data = next((one for one in asked if isinstance(one, Mapping)), None)
    return checkout.approvals_of(data) if data is not None else None


def is_genuine(root: Path, settings: Settings, guard: Event) -> bool:
    """Return whether a guard was written with the AppSecret, before anything of the settings is obeyed.

    The key must be none that these settings bring along: no program's and no file's, and of a variable that
    every version of them that asks for approvals names for the account: others may hold words of a commit.
    """
    account = settings.environment.by_appid.get(guard.stream)
    name = (account.root.env if account is not None else None) or ""
    value = os.environ.get(name, "").strip()
    if not value or not has_valid_mac(guard, mac_key(value, guard.stream)):
        return False
    versions = checkout.settings_versions(root, checkout.head_of(root))
    named = (checkout.root_variables_in(version, guard.stream) for version in versions)
    return all(name in one for one in named if one is not None)


def check_tree_approved(
    root: Path, settings: Settings, run: CiRun, guard: Event | None, appid: str
) -> ApprovedTree:
    """Refuse a commit that does not hold what was approved last.

    Args:
        guard: of the last apply, as the ledger says.
        appid: by whose approvals; empty for those of every account together. Then no apply shortens the
            history: it was one of an account alone.

    Raises:
        PolicyError: an approval is missing, or the code host cannot be asked.
    """
    environment, anchor = settings.environment, anchor_of(guard)
    wanted = environment.approvals_of(environment.by_appid.get(appid)) if appid else environment.asks_approval
    # The sandbox in this process reaches no follower, and starts no program.
    if not settings.source or (environment.api == SANDBOX and not (wanted or anchor.approvals)):
        return ApprovedTree()
    if wanted or anchor.approvals:
        checkout.require_history(root)
    elif checkout.is_shallow(root):
        if environment.is_sandbox and not environment.protected:
            return ApprovedTree()
        checkout.require_history(root)
    elif not checkout.head_of(root):
        return ApprovedTree()
    if anchor.commit and anchor.commit not in checkout.commits_since(root, "", checkout.head_of(root)):
        anchor = anchor._replace(commit="")
    if anchor.approvals and not anchor.commit:
        raise approval_error(
            _("the history of the branch does not hold the commit that was approved at the last apply"),
            _restore_hint(environment.name),
        )
    is_known = appid and anchor.commit and guard is not None and is_genuine(root, settings, guard)
    history = _History(root, environment, run, anchor, appid, anchor.commit if is_known else "")
    if not (wanted or history.asks()):
        return ApprovedTree()
    checkout.check_committed(root, history.head)
    return history.check_head()


def _restore_hint(environment: str) -> str:
    return _(
        "restore the branch; or check the campaigns and run `campaign ledger guard --env {name}` "
        "in a clean checkout of it, on a machine that holds the AppSecret or "
        "ledger_key"
    ).format(name=environment)


def present_tree(root: Path, environment: Environment) -> ApprovedTree:
    """Read the commit that is checked out, for a person who vouches for what it holds; empty outside git.

    Raises:
        PolicyError: files differ from it.
    """
    head = checkout.head_of(root)
    if not head:
        return ApprovedTree()
    checkout.check_clean(root)
    return ApprovedTree(commit=head, tree=_History(root, environment, None, Anchor(), "", head).tree(head))


class _Kind(Enum):
    """What is known of what was accepted last."""

    NOT_ASKED = auto()
    """Nobody had to approve anything yet: whatever comes next is approved by its own rules."""
    ACCEPTED = auto()
    UNCLEAR = auto()
    """Several things, none of which came after the others: nothing is accepted on top of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What was accepted last, as of some commit."""

    kind: _Kind
    commit: str = ""
    rules: tuple[Approvals, ...] = ()
    """By which whatever comes next is approved."""
    told: tuple[str, ...] = ()
    """Who approved what since the last apply."""
    error: PolicyError | None = None
    """Why the first commit since was not accepted."""


class _History:
    """The commits that lead to the one that is checked out, since one that is known to be accepted."""

    def __init__(
        self, root: Path, environment: Environment, run: CiRun | None, anchor: Anchor, appid: str, start: str
    ) -> None:
        self._folder, self._environment, self._appid = root, environment, appid
        self._anchor = anchor
        self._branch = (run.default_branch if run else None) or ""
        self._find = request_finder(run) if run else lambda _commit: None
        self.head = checkout.head_of(self._folder)
        self._parents = checkout.commits_since(self._folder, start, self.head)
        around = {*self._parents, *(one for parents in self._parents.values() for one in parents)}
        self._objects = checkout.objects_of(self._folder, filter(None, {*around, start}))
        self._approvals_in = cache(self._read_approvals)
        kept = (self.rules(start) if start else None) or ()
        self._start = _State(kind=_Kind.ACCEPTED if start else _Kind.NOT_ASKED, commit=start, rules=kept)

    def tree(self, commit: str) -> str:
        """Return the id of the tree that is asked about; empty where a commit has none."""
        if commit not in self._objects:
            self._objects |= checkout.objects_of(self._folder, [commit])
        held = self._objects[commit]
        if not held.root:
            raise self._unclear_error(commit)
        return checkout.tree_of(self._folder, held)

    def rules(self, commit: str) -> tuple[Approvals, ...] | None:
        """List the approvals that a commit asks for after it; None where its settings are lost."""
        held = self._objects[commit]
        found = self._approvals_in(held.settings, held.accounts)
        if commit == self._anchor.commit and self._anchor.approvals:
            return tuple(dict.fromkeys((*(found or ()), self._anchor.approvals)))
        return found

    def _read_approvals(self, settings: str, accounts: str) -> tuple[Approvals, ...] | None:
        version = checkout.settings_at(self._folder, settings, accounts)
        return checkout.approvals_in(version, self._environment, self._appid)

    def asks(self) -> bool:
        """Return whether anything that leads to the head asks for approvals."""
        return bool(self._start.rules) or any(map(self.rules, self._parents))

    def check_head(self) -> ApprovedTree:
        """Refuse the checked-out commit unless it holds the same as the one accepted last.

        Raises:
            PolicyError: says why the first commit since was not accepted.
        """
        states: dict[str, _State] = {}
        for commit, (request, follows) in self._steps().items():
            states_before = [self._state_of(one, states) for one in follows]
            before = self._newest(states_before) if follows else self._start
            states[commit] = self._state_at(commit, request, follows, before)
        state = self._state_of(self.head, states)
        if state.error or not state.commit or self.tree(self.head) != self.tree(state.commit):
            raise state.error or self._unclear_error(self.head)
        told = "; ".join(dict.fromkeys(state.told)) or self._anchor.told
        return ApprovedTree(told=told, commit=self.head, tree=self.tree(self.head))

    def _state_of(self, commit: str, states: Mapping[str, _State]) -> _State:
        """Return the state as of a commit; of one that nobody was asked about, itself."""
        if commit in self._parents:
            return states.get(commit) or _State(kind=_Kind.NOT_ASKED, commit=commit)
        return self._start

    def _steps(self) -> dict[str, tuple[MergedRequest | None, tuple[str, ...]]]:
        """List the steps that lead to the head, oldest first: the request each came by, and what it follows.

        The commits of a request are one step. They begin where approvals are asked for first.
        """
        asking: dict[str, bool] = {}
        for commit, parents in self._parents.items():
            before = (asking.get(one, bool(self._start.rules)) for one in parents)
            asking[commit] = bool(self.rules(commit)) or any(before)
        steps, needed = {}, {self.head}
        for commit in filter(asking.get, reversed(self._parents)):
            if commit in needed:
                parents = self._parents[commit]
                changes = any(self.tree(one) != self.tree(commit) for one in parents)
                request = self._find(commit) if changes else None
                follows = self._outside(commit, request) if request is not None else parents
                steps[commit] = (request, follows)
                needed.update(follows)
        return dict(reversed(steps.items()))

    def _outside(self, commit: str, request: MergedRequest) -> tuple[str, ...]:
        """List the commits that a request's own commits follow.

        A request lists also what came by another one if it was opened on top of that.
        """
        outside: list[str] = []
        seen, waiting = {commit}, [commit]
        while waiting:
            for one in self._parents[waiting.pop()]:
                if one not in seen:
                    seen.add(one)
                    is_own = one in request.commits and one in self._parents and self._brought(one, request)
                    (waiting if is_own else outside).append(one)
        return tuple(outside)

    def _brought(self, commit: str, request: MergedRequest) -> bool:
        found = self._find(commit)
        return found is not None and found.number == request.number

    def _newest(self, states: Iterable[_State]) -> _State:
        """Return the state that all others led to, or an unclear one."""
        found = [*{(state.kind, state.commit): state for state in states}.values()]
        # A branch of a time when nobody was asked may hold anything.
        found = [state for state in found if state.kind is not _Kind.NOT_ASKED] or found
        if unclear := [state for state in found if state.kind is _Kind.UNCLEAR]:
            return unclear[0]
        by_commit = {state.commit: state for state in found}
        last = checkout.without_ancestors(self._folder, by_commit) if len(found) > 1 else [*by_commit]
        if len(last) == 1:
            return by_commit[last[0]]
        error = approval_error(
            _("the history merges {commits}, and none of them was approved after the others").format(
                commits=_(", ").join(sorted(one[:12] for one in last))
            ),
            _restore_hint(self._environment.name),
        )
        return _State(kind=_Kind.UNCLEAR, error=error)

    def _state_at(
        self, commit: str, request: MergedRequest | None, follows: Collection[str], before: _State
    ) -> _State:
        if before.kind is _Kind.UNCLEAR:
            return before
        if before.commit and self.tree(commit) == self.tree(before.commit):
            return replace(before, error=None)
        asked = self.rules(commit)
        # Who is let in by a commit cannot approve that very commit; where nobody was asked, it asks itself.
        rules = before.rules or asked or ()
        try:
            told = [check_approval(commit, request, rule, branch=self._branch) for rule in rules]
            if request is not None and rules:
                self._check_as_seen(commit, request, follows, before.commit)
        except PolicyError as error:
            return replace(before, error=before.error or error)
        kept = before.rules if asked is None else asked
        return _State(kind=_Kind.ACCEPTED, commit=commit, rules=kept, told=(*before.told, *told))

    def _check_as_seen(
        self, commit: str, request: MergedRequest, follows: Collection[str], before: str
    ) -> None:
        """Refuse a merge of other campaigns than the reviewers saw, or that they saw against others."""
        checkout.fetch_missing(self._folder, request.head)
        if self.tree(request.head) != self.tree(commit):
            raise approval_error(
                _(
                    "the campaigns at {commit} differ from the version approved in #{number}: another change "
                    "was merged into it"
                ).format(commit=commit[:12], number=request.number),
                self._redo_hint(),
            )
        # Who merges moves the tip; the author of the request chooses the commits that come with it.
        tips = checkout.without_ancestors(self._folder, follows) if before else []
        bases = [checkout.merge_bases(self._folder, request.head, one) for one in (*tips, before)]
        if (
            len(tips) != 1
            or not all(bases)
            or any(
                one in request.commits or self.tree(one) != self.tree(before)
                for found in bases
                for one in found
            )
        ):
            raise approval_error(
                _("#{number} was reviewed against other campaigns than those approved before it").format(
                    number=request.number
                ),
                self._redo_hint(),
            )

    def _redo_hint(self) -> str:
        return _(
            "revert it, then submit it again in a request that is up to date with the branch, and allow "
            "merging only those; or check the campaigns and run `campaign ledger guard --env {name}` on a "
            "machine that holds the AppSecret or ledger_key"
        ).format(name=self._environment.name)

    def _unclear_error(self, commit: str) -> PolicyError:
        return approval_error(
            _("the campaigns at {commit} are not those approved last").format(commit=commit[:12]),
            self._redo_hint(),
        )


@cache  # whatever account asks, the code host is asked once; a new `Secrets` asks again
def request_finder(run: CiRun) -> Callable[[str], MergedRequest | None]:
    """Return what finds the request that brought a commit in."""
    # Only a run that asks about approvals needs this to load.
    from wechat_campaigns.code_host import merged_requests

    return merged_requests.request_finder(run)
