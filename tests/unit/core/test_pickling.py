"""`pickling`: what comes back equals what went, and `pickle` can read it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import pytest

from wechat_campaigns.core import pickling
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.model import Filter, Msgtype


@dataclass(frozen=True, slots=True)
class Single:
    value: object


@dataclass
class Plain:
    first: int
    second: list[int]


@pytest.mark.parametrize(
    "value",
    [
        Location(file="sale.yaml", line=2, column=1),
        Diagnostic(location=Location(file="a"), rule="limits", message="m", hint="h", level="warning"),
        Filter(tag="会员"),
        Single((1, Single(None))),
        Plain(1, [2]),
        (Msgtype.TEXT, PurePosixPath("a/b"), datetime(2026, 11, 25, tzinfo=UTC), {"键": [b"\0", None]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_comes_back(value: object) -> None:
    """Records with slots and without, of one field and of many, and what is none."""
    made = pickle.loads(pickling.dumps(value))
    assert made == value
    assert type(made) is type(value)


def test_record_that_stands_twice_comes_back_once() -> None:
    """What shares a record before shares it afterwards."""
    one = Location(file="sale.yaml", line=2, column=1)
    first, second = pickle.loads(pickling.dumps([one, one]))
    assert first is second
