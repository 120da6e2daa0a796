"""Read the secrets of an environment, by settings that may be obeyed, and vouch with them for its ledger."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Protocol

from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.errors import (
    CampaignError,
    PolicyError,
    TamperedLedgerError,
    UsageError,
    WrongSecretError,
)
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import SANDBOX, Account, Secret
from wechat_campaigns.guard.approved_tree import (
    Anchor,
    ApprovedTree,
    anchor_of,
    check_tree_approved,
    guard_approvals,
)
from wechat_campaigns.guard.checkout import head_of
from wechat_campaigns.guard.run import WorkspacePort, check_secret_place
from wechat_campaigns.protocol.keys import mac_key, mac_of
from wechat_campaigns.source.secret import check_api_host

if TYPE_CHECKING:
    from wechat_campaigns.ledger.events import Ledger
    from wechat_campaigns.ledger.trust import KeyOf
    from wechat_campaigns.protocol.events import Entry, Event


class OnlinePort(WorkspacePort, Protocol):
    """An environment whose secrets may be read."""

    signed_events: dict[str, list[Event]] | None

    @property
    def ledger(self) -> Ledger:
        """The environment's ledger."""
        ...

    @property
    def secrets(self) -> Secrets:
        """The secrets of its accounts."""
        ...


class Secrets:
    """The secrets of an environment, each read once; shared by threads."""

    def __init__(self, workspace: OnlinePort) -> None:
        self._workspace = workspace
        self._lock = threading.RLock()
        self._read: dict[tuple[str, Secret], str] = {}
        self._approved: dict[tuple[str, Anchor], ApprovedTree] = {}
        """By the commit that is checked out and the last apply, what was approved."""
        self._checked: set[tuple[str, Secret]] = set()
        """Secrets that were held against the events of the ledger, or that a person agreed to."""
        self.missing: dict[str, CampaignError] = {}
        """By AppID, why an AppSecret could not be had when the ledger was verified last."""

    def take_over(self, other: Secrets) -> None:
        """Copy what another workspace of the same settings has read: a password manager may be locked now."""
        self._read = dict(other._read)

    def check_approved(self, appid: str) -> ApprovedTree:
        """Refuse campaigns that nobody approved where that is asked for.

        Args:
            appid: of the account whose secret is about to be read; its stream holds the last apply.

        Returns:
            What was approved; nothing on a person's machine, where there is no code host to ask.

        Raises:
            PolicyError: an approval is missing, or the code host cannot be asked.
        """
        run = current_run()
        if run is None:
            return ApprovedTree()
        with self._lock:
            guard = self._workspace.guard(appid)
            key = (head_of(self._workspace.root), anchor_of(guard))
            if key not in self._approved:
                self._approved[key] = check_tree_approved(self._workspace, run, guard)
            return self._approved[key]

    def of_account(self, account: Account, *, trusted: bool = False) -> str:
        """Read an account's secret and hold the signed events of the ledger against it.

        Args:
            trusted: a person agrees to the settings right now, whatever guards the ledger holds.

        Raises:
            PolicyError: nobody approved the campaigns, or this run may not run their command.
            SecretError: it is not available.
            WrongSecretError: no event of the ledger was signed with it.
            TamperedLedgerError: the ledger holds a guard that nobody with this secret wrote.
        """
        with self._lock:
            key, secret = (account.appid, account.secret), self._secret(account)
            if key not in self._checked:
                if not trusted:
                    self.check_signer(account)
                    self._check_guards(account)
                self._checked.add(key)
            return secret

    def _secret(self, account: Account) -> str:
        """Read an account's secret once, by settings that may be obeyed."""
        from wechat_campaigns.source.secret import read_secret

        with self._lock:
            key = (account.appid, account.secret)
            if key not in self._read:
                api = self._workspace.settings.environment.api
                if api != SANDBOX:
                    # Settings that name a stranger's host name a stranger's command, too: neither is obeyed.
                    check_api_host(api, os.environ)
                self.check_approved(account.appid)
                check_secret_place(account.secret)
                self._read[key] = read_secret(account.secret, os.environ)
            return self._read[key]

    def other(self, place: Secret, *, name: str) -> str:
        """Read a secret that does not belong to an account, by settings that may be obeyed."""
        from wechat_campaigns.source.secret import read_secret

        self.check_place(place)
        return read_secret(place, os.environ, name=name)

    def check_place(self, place: Secret) -> None:
        """Refuse to obey a part of the settings that does not belong to an account.

        Raises:
            PolicyError: nobody approved the campaigns, or this run may not run their command.
        """
        for appid in sorted(self._workspace.settings.environment.by_appid):
            self.check_approved(appid)
        check_secret_place(place)

    def events_were_read(self) -> None:
        """Hold every secret against the events of the ledger once more, when it is used next."""
        self._checked.clear()

    def _events(self, appid: str) -> list[Event]:
        return (self._workspace.signed_events or {}).get(appid, [])

    def check_signer(self, account: Account) -> None:
        """Refuse a secret that signed none of the account's events, where the ledger was read anyway.

        Raises:
            WrongSecretError: and nothing speaks of a forgery.
        """
        from wechat_campaigns.ledger.initialization import wrong_secret_error
        from wechat_campaigns.ledger.trust import has_valid_mac

        events, key = self._events(account.appid), mac_key(self._secret(account), account.appid)
        if events and not any(has_valid_mac(event, key) for event in events):
            raise wrong_secret_error([account.name], self._workspace.settings.environment)

    def _check_guards(self, account: Account) -> None:
        from wechat_campaigns.ledger.events import LedgerKind
        from wechat_campaigns.ledger.trust import verify_guards

        key = mac_key(self._secret(account), account.appid)
        guards = [event for event in self._events(account.appid) if event.kind == LedgerKind.GUARD]
        _good, bad = verify_guards(guards, key)
        if bad:
            raise TamperedLedgerError(
                _("event {number}, a guard, was not written with this AppSecret").format(number=bad[-1].seq),
                hint=_(
                    "find out who can write to the ledger, then run `campaign ledger guard --env {name}`"
                ).format(name=self._workspace.settings.environment.name),
                location=account.appid,
            )

    def mac_key(self, account: Account, *, trusted: bool = False) -> bytes:
        """Derive the key of an account's macs in the ledger. Raises as `of_account`."""
        return mac_key(self.of_account(account, trusted=trusted), account.appid)

    def mac_keys(self) -> KeyOf:
        """Return what finds the key of an account's macs; None where the AppSecret is missing."""
        named = self._workspace.settings.environment.by_appid
        self.missing = {}

        @cache
        def key(appid: str) -> bytes | None:
            try:
                return self.mac_key(named[appid]) if appid in named else None
            except WrongSecretError:  # nothing is believed by it
                return mac_key(self._secret(named[appid]), appid)
            except TamperedLedgerError:
                raise
            except CampaignError as error:  # not at hand, or not to be used: who sends will be told
                self.missing[appid] = error
                return None

        return key

    def sign(self, entry: Entry) -> Entry:
        """Return an entry of an account with its mac.

        Raises:
            SecretError: the AppSecret is not at hand.
            UsageError: no account of the settings has this AppID.
        """
        from wechat_campaigns.ledger.events import LEDGER
        from wechat_campaigns.ledger.trust import is_signed

        if entry.stream == LEDGER or "mac" in entry.data or not is_signed(entry):
            return entry
        environment = self._workspace.settings.environment
        account = environment.by_appid.get(entry.stream)
        if account is None:
            raise UsageError(
                _("no account of environment {name} has the AppID {appid}").format(
                    name=environment.name, appid=entry.stream
                ),
                hint=_("add the account to _settings.yaml, then run the same command again"),
            )
        return replace(entry, data={**entry.data, "mac": mac_of(self.mac_key(account), entry)})


def check_approved(workspace: OnlinePort, appids: Collection[str]) -> dict[str, str]:
    """Refuse to send for accounts whose campaigns were not approved, or where the code host cannot be asked.

    Returns:
        `approved`: who approved what, for the ledger; empty when nothing was asked.

    Raises:
        PolicyError: an approval is missing, or the code host cannot be asked.
    """
    environment, secrets = workspace.settings.environment, workspace.secrets
    if current_run() is None:
        if appids and (environment.approvals or any(guard_approvals(workspace.guard(one)) for one in appids)):
            raise PolicyError(
                _("this environment requires approvals, which can only be checked in a GitHub or GitLab run"),
                hint=_("apply in the CI workflow"),
                location=_("environment {name}").format(name=environment.name),
            )
        return {}
    told = "; ".join(
        dict.fromkeys(filter(None, (secrets.check_approved(one).told for one in sorted(appids))))
    )
    return {"approved": told} if told else {}
