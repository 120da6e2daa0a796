"""A code host on loopback."""

from collections.abc import Iterator

import pytest

from tests.support.code_hosts import FakeCodeHost, serve


@pytest.fixture
def fake() -> Iterator[FakeCodeHost]:
    """An empty code host on loopback."""
    with serve(FakeCodeHost()) as code_host:
        yield code_host
