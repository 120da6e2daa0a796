"""Find what somebody without the AppSecret wrote, copied or took out, where the AppSecret is available."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wechat_campaigns.core.errors import PolicyError, SecretError, TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.guard.run import WorkspacePort
from wechat_campaigns.guard.secrets import OnlinePort
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.ledger.trust import authenticator, has_valid_mac, is_signed, verify_guards
from wechat_campaigns.protocol.events import Event


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


def find_forgeries(workspace: OnlinePort, events: Sequence[Event]) -> Forgeries:
    """Check macs and places.

    Args:
        events: of a whole ledger, its chains checked before.
    """
    accounts = workspace.settings.environment.by_appid
    found = Forgeries([], [], [], [])
    for appid in _signed_streams(events):
        own = [event for event in events if event.stream == appid]
        if appid not in accounts:
            found.unread.append(appid)
            continue
        try:
            # Trusted, because guards are looked at here: all that is wrong is named at once.
            key = workspace.secrets.mac_key(accounts[appid], trusted=True)
        except (SecretError, PolicyError):
            found.unread.append(accounts[appid].name)
            continue
        signed = [event for event in own if "mac" in event.data]
        if signed and not any(has_valid_mac(event, key) for event in signed):
            found.wrong.append(accounts[appid].name)
            continue
        guards = verify_guards((event for event in own if event.kind == LedgerKind.GUARD), key)[1]
        believed = authenticator(own, {appid: key}.get)
        for event in own:
            try:
                # Of guards only those count that no later one replaced.
                is_asked = event in guards if event.kind == LedgerKind.GUARD else is_signed(event)
                if is_asked and not believed(event):
                    forged = _("event {number} of {stream} ({kind}) was not written with this AppSecret")
                    found.forged.append(forged.format(number=event.seq, stream=appid, kind=event.kind))
            except TamperedLedgerError as error:
                found.misplaced.append(str(error))
    return found


def unchecked_accounts(workspace: WorkspacePort, events: Sequence[Event]) -> list[str]:
    """List the accounts whose events have macs, by name where the settings have one."""
    accounts = workspace.settings.environment.by_appid
    return [accounts[one].name if one in accounts else one for one in _signed_streams(events)]


def _signed_streams(events: Sequence[Event]) -> list[str]:
    return sorted({event.stream for event in events if event.stream != LEDGER and is_signed(event)})
