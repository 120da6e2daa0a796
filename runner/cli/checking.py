"""Commands that look at files only: validate, render, schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.session import Session, shared
from runner.errors import Exit, InvalidError, Problem

if TYPE_CHECKING:
    from runner.schemas import SchemaName


@click.command()
@click.argument("paths", nargs=-1)
@shared
def validate(session: Session, paths: tuple[str, ...]) -> int:
    """Report every problem of every file at once: settings, campaigns, templates, assets, limits.

    PATHS are campaign ids, patterns or files; without any, all campaigns are checked. Needs no network.
    """
    from runner.report.problems import problem_dict, problems_github, problems_text

    problems, count = _checked(session, paths)
    errors = sum(problem.level == "error" for problem in problems)
    closing = f"{count} sends from {session.options.root}: {errors} errors, {len(problems) - errors} warnings"
    session.give(
        {
            "text": lambda: "\n".join(
                [*filter(None, [problems_text(problems, color=session.color)]), closing]
            ),
            "json": lambda: json.dumps(
                {"format_version": "1.0", "problems": [problem_dict(p) for p in problems]}, ensure_ascii=False
            ),
            "github": lambda: problems_github(problems),
        }
    )
    return Exit.INVALID if errors else Exit.OK


def _checked(session: Session, paths: tuple[str, ...]) -> tuple[list[Problem], int]:
    from runner.load import load_campaigns
    from runner.pipeline import prepare

    try:
        settings = session.settings
    except InvalidError as error:
        # The settings are broken: rendering is pointless, the shape of every campaign is not.
        return [*error.problems, *load_campaigns(session.options.root, paths).problems], 0
    prepared = prepare(
        session.options.root,
        settings=settings,
        files=session.files,
        variables=session.options.variables,
        only=paths,
    )
    return list(prepared.problems), len(prepared.sends)


@click.command()
@click.argument("campaign_id", metavar="ID")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@shared
def render(session: Session, campaign_id: str, open_: bool) -> int:
    """Show what a follower will see: text here, articles as a page with phone-width frames.

    The page is written below .campaign/render/ unless --output html=FILE names another place.
    """
    from runner.cli.showing import page, shown
    from runner.digest import plain
    from runner.pipeline import prepare

    prepared = prepare(
        session.options.root,
        settings=session.settings,
        files=session.files,
        variables=session.options.variables,
        only=(campaign_id,),
    )
    if prepared.errors:
        raise InvalidError(prepared.errors)
    html = page(prepared.sends, session)
    if html is not None and "html" not in session.options.outputs:
        target = session.state_dir / "render" / f"{campaign_id.replace('/', '_')}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(html, encoding="utf-8")
        session.say(f"page: {target}")
        if open_:
            click.launch(str(target))
    session.give(
        {
            "text": lambda: "\n\n".join(shown(send) for send in prepared.sends),
            "json": lambda: json.dumps(
                [{"id": send.id, "content": plain(send.content)} for send in prepared.sends],
                ensure_ascii=False,
            ),
            "html": lambda: html or "",
        }
    )
    return Exit.OK


@click.command()
@click.argument("name", type=click.Choice(["campaign", "settings", "plan"]), default="campaign")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
def schema(name: SchemaName, out: Path | None) -> int:
    """Print a JSON Schema (draft-07), as editors use it."""
    from runner.schemas import schema_text

    text = schema_text(name)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
    return Exit.OK
