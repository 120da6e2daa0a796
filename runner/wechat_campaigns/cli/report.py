"""Report past sends and what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import click

from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import LedgerContext, OnlineContext, campaign_of
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, Day, OnlineOption
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError, require_extra
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.plan.statistics import article_days, refresh_statistics
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.calendar import bounds
from wechat_campaigns.report.history import (
    HistoryView,
    history_csv,
    history_data,
    history_view,
    history_workbook,
)
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.wechat.statistics import Days
from wechat_campaigns.wechat.statistics_file import read_statistics, write_statistics


@command(
    effect=Effect.LEDGER_READ,
    formats=("text", "json", "html", "csv", "xlsx"),
    options=(DIR, ENV),
    examples={
        "campaign report --refresh": N_("query the figures of articles first, once a day"),
        "campaign report --report csv=sends.csv --report xlsx=sends.xlsx": N_("for a spreadsheet"),
        "campaign report --month 2026-12": N_("the sends of a month"),
    },
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option("--month", metavar="YYYY-MM", type=Day("YYYY-MM"), help="Only this month (China time).")
@click.option(
    "--campaign", metavar="ID", shell_complete=campaign_ids, help="Only the sends of this campaign."
)
@click.option(
    "--refresh",
    cls=OnlineOption,
    is_flag=True,
    help="First query WeChat for figures of articles, once a day after 08:00 China time.",
)
def report(
    context: LedgerContext,
    since: datetime | None,
    month: datetime | None,
    campaign: str | None,
) -> int:
    """Report on past sends: followers reached, left out, failed, for each send; readers of each article.

    Makes no request to WeChat without --refresh. CSV and XLSX are for a spreadsheet. Counts come from events
    (`campaign listen`), statuses from the last `campaign status`, figures of articles from the last
    `campaign report --refresh`.
    """
    if any(kind == "xlsx" for kind, _path in context.reports):  # else the files before it are already written
        require_extra("excel", needed_for=_("a report as XLSX"))
    accounts = context.settings.environment.accounts
    state, now = context.unverified_state(), context.clock()
    kept = {one.appid: read_statistics(context.statistics_file(one.appid)) for one in accounts.values()}
    period = _period(since, month)
    code = _refresh(context, state, kept) if isinstance(context, OnlineContext) else ExitCode.OK
    view = history_view(state, accounts, kept, now=now, since=period.since, until=period.until)
    if campaign is not None:
        campaign = context.full_id(campaign)
        sends = [one for one in view.rows if _is_of(one.known.send, campaign)]
        view = HistoryView(sends, [one for one in view.articles if one.send and _is_of(one.send, campaign)])

    def text() -> str:
        from wechat_campaigns.report.text import history_text

        return history_text(view, context.text_options)

    def html() -> str:
        from wechat_campaigns.report.html import history_html

        return history_html(view)

    csv, json = (lambda: history_csv(view)), (lambda: json_text(history_data(view)))
    forms = {"text": text, "json": json, "html": html, "csv": csv}
    context.output(forms, binary={"xlsx": lambda: history_workbook(view)})
    return code


def _is_of(send: str, campaign: str) -> bool:
    return normalize_id(campaign_of(send)) == normalize_id(campaign)


class _Period(NamedTuple):
    """A stretch of time; None is open."""

    since: datetime | None
    until: datetime | None


def _period(since: datetime | None, month: datetime | None) -> _Period:
    if month is None:
        return _Period(since.replace(tzinfo=CHINA) if since is not None else None, None)
    if since is not None:
        raise UsageError(
            _("--since and --month exclude each other"), hint=_("use one of them"), location="--month"
        )
    return _Period(*bounds(month.date()))


def _refresh(context: OnlineContext, state: LedgerState, kept: dict[str, Days]) -> ExitCode:
    """Query the figures of every account; one that fails does not keep the others from being queried."""
    code = ExitCode.OK
    accounts = {account.appid: account for account in context.settings.environment.accounts.values()}
    for appid, account in accounts.items():
        if account.kind is AccountKind.TEST:
            continue  # WeChat refuses every 测试号 (48001)
        days = dict(kept[appid])
        try:
            refresh_statistics(context.read_api(account), days, article_days(state, appid), context.clock)
        except CampaignError as error:
            message = _("{account}: figures were not refreshed: {error}")
            print_message(f"{message.format(account=account.name, error=error)}\n→ {error.hint}")
            code = code or error.exit_code
        if days != kept[appid]:
            _store(context, appid, days)
        kept[appid] = days
    return code


def _store(context: LedgerContext, appid: str, days: Days) -> None:
    """Keep what was queried; a disk that is full costs only the same calls again."""
    try:
        write_statistics(context.statistics_file(appid), days)
    except OSError as error:
        print_message(_("the figures cannot be stored: {reason}").format(reason=error.strerror))
