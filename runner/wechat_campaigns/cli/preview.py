"""Send one real message to a tester."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import click

from wechat_campaigns.api import make_plan
from wechat_campaigns.cli.completers import campaign_ids, testers
from wechat_campaigns.cli.context import Context, campaign_of, no_send_error
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, QUIET, VAR
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.send import preview as previews
from wechat_campaigns.send.apply import LOCK_WAIT_S
from wechat_campaigns.wechat import payloads


@command(
    effect=Effect.WECHAT_WRITE,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV, VAR, QUIET),
    examples={
        "campaign preview sale --to 小李": N_("a tester named in the settings"),
        "campaign preview 'tasting[beijing]' --to wechat-name": N_("any WeChat name"),
    },
)
@click.argument("send_id", metavar="ID", shell_complete=campaign_ids)
@click.option(
    "--to",
    "name",
    metavar="TESTER",
    shell_complete=testers,
    help="An alias from the settings, or a WeChat ID.",
)
@click.option("--to-openid", "openid", metavar="OPENID", help="The tester's openid.")
def preview(context: Context, send_id: str, name: str | None, openid: str | None) -> int:
    """Send one real message to one tester, and record that this content was previewed.

    Uses none of the quota; WeChat allows 100 previews a day. ID names one send: sale, or sale[beijing] of a
    for_each. A preview of several pictures shows only the first.
    """
    if (name is None) == (openid is None):
        raise UsageError(
            _("exactly one tester is required"), hint=_("pass `--to TESTER` or `--to-openid OPENID`")
        )
    state = context.initialized_state()
    result = make_plan(context, (campaign_of(send_id),), state, checked=False)
    if result.compiled.errors:
        raise InvalidError(result.compiled.errors)
    planned = _planned(result.plan, send_id)
    used = previews.used_today(planned.account.appid, state, context.clock())
    if used >= previews.PER_DAY:
        message = _("The ledger records {used} previews today; WeChat may refuse more than {limit} a day.")
        context.show_progress(message.format(used=used, limit=previews.PER_DAY))
    with _draft_lock(context, planned):
        notes = previews.preview(
            planned,
            previews.recipient(name, context.settings.testers)
            if name is not None
            else {"touser": str(openid)},
            context.upload_ports(planned.account, context.state(), send_id),
        )
    for note in notes:
        context.show_progress(f"  {note}")
    message = _(
        "{send}: preview sent; check it on the tester's phone. This content is now recorded as previewed."
    )
    if name in context.settings.testers:  # an alias is not a secret, a WeChat name is
        message = _(
            "{send}: preview sent to {tester}; check it on the phone. "
            "This content is now recorded as previewed."
        )
    return context.output_sentence(
        message.format(send=send_id, tester=name),
        send=send_id,
        content_digest=planned.content_digest,
        notes=list(notes),
    )


def _draft_lock(context: Context, planned: PlannedSend) -> AbstractContextManager[None]:
    """Keep other runners from adding the same draft; without a draft there is no lock."""
    if not payloads.needs_draft(planned.send.content):
        return nullcontext()
    return context.ledger.lock(planned.account.appid, LOCK_WAIT_S)


def _planned(plan: Plan, send_id: str) -> PlannedSend:
    wanted_id = normalize_id(send_id)
    matches = [planned for planned in plan.sends if normalize_id(planned.send.id) == wanted_id]
    if not matches and len(plan.sends) == 1 and plan.sends[0].send.batch is not None:
        # An openid list of one batch: `vip` is `vip#1`.
        unbatched = replace(SendId.parse(plan.sends[0].send.id), batch=None)
        matches = [*plan.sends] if normalize_id(str(unbatched)) == wanted_id else []
    if not matches:
        raise no_send_error(send_id, (planned.send for planned in plan.sends))
    return matches[0]
