"""Write schema/settings.schema.json from the records of `wechat_campaigns.core.settings`.

`python -m tests.tools.make_reference` runs this too; `tests/unit/source/test_schema_sync.py` compares it.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import EnumType
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from wechat_campaigns.core.settings import NOT_A_KEY, VALUE, Settings
from wechat_campaigns.plan.policy import OVERRIDABLE

PATH = Path(__file__).parents[2] / "schema" / "settings.schema.json"
TYPES = {bool: "boolean", int: "integer", str: "string"}


def main() -> None:
    PATH.write_text(text(), encoding="utf-8")
    print("schema/settings.schema.json")


def text() -> str:
    """The whole file."""
    definitions: dict[str, Any] = {}
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://wechat-campaigns.invalid/schema/settings.schema.json",
        "title": "Settings for WeChat campaigns",
        **_shape(Settings, definitions),
        "definitions": {**definitions, "value": VALUE},
    }
    rules = "|".join(sorted(OVERRIDABLE))
    definitions["policy"]["properties"]["levels"]["propertyNames"] = {
        "pattern": rf"^({rules})$(?!\n)",
        "patternErrorMessage": "use a rule of docs/policy.md other than `hold` and `sample_text`, which are "
        "always mandatory",
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _shape(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a map with the keys of a record; those of its parts are added to the definitions."""
    hints, said = get_type_hints(record, include_extras=True), _texts(record)
    keys = [one for one in fields(record) if one.metadata != NOT_A_KEY]
    required = [one.name for one in keys if one.default is one.default_factory is MISSING]
    return {
        "type": "object",
        **({"required": required} if required else {}),
        "additionalProperties": False,
        "description": inspect.getdoc(record),
        "properties": {one.name: _key(one, hints[one.name], said[one.name], definitions) for one in keys},
        **getattr(record, "SCHEMA", {}),
    }


def _texts(record: type) -> dict[str, str]:
    """The text below each field."""
    body = ast.parse(inspect.getsource(record)).body[0].body  # type: ignore[attr-defined]
    return {
        one.target.id: " ".join(below.value.value.split())
        for one, below in pairwise(body)
        if isinstance(one, ast.AnnAssign) and isinstance(below, ast.Expr)
    }


def _key(one: Field[Any], hint: Any, said: str, definitions: dict[str, Any]) -> dict[str, Any]:
    shape = _value(hint, definitions)
    if "$ref" in shape:
        shape = {"allOf": [{"$ref": shape.pop("$ref")}], **shape}
    default = list(one.default) if isinstance(one.default, tuple) else one.default
    if isinstance(default, bool | int | str | list) and default not in ("", []):
        shape["default"] = default
        if "Default:" not in said:
            said += f" Default: {_spoken(default)}."
    return {**shape, "description": said}


def _spoken(default: Any) -> str:
    if isinstance(default, list):
        return ", ".join(f"`{one}`" for one in default)
    return str(default).lower() if isinstance(default, bool) else str(default)


def _value(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a value of this type."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        own, *more = parts
        return {key: one for part in (_value(own, definitions), *more) for key, one in part.items()}
    if origin is UnionType:
        shapes = [_value(part, definitions) for part in parts if part is not NoneType]
        kinds = [shape["type"] for shape in shapes if "type" in shape]
        merged = {key: one for shape in shapes for key, one in shape.items()}
        return {**merged, "type": kinds} if len(kinds) > 1 else merged
    if origin is Literal:
        return {"enum": list(parts)}
    if isinstance(hint, EnumType):
        return {"enum": [str(one) for one in hint]}
    if origin is tuple:
        return {"type": "array", "items": _value(parts[0], definitions)}
    if origin is Mapping:
        more = {} if parts[1] is Any else {"additionalProperties": _value(parts[1], definitions)}
        return {"type": "object", **more}
    if is_dataclass(hint):
        name = "".join(f"_{one.lower()}" if one.isupper() else one for one in hint.__name__).lstrip("_")
        if name not in definitions:
            definitions[name] = {}  # before those of its parts
            definitions[name] = _shape(hint, definitions)
        return {"$ref": f"#/definitions/{name}"}
    return {"type": TYPES[hint]}


if __name__ == "__main__":
    main()
