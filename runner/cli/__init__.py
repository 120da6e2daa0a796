"""The command `campaign`: argv in, exit code out. Wires the rooms, prints, and nothing else."""

from runner.cli.main import main

__all__ = ["main"]
