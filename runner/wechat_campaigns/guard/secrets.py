"""Read the secrets of an environment, by settings that may be obeyed, and judge its ledger by them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from wechat_campaigns.core.digest import hashes, sample
from wechat_campaigns.core.errors import (
    CampaignError,
    PolicyError,
    SecretError,
    TamperedLedgerError,
    UsageError,
    WrongSecretError,
)
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import SANDBOX, Account, Secret, Settings
from wechat_campaigns.guard.gates import GATES, PROGRAMS, check_gates
from wechat_campaigns.guard.run import check_secret_place
from wechat_campaigns.ledger import trust
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LEDGER, Ledger, LedgerKind, append_at_end
from wechat_campaigns.ledger.fold import wrong_secret_error
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.source.secret import AccountKey, check_api_host, read_account_secret, read_secret

_FORGED = N_("event {number} of {stream} ({kind}) was not written with this {key}")
_SALT, _RECORDED = "followers", 64
"""Of a follower's hash, and how many are kept: each proves a token, as an openid is of one account alone."""
GuardsOf = Callable[[str], Sequence[Event]]
"""Returns every record of an account's rules, in order, as the ledger says; no mac was checked."""


class Secrets:
    """The secrets of an environment, each read once; shared by threads."""

    def __init__(
        self,
        root: Path,
        settings: Settings,
        guards_of: GuardsOf,
        stream_of: Callable[[str], AccountState],
        is_any_approved: Callable[[], bool],
    ) -> None:
        self.root, self.settings, self.guards_of, self.stream_of = root, settings, guards_of, stream_of
        self._is_any_approved = is_any_approved
        self._lock = threading.RLock()
        self._read: dict[tuple[str, AccountKey, Secret], str] = {}
        self._tokens: dict[str, str] = {}
        """By access_token, the AppID that has it."""
        self._ambiguous: dict[str, str] = {}
        """By AppID, another one with the same access_token: WeChat does not show whose it is."""
        named = settings.environment.accounts.values()
        self._unread = [one for one in named if one.token is not None and not one.token.command]
        """Accounts whose tokens were not compared with the others' yet."""
        self._passed: set[tuple[str, Sequence[str]]] = set()
        """By AppID, the gates that may be opened; approvals may be given while a run waits: for a new one."""
        self._events: Mapping[str, Sequence[Event]] | None = None
        """By AppID, the events with a mac in the ledger as it was read last; None before it was read."""
        self._checked: set[tuple[str, Secret]] = set()
        """Secrets that were held against the events of the ledger, or that a person agreed to."""
        self.missing: dict[str, CampaignError] = {}
        """By AppID, why its events could not be verified when the ledger was read last."""

    def take_over(self, other: Secrets) -> None:
        """Copy what another workspace of the same settings has read: a password manager may be locked now."""
        self._read = dict(other._read)
        # Not copied: a token that is renewed later is still compared by the first of the two.
        self._tokens, self._ambiguous = other._tokens, other._ambiguous

    def check_gates(self, account: Account, keys: Sequence[str] = GATES) -> None:
        """Refuse to obey settings that open gates and that nobody let in; as `gates.check_gates`."""
        with self._lock:
            if (account.appid, keys) not in self._passed:
                guards, stream = self.guards_of(account.appid), partial(self.stream_of, account.appid)
                beside = self._is_any_approved
                check_gates(self.settings, account, guards, stream, beside, os.environ, keys=keys)
                self._passed.add((account.appid, keys))

    def accept(self, account: Account) -> None:
        """Obey the settings of an account: a person with its AppSecret accepts them right now."""
        self._passed |= {(account.appid, GATES), (account.appid, PROGRAMS)}

    def for_calls(self, account: Account) -> str:
        """Read what an account is called with: its own token, which is read each time, or else its AppSecret.

        Who calls must also be able to sign: a call that the ledger cannot record is not made.

        Raises:
            SecretError: it is not available, or is the token of another account too.
            PolicyError, WrongSecretError, TamperedLedgerError: as `check_root`.
        """
        self.check_root(account)
        if account.token is None:
            return self._once(account, "secret")
        # Outside the lock: the program of one account that hangs keeps no other waiting.
        token = self._obeyed(account, "token")
        with self._lock:
            self._note_token(token, account)
            self._note_other_tokens()
        self._refuse_ambiguous(account)
        return token

    def _note_token(self, token: str, account: Account) -> None:
        if (other := self._tokens.setdefault(token, account.appid)) != account.appid:
            self._ambiguous |= {account.appid: other, other: account.appid}

    def _note_other_tokens(self) -> None:
        """Read once each token that no program prints: of two accounts with the same, perhaps one calls."""
        unread, self._unread = self._unread, []
        for other in unread:
            with suppress(CampaignError):
                self._note_token(self._obeyed(other, "token"), other)

    def _refuse_ambiguous(self, account: Account) -> None:
        if other := self._ambiguous.get(account.appid):
            message = _("account {other} has the same token, so followers would get what is not for them")
            raise SecretError(
                message.format(other=self.settings.environment.by_appid[other].name),
                hint=_("let each account's `token` name the token of its own AppID"),
                location=_("account {name}").format(name=account.name),
            )

    def check_followers(self, ledger: Ledger, account: Account, page: Mapping[str, Any]) -> None:
        """Refuse a token of another account: no follower that it lists was recorded for this one.

        Those of the first token are recorded, and others when half of them have left.

        Args:
            page: the first of the followers that the token lists, as `user_get` returns it.

        Raises:
            SecretError: the token is of another account, or lists nobody.
        """
        key, openids = self.mac_key(account), tuple(page.get("data", {}).get("openid", ()))

        def entry_after(events: Sequence[Event]) -> Entry | None:
            believed = trust.authenticator(events, lambda _appid: key)
            kept = [one for one in events if one.kind == LedgerKind.FOLLOWERS and believed(one)]
            recorded = set(kept[-1].data["followers"].split()) if kept else set()
            found = recorded & hashes(openids, _SALT)
            if not openids or (recorded and not found):
                raise SecretError(
                    _("no follower that the access_token lists was recorded for AppID {appid} before").format(
                        appid=account.appid
                    )
                    if openids
                    else _("the access_token lists no follower, so nothing shows whose it is"),
                    hint=_("let each account's `token` name the token of its own AppID"),
                    location=_("account {name}").format(name=account.name),
                )
            if len(found) * 2 > len(recorded):
                return None
            data = {"followers": sample(openids, _SALT, _RECORDED)}
            return Entry(stream=account.appid, kind=LedgerKind.FOLLOWERS, data=data)

        append_at_end(ledger, account.appid, entry_after)

    def check_root(self, account: Account, *, trusted: bool = False) -> None:
        """Read the root of an account's macs and hold the signed events of the ledger against it.

        Args:
            trusted: a person agrees to the settings right now, whatever guards the ledger holds.

        Raises:
            PolicyError: nobody let a change of the gates in, or this run may not run their command.
            SecretError: it is not available.
            WrongSecretError: no event of the ledger was signed with it.
            TamperedLedgerError: the ledger holds a guard that nobody with this root wrote.
        """
        self._refuse_ambiguous(account)
        with self._lock:
            if trusted:
                self.accept(account)
            self._root_key(account)
            key = (account.appid, account.root)
            if key not in self._checked:
                if not trusted:
                    self.check_signer(account)
                    self._check_guards(account)
                self._checked.add(key)

    def check_variables(self, account: Account) -> None:
        """Refuse an account whose variables are not set; what a program or a file holds is read later.

        Raises:
            SecretError: one is missing.
        """
        keys: tuple[AccountKey, ...] = ("secret", "token", "ledger_key")
        for key in keys:
            if (place := getattr(account, key)) is not None and place.env:
                read_account_secret(account, key, os.environ)

    def _root_key(self, account: Account) -> bytes:
        """Derive the key of an account's macs, not yet held against the ledger."""
        root = self._once(account, "secret" if account.ledger_key is None else "ledger_key")
        return mac_key(root, account.appid)

    def _once(self, account: Account, key: AccountKey) -> str:
        """Read a secret of an account once."""
        with self._lock:
            name = (account.appid, key, getattr(account, key))
            if name not in self._read:
                self._read[name] = self._obeyed(account, key)
            return self._read[name]

    def _obeyed(self, account: Account, key: AccountKey) -> str:
        """Read a secret of an account, by settings that may be obeyed."""
        api = self.settings.environment.api
        if api != SANDBOX:
            # Settings that name a stranger's host name a stranger's command, too: neither is obeyed.
            check_api_host(api, os.environ)
        place: Secret = getattr(account, key)
        if place.command or place.file:  # a variable is read before the ledger, and `write_api` asks then
            self.check_gates(account)
        check_secret_place(place)
        return read_account_secret(account, key, os.environ)

    def other(self, place: Secret, *, name: str) -> str:
        """Read a secret that does not belong to an account, by settings that may be obeyed."""
        self.check_place(place)
        return read_secret(place, os.environ, name=name)

    def check_place(self, place: Secret) -> None:
        """Refuse to obey a part of the settings that does not belong to an account.

        Raises:
            PolicyError: nobody let a change of the gates in, or this run may not run their command.
        """
        if place.command:
            for _appid, account in sorted(self.settings.environment.by_appid.items()):
                self.check_gates(account, PROGRAMS)
        check_secret_place(place)

    def take_events(self, events: Mapping[str, Sequence[Event]]) -> None:
        """Hold every secret against the events of the ledger once more, when it is used next."""
        self._events = events
        self._checked.clear()

    def check_signer(self, account: Account) -> None:
        """Refuse a secret that signed none of the account's events, where the ledger was read anyway.

        Raises:
            WrongSecretError: and nothing speaks of a forgery.
        """
        events, key = self._signed(account), self._root_key(account)
        if events and not any(trust.has_valid_mac(event, key) for event in events):
            raise wrong_secret_error([account.name], self.settings.environment)

    def _signed(self, account: Account) -> Sequence[Event]:
        """Return the events with a mac of an account; none before the ledger was read."""
        return self._events[account.appid] if self._events is not None else ()

    def _check_guards(self, account: Account) -> None:
        key = self._root_key(account)
        guards = [event for event in self._signed(account) if event.kind == LedgerKind.GUARD]
        _good, bad = trust.verify_guards(guards, key)
        if bad:
            raise TamperedLedgerError(
                _(_FORGED).format(
                    number=bad[-1].seq, stream=account.appid, kind=bad[-1].kind, key=account.root_name
                ),
                hint=_(
                    "find out who can write to the ledger, then run `campaign ledger guard --env {name}`"
                ).format(name=self.settings.environment.name),
                location=account.appid,
            )

    def mac_key(self, account: Account, *, trusted: bool = False) -> bytes:
        """Derive the key of an account's macs in the ledger. Raises as `check_root`."""
        self.check_root(account, trusted=trusted)
        return self._root_key(account)

    def mac_keys(self) -> trust.KeyOf:
        """Return what finds the key of an account's macs; None where it is missing, or a guard is forged."""
        named = self.settings.environment.by_appid
        self.missing = {}

        @cache
        def key(appid: str) -> bytes | None:
            try:
                return self.mac_key(named[appid]) if appid in named else None
            except WrongSecretError:  # nothing is believed by it
                return self._root_key(named[appid])
            except CampaignError as error:  # not at hand, forged, or not to be used: who sends will be told
                self.missing[appid] = error
                return None

        return key

    def sign(self, entry: Entry) -> Entry:
        """Return an entry of an account with its mac.

        Raises:
            SecretError: the AppSecret is not at hand.
            UsageError: no account of the settings has this AppID.
        """
        if entry.stream == LEDGER or "mac" in entry.data or not trust.is_signed(entry):
            return entry
        environment = self.settings.environment
        account = environment.by_appid.get(entry.stream)
        if account is None:
            raise UsageError(
                _("no account of environment {name} has the AppID {appid}").format(
                    name=environment.name, appid=entry.stream
                ),
                hint=_("add the account to _settings.yaml, then run the same command again"),
            )
        return replace(entry, data={**entry.data, "mac": mac_of(self.mac_key(account), entry)})


# --- what somebody without the AppSecret wrote, copied or took out


class Forgeries(NamedTuple):
    """One sentence for each event."""

    misplaced: list[str]
    """Copies, and events behind one that was taken out: their macs hold."""
    forged: list[str]
    """Events whose macs do not hold; after a change of the AppSecret, also true ones."""
    unread: list[str]
    """Accounts whose AppSecret is not available."""
    wrong: list[str]
    """Accounts of whose events none was signed with their AppSecret."""


def find_forgeries(secrets: Secrets, events: Sequence[Event]) -> Forgeries:
    """Check macs and places.

    Args:
        events: of a whole ledger, its chains checked before.
    """
    accounts = secrets.settings.environment.by_appid
    found = Forgeries([], [], [], [])
    for appid in _signed_streams(events):
        own = [event for event in events if event.stream == appid]
        if appid not in accounts:
            found.unread.append(appid)
            continue
        try:
            secrets.check_gates(accounts[appid])
            # Trusted, because guards are looked at here: all that is wrong is named at once.
            key = secrets.mac_key(accounts[appid], trusted=True)
        except (SecretError, PolicyError):
            found.unread.append(accounts[appid].name)
            continue
        signed = [event for event in own if "mac" in event.data]
        if signed and not any(trust.has_valid_mac(event, key) for event in signed):
            found.wrong.append(accounts[appid].name)
            continue
        guards = trust.verify_guards((event for event in own if event.kind == LedgerKind.GUARD), key)[1]
        believed = trust.authenticator(own, {appid: key}.get)
        for event in _unsigned_approvals(secrets, own):
            forged = _(_FORGED).format(number=event.seq, stream=appid, kind=event.kind, key="approvals")
            found.forged.append(forged)
        for event in own:
            try:
                # Of guards only those count that no later one replaced.
                is_asked = event in guards if event.kind == LedgerKind.GUARD else trust.is_signed(event)
                if is_asked and not believed(event):
                    name = accounts[appid].root_name
                    forged = _(_FORGED).format(number=event.seq, stream=appid, kind=event.kind, key=name)
                    found.forged.append(forged)
            except TamperedLedgerError as error:
                found.misplaced.append(str(error))
    return found


def _unsigned_approvals(secrets: Secrets, own: Sequence[Event]) -> list[Event]:
    """List the approvals in an account's stream that no key of the settings signed, and copies."""
    found = [event for event in own if event.kind == LedgerKind.APPROVED]
    if not found:
        return []
    from wechat_campaigns.ledger.approvals import is_signed_by, recorded_approvals

    environment = secrets.settings.environment
    asked = [environment.approvals_of(environment.by_appid.get(own[0].stream))]
    asked += [recorded_approvals(event) for event in own if event.kind == LedgerKind.GUARD]
    keys = {key for one in asked if one is not None for key in one.approvers.values()}
    return [
        event
        for event in found
        if event.data.get("after") != event.previous or not any(is_signed_by(event, key) for key in keys)
    ]


def unchecked_accounts(settings: Settings, events: Sequence[Event]) -> list[str]:
    """List the accounts whose events have macs, by name where the settings have one."""
    accounts = settings.environment.by_appid
    return [accounts[one].name if one in accounts else one for one in _signed_streams(events)]


def _signed_streams(events: Sequence[Event]) -> list[str]:
    return sorted({event.stream for event in events if event.stream != LEDGER and trust.is_signed(event)})
