"""Run a WeChat sandbox with an inbox on this machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, EXISTING_FILE, FILE
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import TEXT_AND_JSON, Command, command
from wechat_campaigns.cli.signals import StopEvent
from wechat_campaigns.core.errors import ExitCode, UsageError, require_extra
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.state_folder import SANDBOX_LEDGER_FILE, ready_state_folder
from wechat_campaigns.core.written_files import refuse_carried_links
from wechat_campaigns.source.load import require_folder

LOOK_EVERY_S = 0.5
"""A signal that comes just before a wait without an end, or to another thread, would not end it."""


@command(
    effect=Effect.LOCAL,
    formats=TEXT_AND_JSON,
    options=(DIR,),
    examples={
        "campaign sandbox": N_("a WeChat sandbox on http://127.0.0.1:8090"),
        "campaign sandbox --rehearsal": N_("the phones of the last rehearsal"),
    },
)
@click.option("--port", default=8090, show_default=True, help="0 picks a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Any other address requires --expose.")
@click.option("--expose", is_flag=True, help="Allow an address that other machines can reach.")
@click.option("--name", "names", multiple=True, help="Another host name that clients use for it; repeatable.")
@click.option("--state", type=FILE, help="Keep the state in a file.")
@click.option(
    "--rehearsal", is_flag=True, help="Show the phones of the rehearsals of --dir, using their state."
)
@click.option(
    "--seed",
    type=EXISTING_FILE,
    help="Add the accounts, tags and followers of a file.",
)
@click.option("--no-quota", is_flag=True, help="Apply no daily or monthly limits.")
@click.option("--retired-cards", is_flag=True, help="Accept wxcard, which WeChat rejects with 45113.")
@click.option(
    "--strict/--lenient",
    default=True,
    show_default=True,
    help="Refuse or accept calls where sources about WeChat disagree.",
)
def sandbox(
    context: Context,
    port: int,
    host: str,
    expose: bool,
    names: tuple[str, ...],
    state: Path | None,
    seed: Path | None,
    no_quota: bool,
    retired_cards: bool,
    strict: bool,
    rehearsal: bool = False,
) -> int:
    """Serve the WeChat API on loopback, with followers whose phones you can view.

    The first line printed is `listening on http://127.0.0.1:PORT`; the inbox is at that address.
    """
    from wechat_campaigns.core.hosts import is_loopback

    require_extra("sandbox", needed_for=_("the command `campaign sandbox`"))
    from wechat_sandbox.server import embedded

    if rehearsal:
        state = _rehearsal_state(context.root, state)
    if state is not None:
        refuse_carried_links(state, f"--state {state}")
    is_exposed = not is_loopback(host)
    if is_exposed and not expose:
        raise _exposed_error(host)
    stopping = StopEvent()
    with embedded(
        state,
        quota=not no_quota,
        retired_cards=retired_cards,
        strict=strict,
        seed=seed,
        host=host,
        port=port,
        names=names,
    ) as url:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        context.output_data(lambda: f"listening on {url}", {"url": url}, quotes_campaigns=False)
        if sys.stderr.isatty():
            print_message(
                _("Open this address in a browser to see the phones of the followers. Ctrl-C ends it.")
            )
        if is_exposed:
            print_message(_("Warning: other machines can reach this sandbox and control it."))
        while not stopping.wait(LOOK_EVERY_S):
            pass
    return ExitCode.OK


def _exposed_error(host: str) -> UsageError:
    return UsageError(
        _("the sandbox listens on loopback only, because anyone who can reach it controls it"),
        location=host,
        hint=_("omit `--host`, or add `--expose` on a network you trust"),
    )


def _rehearsal_state(root: Path, state: Path | None) -> Path:
    """Return the state file of `api: sandbox` environments."""
    if state is not None:
        raise UsageError(_("`--rehearsal` uses a state file of its own"), hint=_("omit `--state`"))
    require_folder(root)
    return ready_state_folder(root, os.environ) / SANDBOX_LEDGER_FILE


def standalone() -> Command:
    """Return the command for other projects, which have no campaigns to show: `wechat-sandbox`."""
    alone = Command(
        "wechat-sandbox",
        callback=sandbox.callback,
        help=sandbox.help,
        params=[param for param in sandbox.params if param.name not in ("rehearsal", "directory")],
    )
    alone.formats, alone.effect, alone.unless = sandbox.formats, sandbox.effect, sandbox.unless
    alone.examples = {
        "wechat-sandbox": N_("a WeChat sandbox on http://127.0.0.1:8090"),
        "wechat-sandbox --port 0 --seed accounts.yaml": N_("on a free port, with your AppID and followers"),
        "wechat-sandbox --lenient --no-quota": N_("accept whatever any source about WeChat accepts"),
    }
    return alone
