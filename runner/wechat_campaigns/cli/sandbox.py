"""Run a WeChat sandbox with an inbox on this machine, also for other projects (`wechat-sandbox`)."""

from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.main import main as run_command
from wechat_campaigns.cli.options import DIR, ENV, Effect
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import Command, command
from wechat_campaigns.core.errors import ExitCode, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import SANDBOX
from wechat_sandbox.command import serve, with_options


@command(
    effect=Effect.LOCAL,
    options=(DIR, ENV),
    examples={
        "campaign sandbox": N_("a WeChat sandbox on http://127.0.0.1:8090"),
        "campaign sandbox --rehearsal": N_("the phones of the last rehearsal"),
    },
)
@click.option(
    "--rehearsal", is_flag=True, help="Show the phones of the rehearsals of --env, from their state."
)
@with_options
def sandbox(context: Context, rehearsal: bool, state: Path | None, **options: Any) -> int:
    """Serve the WeChat API on loopback, with followers whose phones you can view.

    The first line printed is `listening on http://127.0.0.1:PORT`; the inbox is at that address.
    """
    if rehearsal:
        if state is not None:
            raise UsageError(_("`--rehearsal` uses a state file of its own"), hint=_("omit `--state`"))
        if context.settings.environment.api != SANDBOX:
            raise UsageError(
                _("environment {name} has no sandbox of its own").format(
                    name=context.settings.environment.name
                ),
                hint=_("pass `--env` with the name of an environment that has `api: sandbox`"),
            )
        state = context.sandbox_file

    def print_address(url: str) -> None:
        context.output_data(lambda: f"listening on {url}", {"url": url}, quotes_campaigns=False)

    serve(print_address, state=state, **options)
    return ExitCode.OK


@click.command("wechat-sandbox", cls=Command, help=sandbox.help)
@with_options
def standalone(**options: Any) -> None:
    """Serve it without a campaigns folder."""
    serve(lambda url: print_result(f"listening on {url}"), **options)


standalone.effect = Effect.LOCAL


def main() -> None:
    """Run `wechat-sandbox` and exit."""
    run_command(command=standalone)
