"""Check the hash chain of every account."""

from __future__ import annotations

from collections.abc import Sequence

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import PolicyError, SecretError, TamperedLedgerError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.ledger.events import LEDGER, find_chain_faults, snapshot
from wechat_campaigns.ledger.trust import authenticator, is_signed
from wechat_campaigns.plan.policy.guard import verify_guards
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import mac_key


@command(
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign ledger verify --env production": N_("before and after a restore")},
)
def verify(context: Context) -> int:
    """Check the hash chain: find every event that was edited, removed, reordered or cut off.

    Also finds events that this machine has seen and that are now missing or changed. For accounts whose
    AppSecret is available, it also finds events written without that AppSecret.
    """
    # The store itself first: this lists every fault, while the comparison with what was seen stops at one.
    events, heads = snapshot(context.ledger.store)
    faults = find_chain_faults(events, heads)
    if faults:
        context.output_sentence("\n".join(faults), events=len(events), faults=faults)
        raise TamperedLedgerError(
            ngettext(
                "{count:,} fault in the hash chains of {total:,} events",
                "{count:,} faults in the hash chains of {total:,} events",
                len(faults),
            ).format(count=len(faults), total=len(events)),
            hint=_("restore the ledger from a backup, and send nothing from here until then"),
        )
    context.ledger.events()
    forged, unread = _forged(context, events)
    descriptions = [
        _("event {number} of {stream} ({kind}) was not written with this AppSecret").format(
            number=event.seq, stream=event.stream, kind=event.kind
        )
        for event in forged
    ]
    summary = ngettext(
        "{count:,} event; all hash chains are intact",
        "{count:,} events; all hash chains are intact",
        len(events),
    )
    lines = ["\n".join(descriptions) or summary.format(count=len(events))]
    if unread:
        unchecked = _("the AppSecret of {names} is not available, so the MACs of its events were not checked")
        lines.append(unchecked.format(names=_(", ").join(unread)))
    code = context.output_sentence(
        "\n".join(lines), events=len(events), faults=descriptions, macs_unread=unread
    )
    if descriptions:
        raise TamperedLedgerError(
            ngettext(
                "all hash chains are intact, but {count:,} event was not written with this AppSecret",
                "all hash chains are intact, but {count:,} events were not written with this AppSecret",
                len(descriptions),
            ).format(count=len(descriptions)),
            hint=_(
                "find out who can write to the ledger, and check the sends of these events in the "
                "WeChat console, unless the AppSecret was changed after them"
            ),
        )
    return code


def _forged(context: Context, events: Sequence[Event]) -> tuple[list[Event], list[str]]:
    """Find the events that nobody with the AppSecret wrote, and the accounts whose AppSecret is missing."""
    accounts = {account.appid: account for account in context.settings.environment.accounts.values()}
    forged: list[Event] = []
    unread: list[str] = []
    for appid in sorted({event.stream for event in events if event.stream != LEDGER and is_signed(event)}):
        own = [event for event in events if event.stream == appid]
        if appid not in accounts:
            unread.append(appid)
            continue
        try:
            # Trusted, because guards are looked at here: all that is wrong is named at once.
            key = mac_key(secret := context.secret(accounts[appid], trusted=True), appid)
        except (SecretError, PolicyError):
            unread.append(accounts[appid].name)
            continue
        guards = verify_guards((event for event in own if event.kind == EventKind.GUARD), secret)[1]
        believed = authenticator(own, {appid: key}.get)
        forged += [e for e in own if (is_signed(e) or e in guards) and not believed(e)]
    return forged, unread
