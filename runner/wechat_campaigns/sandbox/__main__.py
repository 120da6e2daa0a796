"""`python -P -m wechat_campaigns.sandbox`: the sandbox for people who do not use the rest of the tool."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.sandbox.server import LOOPBACK, serve


def main(argv: list[str] | None = None) -> int:
    """Serve the sandbox until a signal.

    Args:
        argv: the arguments; None takes the process's.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m wechat_campaigns.sandbox", description="A WeChat Official Account on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--expose", action="store_true", help="allow a host that other machines reach")
    parser.add_argument(
        "--name", action="append", default=[], help="another name clients reach it by; repeatable"
    )
    parser.add_argument("--state", type=Path, help="state file; without it everything is in memory")
    parser.add_argument("--seed", type=Path, help="accounts, tags and followers of a new state, YAML or JSON")
    parser.add_argument("--no-quota", action="store_true", help="lift call counters and send allowances")
    parser.add_argument(
        "--retired-cards", action="store_true", help="let wxcard through, which WeChat refuses"
    )
    args = parser.parse_args(argv)
    try:
        return serve(
            port=args.port,
            host=args.host,
            state=args.state,
            seed=args.seed,
            quota=not args.no_quota,
            retired_cards=args.retired_cards,
            expose=args.expose,
            names=args.name,
            announce=_announce,
        )
    except CampaignError as error:
        sys.stderr.write(f"error: {error}\n  {error.hint}\n")
        return error.exit_code


def _announce(line: str) -> None:
    """Print a line at once, as a script may wait for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
