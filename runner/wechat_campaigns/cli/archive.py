"""Write an archive of each send, or verify archives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.archive_folders import ArchiveFolder, read_archives, write_archive
from wechat_campaigns.cli.context import LedgerContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, FOLDER, VAR, Day
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, TamperedLedgerError, UsageError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.fetch.kept_drafts import KeptDrafts
from wechat_campaigns.fetch.past_campaigns import PastCampaigns
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.report.archive import archive_files, archive_name
from wechat_campaigns.report.archive_check import Checked, check_archive, fault_lines
from wechat_campaigns.report.archive_data import ArchiveInput, events_by_send
from wechat_campaigns.report.figures import article_rows
from wechat_campaigns.report.history import begun_records
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.settings import SETTINGS_FILE
from wechat_campaigns.wechat.statistics_file import read_statistics


@command(
    effect=Effect.LOCAL,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV, VAR),
    unless="verify",
    examples={
        "campaign archive --since 2026-12-01": N_("a folder and a ZIP for each send, below `archive`"),
        "campaign archive --verify archive": N_("check each file, and the ledger"),
    },
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option("--out", type=FOLDER, default=Path("archive"), show_default=True, help="Where to write.")
@click.option("--verify", type=FOLDER, help="Write nothing: verify the archives in this folder.")
def archive(context: LedgerContext, since: datetime | None, out: Path, verify: Path | None) -> int:
    """Write what was sent, who agreed and what came of it: a folder and a ZIP for each send.

    Makes no request to WeChat. Figures are those of the last `campaign report --refresh`. Messages are
    rendered from the commit that was sent; --var sets the template variables again that were set then.
    """
    if verify is not None:
        return _verify(context, verify)
    _require_other_place(out, context.root)
    written = [_write(out, *one) for one in _archives(context, since)]
    message = ngettext(
        "{count:,} send archived in {folder}", "{count:,} sends archived in {folder}", len(written)
    )
    lines = [message.format(count=len(written), folder=out)]
    lines += [line(f"{one['name']}  {one['manifest_sha256']}") for one in written]
    context.output_data(lambda: "\n".join(lines), {"archives": written})
    return ExitCode.OK


def _require_other_place(out: Path, root: Path) -> None:
    """Refuse a folder of campaigns: the campaign in an archive would be one there, and be sent once more."""
    place, campaigns = out.resolve(), root.resolve()
    for folder in (place, *place.parents):
        if folder == campaigns or (folder / SETTINGS_FILE).is_file():
            what = _(
                "{out} is in the folder of campaigns {folder}: what is archived there would be sent again"
            )
            message = what.format(out=out, folder=folder)
            raise UsageError(message, hint=_("name another folder with `--out`"), location="--out")


def _archives(
    context: LedgerContext, since: datetime | None
) -> Iterable[tuple[ArchiveInput, dict[str, bytes]]]:
    accounts, now = context.settings.environment.accounts, context.clock()
    events = tuple(context.ledger.events())
    state = context.unverified_state()
    begin = since.replace(tzinfo=CHINA) if since is not None else None
    by_send = events_by_send(events, state)
    kept = {one.appid: read_statistics(context.statistics_file(one.appid)) for one in accounts.values()}
    campaigns = PastCampaigns(
        root=context.root,
        environment=context.settings.environment.name,
        variables=context.variables,
        stack=context.stack,
        drafts=KeptDrafts(context.drafts_folder),
    )
    for record in begun_records(state, accounts, since=begin):
        rows = article_rows([record], state, {}, kept, now=now)
        made = ArchiveInput(
            environment=context.settings.environment.name,
            record=record,
            state=state,
            events=by_send.get(state.key(record.appid, record.send, record.revision), ()),
            message=campaigns.message(record),
            articles=rows,
        )
        yield made, archive_files(made)


def _write(out: Path, made: ArchiveInput, files: Mapping[str, bytes]) -> dict[str, Any]:
    name = archive_name(made.record)
    manifest_sha256 = write_archive(out, name, files)
    return {
        "name": name,
        "send": made.record.send,
        "revision": made.record.revision,
        "account": made.record.account,
        "origin": made.message.origin.value,
        "files": len(files),
        "manifest_sha256": manifest_sha256,
    }


def _verify(context: LedgerContext, folder: Path) -> int:
    archives = read_archives(folder)
    if not archives:
        raise UsageError(
            _("{folder} holds no archive").format(folder=folder),
            hint=_("name the folder that `campaign archive` wrote to"),
            location="--verify",
        )
    events = tuple(context.ledger.events())
    checked = [(one, _check(context, one, events)) for one in archives]
    found = [(one, result, (*one.faults, *result.faults)) for one, result in checked]
    count = sum(len(faults) for _one, _result, faults in found)
    context.output_data(
        lambda: "\n".join(_verified_lines(found)),
        {
            "archives": [
                {
                    "name": one.name,
                    "faults": [{"file": fault.file, "kind": fault.kind.value} for fault in faults],
                    "newer_events": result.newer_events,
                    "manifest_sha256": one.manifest_sha256,
                }
                for one, result, faults in found
            ]
        },
    )
    if count:
        message = ngettext(
            "{count:,} fault in {total:,} archives", "{count:,} faults in {total:,} archives", count
        )
        raise TamperedLedgerError(
            message.format(count=count, total=len(archives)),
            hint=_("restore the archive from a copy, or write it again with `campaign archive`"),
            location=str(folder),
        )
    return ExitCode.OK


def _check(context: LedgerContext, one: ArchiveFolder, events: Sequence[Event]) -> Checked:
    if not one.is_archive:
        return Checked()
    settings = context.settings
    return check_archive(
        one.files, events, environment=settings.environment.name, namespace=settings.namespace
    )


def _verified_lines(found: Sequence[tuple[ArchiveFolder, Checked, Sequence[Any]]]) -> list[str]:
    lines = []
    for one, result, faults in found:
        lines += [line(text) for text in fault_lines(one.name, faults)]
        if not faults:
            lines.append(
                line(_("{name}: intact, {digest}").format(name=one.name, digest=one.manifest_sha256))
            )
        if result.newer_events:
            newer = ngettext(
                "{name}: the ledger has {count:,} newer event of this send",
                "{name}: the ledger has {count:,} newer events of this send",
                result.newer_events,
            )
            lines.append(line(newer.format(name=one.name, count=result.newer_events)))
    return lines
