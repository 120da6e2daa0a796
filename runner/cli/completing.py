"""Completion for shells: the script that a shell loads, and the campaign ids it is offered."""

from __future__ import annotations

from pathlib import Path

import click

from runner.errors import CampaignError, Exit

VARIABLE = "_CAMPAIGN_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script that completes commands, options and campaign ids in a shell."""
    from click.shell_completion import get_completion_class

    from runner.cli.main import campaign

    found = get_completion_class(shell)
    if found is None:
        raise AssertionError("click knows these three shells")
    click.echo(found(campaign, {}, "campaign", VARIABLE).source())
    return Exit.OK


def campaign_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """List the ids that begin with what is typed; none when the folder cannot be read."""
    from runner.load import campaign_files

    root = ctx.params.get("directory") or Path("campaigns")
    try:
        ids = [str(file.with_suffix("")) for file in campaign_files(root)]
    except CampaignError:
        return []
    return [name for name in ids if name.startswith(incomplete)]
