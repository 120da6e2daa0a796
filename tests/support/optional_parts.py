"""What a test does without a part that may be missing (Chromium, PostgreSQL, npm)."""

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("CAMPAIGN_REQUIRE_OPTIONAL_PARTS") == "1"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip loudly, or fail where CAMPAIGN_REQUIRE_OPTIONAL_PARTS is 1."""
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)
