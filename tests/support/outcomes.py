"""What a check ends with, so that a test can compare it: nothing, or its error."""

from collections.abc import Callable
from typing import Any

from wechat_campaigns.core.errors import CampaignError


def error_of(check: Callable[..., Any], *arguments: Any, **options: Any) -> CampaignError | None:
    """Run a check that raises when it refuses; give its error, None when it passes."""
    try:
        check(*arguments, **options)
    except CampaignError as error:
        return error
    return None
