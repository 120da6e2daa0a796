"""Name the environment of a run in the commands of a hint: copied as they stand they must mean it, too."""

from __future__ import annotations

import re
from typing import Final

from wechat_campaigns.core.i18n import LocalizedMessage

_TAKES_ENV: Final = re.compile(
    r"`(campaign (?:plan|apply|preview|drafts?|status|recall|report|archive|doctor|hold|unhold|tags|listen"
    r"|ledger [a-z]+)(?![a-z])[^`]*)`"
)


def with_environment(hint: str, env_option: str) -> str:
    """Add the environment to the commands that take one and name none.

    Args:
        env_option: see `Environment.env_option`.
    """
    if not env_option:
        return hint

    def named(text: str) -> str:
        return _TAKES_ENV.sub(
            lambda found: found[0] if "--env" in found[1] else f"`{found[1]}{env_option}`", text
        )

    return (
        LocalizedMessage(named(hint), named(hint.english))
        if isinstance(hint, LocalizedMessage)
        else named(hint)
    )
