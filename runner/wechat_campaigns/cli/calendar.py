"""Show a month's past and coming sends."""

from __future__ import annotations

from datetime import date, datetime

import click

from wechat_campaigns.api import make_plan
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, QUIET, VAR, Day
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, ngettext
from wechat_campaigns.plan.quota import china_day
from wechat_campaigns.report.calendar import bounds, calendar_view
from wechat_campaigns.report.formats import OF_CALENDAR, formats
from wechat_campaigns.report.history import past_sends


@command(
    effect=Effect.NONE,
    formats=("text", "json", "html"),
    options=(DIR, ENV, VAR, QUIET),
    examples={"campaign calendar": N_("this month")},
)
@click.option("--month", metavar="YYYY-MM", type=Day("YYYY-MM"), help="Default: this month.")
def calendar(context: Context, month: datetime | None) -> int:
    """Show a month's past and coming sends by account and tag, in China time; makes no request to WeChat."""
    now, state = context.clock(), context.state(verified=False)
    first: date = month.date() if month is not None else china_day(now).replace(day=1)
    begin, end = bounds(first)
    sends = past_sends(state, context.settings.environment.accounts, now=now, since=begin, until=end)
    plan = make_plan(context, (), state, offline=True).plan
    if plan.invalid:
        message = ngettext(
            "{count:,} file has errors and is not shown: run `campaign validate`",
            "{count:,} files have errors and are not shown: run `campaign validate`",
            len(plan.invalid),
        )
        context.show_progress(message.format(count=len(plan.invalid)))
    context.output(formats(OF_CALENDAR, calendar_view(first, plan, sends, now)))
    return ExitCode.OK
