"""`campaign draft`: makes the drafts of a campaign's articles, and stops there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wechat_campaigns.api import make_plan
from wechat_campaigns.cli.completing import campaign_ids
from wechat_campaigns.cli.context import Context, campaign_of, no_send, shared
from wechat_campaigns.cli.streams import require_terminal
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError
from wechat_campaigns.core.words import _
from wechat_campaigns.protocol.keys import normalize_id

if TYPE_CHECKING:
    from wechat_campaigns.plan.plan import Plan, PlannedSend
    from wechat_campaigns.send.drafting import ReadyDraft

Made = tuple["PlannedSend", "ReadyDraft"]


@click.command()
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@shared
def draft(context: Context, select: str, auto_approve: bool) -> int:
    """Make the draft of an article and stop there, so that it can be looked at in the console.

    Uploads its pictures and adds the draft; nothing is sent. `campaign apply` sends this very draft later,
    and refuses when it was edited by hand meanwhile. ID is a campaign, or one send of it: sale[beijing].
    """
    from wechat_campaigns.report.neutral import FORMAT_VERSION, inert, json_text

    state = context.initialized_state()
    made = make_plan(context, (campaign_of(select),), state)
    if made.compiled.errors:
        raise InvalidError(made.compiled.errors)
    chosen = _chosen(made.plan, select)
    _confirm(context, chosen, auto_approve=auto_approve)
    drafts = [(planned, _make(context, planned)) for planned in chosen]
    context.give(
        {
            "text": lambda: inert(_text(drafts)),
            "json": lambda: json_text(
                {"format_version": FORMAT_VERSION, "drafts": [_row(one) for one in drafts]}
            ),
        }
    )
    return ExitCode.OK


def _chosen(plan: Plan, select: str) -> list[PlannedSend]:
    """Pick the sends asked for that still wait for their draft."""
    from wechat_campaigns.plan.plan import PENDING
    from wechat_campaigns.wechat import payloads as wire

    named = normalize_id(select)
    found = [p for p in plan.sends if named in (normalize_id(p.send.id), normalize_id(p.send.campaign))]
    if not found:
        raise no_send(select, (planned.send for planned in plan.sends))
    kind = found[0].send.msgtype
    if not all(wire.needs_draft(planned.send.content) for planned in found):
        raise UsageError(
            _("{send} needs no draft to be made: it sends {kind} as it is").format(
                send=select, kind=kind.value
            ),
            hint=_(
                "only articles and picture posts written in the campaign become drafts; "
                "`campaign render` shows the others"
            ),
        )
    pending = [planned for planned in found if planned.action in PENDING]
    if not pending:
        first = found[0]
        raise UsageError(
            _("{send} is {action}: {reason}").format(
                send=first.send.id, action=first.action.value, reason=first.decision.reason
            ),
            hint=first.decision.hint or _("a draft is made for sends that are still to be made"),
        )
    return pending


def _confirm(context: Context, chosen: Sequence[PlannedSend], *, auto_approve: bool) -> None:
    for planned in chosen:
        missing = sum(result is None for _, result in planned.resolved.uploads)
        said = _("  {send} → draft box of {account}, {count} uploads")
        context.say(said.format(send=planned.send.id, account=planned.account.name, count=missing))
    if auto_approve:
        return
    require_terminal(_("add --auto-approve"))
    if not click.confirm(_("Make {count} drafts? Nothing is sent").format(count=len(chosen)), err=True):
        raise click.Abort(_("Not confirmed, so no draft is made."))


def _make(context: Context, planned: PlannedSend) -> ReadyDraft:
    """Make one draft while no other runner of this account is at work."""
    from wechat_campaigns.ledger.fold import fold
    from wechat_campaigns.plan.decide import decide
    from wechat_campaigns.plan.plan import PENDING
    from wechat_campaigns.send import drafting
    from wechat_campaigns.send.apply import LOCK_WAIT_S

    appid = planned.account.appid
    with context.ledger.lock(appid, LOCK_WAIT_S):
        state = fold(context.ledger.events(appid), namespace=context.settings.namespace)
        now = decide(planned.send, planned.content_digest, appid=appid, state=state, now=context.clock())
        if now.action not in PENDING:
            raise UsageError(
                _("another run came first: it is {action}, {reason}").format(
                    action=now.action.value, reason=now.reason
                ),
                hint=_("run `campaign status`"),
                location=planned.send.id,
            )
        api = context.write_api(planned.account)
        ready = drafting.create_draft(
            planned,
            api=api,
            ledger=context.ledger,
            state=state,
            read=context.read,
            tell=lambda what: context.say(f"  {planned.send.id}: {what}"),
        )
    if ready is None:
        raise AssertionError("only sends that need a draft were chosen")
    return ready


def _text(drafts: Sequence[Made]) -> str:
    lines = []
    for planned, ready in drafts:
        said = _("{send}: draft {media_id} was there already, unchanged, account {account}")
        if ready.is_new:
            said = _("{send}: draft {media_id} added, account {account}")
        lines.append(said.format(send=planned.send.id, media_id=ready.media_id, account=planned.account.name))
        lines += [f"  {note}" for note in ready.notes]
    lines.append(
        "\n"
        + _(
            "Nothing was sent. Look at it on mp.weixin.qq.com under 草稿箱 (drafts), and edit the campaign's "
            "files, not the draft: `campaign apply` sends it only as it is now."
        )
    )
    return "\n".join(lines)


def _row(made: Made) -> dict[str, object]:
    planned, ready = made
    return {
        "id": planned.send.id,
        "account": planned.account.name,
        "media_id": ready.media_id,
        "added": ready.is_new,
        "notes": list(ready.notes),
    }
