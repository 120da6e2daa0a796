"""Hand a plan file's digest on to later steps."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FILE
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.plan import planfile


@command(
    effect=Effect.NONE,
    examples={
        "campaign ci outputs plan.json": N_(
            "pass `plan_digest`, `pending`, `due`, `coming` and `held` to later steps"
        )
    },
)
@click.argument("plan_file", type=FILE)
def outputs(plan_file: Path) -> int:
    """Pass a plan file's digest to later steps: through GITHUB_OUTPUT, or on standard output.

    Prints plan_digest, pending (sends and resends that the digest covers), due (sends that apply would make
    or resolve now), coming (sends that become due within the plan's horizon) and held (sends that are
    blocked, in conflict, or were missed in the last day).
    """
    data = planfile.read(plan_file)
    digest, actions = data["plan_digest"], [send["action"] for send in data["sends"]]
    pending = sum(map(planfile.covers, data["sends"]))
    due = sum(action in ("send", "resend", "unknown") for action in actions)
    coming = sum(planfile.is_coming(send, data) for send in data["sends"])
    held = sum(planfile.is_held(send, data) for send in data["sends"])
    lines = f"plan_digest={digest}\npending={pending}\ndue={due}\ncoming={coming}\nheld={held}\n"
    target = os.environ.get("GITHUB_OUTPUT")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(lines)
    print_result(lines, newline=False)
    return ExitCode.OK
