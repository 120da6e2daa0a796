"""Write new files: a campaign, or all of a new campaigns repository; nothing is written to disk here."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from wechat_campaigns.core.content import Content
from wechat_campaigns.core.i18n import current_language
from wechat_campaigns.messages import PLACEHOLDERS, Articles
from wechat_campaigns.source.schema import SchemaName, localized_schema_text, schema

_PLAIN = re.compile(r"(?!(?:yes|no|on|off|true|false|null|y|n)$)[^\W\d_][\w./-]*", re.IGNORECASE)
"""What YAML reads as text without quotes, whatever its version."""

_TEMPLATE_MARK = re.compile(r"\{(?=[{%#])")

TAG = "会员"
"""Whom a new file names until its author names somebody."""
SAMPLES = (*PLACEHOLDERS, "有一场小活动，欢迎来坐坐")
"""What a new file, and the first campaign of `init`, say in place of texts: made to be replaced."""

CodeHostName = Literal["github", "gitlab", "none"]
STARTER_FILES = {
    "campaigns/_settings.yaml": "settings.yaml",
    "campaigns/welcome.yaml": "welcome.yaml",
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    ".vscode/settings.json": "vscode-settings.json",
    ".vscode/extensions.json": "vscode-extensions.json",
    "AGENTS.md": "agents.md",
    ".agents/skills/wechat-campaigns/SKILL.md": "skill.md",
}
"""Where a file of `starter/` goes in the new repository."""
_STARTER = Path(__file__).parent / "starter"
_REPOSITORY = Path(__file__).parents[3]
_WORKFLOWS = {
    "github": (".github/workflows/campaigns.yml", ".github/workflows/campaigns.yml"),
    "gitlab": (".gitlab-ci.yml", "docs/ci/gitlab.yml"),
}
"""Forge to the file's new place and its place in this project; the wheel carries it as `FORGE.yml`."""


def modeline(file: PurePosixPath) -> str:
    """Write the comment by which an editor finds the schema; `file` is relative to the campaigns folder."""
    return f"# yaml-language-server: $schema={'../' * len(file.parts)}schema/campaign.schema.json"


def campaign_text(id_: str, kind: type[Content], recipients: str = f"tag: {TAG}") -> str:
    """Write a new campaign; `recipients` is what stands under `filter`."""
    content = kind.scaffold.replace("{name}", PurePosixPath(id_).name)
    if kind is Articles:
        names = schema("campaign")["definitions"]["article"]["properties"]["theme"]["examples"]
        content += f"      # theme: {names[0]}，可选 {'、'.join(names)}\n"
    return _file(id_, content, recipients, kind)


def fetched_campaign_text(id_: str, content: Mapping[str, Any]) -> str:
    """Write the campaign of a draft that was pulled, or of a page that was imported.

    Args:
        content: plain data under `articles` or `newspic`; its texts are not templates.
    """
    lines = "\n".join(_block(content, "  "))
    return _file(id_, f"content:\n{lines}\n")


def _file(id_: str, content: str, recipients: str = f"tag: {TAG}", kind: type[Content] = Articles) -> str:
    line = modeline(PurePosixPath(f"{id_}.yaml"))
    return f"{line}\nfilter:\n  {recipients}\nmsgtype: {kind.msgtype}\n{content}ready: false\n"


def literal(text: str) -> str:
    """Write a text as a template that gives it."""
    return _TEMPLATE_MARK.sub("{{ '{' }}", text)


def _block(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Write plain data as YAML: lists of objects in blocks, objects with one text on a line."""
    for key, item in value.items():
        if isinstance(item, list):
            yield f"{indent}{key}:"
            for one in item:
                first, *rest = _block(one, f"{indent}    ")
                yield from (f"{indent}  - {first.strip()}", *rest)
        elif isinstance(item, Mapping) and len(item) == 1:
            ((name, text),) = item.items()
            yield f"{indent}{key}: {{{name}: {scalar(literal(text))}}}"
        elif isinstance(item, Mapping):
            yield f"{indent}{key}:"
            yield from _block(item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {'true' if item is True else scalar(literal(item))}"


def scalar(text: str) -> str:
    """Write a text as YAML, in quotes where it would be read as something else."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def starter(code_host: CodeHostName, *, action: str = "") -> dict[str, str]:
    """Return the files of a new campaigns repository.

    Args:
        action: GitHub only: `OWNER/REPOSITORY@COMMIT` of this tool's action.

    Returns:
        Path relative to the repository to text, in the order in which a reader should meet them.
    """
    files = {place: (_STARTER / name).read_text(encoding="utf-8") for place, name in STARTER_FILES.items()}
    if current_language() == "zh":  # the same settings, with comments in Chinese
        files["campaigns/_settings.yaml"] = (_STARTER / "settings.zh.yaml").read_text(encoding="utf-8")
    names: tuple[SchemaName, ...] = ("campaign", "settings", "accounts")
    files.update({f"schema/{name}.schema.json": localized_schema_text(name) for name in names})
    if code_host != "none":
        place, source = _WORKFLOWS[code_host]
        packed = _STARTER / f"{code_host}.yml"
        # The wheel carries a copy; an editable install has only the repository's file.
        text = (packed if packed.is_file() else _REPOSITORY / source).read_text(encoding="utf-8")
        # A copied workflow uses the action from elsewhere, and needs no note on copying.
        text = re.sub(r"uses: \./ #.*", lambda _: f"uses: {action}", text)
        files[place] = re.sub(
            r"# To use it elsewhere.*\n|Copy this to .*?\. (?=A )| See docs/pull-requests\.md\.", "", text
        )
    return files
