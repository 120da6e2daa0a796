"""Write an archive of each send: a folder and a ZIP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, FOLDER, VAR, Day
from wechat_campaigns.cli.output import file_errors
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.fetch.past_campaigns import PastCampaigns
from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.report.archive import MANIFEST, archive_files, archive_name, zip_bytes
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
    examples={
        "campaign archive --since 2026-12-01": N_("a folder and a ZIP for each send, below `archive`"),
    },
)
@click.option("--since", metavar="YYYY-MM-DD", type=Day(), help="From this day on (China time).")
@click.option("--out", type=FOLDER, default=Path("archive"), show_default=True, help="Where to write.")
def archive(context: Context, since: datetime | None, out: Path) -> int:
    """Write what was sent, who agreed and what came of it: a folder and a ZIP for each send.

    Makes no request to WeChat. Figures are those of the last `campaign report --refresh`. Messages are
    rendered from the commit that was sent; --var sets the template variables again that were set then.
    """
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


def _archives(context: Context, since: datetime | None) -> Iterable[tuple[ArchiveInput, dict[str, bytes]]]:
    accounts, now = context.settings.environment.accounts, context.clock()
    events = tuple(context.ledger.events())
    state = context.state(verified=False)
    begin = since.replace(tzinfo=CHINA) if since is not None else None
    by_send = events_by_send(events, state)
    kept = {one.appid: read_statistics(context.statistics_file(one.appid)) for one in accounts.values()}
    campaigns = PastCampaigns(
        root=context.root,
        environment=context.settings.environment.name,
        variables=context.variables,
        stack=context.stack,
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


def write_archive(out: Path, name: str, files: Mapping[str, bytes]) -> str:
    """Write the folder of an archive and its ZIP; what an earlier one had and this has not is removed.

    Returns:
        The digest of the manifest.

    Raises:
        UsageError: it cannot be written.
    """
    folder = out / name
    for path in _listed(folder) - files.keys():
        if (stale := _below(folder, path)) is not None:
            with file_errors(stale, f"--out {out}"):
                stale.unlink(missing_ok=True)
    for path, data in files.items():
        target = folder / path
        with file_errors(target, f"--out {out}"):
            target.write_bytes(data)
    packed = out / f"{name}.zip"
    with file_errors(packed, f"--out {out}"):
        packed.write_bytes(zip_bytes(name, files))
    return hashlib.sha256(files[MANIFEST]).hexdigest()


def _listed(folder: Path) -> set[str]:
    """List what the manifest of an earlier archive names; nothing where it is missing or damaged."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set(map(str, json.loads((folder / MANIFEST).read_bytes())["files"].keys()))
    return set()


def _below(folder: Path, path: str) -> Path | None:
    """Give a file of a folder; None for a path that leads out of it, or through a link."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        return None
    target = folder.joinpath(*parts)
    steps = [target, *target.parents]
    below = steps[: steps.index(folder) + 1]
    return None if any(step.is_symlink() for step in below) else target
