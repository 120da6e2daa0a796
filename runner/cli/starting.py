"""Commands that write a first file: new."""

from __future__ import annotations

from pathlib import PurePosixPath

import click

from runner.cli.session import Session, shared
from runner.errors import Exit, UsageError
from runner.model import Msgtype


@click.command()
@click.argument("campaign_id", metavar="ID")
@click.option("--msgtype", type=click.Choice([m.value for m in Msgtype]), default="text", show_default=True)
@click.option("--tag", help="Receivers by tag name.")
@click.option("--tag-id", type=int, help="Receivers by tag id.")
@click.option("--media-id", help="A draft or material that exists; for wxcard the card_id.")
@shared
def new(
    session: Session,
    campaign_id: str,
    msgtype: str,
    tag: str | None,
    tag_id: int | None,
    media_id: str | None,
) -> int:
    """Write a new campaign file with the schema's modeline, ready for an editor.

    ID is its path below the campaigns folder without the suffix: 2026/spring/sale.
    """
    from runner.scaffold import campaign_text

    file = PurePosixPath(f"{campaign_id}.yaml")
    if file.is_absolute() or ".." in file.parts or any(part.startswith("_") for part in file.parts):
        raise UsageError(
            f"'{campaign_id}' cannot be a campaign id",
            remedy="use a path below the campaigns folder, no part beginning with _",
        )
    if tag is not None and tag_id is not None:
        raise UsageError("one filter is enough", remedy="give --tag or --tag-id")
    target = session.options.root / file
    text = campaign_text(file, msgtype=Msgtype(msgtype), tag=tag, tag_id=tag_id, media_id=media_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except FileExistsError as error:
        raise UsageError(
            "the file exists already", remedy="edit it, or choose another id", where=str(target)
        ) from error
    click.echo(f"{target} written; next: campaign plan '{campaign_id}'")
    return Exit.OK
