"""The command `campaign`: argv in, exit code out."""

from wechat_campaigns.cli.main import main

__all__ = ["main"]
