"""Values in, fingerprints out: the same on every machine, whatever its clock, paths or locale.

Canonical JSON here is RFC 8785 in spirit: sorted keys, no blanks, raw UTF-8. Numbers in what we hash are
integers and booleans, or finite floats in Python's shortest form.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache, lru_cache
from itertools import chain
from typing import Any

DIGEST_VERSION = 1
PLAN_FORMAT = "4.0"
_PLAIN = frozenset((str, int, bool))
_ENCODER = json.JSONEncoder(
    # Plain data has no circles, and to look for them takes a tenth of the time.
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"), check_circular=False,
)  # fmt: skip


def canonical(value: Any) -> bytes:
    """Write plain data as canonical JSON.

    Args:
        value: dicts with string keys, lists, strings, numbers, booleans and None.
    """
    return _ENCODER.encode(value).encode()


def sha256(value: Any) -> str:
    """Fingerprint plain data: 64 hex characters over its canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


def to_plain_data(value: Any) -> Any:
    """Turn records into plain data; one with a method `plain_data`, such as a file, is what that returns."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    kind: type = type(value)
    if hasattr(kind, "plain_data"):
        return value.plain_data()
    if names := _field_names(kind):
        return {name: to_plain_data(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): to_plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain_data(item) for item in value]
    return value


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    if not is_dataclass(kind):
        return ()
    return tuple(entry.name for entry in fields(kind) if not entry.metadata.get("derived"))


def openids_sha256(openids: Iterable[str]) -> str:
    """Fingerprint an openid list in its order; the list itself is never kept."""
    return sha256(list(openids))


@dataclass(frozen=True, eq=False)
class OpenidList:
    """A whole openid list, which its batches share; compared by identity, so that none costs its length."""

    parts: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    """The openids of each batch."""

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.parts)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


@lru_cache(maxsize=2)
def hashes(items: tuple[str, ...] | OpenidList, salt: str) -> frozenset[str]:
    """Hash each item, so that two sets can be compared and neither be read; 12 hex characters each."""
    return frozenset(hashlib.sha256(f"{salt} {item}".encode()).hexdigest()[:12] for item in items)


def sample(items: tuple[str, ...], salt: str, size: int) -> str:
    """Return the smallest hashes of a set: another set has as large a part of them as of the whole set."""
    return " ".join(sorted(hashes(items, salt))[:size])


def plan_digest(rows: Iterable[Mapping[str, Any]], rules_sha256: str) -> str:
    """Fingerprint what a plan would send.

    Args:
        rows: of pending sends, and of what would be posted once more; the order does not matter.
        rules_sha256: of every rule in force as it is, masked by nothing.

    Returns:
        64 hex characters that change with any send or rule.
    """
    sends = sorted(rows, key=lambda row: (row["id"], row["appid"]))
    return sha256({"version": DIGEST_VERSION, "sends": sends, "rules": rules_sha256})
