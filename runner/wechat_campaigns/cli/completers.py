"""Offer ids and names of the settings to a shell that completes a command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.names import id_fault

if TYPE_CHECKING:
    from wechat_campaigns.core.settings import Settings

Offer = Callable[[click.Context, click.Parameter, str], list[str]]

VARIABLE = "_CAMPAIGN_COMPLETE"
"""The variable by which click's script asks."""


def campaign_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """List the ids that begin with what is typed; none when the folder cannot be read."""
    from wechat_campaigns.source.load import find_campaigns

    try:
        ids = [str(item.file.with_suffix("")) for item in find_campaigns(_root(ctx))[0]]
    except CampaignError:
        return []
    # click hands a word to the shell as it stands.
    return [name for name in ids if name.startswith(incomplete) and id_fault(name) is None]


def _of_settings(names: Callable[[Settings], Iterable[str]]) -> Offer:
    """Offer names of the settings; none when those cannot be read."""

    def offer(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        from wechat_campaigns.source.settings import load_settings

        try:
            settings = load_settings(_root(ctx), environment=ctx.params.get("env"))
        except CampaignError:
            return []
        return [name for name in names(settings) if name.startswith(incomplete)]

    return offer


environments = _of_settings(lambda settings: settings.environments)
accounts = _of_settings(lambda settings: settings.environment.accounts)
testers = _of_settings(lambda settings: settings.testers)


def _root(ctx: click.Context) -> Path:
    return ctx.params.get("directory") or Path("campaigns")
