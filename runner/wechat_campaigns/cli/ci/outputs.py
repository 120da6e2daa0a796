"""Hand a plan file's digest on to later steps."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.options import FILE
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.plan import planfile


@command(examples={"campaign ci outputs plan.json": N_("digest, pending, due for later steps")})
@click.argument("plan_file", type=FILE)
def outputs(plan_file: Path) -> int:
    """Hand a plan file's digest on to later steps: to GITHUB_OUTPUT, or to standard output.

    digest, pending (sends and resends the digest covers), due (what an apply would make or settle now).
    """
    data = planfile.read(plan_file)
    digest, actions = data["plan_digest"], [send["action"] for send in data["sends"]]
    pending = sum(map(planfile.covers, data["sends"]))
    due = sum(action in ("send", "resend", "unknown") for action in actions)
    lines = f"digest={digest}\npending={pending}\ndue={due}\n"
    target = os.environ.get("GITHUB_OUTPUT")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(lines)
    print_result(lines, newline=False)
    return ExitCode.OK
