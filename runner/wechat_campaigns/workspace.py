"""One environment of a campaigns folder, in three types: what a command may reach is the type that it gets.

A `Workspace` looks at files. A `LedgerWorkspace` also opens the ledger that the settings name. Only an
`OnlineWorkspace` connects to WeChat, reads a secret, or may run a program that the settings name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from wechat_campaigns.core.account_selection import AccountSelection
from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.errors import CampaignError, StalePlanError, require_extra
from wechat_campaigns.core.files import ready_state_folder
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import SANDBOX, Account, Settings
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.source.files import FileError, Files
from wechat_campaigns.source.load import require_folder
from wechat_campaigns.source.secret import check_api_host
from wechat_campaigns.source.settings import SETTINGS_FILE, load_settings

if TYPE_CHECKING:
    from wechat_campaigns.core.model import Clock
    from wechat_campaigns.guard.secrets import Secrets
    from wechat_campaigns.ledger.account import AccountState
    from wechat_campaigns.ledger.checkpoint import Checkpoints
    from wechat_campaigns.ledger.events import Streams
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.ledger.opened import OpenedLedger
    from wechat_campaigns.ledger.trust import KeyOf
    from wechat_campaigns.wechat.client import SharedTokens
    from wechat_campaigns.wechat.clock import ClockWatch
    from wechat_campaigns.wechat.endpoints import ReadOnlyApi, WeChatApi


class Known(NamedTuple):
    """An account by a checkpoint, and the events that came later."""

    account: AccountState
    later: tuple[Event, ...]

    @property
    def signed(self) -> list[Event]:
        """Its guards, and an event that its AppSecret signed."""
        guards = [event for _is_authentic, event in self.account.beside if event.kind == "guard"]
        own = self.account.last_own
        return guards if own is None or own in guards else [*guards, own]


@dataclass
class Workspace:
    """The files of an environment, and what this machine has of its ledger; nothing else can be reached.

    Opens things when they are first needed, closes them at the end of a `with` block.
    """

    root: Path
    """The campaigns folder."""
    environment: str | None = None
    """A name of `_settings.yaml`; None takes the default one."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Template variables that win over all others."""
    selection: AccountSelection = field(default_factory=AccountSelection)
    """The accounts that are sent for, asked about or shown; nothing of the others is read but the ledger."""
    state_of: Path | None = None
    """The campaigns folder whose state it has, where that is another: a piece of work has its checkout's."""
    stack: ExitStack = field(default_factory=ExitStack)
    ledger_known: bool = True
    """False once nothing of the ledger was found on this machine."""
    unverified: tuple[str, ...] = ()
    """Accounts whose events were folded last without the AppSecret that signed them, if any did."""
    push: Callable[[Any, OpenedLedger], None] | None = field(default=None, repr=False)
    """Called with this workspace and a ledger of it to push what was appended there."""
    signed_events: dict[str, list[Event]] | None = field(default=None, repr=False)
    """By stream that was read last, its events with a mac; None before the ledger was read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stack.close()

    def show_progress(self, text: str) -> None:
        """Ignore progress; a subclass may print it."""

    @cached_property
    def settings(self) -> Settings:
        """`_settings.yaml` with the environment chosen.

        Raises:
            UsageError: without a campaigns folder nothing that is said about it would be true.
        """
        require_folder(self.root)
        return load_settings(self.root, environment=self.environment)

    @cached_property
    def selected_accounts(self) -> dict[str, Account]:
        """The accounts of the environment that are selected, by name.

        Raises:
            UsageError: no account matches a pattern of the selection.
        """
        accounts = self.settings.environment.accounts
        self.selection.check(accounts)
        names: dict[str, list[str]] = {}
        for name, account in accounts.items():
            names.setdefault(account.appid, []).append(name)
        selected = {appid for appid in names if self.selection.selects(appid, names[appid])}
        return {name: account for name, account in accounts.items() if account.appid in selected}

    def selects(self, appid: str) -> bool:
        """Return whether an account is selected, also one that left the settings."""
        if appid in self._selected_appids:
            return True
        return appid not in self.settings.ledger_appids and self.selection.selects(appid, ())

    @cached_property
    def _selected_appids(self) -> frozenset[str]:
        return frozenset(account.appid for account in self.selected_accounts.values())

    @property
    def namespace(self) -> str:
        """The namespace of the ids; empty where the settings cannot be read."""
        try:
            return self.settings.namespace
        except CampaignError:
            return ""

    @cached_property
    def files(self) -> Files:
        """Reads below the campaigns folder."""
        return Files(self.root)

    def read(self, file: FileInfo) -> bytes:
        """Read the bytes of a file that a send carries, mended where the settings ask for it.

        Raises:
            StalePlanError: it is not the file that was planned, or no longer there.
        """
        from wechat_campaigns.render.articles import image_bytes

        try:
            return image_bytes(file, self.files)
        except FileError as error:
            raise StalePlanError(error.message, hint=error.hint, location=str(file.path)) from error

    @cached_property
    def state_dir(self) -> Path:
        """Where this machine keeps the SQLite ledger and the embedded sandbox: outside the checkout.

        Raises:
            UsageError: it cannot be made, or is not safe there.
        """
        return ready_state_folder(self.state_of or self.root, os.environ)

    @cached_property
    def api_url(self) -> str:
        """WeChat's address; starts the embedded sandbox when the environment says so."""
        if self.settings.environment.api != SANDBOX:
            return self.settings.environment.api
        require_extra("sandbox", needed_for=_("an environment with `api: sandbox`"))
        from wechat_sandbox.server import embedded

        own_accounts = [
            {"appid": account.appid, "kind": account.kind.value, "name": account.shown_name, "followers": 60}
            for account in self.settings.environment.accounts.values()
        ]
        # What WeChat refuses is let through so that it can be rehearsed; the plan warns about it.
        allowed = {"retired_cards": True, "api_video": True}
        sandbox = embedded(self.sandbox_file, switches=allowed, own_accounts=own_accounts)
        return self.stack.enter_context(sandbox)

    @property
    def sandbox_file(self) -> Path:
        """Where the embedded sandbox of the environment keeps its state: as its ledger, one for each."""
        return self.state_dir / f"{self.settings.environment.name}.sandbox.sqlite3"

    @cached_property
    def _clock_offset(self) -> timedelta:
        """How far the sandbox's clock was moved, by its state: a rehearsal lives in its time."""
        if self.settings.environment.api != SANDBOX:
            return timedelta()
        from wechat_campaigns.wechat.clock import stored_clock_offset

        return stored_clock_offset(self.sandbox_file)

    def clock(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC) + self._clock_offset

    @property
    def _ledger_file(self) -> Path:
        return self.state_dir / f"{self.settings.environment.name}.ledger.sqlite3"

    def statistics_file(self, appid: str) -> Path:
        """Return where this machine keeps the figures of an account's articles, beside the SQLite ledger."""
        return self.state_dir / f"{self.settings.environment.name}.{appid}.statistics.json"

    def _events(self, streams: Streams) -> Iterable[Event]:
        """Read what this machine has of the ledger."""
        from wechat_campaigns.ledger.open import local_events

        setting = self.settings.environment.ledger
        kept = local_events(setting, streams, default=self._ledger_file, root=self.root)
        self.ledger_known = kept is not None
        return kept or ()

    def _needed_events(
        self, known: Mapping[str, Known], *, own: bool = False
    ) -> tuple[Streams, tuple[Event, ...], Mapping[str, Known]]:
        """Read the streams that may decide on something here, or on which an outcome is still to be reported.

        Those of the environment's accounts, and of accounts that left the settings, which the ledger's stream
        names. Where it names none, because they were not initialized by name, all streams are read.

        Args:
            known: by AppID, accounts of which only what came later is read.
            own: of the accounts, only those that are selected.

        Returns:
            The streams, None for all that there are; their events; and what is known of `known`.
        """
        from wechat_campaigns.ledger.events import LEDGER, initialized_accounts

        of_ledger = tuple(self._events({LEDGER}))
        named = initialized_accounts(of_ledger, self.settings.ledger_scope)
        if not named:
            return None, tuple(self._events(None)), {}
        accounts = {*self.settings.environment.by_appid, *(named - self.settings.ledger_appids)}
        needed = {appid for appid in accounts if not own or self.selects(appid)}
        later = (event for one in known.values() for event in one.later)
        events = (*of_ledger, *later, *self._events(needed - known.keys()))
        return {LEDGER, *needed}, events, known

    def fold_ledger(
        self, key_of: KeyOf | None = None, known: Mapping[str, Known] | None = None, *, own: bool = False
    ) -> LedgerState:
        """Fold the streams of the ledger that concern this environment, as they are.

        Args:
            key_of: checks the macs of accounts whose AppSecret is available; without it every event counts as
                authentic, and its account as unverified.
            known: by AppID, accounts of which only what came later is folded.
            own: read nothing of accounts that are not selected. A plan reads all: its rules count accounts.

        Raises:
            LedgerError: a rehearsal would write into the ledger of a real account.
            TamperedLedgerError: it holds a guard that nobody with the AppSecret wrote, where that is known.
        """
        from wechat_campaigns.ledger.fold import check_same_followers, fold, wrong_secrets
        from wechat_campaigns.ledger.trust import authenticator

        environment = self.settings.environment
        streams, events, known = self._needed_events(known or {}, own=own)
        self._keep_signed(streams, events, known)
        authentic = authenticator(events, key_of) if key_of is not None else None
        state = fold(events, authentic, streams=streams, known=[one.account for one in known.values()])
        begun = (account for account in self.selected_accounts.values() if account.appid in state.streams)
        unread = (one.name for one in begun if key_of is None or key_of(one.appid) is None)
        if environment.api != SANDBOX:  # a rehearsal's secret is known to everybody
            self.unverified = (*unread, *wrong_secrets(state, environment))
        check_same_followers(state, environment)
        return state

    def _keep_signed(self, streams: Streams, events: tuple[Event, ...], known: Mapping[str, Known]) -> None:
        self.signed_events = {stream: [] for stream in streams or self.settings.appids}
        before = (event for one in known.values() for event in one.signed)
        for event in (*before, *events):
            if "mac" in event.data:
                self.signed_events.setdefault(event.stream, []).append(event)

    def guards(self, appid: str) -> Sequence[Event]:
        """List the rules that applies of an account went by, in order, as the ledger says.

        No mac was checked.
        """
        from wechat_campaigns.ledger.events import LedgerKind

        if self.signed_events is None:
            self._keep_signed(*self._needed_events({}, own=True))
        if appid not in (self.signed_events or {}) and appid in self.settings.environment.by_appid:
            self._keep_signed(*self._needed_events({}))
        return [event for event in (self.signed_events or {})[appid] if event.kind == LedgerKind.GUARD]

    def is_any_account_approved(self) -> bool:
        """Return whether the rules recorded of any account ask for approvals, also of one that left.

        No mac was checked.
        """
        from wechat_campaigns.ledger.approvals import recorded_approvals
        from wechat_campaigns.ledger.events import LedgerKind

        guards = (event for event in self._needed_events({})[1] if event.kind == LedgerKind.GUARD)
        newest = {(event.stream, str(event.data.get("environment"))): event for event in guards}
        return any(recorded_approvals(event) is not None for event in newest.values())

    def unverified_account(self, appid: str) -> AccountState:
        """Fold the events of an account, without a look at their macs."""
        from wechat_campaigns.ledger.fold import fold

        return fold(self._events({appid}), streams=[appid]).stream(appid)

    def newest_guards(self) -> tuple[Event, ...]:
        """List the newest guard of each account that is selected.

        That of this environment, or of another one with this account where it has none.
        """
        from wechat_campaigns.ledger.trust import newest_guard

        found = (newest_guard(self.guards(one), self.settings.ledger_scope) for one in self._selected_appids)
        return tuple(sorted(filter(None, found), key=lambda guard: guard.stream))

    @property
    def is_sandbox(self) -> bool:
        """True when no real follower can be reached."""
        return self.settings.environment.is_sandbox

    def uninitialized(self, state: LedgerState) -> tuple[str, ...]:
        """Return the accounts whose past the ledger does not know, as far as the ledger could be read."""
        from wechat_campaigns.ledger.fold import uninitialized_accounts

        return uninitialized_accounts(state, self.settings.environment) if self.ledger_known else ()

    def actor(self) -> dict[str, str]:
        """Return who runs this and where, as far as the environment shows: user, commit, CI run."""
        from wechat_campaigns.code_host.ci_run import actor

        return actor(self.root, os.environ)


class LedgerWorkspace(Workspace):
    """A workspace that also opens the ledger that the settings name; its events are shown as unverified."""

    @cached_property
    def ledger(self) -> OpenedLedger:
        """The environment's ledger."""
        return self.stack.enter_context(self.pushing_ledger())

    @contextmanager
    def pushing_ledger(
        self, clock: Clock | None = None, *, copies: Path | None = None
    ) -> Iterator[OpenedLedger]:
        """Open the environment's ledger for a block; at its end, what was appended to it is pushed.

        Args:
            clock: see `open_ledger`.
            copies: see `open_ledger`.
        """
        with closing(self.open_ledger(clock, copies=copies)) as ledger:
            try:
                yield ledger
            finally:
                self.push_appended(ledger)

    def push_appended(self, ledger: OpenedLedger) -> None:
        """Push what was appended to a ledger; called once the sends are made, as none may wait for this."""
        # The events are kept: nothing about who is told may look like a failure.
        with suppress(Exception):
            if self.push is not None and ledger.appended:
                self.push(self, ledger)

    def open_ledger(self, clock: Clock | None = None, *, copies: Path | None = None) -> OpenedLedger:
        """Open the environment's ledger once more; the caller closes it.

        Args:
            clock: dates what is written; default: that of the workspace.
            copies: an empty folder for a git ledger's local copy, in place of what this machine has of it.
        """
        from wechat_campaigns.ledger.open import open_ledger

        setting, clock = self.settings.environment.ledger, clock or self.clock
        return open_ledger(setting, default=self._ledger_file, root=self.root, clock=clock, copies=copies)

    def _events(self, streams: Streams) -> Iterable[Event]:
        return self.ledger.events_once(streams)


class OnlineWorkspace(LedgerWorkspace):
    """A workspace that also connects to WeChat and reads the secrets of its accounts."""

    @cached_property
    def secrets(self) -> Secrets:
        """The secrets of the environment."""
        from wechat_campaigns.guard.secrets import Secrets

        return Secrets(
            self.root, self.settings, self.guards, self.unverified_account, self.is_any_account_approved
        )

    @cached_property
    def _tokens(self) -> SharedTokens:
        """The access_token of each account: who read for the plan had one already."""
        return {}

    def reopened(self) -> Self:
        """Return the same workspace with nothing read or opened yet but its secrets; close it, too.

        Raises:
            StalePlanError: the settings are not as this one read them.
        """
        fresh = replace(self, stack=ExitStack(), signed_events=None)
        if not self.root.is_dir() or fresh.settings.source != self.settings.source:
            from wechat_campaigns.plan.hints import START_AGAIN

            raise StalePlanError(
                _("the settings changed after this run began"),
                hint=_(START_AGAIN),
                location=(self.root / SETTINGS_FILE).as_posix(),
            )
        fresh.secrets.take_over(self.secrets)
        fresh._tokens = self._tokens
        return fresh

    @cached_property
    def api_url(self) -> str:
        """WeChat's address, checked before a connection.

        Raises:
            PolicyError: it is neither WeChat's nor this machine's, nor a gateway that the machine names.
        """
        if self.settings.environment.api != SANDBOX:
            check_api_host(self.settings.environment.api, os.environ)
        return super().api_url

    @cached_property
    def _clock_offset(self) -> timedelta:
        """The same, as the sandbox answers itself."""
        if not self.is_sandbox:
            return timedelta()
        from wechat_campaigns.wechat.clock import clock_offset

        return clock_offset(self.api_url)

    @cached_property
    def ledger(self) -> OpenedLedger:
        """The environment's ledger; what is appended to it gets the MAC of its account."""
        ledger = super().ledger
        ledger.sign = self.secrets.sign
        return ledger

    def _keep_signed(self, streams: Streams, events: tuple[Event, ...], known: Mapping[str, Known]) -> None:
        super()._keep_signed(streams, events, known)
        self.secrets.take_events(self.signed_events or {})

    def state(self, *, own: bool = False) -> LedgerState:
        """Fold the ledger and check its macs; it may be uninitialized. `own` as of `fold_ledger`."""
        return self.fold_ledger(self._mac_keys(), own=own)

    def _mac_keys(self) -> KeyOf:
        """Return the keys of the accounts selected; of others no secret is read, and nothing is verified."""
        key_of = self.secrets.mac_keys()
        return (lambda appid: key_of(appid) if self.selects(appid) else None) if self.selection else key_of

    def planning_state(self) -> LedgerState:
        """Return the same as `state` for a plan, which makes no call: by checkpoints, if there are.

        A run of CI reads all: the rules in the ledger decide there whether a secret may be read.
        """
        from wechat_campaigns.code_host.ci_run import current_run
        from wechat_campaigns.ledger.checkpoint import GROWN, Checkpoints

        if current_run() is not None:
            return self.state()
        checkpoints, key_of = Checkpoints(self.ledger.checkpoint_file), self._mac_keys()
        known = dict(self._known_accounts(checkpoints))
        before = {appid: one.account.head.seq for appid, one in known.items()}
        state = self.fold_ledger(key_of, known)
        for appid in self.settings.environment.by_appid:
            account, key = state.stream(appid), key_of(appid)
            if key is not None and account.head.seq - before.get(appid, 0) >= GROWN:
                checkpoints.save(account, self.ledger.firsts[appid], key)
        return state

    def _known_accounts(self, checkpoints: Checkpoints) -> Iterator[tuple[str, Known]]:
        """Yield each account with a checkpoint that its AppSecret seals and that the ledger goes on from."""
        from wechat_campaigns.ledger.events import LedgerKind

        for appid, account in ((one.appid, one) for one in self.selected_accounts.values()):
            with suppress(CampaignError):  # it is read whole then, and what is wrong is told
                found = checkpoints.load(appid, partial(self.secrets.mac_key, account))
                if found is None:
                    continue
                self.ledger.firsts.setdefault(appid, found.first)
                later = self.ledger.read(appid, found.account.head)
                # A person who vouches for events changes what those before count for.
                if not any(event.kind == LedgerKind.TRUSTED for event in later):
                    yield appid, Known(found.account, later)

    def initialized_state(self, *, sending: bool = True, verified: bool = True) -> LedgerState:
        """Fold the ledger for a command that writes to it; a sandbox's is initialized on the way.

        Args:
            sending: it may write for any account, so all must be initialized; an apply asks one by one.

        Raises:
            LedgerError: the ledger is uninitialized for a production account, so its past is unknown.
        """
        from wechat_campaigns.ledger.events import LEDGER
        from wechat_campaigns.ledger.fold import uninitialized_error

        state = self.fold_ledger(self._mac_keys() if verified else None)
        environment = self.settings.environment
        # In a sandbox whose ledger names no account of this environment, all streams are read.
        if self.is_sandbox and (not state.is_initialized or state.read is not None):
            self.name_accounts(state)
            state.stream(LEDGER).is_initialized = True
        uninitialized = self.uninitialized(state) if sending else ()
        if not state.is_initialized or uninitialized:
            raise uninitialized_error(state, environment, uninitialized)
        return state

    def name_accounts(self, state: LedgerState) -> bool:
        """Write into the ledger's own stream which accounts this environment has, if that is new.

        An account that left before is named where it has an unknown send, so that a run which reads the
        streams of named accounts alone still finds it.
        """
        from wechat_campaigns.ledger.events import LEDGER, append_at_end, initialized_accounts, naming_entry

        environment, scope = self.settings.environment, self.settings.ledger_scope
        left = {appid for appid, stream in state.streams.items() if stream.unknown_sends()}
        wanted = environment.by_appid.keys() | left

        def entry_after(events: Iterable[Event]) -> Entry | None:
            named = initialized_accounts(events, scope)
            is_new = not named or not named.issuperset(wanted)
            return naming_entry(environment.name, scope, wanted) if is_new else None

        return append_at_end(self.ledger, LEDGER, entry_after)

    def read_api(self, account: Account) -> ReadOnlyApi:
        """Connect for reads only: anything else is refused before it is sent."""
        return self.write_api(account).read_only()

    def write_api(self, account: Account) -> WeChatApi:
        """Connect for reads and writes."""
        from wechat_campaigns.wechat.endpoints import connect

        self.secrets.check_gates(account)
        api = connect(
            account,
            self.api_url,
            secret=lambda: self.secrets.for_calls(account),
            prove=lambda read: self.secrets.check_followers(self.ledger, account, read.user_get()),
            clock=self.clock,
            shared=self._tokens,
            watch=self.watch,
        )
        self.stack.callback(api.close)
        return api

    @cached_property
    def watch(self) -> ClockWatch:
        """How far this machine's clock is from WeChat's, as its answers tell."""
        from wechat_campaigns.wechat.clock import ClockWatch

        return ClockWatch()
