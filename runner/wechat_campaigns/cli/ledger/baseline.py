"""Record campaigns as already sent."""

from __future__ import annotations

from datetime import datetime

import click

from wechat_campaigns.api import compile_selected
from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, VAR, Day, reason_option
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Send
from wechat_campaigns.guard.campaigns_folder import check_campaigns_folder
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.hints import settle_hint
from wechat_campaigns.plan.renamed import identity
from wechat_campaigns.protocol.events import Entry, EventKind, Head
from wechat_campaigns.protocol.state import Status
from wechat_campaigns.report.phrases import sends


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(reason_option("Why these count as sent; recorded."), DIR, ENV, VAR),
    examples={
        "campaign ledger baseline --all --reason 'sent by hand'": N_("never send any of these again"),
        "campaign ledger baseline --before 2026-12-01 --reason archive": N_(
            "campaigns whose window ended before that day"
        ),
    },
)
@click.argument("select", nargs=-1, shell_complete=campaign_ids)
@click.option("--all", "everything", is_flag=True, help="Every campaign in the folder.")
@click.option(
    "--before",
    metavar="YYYY-MM-DD",
    type=Day(),
    help="Campaigns whose not_after is before that day.",
)
def baseline(
    context: OnlineContext, select: tuple[str, ...], everything: bool, before: datetime | None, reason: str
) -> int:
    """Record campaigns as already sent (by hand, or before this ledger existed): apply never sends them.

    An unknown send is not recorded: `ledger settle` says what became of it.
    """
    if bool(select) + everything + (before is not None) != 1:
        raise UsageError(
            _("the campaigns to record are missing or selected in more than one way"),
            hint=_("pass campaign ids, `--all` or `--before YYYY-MM-DD`, only one of them"),
        )
    compiled = compile_selected(context, select)
    if compiled.errors:
        # If they were skipped, they would be new, and sent, once somebody corrects them.
        raise InvalidError(compiled.errors)
    state = context.initialized_state()
    check_campaigns_folder(context, state)
    day = before.replace(tzinfo=context.settings.policy.zone) if before else None
    candidates = [send for send in compiled.sends if day is None or (send.not_after and send.not_after < day)]
    accounts = context.settings.environment.accounts
    statuses = {send.id: _status(send, accounts[send.account].appid, state) for send in candidates}
    # What WeChat refused may have been sent by hand since: until it is marked, apply would send it.
    unsent = [send for send in candidates if statuses[send.id] is Status.REJECTED]
    unknown = [send.id for send in candidates if statuses[send.id] in (Status.UNKNOWN, Status.DISPUTED)]
    heads: dict[str, Head] = {}
    for send in unsent:
        appid = accounts[send.account].appid
        # Each names the event before it: where one is taken out, the next ones tell.
        entry = _entry(send, appid, reason=reason, actor=context.actor())
        heads[appid] = context.ledger.append(entry, after=heads.get(appid, state.stream(appid).head)).head
    recorded_before = [send.id for send in candidates if statuses[send.id] is Status.ACCEPTED]
    lines = [
        _("{sends} recorded as already sent; recorded before: {known}").format(
            sends=sends(len(unsent)), known=len(recorded_before)
        )
    ]
    lines += [
        _("{send}: unknown, so not recorded").format(send=name)
        + f"\n→ {settle_hint(name, context.settings.environment.env_option)}"
        for name in unknown
    ]
    code = context.output_sentence(
        "\n".join(lines),
        recorded=[send.id for send in unsent],
        known_before=recorded_before,
        unknown=unknown,
    )
    return ExitCode.UNKNOWN if unknown else code


def _status(send: Send, appid: str, state: LedgerState) -> Status:
    """Return where a message stands, under every id that it has had."""
    stream = state.stream(appid)
    names = stream.aliases(send.id, *send.formerly)
    found = {known.status for known in stream.revisions(names) if known.revision == send.revision}
    order = (Status.DISPUTED, Status.UNKNOWN, Status.ACCEPTED)
    return next((status for status in order if status in found), Status.REJECTED)


def _entry(send: Send, appid: str, *, reason: str, actor: dict[str, str]) -> Entry:
    known_by = identity(send, compute_content_digest(send))
    data = {**known_by, "account": send.account, "reason": reason, "actor": actor}
    return Entry(stream=appid, kind=EventKind.BASELINE, data=data)
