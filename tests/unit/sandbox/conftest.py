"""The sandbox as tests get it."""

from collections.abc import Iterator
from wsgiref.types import WSGIApplication

import pytest

from tests.unit.sandbox.client import WeChat, as_new, open_sandbox
from wechat_sandbox.dispatcher import Dispatcher

Served = tuple[WSGIApplication, Dispatcher]


@pytest.fixture(scope="session")
def _served() -> Iterator[Served]:
    with open_sandbox() as served:
        yield served


@pytest.fixture
def wechat(_served: Served) -> WeChat:
    return as_new(*_served)
