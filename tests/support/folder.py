"""Read a whole campaigns folder: the valid campaigns, and the problems of all others."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.source.load import find_campaigns, load_campaign
from wechat_campaigns.source.validate import Campaign


class Loaded(NamedTuple):
    campaigns: list[Campaign]
    problems: list[Diagnostic]


def load_campaigns(root: Path, only: Sequence[str] = ()) -> Loaded:
    items, problems = find_campaigns(root, only, gather=True)
    loaded = Loaded([], problems)
    for item in items:
        checked = load_campaign(item)
        if isinstance(checked, Campaign):
            loaded.campaigns.append(checked)
        else:
            loaded.problems.extend(checked)
    return loaded
