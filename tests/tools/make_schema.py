"""Write the schemas of the settings from the records of `wechat_campaigns.core.settings`.

Of schema/campaign.schema.json it writes what follows from the kinds of messages: the list of msgtypes, and
the `content` of each kind that has a msgtype for itself. The rest is written by hand.

`python -m tests.tools.make_reference` runs this too; `tests/unit/source/test_schema_sync.py` compares it.
"""

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

from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.settings import (
    CREDENTIALS,
    SANDBOX,
    VALUE,
    Environment,
    Policy,
    Settings,
)
from wechat_campaigns.messages import KINDS, MSGTYPES, Text
from wechat_campaigns.plan.policy import OVERRIDABLE

FOLDER = Path(__file__).parents[2] / "schema"
WIDTH = 110
OF_THE_RUN = ("max_sends_per_apply", "checks", "timezone")
"""Rules of a whole run, which an account cannot have for itself."""
TYPES = {bool: "boolean", int: "integer", str: "string"}


def main() -> None:
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"schema/{name}")


def texts() -> dict[str, str]:
    """Each file by its name."""
    wholes = {"settings": settings(), "accounts": accounts(), "campaign": campaign()}
    return {f"{name}.schema.json": f"{_written(whole)}\n" for name, whole in wholes.items()}


def _written(value: Any, indent: str = "") -> str:
    """Write JSON with a line for whatever fits on one."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + len(indent) < WIDTH or not isinstance(value, dict | list):
        return line
    below = f"{indent}  "
    keys = [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    values = value.values() if isinstance(value, dict) else value
    lines = [f"{below}{key}{_written(one, below)}" for key, one in zip(keys, values, strict=True)]
    begin, end = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([begin, ",\n".join(lines), f"{indent}{end}"])


def campaign() -> dict[str, Any]:
    """The schema of a campaign, with the kinds of messages that there are now."""
    whole: dict[str, Any] = json.loads((FOLDER / "campaign.schema.json").read_text(encoding="utf-8"))
    whole["properties"]["msgtype"]["enum"] = list(MSGTYPES)
    whole["allOf"] = [
        {
            "if": {"required": ["msgtype"], "properties": {"msgtype": {"const": msgtype}}},
            "then": {"properties": {"content": {"$ref": f"#/definitions/{msgtype}"}}},
        }
        for msgtype in MSGTYPES
    ]
    for msgtype in MSGTYPES:
        kinds = [kind for kind in KINDS if kind.msgtype == msgtype]
        if len(kinds) == 1 and kinds[0] is not Text:  # which is no map
            whole["definitions"][msgtype] = _content(kinds[0], whole["definitions"])
    return whole


def _content(kind: type[Content], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of the fields of a kind; the keys of its file or material stand among them."""
    shape = _shape(kind, definitions)
    for name, one in shape["properties"].items():
        shape["properties"][name] = {"title": name.replace("_", " ").capitalize(), **one}
    for name in shape.get("required", ()):
        shape["properties"][name]["minLength"] = 1
    if "media" not in kind.__annotations__:
        return shape
    if not shape["properties"]:
        return {"allOf": [{"$ref": "#/definitions/media"}], "description": shape["description"]}
    return {**shape, "properties": {**definitions["media"]["properties"], **shape["properties"]}}


def settings() -> dict[str, Any]:
    """The schema of the settings."""
    definitions: dict[str, Any] = {}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://wechat-campaigns.invalid/schema/settings.schema.json",
        "title": "Settings for WeChat campaigns",
        **_shape(Settings, definitions),
        "definitions": {**_with_policies(definitions), "value": VALUE},
    }


def _with_policies(definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions with that of a policy, and of what an account may have of one."""
    _value(Policy, definitions)
    rules = "|".join(sorted(OVERRIDABLE))
    definitions["policy"]["properties"]["levels"]["propertyNames"] = {
        "pattern": rf"^({rules})$(?!\n)",
        "patternErrorMessage": "use a rule of docs/policy.md other than `hold` and `sample_text`, which are "
        "always mandatory",
    }
    properties = definitions["policy"]["properties"].items()
    own = {key: one for key, one in properties if key not in OF_THE_RUN}
    said = "Rules of an account: those of `policy` but for what is about the whole run."
    policy = {**definitions["policy"], "description": said, "properties": own}
    return {**definitions, "account_policy": policy}


def accounts() -> dict[str, Any]:
    """The schema of a file in `_accounts/`: by environment, what it has under `accounts`."""
    definitions: dict[str, Any] = {}
    by_name = _value(get_type_hints(Environment, include_extras=True)["accounts"], definitions)
    with_credentials = {"allOf": [by_name["additionalProperties"]], **CREDENTIALS}
    said = "An environment of `_settings.yaml`, with accounts by a name of your choice."
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://wechat-campaigns.invalid/schema/accounts.schema.json",
        "title": "Accounts for WeChat campaigns",
        "description": "Official Accounts, by environment and name.",
        "type": "object",
        "properties": {SANDBOX: {**by_name, "description": "Accounts of the sandbox."}},
        "additionalProperties": {**by_name, "additionalProperties": with_credentials, "description": said},
        "definitions": {
            key: one
            for key, one in _with_policies(definitions).items()
            if key not in ("policy", "plan_check")  # what only an environment has
        },
    }


def _shape(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a map with the keys of a record; those of its parts are added to the definitions."""
    hints, said = get_type_hints(record, include_extras=True), _texts(record)
    written = (one for one in fields(record) if one.metadata.get("is_key", True))
    keys = [one for one in written if hints[one.name] is not Media]
    required = [one.name for one in keys if one.default is one.default_factory is MISSING]
    return {
        "type": "object",
        **({"required": required} if required else {}),
        "additionalProperties": False,
        "description": " ".join(str(inspect.getdoc(record)).split()),
        "properties": {
            one.metadata.get("key", one.name): _key(one, hints[one.name], said[one.name], definitions)
            for one in keys
        },
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
        own = {key: one for key, one in shape.items() if key not in ("$ref", "type")}
        shape = {"allOf": [{"$ref": shape["$ref"]}], **own}
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
