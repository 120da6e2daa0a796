"""Read the JSON Schemas of `schema/`, and check quickly whether data is valid by one.

`jsonschema-rs` decides, in a hundredth of the time; `jsonschema` is loaded only to explain a refusal.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from wechat_campaigns.core.i18n import _

SchemaName = Literal["campaign", "settings", "accounts", "plan", "output"]

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "_schema", _PACKAGE.parents[1] / "schema")
_DESCRIPTION: Final = re.compile(r'"(?P<key>description|title)": (?P<text>"(?:[^"\\]|\\.)*")')


def schema_text(name: SchemaName) -> str:
    """Return the text of one schema file as it is in the repository."""
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


def accepts(name: SchemaName, data: Any) -> bool:
    """Return whether data is certainly valid; False also when it takes the whole validator to know.

    Args:
        data: what YAML gives: maps, lists, texts, numbers, true, false and None.
    """
    try:
        # JSON Schema takes 1.0 for a whole number and we do not, so a document that has one is not quick.
        return _quick(name)(data) and not _has_whole_float(data)
    except ValueError:  # what JSON has no form for, such as half a character
        return False


@cache
def _quick(name: SchemaName) -> Callable[[Any], bool]:
    from jsonschema_rs import Draft7Validator  # most commands check no document

    is_valid: Callable[[Any], bool] = Draft7Validator(schema(name), validate_formats=False).is_valid
    return is_valid


def _has_whole_float(data: dict[str, Any] | list[Any]) -> bool:
    for value in data.values() if isinstance(data, dict) else data:
        if isinstance(value, dict | list):
            if _has_whole_float(value):
                return True
        elif isinstance(value, float) and value.is_integer():
            return True
    return False
