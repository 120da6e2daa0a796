"""Read a campaign file, or a whole campaigns folder: the valid campaigns, and the problems of all others."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.render.compile import CompileResult, compile_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.load import find_campaigns, load_campaign
from wechat_campaigns.source.strict_yaml import Document, parse_document
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


def parsed(text: str, id: str = "sale") -> Document:
    """Read the text of a campaign file, which is YAML."""
    read = parse_document(
        text.encode(), id=id, file=PurePosixPath(f"{id}.yaml"), shown=f"campaigns/{id}.yaml"
    )
    assert isinstance(read, Document)
    return read


def compiled(folder: Path, settings: Settings, *only: str, **campaigns: str) -> CompileResult:
    """Write campaigns, by name, and compile the folder."""
    for name, text in campaigns.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return compile_campaigns(folder, settings=settings, files=Files(folder), only=only)
