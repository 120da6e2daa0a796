"""Declare and read the options that `plan` and `apply` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from wechat_campaigns.cli.options import DecisionOption
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.patterns import recordable
from wechat_campaigns.protocol.keys import namespace_of, normalize_id

if TYPE_CHECKING:
    from wechat_campaigns.cli.context import Context
    from wechat_campaigns.ledger.fold import LedgerState

RESEND: Final = click.option(
    "--resend",
    cls=DecisionOption,
    metavar="ID",
    multiple=True,
    help="Resend an unknown send unchanged although its campaign was edited or removed; repeatable.",
)
ALLOW: Final = click.option(
    "--allow",
    cls=DecisionOption,
    metavar="RULE=REASON",
    multiple=True,
    help="Override one policy rule, once; recorded.",
)


def unknown_sends(context: Context, state: LedgerState, ids: Sequence[str]) -> frozenset[str]:
    """Return the ids of `--resend`, by `normalize_id`.

    Raises:
        UsageError: no unknown send has one of them.
    """
    from wechat_campaigns.ledger.records import SendStatus

    mine = normalize_id(context.settings.namespace)
    unknown = {
        key[1]
        for key, send in state.sends.items()
        if send.status is SendStatus.UNKNOWN and namespace_of(send.send) == mine
    }
    chosen = {normalize_id(context.full_id(send_id)): send_id for send_id in ids}
    for name, send_id in chosen.items():
        if name not in unknown:
            raise UsageError(
                _("--resend {send}: no unknown send has this id").format(send=send_id),
                hint=_("use an id from `campaign status`"),
            )
    return frozenset(chosen)


def overridden_rules(pairs: Sequence[str]) -> dict[str, str]:
    """Read the pairs of `--allow`: the rules to override, each with its reason.

    Raises:
        UsageError: a rule cannot be overridden, or its reason is missing.
    """
    from wechat_campaigns.plan.policy import OVERRIDABLE

    allowed = {}
    for pair in pairs:
        rule, _equals, reason = pair.partition("=")
        if rule not in OVERRIDABLE:
            raise UsageError(
                _("--allow {pair}: this is not a rule that can be overridden").format(pair=pair),
                hint=_("use one of: {names}; to end a hold, run `campaign unhold`").format(
                    names=_(", ").join(sorted(OVERRIDABLE))
                ),
            )
        if not reason.strip():
            raise UsageError(
                _("--allow {pair}: the reason is missing").format(pair=pair),
                hint=_("write `--allow {rule}=REASON`; the ledger records the reason").format(rule=rule),
            )
        allowed[rule] = recordable(reason.strip())
    return allowed
