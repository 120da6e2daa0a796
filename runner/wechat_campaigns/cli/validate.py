"""Check every campaign file, and format them."""

from pathlib import PurePosixPath

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, VAR, Effect, OfflineOption, campaign_ids
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.diagnostics import Diagnostic, Finding
from wechat_campaigns.core.errors import ExitCode, InvalidError
from wechat_campaigns.core.files import repository_path, write_file
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.render.compile import validate_campaigns
from wechat_campaigns.report.phrases import sends
from wechat_campaigns.report.problems import problem_formats, problems_text
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.load import MAX_YAML_BYTES, find_campaigns, load_campaign, refuse_links_above
from wechat_campaigns.source.settings import load_settings, settings_warnings
from wechat_campaigns.source.text import decode
from wechat_campaigns.source.validate import Campaign


@command(
    effect=Effect.NONE,
    formats=("text", "json", "github", "codequality"),
    options=(DIR, ENV, VAR),
    examples={
        "campaign validate": N_("all campaigns and the settings"),
        "campaign validate sale --format json": N_("one campaign, as JSON for a program"),
    },
)
@click.argument("paths", nargs=-1, shell_complete=campaign_ids)
def validate(context: Context, paths: tuple[str, ...]) -> int:
    """Report all problems in all files: settings, campaigns, templates, assets, limits.

    PATHS are campaign ids, patterns or files; without any, all campaigns are checked. Requires no network.
    """
    problems, count = _problems(context, paths)
    errors = sum(problem.level == "error" for problem in problems)
    warnings = sum(problem.level == "warning" for problem in problems)
    # A file with errors may stand for any number of sends.
    template = (
        _("{folder}: {errors}, {warnings}") if errors else _("{sends} from {folder}: {errors}, {warnings}")
    )
    closing = template.format(
        sends=sends(count),
        folder=context.root,
        errors=ngettext("{count:,} error", "{count:,} errors", errors).format(count=errors),
        warnings=ngettext("{count:,} warning", "{count:,} warnings", warnings).format(count=warnings),
    )
    context.output(
        {
            "text": lambda: "\n".join(
                [*filter(None, [problems_text(problems, color=context.color)]), closing]
            ),
            **problem_formats(problems),
        }
    )
    return ExitCode.INVALID if errors else ExitCode.OK


def _problems(context: Context, paths: tuple[str, ...]) -> tuple[list[Diagnostic], int]:
    refuse_links_above(context.root)
    try:
        # Not `context.settings`, which refuses a folder with a link: the other files are checked beside it.
        settings = load_settings(context.root, environment=context.environment)
    except InvalidError as error:
        # The settings are broken: rendering is pointless, the shape of every campaign is not.
        items, found = find_campaigns(context.root, paths, gather=True)
        for checked in map(load_campaign, items):
            found += () if isinstance(checked, Campaign) else checked
        links = {problem.location.file for problem in found if problem.rule == "file-link"}
        return [*(one for one in error.problems if one.location.file not in links), *found], 0
    count, problems = validate_campaigns(
        context.root,
        settings=settings,
        files=context.files,
        variables=context.variables,
        only=paths,
    )
    return [*settings_warnings(context.root, settings), *problems], count


@command(
    effect=Effect.LOCAL,
    options=(DIR,),
    examples={
        "campaign fmt": N_("format every file"),
        "campaign fmt --check": N_("only list the files that would change"),
    },
)
@click.argument("paths", nargs=-1, shell_complete=campaign_ids)
@click.option(
    "--check", cls=OfflineOption, is_flag=True, help="Change nothing; exit 3 if a file is not formatted."
)
def fmt(context: Context, paths: tuple[str, ...], check: bool) -> int:
    """Format campaign files: modeline, order of keys, line endings.

    PATHS are campaign ids, patterns or files; without any, all campaigns are formatted. Comments and values
    stay unchanged, and so do the digests.
    """
    changed: list[str] = []
    skipped: dict[str, str] = {}
    for item in find_campaigns(context.root, paths, context.namespace)[0]:
        name = item.display_path
        has_changed, reason = _format(context, item.file, check=check)
        if reason:
            skipped[name] = reason
        elif has_changed:
            changed.append(name)
    for name, reason in skipped.items():
        context.show_progress(_("{file}: not formatted: {reason}").format(file=line(name), reason=reason))
    if check and changed:
        template = ngettext(
            "{count:,} file is not in the usual form; `campaign fmt` rewrites it",
            "{count:,} files are not in the usual form; `campaign fmt` rewrites them",
            len(changed),
        )
        context.show_progress(template.format(count=len(changed)))
    data = {
        "changed": [*map(repository_path, changed)],
        "skipped": {repository_path(name): reason for name, reason in skipped.items()},
    }
    context.output_data(lambda: "\n".join(map(line, changed)), data)
    return ExitCode.INVALID if skipped or (check and changed) else ExitCode.OK


def _format(context: Context, file: PurePosixPath, *, check: bool) -> tuple[bool, str]:
    """Format one file; return whether it changed, and the reason if it was skipped."""
    from wechat_campaigns.source.fmt import format_campaign  # `validate` does without

    path = context.root / file
    try:
        data = read_regular(path, MAX_YAML_BYTES)
    except FileError as error:
        return False, error.message
    text = decode(data)
    if isinstance(text, Finding):
        return False, text.message
    formatted, reason = format_campaign(text, file)
    new = formatted.encode()
    if new == data or reason:
        return False, reason
    if not check:
        write_file(path, new)
    return True, ""
