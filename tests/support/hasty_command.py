"""The command, whose waiting run looks at clock and ledger each second: `hasty_command.py WORD…`."""

import runpy
from datetime import timedelta

from wechat_campaigns.run import apply

LOOK_EVERY = timedelta(seconds=1)

if __name__ == "__main__":
    apply.LOOK_EVERY = apply.TRY_AGAIN_AFTER = LOOK_EVERY  # type: ignore[misc]
    runpy.run_module("wechat_campaigns", run_name="__main__", alter_sys=True)
