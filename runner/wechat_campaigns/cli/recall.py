"""Delete sent articles or videos."""

from collections.abc import Sequence

import click

from wechat_campaigns.cli.context import OnlineContext, one_of
from wechat_campaigns.cli.options import (
    AUTO_APPROVE,
    DIR,
    ENV,
    Effect,
    accounts,
    campaign_ids,
    reason_option,
)
from wechat_campaigns.cli.output import confirm
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, UsageError, WeChatError, worst_exit_code
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import suggestion_suffix
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import job_id
from wechat_campaigns.plan.hints import recalled_hint
from wechat_campaigns.protocol.state import SendState, Status
from wechat_campaigns.send import jobs

Errors = dict[str, CampaignError]
"""By send id: why it was not recalled."""


@command(
    effect=Effect.WECHAT_WRITE,
    options=(reason_option("Recorded, and shown with the send.", required=False), AUTO_APPROVE, DIR, ENV),
    examples={
        "campaign recall news --reason '价格写错了'": N_("recall all articles of a campaign"),
        "campaign recall 'tasting[beijing]'": N_("recall one send of a `for_each`"),
        "campaign recall news --article 2": N_("recall only the second article"),
    },
)
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option(
    "--article", "article_idx", type=click.IntRange(1), help="Delete one article only, counted from 1."
)
@click.option(
    "--account",
    "account_name",
    shell_complete=accounts,
    help="The account, if several accounts have sent this id.",
)
def recall(
    context: OnlineContext,
    select: str,
    article_idx: int | None,
    account_name: str | None,
    reason: str | None,
    auto_approve: bool,
) -> int:
    """Delete sent articles or videos: the page goes blank, the card stays in every chat.

    ID is a campaign, with every send of its `for_each` or openid list, or one of them: sale[beijing]. Text,
    pictures and voice cannot be recalled. WeChat allows ten recalls a day.
    """
    state = context.initialized_state(sending=False)
    account, sends = _sent_by(context, state, select, account_name)
    article = article_idx or 0
    # In a hurry, the rest must not wait for what cannot be recalled.
    refused = ((send.send, jobs.recall_error(send, article)) for send in sends)
    errors: Errors = {send_id: error for send_id, error in refused if error is not None}
    if len(errors) == len(sends):
        raise next(iter(errors.values()))
    chosen = [send for send in sends if send.send not in errors]
    _announce(context, state, chosen, errors)
    if not auto_approve:
        question = _("Type {send} to recall it").format(send=select)
        confirm(question, _("Not confirmed: nothing was done."), answer=select)
    context.ledger.read(account.appid)  # verifies the chain
    api, ledger, actor = context.write_api(account), context.ledger, context.actor()
    for send in chosen:
        try:
            jobs.recall(send, article, reason or "", api=api, ledger=ledger, state=state, actor=actor)
        except WeChatError as error:
            if len(sends) == 1:
                raise
            errors[send.send] = error
    lines = [_line(send, article, errors) for send in sends]
    if not article and len(errors) < len(sends):
        lines.append(f"→ {recalled_hint()}")
    written = context.output_sentence(
        "\n".join(lines),
        recalls=[_row(send, article_idx, errors) for send in sends],
    )
    return worst_exit_code([*(error.exit_code for error in errors.values()), written])


def _announce(
    context: OnlineContext, state: LedgerState, chosen: Sequence[SendState], errors: Errors
) -> None:
    remaining = jobs.recalls_left(chosen[0].appid, state, context.clock())
    context.show_progress(
        _("{limits} According to the ledger, {count} are left today.").format(
            limits=_(jobs.RECALL_LIMITS), count=remaining
        )
    )
    for send_id, error in errors.items():
        message = _("{send}: cannot be recalled: {error}")
        context.show_progress(message.format(send=send_id, error=error.message))
    if len(chosen) > 1:
        names = _(", ").join(send.send for send in chosen)
        context.show_progress(_("To be recalled: {sends}.").format(sends=names))


def _line(send: SendState, article: int, errors: Errors) -> str:
    if send.send in errors:
        error = errors[send.send]
        return _("{send}: not recalled: {error}").format(send=send.send, error=error.message)
    message = _("{send}: article {number} recalled") if article else _("{send}: recalled")
    return message.format(send=send.send, number=article)


def _row(send: SendState, article: int | None, errors: Errors) -> dict[str, object]:
    return {
        "send": send.send,
        "revision": send.revision,
        "msg_id": job_id(send),
        "article": article,
        "error": errors[send.send].message if send.send in errors else None,
    }


def _sent_by(
    context: OnlineContext, state: LedgerState, select: str, account_name: str | None
) -> tuple[Account, list[SendState]]:
    """Find what was sent last under each id that one stands for, and by which account; never guess."""
    accounts = context.settings.environment.by_appid
    if account_name is not None:
        account = context.account(account_name)
        accounts = {account.appid: account}
    from wechat_campaigns.run.plan import stands_for

    wanted_id = context.full_id(select)
    sends = (send for send in state.sends if stands_for(wanted_id, send.send))
    # Unknown ones too: what they hide is not made up for by an older revision.
    candidates = [
        send
        for send in sends
        if send.appid in accounts
        and (send.intent is not None or send.is_by_hand)
        and send.status is not Status.REJECTED
    ]
    if not candidates:
        hint = suggestion_suffix(select, {known.send for known in state.sends})
        raise UsageError(
            _("the ledger has no send {name}{hint}").format(name=select, hint=hint),
            hint=_("run `campaign status` to list all sends"),
        )
    senders = sorted({accounts[send.appid].name for send in candidates})
    if len(senders) > 1:
        raise UsageError(
            _("several accounts have the send {send}").format(send=select),
            hint=one_of("--account", senders),
        )
    latest = {send.send: send for send in sorted(candidates, key=lambda one: one.revision)}
    return accounts[candidates[0].appid], [latest[send_id] for send_id in sorted(latest)]
