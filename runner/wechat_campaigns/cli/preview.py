"""Send real messages to testers."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import click

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, VAR, campaign_ids, testers
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.plan.plan import Plan, PlannedSend
from wechat_campaigns.report.sanitize import inert
from wechat_campaigns.run.plan import plan_selected
from wechat_campaigns.send import preview as previews
from wechat_campaigns.send.apply import LOCK_WAIT_S
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.send.preview import PreviewResult, Recipient


@command(
    effect=Effect.WECHAT_WRITE,
    options=(DIR, ENV, VAR),
    examples={
        "campaign preview sale --to 小李 --to 老王": N_("two testers named in the settings"),
        "campaign preview tasting --to 小李": N_("every send of a `for_each`"),
        "campaign preview 'tasting[beijing]' --to wechat-name": N_("any WeChat ID"),
    },
)
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option(
    "--to",
    "names",
    metavar="TESTER",
    multiple=True,
    shell_complete=testers,
    help="An alias from the settings, a WeChat ID or an openid; repeatable.",
)
def preview(context: OnlineContext, select: str, names: Sequence[str]) -> int:
    """Send one real message to each tester, and record that this content was previewed.

    Uses none of the quota; WeChat allows 100 previews a day. ID is a campaign, or one send of it:
    sale[beijing]. Of an openid list only the first batch is sent: all have the same content. A preview of
    several pictures shows only the first.
    """
    if not names:
        aliases = _(", ").join(context.settings.testers) or _("a WeChat ID (微信号)")
        raise UsageError(
            _("no tester is named"), hint=_("add `--to` with one of: {names}").format(names=aliases)
        )
    state = context.initialized_state()
    chosen = _chosen(plan_selected(context, (select,), state, checked=False).valid_plan())
    to = previews.recipients(names, context.settings.testers)
    appid = chosen[0].account.appid
    used = previews.used_today(appid, state, context.clock())
    if used + len(chosen) * len(to) > previews.PER_DAY:
        message = _("The ledger records {used} previews today; WeChat may refuse more than {limit} a day.")
        context.show_progress(message.format(used=used, limit=previews.PER_DAY))
    made: list[tuple[PlannedSend, PreviewResult]] = []
    for planned in chosen:
        if len(chosen) > 1:
            context.show_progress(_("{send}: sending the preview").format(send=planned.send.id))
        with _draft_lock(context, planned):
            account = AccountWriter(context, planned.account).open()
            made.append((planned, previews.preview(planned, to, account)))
    errors = [error for _planned, found in made for error in found.errors.values()]
    if len(chosen) * len(to) == 1 and errors:
        raise errors[0]
    context.output_data(
        lambda: inert("\n".join(_text(planned, found, to) for planned, found in made)),
        {"previews": [_row(planned, found, one) for planned, found in made for one in to]},
    )
    return worst_exit_code(error.exit_code for error in errors)


def _chosen(plan: Plan) -> Sequence[PlannedSend]:
    """Return the sends to preview: of an openid list the first batch, unless another one is named."""
    first = [one for one in plan.sends if one.send.batch is None or one.send.batch.index == 1]
    return first or plan.sends


def _draft_lock(context: OnlineContext, planned: PlannedSend) -> AbstractContextManager[None]:
    """Lock the draft against other runners; a preview without a draft takes no lock."""
    if not planned.send.content.needs_draft:
        return nullcontext()
    return context.ledger.lock(planned.account.appid, LOCK_WAIT_S)


def _text(planned: PlannedSend, found: PreviewResult, to: Sequence[Recipient]) -> str:
    reached = [one.name for one in to if one.name not in found.errors]
    lines = []
    if reached:
        message = _(
            "{send}: preview sent to {tester}; check it on the phone. "
            "This content is now recorded as previewed."
        )
        lines.append(message.format(send=planned.send.id, tester=_(", ").join(reached)))
    for name, error in found.errors.items():
        message = _("{send}: preview to {tester} failed: {error}")
        lines.append(message.format(send=planned.send.id, tester=name, error=error.message))
        lines.append(f"→ {error.hint}")
    return "\n".join([*lines, *(f"  {note}" for note in found.notes)])


def _row(planned: PlannedSend, found: PreviewResult, one: Recipient) -> dict[str, object]:
    error = found.errors.get(one.name)
    return {
        "send": planned.send.id,
        "tester": one.name,
        "error": error.message if error is not None else None,
        "content_digest": planned.content_digest,
        "notes": list(found.notes),
    }
