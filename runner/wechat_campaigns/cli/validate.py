"""Check every file and report all problems."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completers import campaign_ids
from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV, VAR
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ExitCode, InvalidError
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.render.compile import validate_campaigns
from wechat_campaigns.report.phrases import sends
from wechat_campaigns.report.problems import problem_formats, problems_text
from wechat_campaigns.source.load import load_campaigns
from wechat_campaigns.source.settings import settings_warnings


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
    try:
        settings = context.settings
    except InvalidError as error:
        # The settings are broken: rendering is pointless, the shape of every campaign is not.

        return [*error.problems, *load_campaigns(context.root, paths).problems], 0
    examination = validate_campaigns(
        context.root,
        settings=settings,
        files=context.files,
        variables=context.variables,
        only=paths,
    )
    found = [*examination.file_problems, *examination.problems]
    return [*settings_warnings(context.root, settings), *found], examination.sends
