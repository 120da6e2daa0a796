"""A choice of forge in, the files of a new campaigns repository out; nothing is written here."""

import re
from importlib import resources
from pathlib import Path
from typing import Literal

from wechat_campaigns.core.i18n import current_language
from wechat_campaigns.source.schema import SchemaName, localized_schema_text

CodeHostName = Literal["github", "gitlab", "none"]

FILES = {
    "campaigns/_settings.yaml": "settings.yaml",
    "campaigns/welcome.yaml": "welcome.yaml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".vscode/settings.json": "vscode-settings.json",
    ".vscode/extensions.json": "vscode-extensions.json",
    "AGENTS.md": "agents.md",
    ".agents/skills/wechat-campaigns/SKILL.md": "skill.md",
}
"""Where a file of this folder goes in the new repository."""

_PACKAGE = Path(__file__).parent
_REPOSITORY = _PACKAGE.parents[3]
_WORKFLOWS = {
    "github": (".github/workflows/campaigns.yml", ".github/workflows/campaigns.yml"),
    "gitlab": (".gitlab-ci.yml", "docs/ci/gitlab.yml"),
}
"""Forge to the file's new place and its place in this project; the wheel carries it as `FORGE.yml`."""


def starter(code_host: CodeHostName, *, action: str = "") -> dict[str, str]:
    """Return the files of a new campaigns repository.

    Args:
        action: GitHub only: `OWNER/REPOSITORY@COMMIT` of this tool's action.

    Returns:
        Path relative to the repository to text, in the order in which a reader should meet them.
    """
    here = resources.files(__package__)
    files = {place: here.joinpath(name).read_text(encoding="utf-8") for place, name in FILES.items()}
    if current_language() == "zh":  # the same settings, with comments in Chinese
        files["campaigns/_settings.yaml"] = here.joinpath("settings.zh.yaml").read_text(encoding="utf-8")
    names: tuple[SchemaName, ...] = ("campaign", "settings")
    files.update({f"schema/{name}.schema.json": localized_schema_text(name) for name in names})
    if code_host != "none":
        place, text = _workflow(code_host)
        # A copied workflow uses the action from elsewhere, and needs no note on copying.
        text = re.sub(r"uses: \./ #.*", lambda _: f"uses: {action}", text)
        files[place] = re.sub(
            r"# To use it elsewhere.*\n|Copy this to .*?\. (?=A )| See docs/pull-requests\.md\.", "", text
        )
    return files


def _workflow(code_host: str) -> tuple[str, str]:
    place, source = _WORKFLOWS[code_host]
    packed = _PACKAGE / f"{code_host}.yml"
    # The wheel carries a copy; an editable install has only the repository's file.
    path = packed if packed.is_file() else _REPOSITORY / source
    return place, path.read_text(encoding="utf-8")
