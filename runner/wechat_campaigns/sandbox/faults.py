"""Faults that tests inject: the fault of a call, and what the client sees of it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wechat_campaigns.sandbox import store
from wechat_campaigns.sandbox.answers import Json

ALIASES = {"cut_before": ("cut", False), "cut_after": ("cut", True)}
KINDS = ("latency", "errcode", "cut_before", "cut_after", "garbage", "html", "clock")
KIND_PATTERN = f"^({'|'.join(KINDS)}|http_[45][0-9][0-9])$"
"""How the kind of a fault is ordered."""
KEYS = frozenset({"endpoint", "kind", "times", "skip", "after", "errcode", "latency_s", "ahead_s"})
"""What a fault may say."""
MAX_LATENCY_S = 600
MAX_AHEAD_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One fault; with `after` the call takes effect and only its answer is spoiled."""

    endpoint: str = "*"
    kind: str
    after: bool = False
    errcode: int = -1
    status: int = 500
    latency_s: float = 0.0
    ahead_s: float = 0.0
    """How far the date of the answer is ahead of the real time."""


def add(db: sqlite3.Connection, spec: Mapping[str, Any]) -> int:
    """Add a fault; its number.

    Args:
        spec: `endpoint` (a path with or without /cgi-bin/, or *), `kind` (latency, errcode, cut_before,
            cut_after, garbage, html, http_500…, clock), `times` (default 1, null for ever), `skip` (calls
            to let pass first), `after`, `errcode`, `latency_s`, `ahead_s`.

    Raises:
        ValueError: Something in it is unknown or has the wrong type.
    """
    fault = _read(spec)
    times, skip = spec.get("times", 1), spec.get("skip", 0)
    if not _is_count(skip, 0) or not (times is None or _is_count(times, 1)):
        raise ValueError("times is a number from 1 or null, skip a number from 0")
    return store.insert(db, "fault", {"spec": json.dumps(asdict(fault)), "skip": skip, "times": times})


def _is_count(value: object, least: int) -> bool:
    return type(value) is int and least <= value < 2**31


def _read(spec: Mapping[str, Any]) -> InjectedFault:
    unknown = spec.keys() - KEYS
    if unknown:
        raise ValueError(f"a fault has no key {', '.join(sorted(unknown))}")
    if not re.fullmatch(KIND_PATTERN, str(spec.get("kind"))):
        raise ValueError(
            "kind is one of latency, errcode, cut_before, cut_after, garbage, html, clock, "
            "http_500 (4xx, 5xx)"
        )
    kind, after = ALIASES.get(spec["kind"], (spec["kind"], bool(spec.get("after", False))))
    status = re.fullmatch(r"http_(\d{3})", kind)
    kind = "http" if status else kind
    errcode, latency_s = spec.get("errcode", -1), spec.get("latency_s", 1 if kind == "latency" else 0)
    if type(errcode) is not int:
        raise ValueError("errcode is a number")
    if type(latency_s) not in (int, float) or not 0 <= latency_s <= MAX_LATENCY_S:
        raise ValueError(f"latency_s is a number of seconds up to {MAX_LATENCY_S}")
    ahead_s = spec.get("ahead_s", 3600 if kind == "clock" else 0)
    if type(ahead_s) not in (int, float) or not abs(ahead_s) <= MAX_AHEAD_S:
        raise ValueError(f"ahead_s is a number of seconds from -{MAX_AHEAD_S} to {MAX_AHEAD_S}")
    return InjectedFault(
        endpoint=_path(str(spec.get("endpoint", "*"))),
        kind=kind,
        after=after,
        errcode=errcode,
        status=int(status[1]) if status else 500,
        latency_s=float(latency_s),
        ahead_s=float(ahead_s),
    )


def _path(endpoint: str) -> str:
    """Complete a path: `message/mass/sendall` is `/cgi-bin/message/mass/sendall`."""
    if endpoint == "*" or endpoint.startswith("/cgi-bin/"):
        return endpoint
    return f"/cgi-bin/{endpoint.lstrip('/')}"


def take(db: sqlite3.Connection, path: str) -> InjectedFault | None:
    """Use up the first fault for this path; None without one."""
    for row in db.execute("SELECT * FROM fault ORDER BY id").fetchall():
        fault = InjectedFault(**json.loads(row["spec"]))
        if fault.endpoint not in ("*", path):
            continue
        if row["skip"] > 0:
            db.execute("UPDATE fault SET skip = skip - 1 WHERE id = ?", (row["id"],))
            continue
        if row["times"] == 1:
            db.execute("DELETE FROM fault WHERE id = ?", (row["id"],))
        else:
            db.execute("UPDATE fault SET times = times - 1 WHERE id = ?", (row["id"],))
        return fault
    return None


def list_faults(db: sqlite3.Connection) -> list[Json]:
    """List the faults that are still to come."""
    return [
        {"id": row["id"], "times": row["times"], "skip": row["skip"], **json.loads(row["spec"])}
        for row in db.execute("SELECT * FROM fault ORDER BY id")
    ]
