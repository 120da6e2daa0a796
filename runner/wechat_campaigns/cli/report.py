"""Report past sends."""

from __future__ import annotations

from datetime import datetime

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, NO_COLOR, Day
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.report.formats import OF_HISTORY, formats
from wechat_campaigns.report.history import history_view, past_sends


@command(
    effect=Effect.NONE,
    formats=("text", "json", "markdown", "html", "csv"),
    options=(DIR, ENV, NO_COLOR),
    examples={"campaign report --report csv=sends.csv": N_("for a spreadsheet")},
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
def report(context: Context, since: datetime | None) -> int:
    """Report on past sends: followers reached, left out, failed, for each send; makes no request to WeChat.

    Text and Markdown are a table, HTML has a chart, CSV is for a spreadsheet. Counts come from events
    (`campaign listen`), statuses from the last `campaign status`.
    """
    sends = past_sends(
        context.state(verified=False),
        context.settings.environment.accounts,
        now=context.clock(),
        since=since.replace(tzinfo=CHINA) if since is not None else None,
    )
    view = history_view(sends)

    def text() -> str:
        from wechat_campaigns.report.text import history_text

        return history_text(view, context.text_options)

    context.output({"text": text, **formats(OF_HISTORY, view)})
    return ExitCode.OK
