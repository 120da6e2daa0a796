"""Gives the JSON Schemas of campaigns, settings and plans, from the wheel or from the repository."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

SchemaName = Literal["campaign", "settings", "plan"]

_PACKAGE = Path(__file__).parents[2]
_FOLDERS = (_PACKAGE / "_schema", _PACKAGE.parents[1] / "schema")


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


@cache
def schema(name: SchemaName) -> dict[str, Any]:
    """Return one schema as data; shared, so not to be changed."""
    return cast("dict[str, Any]", json.loads(schema_text(name)))
