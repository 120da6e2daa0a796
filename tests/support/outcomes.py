"""What a check ends with, so that a test can compare it: nothing, or its error."""

import re
from collections.abc import Callable
from typing import Any

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import CampaignError


def error_of(check: Callable[..., Any], *arguments: Any, **options: Any) -> CampaignError | None:
    """Run a check that raises when it refuses; give its error, None when it passes."""
    try:
        check(*arguments, **options)
    except CampaignError as error:
        return error
    return None


def problem_line(problem: Diagnostic) -> str:
    """Write a problem in a line, but not the names that are allowed: a new one changes no case."""
    place = f"{problem.location.line or 0}:{problem.location.column or 0}"
    hint = re.sub("(allowed here: |one of: (?=.*, )).*", r"\1", problem.hint)
    return f"{place} {problem.path} {problem.rule} | {problem.message} | {hint}"
