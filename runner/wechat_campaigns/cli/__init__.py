"""The command `campaign`: argv in, exit code out. Wires the rooms, prints, and nothing else."""

from wechat_campaigns.cli.main import main

__all__ = ["main"]
