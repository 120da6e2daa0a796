"""Delete a sent article or video."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completers import accounts, campaign_ids
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import AUTO_APPROVE, DIR, ENV, QUIET
from wechat_campaigns.cli.prompt import ask, not_confirmed_error
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.nearest import suggestion_suffix
from wechat_campaigns.core.settings import Account
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import RETRYABLE_STATUSES, SendRecord
from wechat_campaigns.send import recall as recalls


@command(
    effect=Effect.WECHAT_WRITE,
    formats=TEXT_AND_JSON,
    options=(AUTO_APPROVE, DIR, ENV, QUIET),
    examples={
        "campaign recall news": N_("recall all articles of a send"),
        "campaign recall news --article 2": N_("recall only the second article"),
    },
)
@click.argument("send_id", metavar="ID", shell_complete=campaign_ids)
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
    context: Context, send_id: str, article_idx: int | None, account_name: str | None, auto_approve: bool
) -> int:
    """Delete a sent article or video: its page goes blank, its card stays in every chat.

    Text, pictures and voice cannot be recalled. WeChat allows ten recalls a day.
    """
    state = context.initialized_state(sending=False)
    account, send = _sent_by(context, state, send_id, account_name)
    article = article_idx or 0
    recalls.check(send, article, state)
    remaining = recalls.recalls_left(send.appid, state, context.clock())
    context.show_progress(
        _("{limits} According to the ledger, {count} are left today.").format(
            limits=_(recalls.LIMITS), count=remaining
        )
    )
    if not auto_approve:
        question = _("Type {send} to recall it").format(send=send_id)
        if ask(question) != send_id:
            raise not_confirmed_error(_("Not confirmed: nothing was recalled."))
    context.ledger.read(send.appid)  # verifies the chain
    recalls.recall(send, article, api=context.write_api(account), ledger=context.ledger, state=state)
    message = _("{send}: article {number} recalled") if article else _("{send}: recalled")
    return context.output_sentence(
        message.format(send=send_id, number=article),
        send=send_id,
        revision=send.revision,
        msg_id=send.msg_id,
        article=article_idx,
    )


def _sent_by(
    context: Context, state: LedgerState, send_id: str, account_name: str | None
) -> tuple[Account, SendRecord]:
    """Find what was sent last under an id, and by which account; never guess between two."""
    accounts = context.settings.environment.by_appid
    if account_name is not None:
        account = context.account(account_name)
        accounts = {account.appid: account}
    sends = (send for send in state.sends_by_id(send_id) if send.appid in accounts)
    # Unknown ones too: what they hide is not made up for by an older revision.
    candidates = [send for send in sends if send.intent is not None and send.status not in RETRYABLE_STATUSES]
    if not candidates:
        hint = suggestion_suffix(send_id, {known.send for known in state.sends.values()})
        raise UsageError(
            _("the ledger has no send {name}{hint}").format(name=send_id, hint=hint),
            hint=_("run `campaign status` to list the sends"),
        )
    senders = sorted({accounts[send.appid].name for send in candidates})
    if len(senders) > 1:
        raise UsageError(
            _("several accounts have sent {send}").format(send=send_id),
            hint=_("add `--account` with one of: {names}").format(names=_(", ").join(senders)),
        )
    send = max(candidates, key=lambda s: s.revision)
    return accounts[send.appid], send
