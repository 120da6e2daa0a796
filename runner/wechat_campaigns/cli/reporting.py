"""`campaign report` and `campaign calendar`: what was sent, what is coming."""

from __future__ import annotations

from datetime import date, datetime

import click

from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.options import Day
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.words import ngettext


@click.command()
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From that day on (China time).")
@shared
def report(context: Context, since: datetime | None) -> int:
    """Report on what was sent: followers reached, left out, failed, by send; asks nobody.

    Text and Markdown are a table, HTML has a chart, CSV is for a spreadsheet. Counts come from events
    (`campaign listen`), states from the last `campaign status`.
    """
    from wechat_campaigns.plan.quota import CHINA
    from wechat_campaigns.report.history import (
        history_csv,
        history_data,
        history_html,
        history_markdown,
        history_text,
    )
    from wechat_campaigns.report.history_data import past
    from wechat_campaigns.report.neutral import json_text

    found = past(
        context.state(verified=False),
        context.settings.environment.accounts,
        now=context.clock(),
        since=since.replace(tzinfo=CHINA) if since is not None else None,
    )
    context.give(
        {
            "text": lambda: history_text(found, context.look),
            "json": lambda: json_text(history_data(found)),
            "markdown": lambda: history_markdown(found).rstrip(),
            "html": lambda: history_html(found),
            "csv": lambda: history_csv(found),
        }
    )
    return ExitCode.OK


@click.command()
@click.option("--month", metavar="YYYY-MM", type=Day("YYYY-MM"), help="Default: this month.")
@shared
def calendar(context: Context, month: datetime | None) -> int:
    """Show a month's past and coming sends by account and tag, in China time; asks nobody."""
    from wechat_campaigns.api import make_plan
    from wechat_campaigns.plan.quota import china_day
    from wechat_campaigns.report.calendar import calendar_data, calendar_html, calendar_text
    from wechat_campaigns.report.calendar_data import bounds, month_of
    from wechat_campaigns.report.history_data import past
    from wechat_campaigns.report.neutral import json_text

    now, state = context.clock(), context.state(verified=False)
    first: date = month.date() if month is not None else china_day(now).replace(day=1)
    begin, end = bounds(first)
    done = past(state, context.settings.environment.accounts, now=now, since=begin, until=end)
    plan = make_plan(context, (), state, offline=True).plan
    if plan.invalid:
        said = ngettext(
            "{count:,} file cannot be planned and not shown: `campaign validate`",
            "{count:,} files cannot be planned and not shown: `campaign validate`",
            len(plan.invalid),
        )
        context.say(said.format(count=len(plan.invalid)))
    laid_out = month_of(first, plan, done, now)
    context.give(
        {
            "text": lambda: calendar_text(laid_out),
            "json": lambda: json_text(calendar_data(laid_out)),
            "html": lambda: calendar_html(laid_out),
        }
    )
    return ExitCode.OK
