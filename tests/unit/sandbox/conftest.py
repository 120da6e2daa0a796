"""The sandbox as tests get it."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.client import WeChat, open_wechat


@pytest.fixture(params=["strict", "lenient"])
def wechat(request: pytest.FixtureRequest) -> Iterator[WeChat]:
    """Every test runs under both readings of what sources disagree about."""
    with open_wechat(strict=request.param == "strict") as client:
        yield client
