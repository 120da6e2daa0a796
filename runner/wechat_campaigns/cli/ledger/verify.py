"""Check the hash chain of every account."""

from __future__ import annotations

from collections.abc import Sequence

import click

from wechat_campaigns.cli.context import LedgerContext, OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, OnlineOption
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.guard.forgeries import Forgeries, find_forgeries, unchecked_accounts
from wechat_campaigns.ledger.events import find_chain_faults
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.ledger.initialization import wrong_secret_error
from wechat_campaigns.ledger.trust import KeyOf, authenticator
from wechat_campaigns.protocol.events import Event


@command(
    effect=Effect.LEDGER_READ,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign ledger verify --env production": N_("before and after a restore")},
)
@click.option(
    "--macs",
    cls=OnlineOption,
    is_flag=True,
    help="Also check the MACs of accounts whose AppSecret is available.",
)
def verify(context: LedgerContext) -> int:
    """Check the hash chains: find events that were edited, removed, reordered or cut off.

    Also finds events that this machine has seen and that are now missing or changed. With --macs it reads
    the AppSecrets of the settings, and also finds events written without them, or copied from another place.
    """
    # The store itself first: it looks at every stream, the comparison with what was seen stops at one.
    events, heads = context.ledger.snapshot()
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
    key_of: KeyOf | None = None
    found = Forgeries([], [], unchecked_accounts(context, events), [])
    if isinstance(context, OnlineContext):
        key_of, found = context.secrets.mac_keys(), find_forgeries(context, events)
    misplaced, forged, unread, wrong = found
    descriptions = [*misplaced, *forged] or _contradictions(events, key_of)
    summary = ngettext(
        "{count:,} event; all hash chains are intact",
        "{count:,} events; all hash chains are intact",
        len(events),
    )
    lines = ["\n".join(descriptions) or summary.format(count=len(events))]
    if unread:
        unchecked = _("the AppSecret of {names} is not available, so the MACs of its events were not checked")
        if key_of is None:
            unchecked = _("the MACs of {names} were not checked: add `--macs`, which reads the AppSecret")
        lines.append(unchecked.format(names=_(", ").join(unread)))
    code = context.output_sentence(
        "\n".join(lines), events=len(events), faults=descriptions, macs_unread=unread
    )
    if wrong:
        raise wrong_secret_error(wrong, context.settings.environment)
    if descriptions:
        raise TamperedLedgerError(
            ngettext(
                "all hash chains are intact, but {count:,} event was forged or copied, or follows one that "
                "was removed",
                "all hash chains are intact, but {count:,} events were forged or copied, or follow one that "
                "was removed",
                len(descriptions),
            ).format(count=len(descriptions)),
            hint=_(
                "find out who can write to the ledger, and check the sends of these events in the "
                "WeChat console, unless the AppSecret was changed after them"
            ),
        )
    return code


def _contradictions(events: Sequence[Event], key_of: KeyOf | None) -> list[str]:
    """Find what stops every command that reads the ledger, such as a push that tells of nothing."""
    try:
        authentic = authenticator(events, key_of) if key_of is not None else None
        fold(events, authentic)
    except TamperedLedgerError as error:
        return [str(error)]
    return []
