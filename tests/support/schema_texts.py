"""The texts of the JSON schemas that people read, in messages and in editors, for the catalog."""

from collections.abc import Iterator
from typing import Any

from wechat_campaigns.source.schemas.findings import MISSING_HINTS
from wechat_campaigns.source.schemas.store import SchemaName, schema

SCHEMAS: tuple[SchemaName, ...] = ("campaign", "settings")
"""Those whose files people write."""


def schema_words() -> dict[str, list[str]]:
    """Every text that `wechat_campaigns.source.schemas` translates when it says it, with its JSON paths."""
    found: dict[str, list[str]] = {}
    for name in SCHEMAS:
        for path, text in _said(schema(name), ""):
            found.setdefault(text, []).append(f"schema/{name}.schema.json#{path}")
        for path, text in _descriptions(schema(name), ""):
            found.setdefault(text, []).append(f"schema/{name}.schema.json#{path}")
    return found


def _said(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for index, below in enumerate(node):
            yield from _said(below, f"{path}/{index}")
    if not isinstance(node, dict):
        return
    if isinstance(node.get("patternErrorMessage"), str):
        yield f"{path}/patternErrorMessage", node["patternErrorMessage"]
    yield from _of_required_keys(node, path)
    for key, below in node.items():
        yield from _said(below, f"{path}/{key}")


def _descriptions(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """What an editor shows; examples are content, and stay as they are written."""
    if isinstance(node, list):
        for index, below in enumerate(node):
            yield from _descriptions(below, f"{path}/{index}")
    if isinstance(node, dict):
        for key, below in node.items():
            if key in ("description", "title") and isinstance(below, str):
                yield f"{path}/{key}", below
            elif key not in ("examples", "enum", "const", "default"):
                yield from _descriptions(below, f"{path}/{key}")


def _of_required_keys(shape: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """What a key means is said when it is missing, unless its values or a hint of its own say it."""
    required, properties = shape.get("required"), shape.get("properties")
    if not isinstance(required, list) or not isinstance(properties, dict):
        return
    for key in required:
        told = properties.get(key)
        if (
            isinstance(told, dict)
            and "description" in told
            and "enum" not in told
            and key not in MISSING_HINTS
        ):
            yield f"{path}/properties/{key}/description", told["description"]
