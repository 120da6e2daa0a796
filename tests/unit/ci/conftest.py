"""A forge to ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forges import FakeForge, serve


@pytest.fixture
def fake() -> Iterator[FakeForge]:
    """An empty forge on loopback."""
    with serve(FakeForge()) as forge:
        yield forge
