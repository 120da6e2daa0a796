"""A pytest fixture for projects that talk to WeChat: `wechat_sandbox`, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wechat_sandbox.client import SandboxClient


@pytest.fixture(scope="session")
def wechat_sandbox_url() -> Iterator[str]:
    """Serve one sandbox for the whole run; its base URL."""
    from wechat_campaigns.core.errors import require_extra

    require_extra("sandbox", needed_for="the fixture `wechat_sandbox`")
    from wechat_sandbox.server import embedded  # every pytest run loads this file, few use it

    with embedded() as url:
        yield url


@pytest.fixture
def wechat_sandbox(wechat_sandbox_url: str) -> SandboxClient:
    """Return the sandbox as it was seeded: `url`, `appid`, `secret`, `deliveries()`, `fault()` and more."""
    from wechat_sandbox.client import SandboxClient

    client = SandboxClient(url=wechat_sandbox_url)
    client.reset()
    return client
