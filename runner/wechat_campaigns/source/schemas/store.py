"""Gives the JSON Schemas of campaigns, settings and plans, from the wheel or from the repository."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from wechat_campaigns.core.i18n import _

SchemaName = Literal["campaign", "settings", "plan"]

_PACKAGE = Path(__file__).parents[2]
_FOLDERS = (_PACKAGE / "_schema", _PACKAGE.parents[1] / "schema")
_DESCRIPTION: Final = re.compile(r'"(?P<key>description|title)": (?P<text>"(?:[^"\\]|\\.)*")')


def schema_text(name: SchemaName) -> str:
    """Return the text of one schema file.

    Args:
        name: `campaign`, `settings` or `plan`.

    Returns:
        The file as it is in the repository.
    """
    # The wheel carries a copy inside the package; an editable install has only the repository's folder.
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
    return (folder / f"{name}.schema.json").read_text(encoding="utf-8")


def localized_schema_text(name: SchemaName) -> str:
    """Return the text of one schema file for an editor, with its descriptions in the reader's language."""

    def translated(match: re.Match[str]) -> str:
        text = str(_(json.loads(match["text"])))
        return f'"{match["key"]}": {json.dumps(text, ensure_ascii=False)}'

    return _DESCRIPTION.sub(translated, schema_text(name))


@cache
def schema(name: SchemaName) -> dict[str, Any]:
    """Return one schema as data; shared, so not to be changed."""
    return cast("dict[str, Any]", json.loads(schema_text(name)))
