"""The command, whose waiting run looks at clock, ledger and locks each second: `hasty_command.py WORD…`."""

import runpy
from datetime import timedelta

from wechat_campaigns.run import apply as waiting
from wechat_campaigns.send import apply

LOOK_EVERY = timedelta(seconds=1)

if __name__ == "__main__":
    waiting.LOOK_EVERY = waiting.TRY_AGAIN_AFTER = LOOK_EVERY  # type: ignore[misc]
    apply.LOCK_WAIT_S = LOOK_EVERY.total_seconds()  # type: ignore[misc]
    runpy.run_module("wechat_campaigns", run_name="__main__", alter_sys=True)
