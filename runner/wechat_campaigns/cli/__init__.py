"""The command `campaign`: argv in, exit code out."""

import gc

# How many new objects the collector waits for. At its usual 700 it walks again and again through all that the
# imports make, and through a long past while that is read: a tenth of a start, a fifth of a plan.
gc.set_threshold(100_000, 20, 20)

from wechat_campaigns.cli.main import main  # noqa: E402

__all__ = ["main"]
