"""Report on what was sent."""

from __future__ import annotations

from datetime import datetime

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, NO_COLOR, Day
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.words import N_


@command(
    formats=("text", "json", "markdown", "html", "csv"),
    options=(DIR, ENV, NO_COLOR),
    examples={"campaign report --report csv=sends.csv": N_("for a spreadsheet")},
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From that day on (China time).")
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

    sends = past(
        context.state(verified=False),
        context.settings.environment.accounts,
        now=context.clock(),
        since=since.replace(tzinfo=CHINA) if since is not None else None,
    )
    context.output(
        {
            "text": lambda: history_text(sends, context.text_options),
            "json": lambda: json_text(history_data(sends)),
            "markdown": lambda: history_markdown(sends).rstrip(),
            "html": lambda: history_html(sends),
            "csv": lambda: history_csv(sends),
        }
    )
    return ExitCode.OK
