"""Show past sends: report, archive, calendar."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from pathlib import Path

import click

from wechat_campaigns.cli.ci import NoPictureError, picture_of
from wechat_campaigns.cli.context import LedgerContext, OnlineContext
from wechat_campaigns.cli.options import DIR, ENV, FOLDER, VAR, Day, Effect, OnlineOption, campaign_ids
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import (
    CampaignError,
    ExitCode,
    MissingExtraError,
    require_extra,
    system_reason,
    worst_exit_code,
)
from wechat_campaigns.core.files import write_file
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.ledger.fold import Key, LedgerState, key_of
from wechat_campaigns.ledger.records import account_of
from wechat_campaigns.plan.draft_box import with_recorded_draft
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.plan.statistics import article_days, refresh_statistics
from wechat_campaigns.plan.unknown_sends import stored_send
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.report.archive import (
    MESSAGE,
    PICTURE,
    ArchivedSend,
    archive_files,
    archive_index,
    archive_name,
    events_by_send,
)
from wechat_campaigns.report.calendar import CalendarView, calendar_data, calendar_text, calendar_view
from wechat_campaigns.report.history import (
    ReportLine,
    history_csv,
    history_data,
    history_view,
    history_workbook,
    report_lines,
)
from wechat_campaigns.report.sanitize import json_text, line
from wechat_campaigns.report.send_status import begun_rows
from wechat_campaigns.run.plan import compile_selected, fits, plan_selected
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.wechat.statistics import Days, read_statistics, write_statistics
from wechat_campaigns.workspace import Workspace


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
def report(context: LedgerContext, month: datetime | None, campaign: str | None) -> int:
    """Report on past sends: followers reached, left out, failed, for each send; readers of each article.

    Makes no request to WeChat without --refresh. CSV and XLSX are for a spreadsheet. Counts come from events
    (`campaign listen`), statuses from the last `campaign status`, figures of articles from the last
    `campaign report --refresh`.
    """
    if any(kind == "xlsx" for kind, _path in context.reports):  # else the files before it are already written
        require_extra("excel", needed_for=_("a report as XLSX"))
    environment, state, now = context.settings.environment, context.fold_ledger(), context.clock()
    kept = {appid: read_statistics(context.statistics_file(appid)) for appid in environment.by_appid}
    code = refresh_figures(context, state, kept) if isinstance(context, OnlineContext) else ExitCode.OK
    lines = report_lines(begun_rows(state, environment, now), state, environment, kept, now)
    view = history_view(lines, now, month.date() if month is not None else None)
    if campaign is not None:
        campaign = context.full_id(campaign)
        if not any(fits(campaign, record.send) for record in state.sends):
            find_campaigns(context.root, (campaign,), context.settings.namespace)  # raises without one
        fitting = [one for one in view.lines if one.send and fits(campaign, one.send.known.send)]
        view = replace(view, lines=fitting, before=None)
    view = replace(view, unverified=context.unverified)
    context.tell_unverified()

    def text() -> str:
        from wechat_campaigns.report.text import history_text

        return history_text(view, context.text_options)

    def html() -> str:
        from wechat_campaigns.report.html import history_html

        return history_html(view)

    context.output(
        {
            "text": text,
            "json": lambda: json_text(history_data(view)),
            "html": html,
            "csv": lambda: history_csv(view),
            "xlsx": lambda: history_workbook(view),
        }
    )
    return code


def refresh_figures(context: OnlineContext, state: LedgerState, kept: dict[str, Days]) -> ExitCode:
    """Query the figures of the accounts in `kept`; one that fails does not keep the others."""
    code = ExitCode.OK
    for appid, account in context.settings.environment.by_appid.items():
        if account.kind is AccountKind.TEST or appid not in kept:
            continue  # WeChat refuses every 测试号 (48001)
        days = dict(kept[appid])
        try:
            refresh_statistics(context.read_api(account), days, article_days(state, appid), context.clock)
        except CampaignError as error:
            message = _("{account}: figures were not refreshed: {error}")
            print_message(f"{message.format(account=account.name, error=error)}\n→ {error.hint}")
            code = worst_exit_code((code, error.exit_code))
        if days != kept[appid]:
            try:
                write_statistics(context.statistics_file(appid), days)
            except OSError as error:  # a disk that is full costs only the same calls again
                print_message(_("the figures cannot be stored: {reason}").format(reason=system_reason(error)))
        kept[appid] = days
    return code


@command(
    effect=Effect.LEDGER_COPY,
    options=(DIR, ENV, VAR),
    examples={"campaign archive --since 2026-12-01": N_("a folder for each send, below `archive`")},
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option("--out", type=FOLDER, default=Path("archive"), show_default=True, help="Where to write.")
def archive(context: LedgerContext, since: datetime | None, out: Path) -> int:
    """Write what was sent, who agreed and what came of it: a folder for each send, and a list of them.

    Makes no request to WeChat. Figures are those of the last `campaign report --refresh`. Messages are
    rendered from the campaigns folder, or taken from the ledger, and only if they are what was sent; --var
    sets the template variables again that were set then. A message archived before is kept.
    """
    state = context.fold_ledger()
    context.tell_unverified()
    archives = list(_archives(context, state, since, out))
    unpictured = ""

    def photograph(file: Path, page: bytes) -> bytes | None:
        nonlocal unpictured
        if file.is_file():
            return file.read_bytes()
        if page and not unpictured:  # without Chromium once, without it each time
            try:
                return picture_of(page, os.environ)
            except (NoPictureError, MissingExtraError) as error:
                unpictured = str(error.args[0])
        return None

    for one in archives:
        folder = out / archive_name(one.record)
        picture = partial(photograph, folder / PICTURE)
        for path, content in archive_files(one, data=context.read, photograph=picture).items():
            write_file(folder / path, content, f"--out {out}")
    if unpictured:
        message = _("no pictures of the messages: {reason}; the pages show them")
        context.show_progress(message.format(reason=unpictured))
    titles = {archive_name(one.record): one.message.content.summary() for one in archives if one.message}
    sends = (row.known for row in begun_rows(state, context.settings.environment, context.clock()))
    listed = [record for record in sends if (out / archive_name(record)).is_dir()]
    write_file(out / "index.html", archive_index(listed, titles, context.unverified), f"--out {out}")
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
            "account": account_of(one.record),
            "has_message": not one.why_not_shown,
        }
        for one in archives
    ]
    context.output_data(lambda: "\n".join(lines), {"archives": data, "unverified": list(context.unverified)})
    return ExitCode.OK


def _archives(
    context: LedgerContext, state: LedgerState, since: datetime | None, out: Path
) -> Iterator[ArchivedSend]:
    environment, now = context.settings.environment, context.clock()
    events = events_by_send(context.ledger.events_once(state.read), state)
    sends = {normalize_id(send.id): send for send in compile_selected(context, ()).sends}
    kept = {appid: read_statistics(context.statistics_file(appid)) for appid in environment.by_appid}
    begin = since.replace(tzinfo=CHINA) if since is not None else None
    rows = [row for row in begun_rows(state, environment, now) if begin is None or row.known.at >= begin]
    articles = defaultdict[Key, list[ReportLine]](list)
    for one in report_lines(rows, state, environment, kept, now):
        if one.send is not None and one.article is not None:
            articles[key_of(one.send.known)].append(one)
    for row in rows:
        record, key = row.known, key_of(row.known)
        made = (record.data, *(event.data for event in record.told))  # a resend names its own
        named = [one for data in made for one in data.get("approvals", ())]
        approved = [*filter(None, map(state.stream(record.appid).approvals.get, dict.fromkeys(named)))]
        earlier = out / archive_name(record) / MESSAGE
        yield ArchivedSend(
            environment=environment.name,
            record=record,
            state=state,
            events=sorted([*events.get(key, ()), *approved], key=lambda event: event.seq),
            approvals=approved,
            articles=articles[key],
            message=_message(record, sends),
            unverified=context.unverified,
            earlier=earlier.read_bytes() if earlier.is_file() else b"",
        )


def _message(record: SendState, sends: Mapping[str, Send]) -> Send | None:
    """Find the message with the content digest that the ledger has: in the folder, else in the ledger."""
    intent, name = record.intent, account_of(record)
    stored = stored_send(intent, send_id=record.send, account=name) if intent is not None else None
    for send in (sends.get(normalize_id(record.send)), stored):
        found = with_recorded_draft(send, record.origin) if send is not None else None
        if found is not None and found.content_digest == record.content_digest:
            return found
    return None


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
    context.tell_unverified()
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
    now, state = workspace.clock(), workspace.fold_ledger()
    first = month if month is not None else china_day(now).replace(day=1)
    sends = begun_rows(state, workspace.settings.environment, now)
    plan = plan_selected(workspace, (), state).plan
    view = calendar_view(first, plan, sends, now)
    return replace(view, unverified=workspace.unverified), len(plan.invalid)
