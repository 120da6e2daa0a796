"""Commands after the send: status, recall, tags."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.completing import accounts, campaign_ids
from wechat_campaigns.cli.context import Context, campaign_of, shared
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.words import _
from wechat_campaigns.ledger.records import RETRYABLE_STATUSES, SendStatus

if TYPE_CHECKING:
    from wechat_campaigns.core.settings import Account
    from wechat_campaigns.ledger.fold import LedgerState
    from wechat_campaigns.ledger.records import SendRecord
    from wechat_campaigns.report.standing import Standing

WAIT_S = 5.0
WAIT_LIMIT_S = 1800


@click.command()
@click.argument("send_id", metavar="[ID]", required=False, shell_complete=campaign_ids)
@click.option("--wait", is_flag=True, help="Ask again until every job has ended.")
@click.option(
    "--timeout", "timeout_s", metavar="SECONDS", type=float, default=WAIT_LIMIT_S, show_default=True,
    help="How long to wait.",
)  # fmt: skip
@shared
def status(context: Context, send_id: str | None, wait: bool, timeout_s: float) -> int:
    """Show where each send stands; asks WeChat (mass/get) about those not ended.

    With --wait, exits 8 when some have not ended in time.
    """
    from wechat_campaigns.report.data import status_data
    from wechat_campaigns.report.neutral import json_text
    from wechat_campaigns.report.text import status_text

    rows = _followed(context, send_id)
    if wait:
        rows = _waited(context, send_id, rows, timeout_s)
    context.give(
        {
            "text": lambda: status_text(rows, context.look),
            "json": lambda: json_text(status_data(rows)),
        }
    )
    found = {SendStatus.UNKNOWN if row.known.has_no_msg_id else row.known.status for row in rows}
    if wait and any(row.unfinished for row in rows):
        said = _("Not all have ended within {seconds:.0f} s; run the same command again.")
        context.say(said.format(seconds=timeout_s))
        return ExitCode.UNKNOWN
    return (
        ExitCode.UNKNOWN
        if SendStatus.UNKNOWN in found
        else ExitCode.FAILED
        if SendStatus.DELIVERY_FAILED in found
        else ExitCode.OK
    )


def _waited(context: Context, send_id: str | None, rows: list[Standing], timeout_s: float) -> list[Standing]:
    deadline, said = time.monotonic() + timeout_s, -1
    said_so_far = _("{ended} of {total} ended; asking again every {seconds:.0f} s")
    with context.progress(_("waiting for WeChat"), len(rows)) as show:
        while any(row.unfinished for row in rows) and time.monotonic() < deadline:
            ended = sum(not row.unfinished for row in rows)
            show(ended)
            if ended != said and not context.drawing:
                context.say(said_so_far.format(ended=ended, total=len(rows), seconds=WAIT_S))
            said = ended
            time.sleep(min(WAIT_S, max(0.0, deadline - time.monotonic())))
            rows = _followed(context, send_id)
        show(sum(not row.unfinished for row in rows))
    return rows


def _followed(context: Context, send_id: str | None) -> list[Standing]:
    from wechat_campaigns.report.standing import standing
    from wechat_campaigns.send.status import refresh_job_status

    accounts = {account.appid: account for account in context.settings.environment.accounts.values()}
    state = context.state()
    wanted = state.normalized_ledger_id(send_id) if send_id is not None else None
    chosen = [
        known
        for known in state.sends.values()
        if wanted
        in (None, state.normalized_ledger_id(known.send), state.normalized_ledger_id(campaign_of(known.send)))
    ]
    if send_id is not None and not chosen:
        raise UsageError(
            _("the ledger knows no send {name}").format(name=send_id),
            hint=_("`campaign status` lists them all"),
        )
    if any(known.appid in accounts and known.status is SendStatus.ACCEPTED for known in chosen):
        refresh_job_status(
            chosen, accounts=accounts, connect=context.read_api, ledger=context.ledger, state=state
        )
    fresh = [state.sends[state.key(known.appid, known.send, known.revision)] for known in chosen]
    now = context.clock()
    rows = [standing(known.account or known.appid, known, state, now) for known in fresh]
    return sorted(rows, key=lambda row: (row.account, row.known.at, row.known.send))


@click.command()
@click.argument("send_id", metavar="ID", shell_complete=campaign_ids)
@click.option("--article", "article_idx", type=click.IntRange(1), help="One article, from 1.")
@click.option(
    "--account",
    "account_name",
    shell_complete=accounts,
    help="Which account's send, when several have sent this id.",
)
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@shared
def recall(
    context: Context, send_id: str, article_idx: int | None, account_name: str | None, auto_approve: bool
) -> int:
    """Delete a sent article or video: its page goes blank, its card stays in every chat.

    Text, pictures and voice cannot be recalled. Ten a day.
    """
    from wechat_campaigns.send import recall as room

    state = context.initialized_state(sending=False)
    account, known = _sent(context, state, send_id, account_name)
    article = article_idx or 0
    room.check(known, article, state)
    left = room.recalls_left(known.appid, state, context.clock())
    context.say(
        _("{limits} The ledger knows of {count} left today.").format(limits=_(room.LIMITS), count=left)
    )
    if not auto_approve:
        question = _("Type {send} to recall it").format(send=send_id)
        if click.prompt(question, err=True) != send_id:
            raise click.Abort(_("Not confirmed, so nothing is recalled."))
    room.recall(known, article, api=context.write_api(account), ledger=context.ledger, state=state)
    said = _("{send}: article {number} is recalled") if article else _("{send}: is recalled")
    return context.conclude(
        said.format(send=send_id, number=article),
        send=send_id,
        revision=known.revision,
        msg_id=known.msg_id,
        article=article_idx,
    )


def _sent(
    context: Context, state: LedgerState, send_id: str, account_name: str | None
) -> tuple[Account, SendRecord]:
    """Find what was sent last under an id, and by which account; never guess between two."""
    accounts = {account.appid: account for account in context.settings.environment.accounts.values()}
    if account_name is not None:
        chosen = context.account(account_name)
        accounts = {chosen.appid: chosen}
    sends = (known for known in state.sends_by_id(send_id) if known.appid in accounts)
    # Unknown ones too: what they hide is not made up for by an older revision.
    found = [known for known in sends if known.intent is not None and known.status not in RETRYABLE_STATUSES]
    if not found:
        raise UsageError(
            _("nothing is known to be sent as {name}").format(name=send_id),
            hint=_("`campaign status` lists the sends"),
        )
    senders = sorted({accounts[known.appid].name for known in found})
    if len(senders) > 1:
        raise UsageError(
            _("{send} was sent by several accounts").format(send=send_id),
            hint=_("--account with one of: {names}").format(names=", ".join(senders)),
        )
    known = max(found, key=lambda s: s.revision)
    return accounts[known.appid], known


@click.command()
@click.option(
    "--account", "names", multiple=True, shell_complete=accounts, help="Only this account; repeatable."
)
@shared
def tags(context: Context, names: Sequence[str]) -> int:
    """List each account's tags with their follower counts."""
    from wechat_campaigns.report.neutral import FORMAT_VERSION, json_text
    from wechat_campaigns.report.text import tags_text

    chosen = [context.account(name) for name in names] or [context.account(None)]
    rows = {account.name: context.read_api(account).tags_get() for account in chosen}
    context.give(
        {
            "text": lambda: tags_text(rows, context.look),
            "json": lambda: json_text({"format_version": FORMAT_VERSION, "accounts": rows}),
        }
    )
    return ExitCode.OK
