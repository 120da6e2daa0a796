"""The texts of the JSON schemas that people read, in messages and in editors, for the catalog."""

from collections.abc import Iterator
from typing import Any

from wechat_campaigns.source.schema import SchemaName, schema

SCHEMAS: tuple[SchemaName, ...] = ("campaign", "settings", "accounts")
"""Those whose files people write."""


def schema_words() -> dict[str, list[str]]:
    """Every text that `source.schema_findings` translates when it says it, with its JSON paths."""
    found: dict[str, list[str]] = {}
    for name in SCHEMAS:
        for path, text in _said(schema(name), ""):
            found.setdefault(text, []).append(f"schema/{name}.schema.json#{path}")
    return found


def _said(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """What messages say and an editor shows; examples are content, and stay as they are written."""
    if isinstance(node, list):
        for index, below in enumerate(node):
            yield from _said(below, f"{path}/{index}")
    for key, below in node.items() if isinstance(node, dict) else ():
        if key in ("description", "title", "patternErrorMessage") and isinstance(below, str):
            yield f"{path}/{key}", below
        elif key not in ("examples", "enum", "const", "default"):
            yield from _said(below, f"{path}/{key}")
