"""Faults that tests inject: the fault of a call, and what the client sees of it."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wechat_sandbox import store
from wechat_sandbox.answers import Json, body_of
from wechat_sandbox.calls import ENDPOINTS

KINDS = ("latency", "errcode", "cut_before", "cut_after", "garbage", "html", "clock")
MAX_LATENCY_S = 600
MAX_AHEAD_S = 365 * 24 * 3600
FAULT: Final = body_of(
    {
        "endpoint": {"type": "string", "default": "*"},
        "kind": {"type": "string", "pattern": f"^({'|'.join(KINDS)}|http_[45][0-9][0-9])$"},
        "times": {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1, "default": 1},
        "skip": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "default": 0},
        "after": {"type": "boolean", "default": False},
        "errcode": {"type": "integer", "default": -1},
        "latency_s": {"type": "number", "minimum": 0, "maximum": MAX_LATENCY_S, "default": 1},
        "ahead_s": {"type": "number", "minimum": -MAX_AHEAD_S, "maximum": MAX_AHEAD_S, "default": 3600},
    },
    ("kind",),
)
"""The shape of a fault as it is ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedFault:
    """One fault of a call."""

    endpoint: str
    """A whole path, or * for all."""
    kind: str
    after: bool
    errcode: int
    latency_s: float
    ahead_s: float
    """How far the date of the answer is ahead of the real time."""

    @property
    def takes_effect(self) -> bool:
        """Return whether the call takes effect, and only its answer is late or spoiled."""
        return self.after or self.kind in ("latency", "clock", "cut_after")


def add(db: sqlite3.Connection, spec: Mapping[str, Any]) -> None:
    """Add a fault of the shape `FAULT`.

    Raises:
        ValueError: the sandbox does not serve the endpoint.
    """
    fault = {key: spec.get(key, shape.get("default")) for key, shape in FAULT["properties"].items()}
    fault["endpoint"] = _path(fault["endpoint"])
    times, skip = fault.pop("times"), fault.pop("skip")
    store.insert(db, "fault", {"spec": json.dumps(fault), "skip": skip, "times": times})


def _path(endpoint: str) -> str:
    """Complete a path: `message/mass/sendall` is `/cgi-bin/message/mass/sendall`."""
    path = endpoint if endpoint.startswith(("*", "/")) else f"/cgi-bin/{endpoint}"
    if path != "*" and path not in ENDPOINTS:
        raise ValueError(f"the sandbox does not serve {path}; GET /_sandbox/openapi.json lists the paths")
    return path


def take(db: sqlite3.Connection, path: str) -> InjectedFault | None:
    """Use up the first fault for this path; None without one."""
    for row in store.select(db, "fault", order="id"):
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
        for row in store.select(db, "fault", order="id")
    ]
