"""The sandbox as tests get it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.unit.sandbox.client import WeChat, as_new, open_sandbox
from wechat_sandbox.dispatcher import Dispatcher

Sandboxes = dict[str, tuple[Flask, Dispatcher]]


@pytest.fixture(scope="session")
def _sandboxes() -> Iterator[Sandboxes]:
    with open_sandbox(strict=True) as strict, open_sandbox(strict=False) as lenient:
        yield {"strict": strict, "lenient": lenient}


@pytest.fixture
def wechat(_sandboxes: Sandboxes) -> WeChat:
    return as_new(*_sandboxes["strict"])


@pytest.fixture(params=["strict", "lenient"])
def either(request: pytest.FixtureRequest, _sandboxes: Sandboxes) -> WeChat:
    """Both readings of what sources about WeChat disagree about."""
    return as_new(*_sandboxes[request.param])
