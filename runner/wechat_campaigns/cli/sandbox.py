"""Run a WeChat sandbox with an inbox on this machine, also for other projects."""

import signal
import sys
from pathlib import Path

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, EXISTING_FILE, FILE, Effect
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, UsageError, require_extra
from wechat_campaigns.core.files import refuse_carried_links
from wechat_campaigns.core.hosts import is_loopback
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import SANDBOX

STOPPED_BY = {signal.SIGINT, signal.SIGTERM}


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
@click.option("--port", default=8090, show_default=True, help="0 picks a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Any other address requires --expose.")
@click.option("--expose", is_flag=True, help="Allow an address that other machines can reach.")
@click.option("--name", "names", multiple=True, help="Another host name that clients use for it; repeatable.")
@click.option("--state", type=FILE, help="Keep the state in a file.")
@click.option("--seed", type=EXISTING_FILE, help="Add the accounts, tags and followers of a file.")
@click.option("--no-quota", is_flag=True, help="Apply no daily or monthly limits.")
def sandbox(
    context: Context,
    rehearsal: bool,
    port: int,
    host: str,
    expose: bool,
    names: tuple[str, ...],
    state: Path | None,
    seed: Path | None,
    no_quota: bool,
) -> int:
    """Serve the WeChat API on loopback, with followers whose phones you can view.

    The first line printed ends with the address, `http://127.0.0.1:PORT`; the inbox is there.
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
    require_extra("sandbox", needed_for=_("the sandbox"))
    from wechat_sandbox.server import embedded

    if state is not None:
        refuse_carried_links(state, f"--state {state}")
    is_exposed = not is_loopback(host)
    if is_exposed and not expose:
        raise UsageError(
            _("the sandbox listens on loopback only, because anyone who can reach it controls it"),
            location=host,
            hint=_("omit `--host`, or add `--expose` on a network you trust"),
        )
    # Before a thread begins, so that the signals come to this one alone.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)
    try:
        switches = {"quota": False} if no_quota else None
        with embedded(state, switches=switches, seed=seed, host=host, port=port, names=names) as url:
            text = _("listening on {url}").format(url=url)
            context.output_data(lambda: text, {"url": url}, quotes_campaigns=False)
            if sys.stderr.isatty():
                print_message(
                    _("Open this address in a browser to see the phones of the followers. Ctrl-C ends it.")
                )
            if is_exposed:
                print_message(_("Warning: other machines can reach this sandbox and control it."))
            signal.sigwait(STOPPED_BY)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return ExitCode.OK
