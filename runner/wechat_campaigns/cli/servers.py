"""Serve until Ctrl-C: receive WeChat's events for the ledger; run a WeChat sandbox with an inbox."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.context import Context, OnlineContext, each_of, show_failed
from wechat_campaigns.cli.options import DIR, ENV, EXISTING_FILE, FILE, Effect
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, SecretError, UsageError, require_extra
from wechat_campaigns.core.files import refuse_carried_links
from wechat_campaigns.core.hosts import LOOPBACK_NAMES, host_port, is_loopback
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import SANDBOX, Account, CallbackSecrets
from wechat_campaigns.source.secret import read_secret

if TYPE_CHECKING:
    from wechat_campaigns.wechat.callback import Credentials

STOPPED_BY = {signal.SIGINT, signal.SIGTERM}


@command(
    effect=Effect.LEDGER_RECORD,
    options=(DIR, ENV),
    examples={"campaign listen --env production": N_("behind your TLS server")},
)
@click.option("--port", default=8091, show_default=True, help="0 picks a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Put a server with TLS in front of it.")
@click.option(
    "--name", "names", multiple=True, help="The host name that the TLS server passes on; repeatable."
)
def listen(context: OnlineContext, port: int, host: str, names: tuple[str, ...]) -> int:
    """Receive MASSSENDJOBFINISH events: how many followers received a send, why it failed, links to articles.

    Serves one path, /ACCOUNT, for each account with `callback` in the settings, and prints an error for each
    whose Token or key is missing; for probes /healthz, and /readyz, which answers 503 while the ledger cannot
    be read.
    The first line printed ends with the address, `http://HOST:PORT`. Your own WSGI server can mount
    a `wechat_campaigns.wechat.callback.CallbackApp`.
    """
    require_extra("callback", needed_for=_("the command `campaign listen`"))
    from wechat_campaigns.wechat.callback import CallbackApp
    from wechat_campaigns.wechat.callback_server import Readiness, Server, restrict_hosts, with_probes

    context.initialized_state(sending=False, verified=False)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    environment = context.settings.environment
    named = {
        account.name: (account, account.callback)
        for account in environment.accounts.values()
        if account.callback is not None
    }
    if not named:
        raise UsageError(
            _("no account of environment {name} has `callback` in its settings").format(
                name=environment.name
            ),
            hint=_(
                "add `callback: {token: {env: NAME}, aes_key: {env: NAME}}` next to the account's `secret`"
            ),
        )
    credentials, failed = each_of(named, lambda one: _credentials(*one))
    show_failed({_("account {name}").format(name=name): failed[name] for name in failed})
    if not credentials:
        raise SecretError(
            _("no account of environment {name} can be served").format(name=environment.name),
            hint=_("correct what is printed for each account, then run the same command again"),
        )
    # WeChat stamps its pushes with the real time, also when a rehearsal's clock was moved.
    receiver = CallbackApp(accounts=credentials, ledger=context.open_ledger, clock=lambda: datetime.now(UTC))
    try:
        app = restrict_hosts(
            receiver, {host_port(host, None), *names} - LOOPBACK_NAMES, port=lambda: server.port
        )
        server = Server(host, port, with_probes(app, Readiness(lambda: _read_heads(context))))
    except (OSError, OverflowError, SystemExit) as error:
        raise UsageError(
            _("cannot listen on this address"),
            location=host_port(host, port),
            hint=_("use `--port 0` to pick a free port"),
        ) from error
    for number in STOPPED_BY:
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    url = f"http://{host_port(host, server.port)}"
    lines = [
        _("listening on {url}").format(url=url),
        *(_("  account {name}: /{name}").format(name=n) for n in receiver.accounts),
    ]
    paths = {name: f"/{name}" for name in receiver.accounts}
    context.output_data(lambda: "\n".join(lines), {"url": url, "accounts": paths}, quotes_campaigns=False)
    server.serve_forever()
    server.server_close()
    return ExitCode.OK


def _read_heads(context: OnlineContext) -> None:
    """Ask the ledger what is cheap to answer, over a connection of its own."""
    with closing(context.open_ledger()) as ledger:
        ledger.heads(context.settings.environment.by_appid)


def _credentials(account: Account, callback: CallbackSecrets) -> Credentials:
    from wechat_campaigns.wechat.callback import CallbackRejectedError, Credentials, read_key

    token = read_secret(callback.token, os.environ, name=_("Token of the server settings"))
    aes_key = ""
    if callback.aes_key is not None:
        aes_key = read_secret(callback.aes_key, os.environ, name="EncodingAESKey")
        try:
            read_key(aes_key)
        except CallbackRejectedError as error:
            raise SecretError(
                str(error),
                hint=_("copy it again from the WeChat console: 基本配置 → 服务器配置"),
                location=_("account {name}").format(name=account.name),
            ) from None
    else:
        message = _(
            "Warning: {account} takes plain pushes: a person who sees one can forge others for ten minutes"
        )
        print_message(f"{message.format(account=account.name)}\n→ {_('set `aes_key`')}")
    return Credentials(appid=account.appid, token=token, aes_key=aes_key)


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
