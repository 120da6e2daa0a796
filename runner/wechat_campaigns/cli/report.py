"""Report past sends and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, NO_COLOR, Day
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import CampaignError, ExitCode
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.plan.statistics import article_days, refresh_statistics
from wechat_campaigns.report.figures import article_rows
from wechat_campaigns.report.formats import OF_HISTORY, formats
from wechat_campaigns.report.history import HistoryView, begun_records, history_view, past_sends
from wechat_campaigns.wechat.statistics import Days
from wechat_campaigns.wechat.statistics_file import read_statistics, write_statistics
from wechat_campaigns.workspace import Workspace


@command(
    effect=Effect.WECHAT_READ,
    formats=("text", "json", "markdown", "html", "csv", "csv-days"),
    options=(DIR, ENV, NO_COLOR),
    examples={
        "campaign report --refresh": N_("query the figures of articles first, once a day"),
        "campaign report --report csv=sends.csv": N_("for a spreadsheet"),
    },
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option(
    "--refresh",
    is_flag=True,
    help="First query WeChat for figures of articles, once a day after 08:00 China time.",
)
def report(context: Context, since: datetime | None, refresh: bool) -> int:
    """Report on past sends: followers reached, left out, failed, for each send; readers of each article.

    Makes no request to WeChat without --refresh. Text and Markdown are tables, HTML has a chart, CSV is for
    a spreadsheet. Counts come from events (`campaign listen`), statuses from the last `campaign status`,
    figures of articles from the last `campaign report --refresh`.
    """
    state, kept = context.state(verified=False), kept_figures(context)
    code = _refresh(context, state, kept) if refresh else ExitCode.OK
    view = past_view(context, state, kept, since=since.replace(tzinfo=CHINA) if since is not None else None)

    def text() -> str:
        from wechat_campaigns.report.text import history_text

        return history_text(view, context.text_options)

    context.output({"text": text, **formats(OF_HISTORY, view)})
    return code


def kept_figures(workspace: Workspace) -> dict[str, Days]:
    """Read the figures that this machine keeps, by appid."""
    accounts = workspace.settings.environment.accounts.values()
    return {one.appid: read_statistics(workspace.statistics_file(one.appid)) for one in accounts}


def past_view(
    workspace: Workspace, state: LedgerState, kept: Mapping[str, Days], *, since: datetime | None = None
) -> HistoryView:
    """Give past sends with the figures of their articles."""
    accounts, now = workspace.settings.environment.accounts, workspace.clock()
    records = begun_records(state, accounts, since=since)
    return history_view(
        past_sends(state, accounts, now=now, since=since),
        article_rows(records, state, accounts, kept, now=now, since=since),
    )


def _refresh(context: Context, state: LedgerState, kept: dict[str, Days]) -> ExitCode:
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


def _store(context: Context, appid: str, days: Days) -> None:
    """Keep what was queried; a disk that is full costs only the same calls again."""
    try:
        write_statistics(context.statistics_file(appid), days)
    except OSError as error:
        print_message(_("the figures cannot be stored: {reason}").format(reason=error.strerror))
