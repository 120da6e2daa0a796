"""What WeChat shows of a send before it is made: a preview on testers' phones, the drafts of the console."""

from collections.abc import Container, Iterator, Sequence
from contextlib import nullcontext

import click

from wechat_campaigns.cli.context import OnlineContext, each_of, one_of
from wechat_campaigns.cli.options import ACCOUNTS, DIR, ENV, VAR, Effect, campaign_ids, testers
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import UsageError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.draft_box import AccountDrafts, list_drafts
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.report.json import drafts_data
from wechat_campaigns.report.text import drafts_text
from wechat_campaigns.run.plan import plan_selected
from wechat_campaigns.send import preparing
from wechat_campaigns.send.apply import LOCK_WAIT_S
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.send.preparing import PreviewResult, Recipient


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
        known = context.settings.testers or (_("a WeChat ID (微信号)"),)
        raise UsageError(_("no tester is named"), hint=one_of("--to", known))
    state = context.initialized_state()
    sends = plan_selected(context, (select,), state, checked=False).valid_plan().sends
    # Of an openid list the first batch, unless another one is named.
    chosen = [one for one in sends if one.send.batch is None or one.send.batch.index == 1] or sends
    to = preparing.preview_recipients(names, context.settings.testers)

    def previewed(planned: PlannedSend) -> PreviewResult:
        if len(chosen) > 1:
            context.show_progress(_("{send}: sending the preview").format(send=planned.send.id))
        # Others must not make the same draft at the same time.
        needs_lock = planned.send.content.needs_draft
        lock = context.ledger.lock(planned.account.appid, LOCK_WAIT_S) if needs_lock else nullcontext()
        with lock:
            return preparing.preview(planned, to, AccountWriter(context, planned.account).open())

    results, failed = each_of({one.send.id: one for one in chosen}, previewed)
    for send, error in failed.items():
        results[send] = PreviewResult(notes=(), errors={one.name: error for one in to})
    made = [(planned, results[planned.send.id]) for planned in chosen]
    errors = [error for _planned, found in made for error in found.errors.values()]
    if len(chosen) * len(to) == 1 and errors:
        raise errors[0]
    context.output_data(
        lambda: "\n".join(_lines(made, to, context.settings.testers)),
        {"previews": [_row(planned, found, one) for planned, found in made for one in to]},
    )
    return worst_exit_code(error.exit_code for error in errors)


def _lines(
    made: Sequence[tuple[PlannedSend, PreviewResult]], to: Sequence[Recipient], aliases: Container[str]
) -> Iterator[str]:
    """Write whom each send reached, then each failure once, however many sends it concerns."""
    failed: dict[tuple[str, str], list[str]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for planned, found in made:
        reached = [one.name for one in to if one.name not in found.errors]
        if reached:
            message = _(
                "{send}: preview sent to {tester}; check it on the phone. "
                "This content is now recorded as previewed."
            )
            named = _(", ").join(reached)
            if any(name not in aliases for name in reached):
                named = ngettext("{count} tester", "{count} testers", len(reached)).format(count=len(reached))
            yield message.format(send=planned.send.id, tester=named)
        yield from (f"  {note}" for note in found.notes)
        for name, error in found.errors.items():
            failed.setdefault((name, error.hint), []).append(planned.send.id)
            reasons.setdefault((name, error.hint), error.message)  # each answer has a request id of its own
    for (name, hint), sends in failed.items():
        message = _("{send}: preview to {tester} failed: {error}")
        yield message.format(send=_(", ").join(sends), tester=name, error=reasons[name, hint])
        yield f"→ {hint}"


def _row(planned: PlannedSend, found: PreviewResult, one: Recipient) -> dict[str, object]:
    error = found.errors.get(one.name)
    return {
        "send": planned.send.id,
        "tester": one.name,
        "error": error.message if error is not None else None,
        "content_digest": planned.content_digest,
        "notes": list(found.notes),
    }


@command(
    effect=Effect.WECHAT_READ,
    options=(ACCOUNTS, DIR, ENV),
    examples={"campaign drafts --env production": N_("titles, when saved, made for which send")},
)
def drafts(context: OnlineContext) -> int:
    """List each account's drafts in WeChat: titles, when saved, for which send this tool made each.

    After an edit of a campaign, this tool makes a new draft. The old one stays and is marked; delete it in
    the WeChat console if nothing uses it. At most 2,000 drafts are listed.
    """
    state = context.state(own=True)
    listed, code = context.read_each(lambda account: _list(context, account, state))
    context.output_data(lambda: drafts_text(listed, context.text_options), drafts_data(listed))
    return code


def _list(context: OnlineContext, account: Account, state: LedgerState) -> AccountDrafts:
    made = state.stream(account.appid).made_drafts
    current = {one.media_id for one in state.stream(account.appid).drafts.values()}
    return AccountDrafts(
        drafts=tuple(list_drafts(context.read_api(account))),
        made_for={media_id: one.send for media_id, one in made.items()},
        replaced=frozenset(made.keys() - current),
    )
