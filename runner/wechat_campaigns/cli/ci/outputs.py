"""Hand a plan file's digest on to later steps."""

from __future__ import annotations

import os
from pathlib import Path

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import FILE
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_
from wechat_campaigns.core.written_files import opened_to_write
from wechat_campaigns.plan import planfile


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    examples={
        "campaign ci outputs plan.json": N_(
            "pass `plan_digest`, `pending`, `due`, `coming` and `held` to later steps"
        )
    },
)
@click.argument("plan_file", type=FILE)
def outputs(context: Context, plan_file: Path) -> int:
    """Pass a plan file's digest to later steps: through GITHUB_OUTPUT, or on standard output.

    Prints plan_digest, pending (sends and resends that the digest covers), due (sends that apply would make
    or resolve now), coming (sends that become due within the plan's horizon) and held (sends that are
    blocked, in conflict, or were missed).
    """
    data = planfile.read(plan_file)
    sends = data["sends"]
    values = {
        "plan_digest": data["plan_digest"],
        "pending": sum(map(planfile.covers, sends)),
        "due": sum(send["action"] in ("send", "resend", "unknown") for send in sends),
        "coming": sum(planfile.is_coming(send, data) for send in sends),
        "held": sum(planfile.is_held(send, data) for send in sends),
    }
    lines = "\n".join(f"{name}={value}" for name, value in values.items())
    if target := os.environ.get("GITHUB_OUTPUT"):
        with opened_to_write(Path(target), flags=os.O_APPEND) as file:
            file.write(f"{lines}\n".encode())
    context.output_data(lambda: lines, values, quotes_campaigns=False)
    return ExitCode.OK
