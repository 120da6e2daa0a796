"""Write an archive of each send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import click

from wechat_campaigns.api import compile_selected
from wechat_campaigns.cli.context import LedgerContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, FOLDER, VAR, Day
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.written_files import write_file
from wechat_campaigns.ledger.records import SendRecord
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.plan.unknown_sends import stored_send
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.report.archive import (
    MESSAGE,
    ArchivedSend,
    archive_files,
    archive_name,
    events_by_send,
)
from wechat_campaigns.report.figures import article_rows
from wechat_campaigns.report.history import begun_records
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.wechat.statistics_file import read_statistics


@command(
    effect=Effect.LEDGER_COPY,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV, VAR),
    examples={"campaign archive --since 2026-12-01": N_("a folder for each send, below `archive`")},
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option("--out", type=FOLDER, default=Path("archive"), show_default=True, help="Where to write.")
def archive(context: LedgerContext, since: datetime | None, out: Path) -> int:
    """Write what was sent, who agreed and what came of it: a folder for each send.

    Makes no request to WeChat. Figures are those of the last `campaign report --refresh`. Messages are
    rendered from the campaigns folder, or taken from the ledger, and only if they are what was sent; --var
    sets the template variables again that were set then. A message archived before is kept.
    """
    archives = list(_archives(context, since, out))
    for one in archives:
        for path, content in archive_files(one, data=context.read).items():
            target = out / archive_name(one.record) / path
            write_file(target, content, f"--out {out}")
    message = ngettext(
        "{count:,} send archived in {folder}", "{count:,} sends archived in {folder}", len(archives)
    )
    lines = [message.format(count=len(archives), folder=out)]
    lines += [line(f"{archive_name(one.record)}  {one.why_not_shown}".rstrip()) for one in archives]
    data = [
        {
            "name": archive_name(one.record),
            "send": one.record.send,
            "revision": one.record.revision,
            "account": one.record.account,
            "has_message": not one.why_not_shown,
        }
        for one in archives
    ]
    context.output_data(lambda: "\n".join(lines), {"archives": data})
    return ExitCode.OK


def _archives(context: LedgerContext, since: datetime | None, out: Path) -> Iterator[ArchivedSend]:
    environment, now = context.settings.environment, context.clock()
    state = context.unverified_state()
    events = events_by_send(context.ledger.events(), state)
    sends = {normalize_id(send.id): send for send in compile_selected(context, ()).sends}
    known = {appid: read_statistics(context.statistics_file(appid)) for appid in environment.by_appid}
    begin = since.replace(tzinfo=CHINA) if since is not None else None
    for record in begun_records(state, environment.accounts, since=begin):
        rows = article_rows([record], state, {}, known, now=now)
        yield ArchivedSend(
            environment=environment.name,
            record=record,
            state=state,
            events=events.get(state.key(record.appid, record.send, record.revision), ()),
            articles=[row for row in rows if row.article is not None],
            message=_message(record, sends),
            was_rendered=(out / archive_name(record) / MESSAGE).is_file(),
        )


def _message(record: SendRecord, sends: Mapping[str, Send]) -> Send | None:
    """Find the message with the content digest that the ledger has: in the folder, else in the ledger."""
    if record.intent is None:
        return None
    for send in (
        sends.get(normalize_id(record.send)),
        stored_send(record.intent, send_id=record.send, account=record.account),
    ):
        found = with_recorded_draft(send, record.intent) if send is not None else None
        if found is not None and compute_content_digest(found) == record.content_digest:
            return found
    return None
