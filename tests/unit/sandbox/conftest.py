"""The sandbox as tests get it."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.client import WeChat, open_wechat


@pytest.fixture
def wechat() -> Iterator[WeChat]:
    with open_wechat() as client:
        yield client
