"""Show a month's past and coming sends."""

from __future__ import annotations

from datetime import date, datetime

import click

from wechat_campaigns.api import plan_selected
from wechat_campaigns.cli.context import LedgerContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, VAR, Day
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, ngettext
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.report.calendar import CalendarView, bounds, calendar_data, calendar_text, calendar_view
from wechat_campaigns.report.history import history_view
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.workspace import Workspace


@command(
    effect=Effect.LEDGER_READ,
    formats=("text", "json", "html"),
    options=(DIR, ENV, VAR),
    examples={"campaign calendar": N_("this month")},
)
@click.option("--month", metavar="YYYY-MM", type=Day("YYYY-MM"), help="Default: this month.")
def calendar(context: LedgerContext, month: datetime | None) -> int:
    """Show a month's past and coming sends by account and tag, in China time; makes no request to WeChat."""
    view, invalid = month_view(context, month.date() if month is not None else None)
    if invalid:
        message = ngettext(
            "{count:,} file has errors and is not shown: run `campaign validate`",
            "{count:,} files have errors and are not shown: run `campaign validate`",
            invalid,
        )
        context.show_progress(message.format(count=invalid))

    def html() -> str:
        from wechat_campaigns.report.html import calendar_html

        return calendar_html(view)

    context.output(
        {
            "text": lambda: calendar_text(view),
            "json": lambda: json_text(calendar_data(view)),
            "html": html,
        }
    )
    return ExitCode.OK


def month_view(workspace: Workspace, month: date | None) -> tuple[CalendarView, int]:
    """Return a month, this one by default, and how many files it leaves out because of their errors."""
    now, state = workspace.clock(), workspace.unverified_state()
    first = month if month is not None else china_day(now).replace(day=1)
    begin, end = bounds(first)
    accounts = workspace.settings.environment.accounts
    sends = history_view(state, accounts, {}, now=now, since=begin, until=end).rows
    plan = plan_selected(workspace, (), state).plan
    return calendar_view(first, plan, sends, now), len(plan.invalid)
