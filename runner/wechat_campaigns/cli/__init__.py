"""The commands `campaign` and `wechat-sandbox`: argv in, exit code out."""

from wechat_campaigns.cli.main import main, sandbox_main

__all__ = ["main", "sandbox_main"]
