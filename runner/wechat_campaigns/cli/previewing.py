"""`campaign preview`: one real message to one tester."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from wechat_campaigns.api import make_plan
from wechat_campaigns.cli.completing import campaign_ids, testers
from wechat_campaigns.cli.context import Context, campaign_of, no_send, shared
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.words import _
from wechat_campaigns.protocol.keys import normalize_id

if TYPE_CHECKING:
    from wechat_campaigns.plan.plan import Plan, PlannedSend


@click.command()
@click.argument("send_id", metavar="ID", shell_complete=campaign_ids)
@click.option(
    "--to",
    "name",
    metavar="TESTER",
    shell_complete=testers,
    help="An alias of the settings, or a WeChat name.",
)
@click.option("--to-openid", "openid", metavar="OPENID", help="The tester's openid.")
@shared
def preview(context: Context, send_id: str, name: str | None, openid: str | None) -> int:
    """Send one real message to one tester, and record that this content was seen.

    Uses up no allowance; WeChat allows 100 previews a day. ID names one send: sale, or sale[beijing] of a
    for_each. Of several pictures a preview shows the first.
    """
    from wechat_campaigns.send import preview as room

    if (name is None) == (openid is None):
        raise UsageError(_("name one tester"), hint=_("give --to TESTER or --to-openid OPENID"))
    state = context.initialized_state()
    made = make_plan(context, (campaign_of(send_id),), state)
    if made.compiled.errors:
        raise InvalidError(made.compiled.errors)
    planned = _one(made.plan, send_id)
    used = room.used_today(planned.account.appid, state, context.clock())
    if used >= room.PER_DAY:
        said = _("The ledger knows of {used} previews today; WeChat may refuse more than {limit}.")
        context.say(said.format(used=used, limit=room.PER_DAY))
    with _alone(context, planned):
        notes = room.preview(
            planned,
            room.recipient(name, context.settings.testers) if name is not None else {"touser": str(openid)},
            api=context.write_api(planned.account),
            ledger=context.ledger,
            state=context.state(),
            read=context.read,
            tell=lambda what: context.say(f"  {send_id}: {what}"),
        )
    for note in notes:
        context.say(f"  {note}")
    said = _("{send}: a preview is on its way to the tester; digest {digest} counts as seen")
    return context.conclude(
        said.format(send=send_id, digest=planned.content_digest[:12]),
        send=send_id,
        digest=planned.content_digest,
        notes=list(notes),
    )


def _alone(context: Context, planned: PlannedSend) -> AbstractContextManager[None]:
    """Keep other runners from adding the same draft; what needs none waits for nobody."""
    from wechat_campaigns.send.apply import LOCK_WAIT_S
    from wechat_campaigns.wechat import payloads as wire

    if not wire.needs_draft(planned.send.content):
        return nullcontext()
    return context.ledger.lock(planned.account.appid, LOCK_WAIT_S)


def _one(plan: Plan, send_id: str) -> PlannedSend:
    found = [planned for planned in plan.sends if normalize_id(planned.send.id) == normalize_id(send_id)]
    if not found:
        raise no_send(send_id, (planned.send for planned in plan.sends))
    return found[0]
