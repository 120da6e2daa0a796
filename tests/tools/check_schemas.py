"""Check every schema of `schema/` against the draft-07 metaschema, and that each property is described."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

SCHEMAS = Path(__file__).parents[2] / "schema"


def main() -> int:
    """Print each fault; 1 when there is one."""
    faults = [fault for path in sorted(SCHEMAS.glob("*.schema.json")) for fault in check(path)]
    print("\n".join(faults) or "schemas: sound, every property described")
    return 1 if faults else 0


def check(path: Path) -> Iterator[str]:
    """Yield the faults of one schema file."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema):
        yield f"{path.name}: {error.json_path}: {error.message}"
    for where, value in properties(schema, "$"):
        if "description" not in value and "$ref" not in value:
            yield f"{path.name}: {where} has no description"


def properties(value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every property with its place; conditions (`if`) only look, they describe nothing."""
    if isinstance(value, dict):
        for name, item in (
            value.get("properties", {}).items() if isinstance(value.get("properties"), dict) else ()
        ):
            if isinstance(item, dict):
                yield f"{where}.{name}", item
        for key, item in value.items():
            if key not in ("if", "then", "else", "examples"):
                yield from properties(item, f"{where}/{key}")
    elif isinstance(value, list):
        for item in value:
            yield from properties(item, where)


if __name__ == "__main__":
    raise SystemExit(main())
