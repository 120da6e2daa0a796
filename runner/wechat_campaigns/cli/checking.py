"""Commands that look at files only: validate, schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.completing import campaign_ids
from wechat_campaigns.cli.context import Context, shared
from wechat_campaigns.cli.streams import writing
from wechat_campaigns.core.errors import Diagnostic, ExitCode, InvalidError, UsageError
from wechat_campaigns.core.words import _, ngettext

if TYPE_CHECKING:
    from wechat_campaigns.source.schemas.store import SchemaName


@click.command()
@click.argument("paths", nargs=-1, shell_complete=campaign_ids)
@shared
def validate(context: Context, paths: tuple[str, ...]) -> int:
    """Report every problem of every file at once: settings, campaigns, templates, assets, limits.

    PATHS are campaign ids, patterns or files; without any, all campaigns are checked. Needs no network.
    """
    from wechat_campaigns.report.problems import problems_text
    from wechat_campaigns.report.words import sends

    problems, count = _checked(context, paths)
    errors = sum(problem.level == "error" for problem in problems)
    warnings = len(problems) - errors
    closing = _("{sends} from {folder}: {errors}, {warnings}").format(
        sends=sends(count),
        folder=context.root,
        errors=ngettext("{count:,} error", "{count:,} errors", errors).format(count=errors),
        warnings=ngettext("{count:,} warning", "{count:,} warnings", warnings).format(count=warnings),
    )
    context.give(
        {
            "text": lambda: "\n".join(
                [*filter(None, [problems_text(problems, color=context.color)]), closing]
            ),
            **_machine_forms(problems),
        }
    )
    return ExitCode.INVALID if errors else ExitCode.OK


def _machine_forms(problems: list[Diagnostic]) -> Mapping[str, Callable[[], str]]:
    """Give the forms that programs read, each loaded when it is asked for."""

    def form(module: str, name: str) -> Callable[[], str]:
        return lambda: str(getattr(import_module(f"wechat_campaigns.report.{module}"), name)(problems))

    return {
        "json": form("problems", "problems_json"),
        "github": form("problems", "problems_github"),
        "sarif": form("sarif", "sarif"),
        "codequality": form("gitlab", "codequality"),
        "junit": form("junit", "problems_junit"),
    }


def _checked(context: Context, paths: tuple[str, ...]) -> tuple[list[Diagnostic], int]:
    from wechat_campaigns.render.examine import validate_campaigns

    try:
        settings = context.settings
    except InvalidError as error:
        # The settings are broken: rendering is pointless, the shape of every campaign is not.
        from wechat_campaigns.source.load import load_campaigns

        return [*error.problems, *load_campaigns(context.root, paths).problems], 0
    found = validate_campaigns(
        context.root,
        settings=settings,
        files=context.files,
        variables=context.variables,
        only=paths,
        cache=_cache(context),
    )
    return [*found.file_problems, *found.problems], found.sends


def _cache(context: Context) -> Path | None:
    # Only for speed: a machine without a state folder can check files all the same.
    with suppress(UsageError):
        return context.state_dir / "cache"
    return None


@click.command()
@click.argument("name", type=click.Choice(["campaign", "settings", "plan"]), default="campaign")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
def schema(name: SchemaName, out: Path | None) -> int:
    """Print a JSON Schema (draft-07), as editors use it."""
    from wechat_campaigns.source.schemas.store import schema_text

    text = schema_text(name)
    if out is None:
        click.echo(text, nl=False)
    else:
        with writing(out, f"--out {out}"):
            out.write_text(text, encoding="utf-8")
    return ExitCode.OK
