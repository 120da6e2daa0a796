"""Serve the sandbox on a socket, in a thread of a command or a test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.hosts import host_port, is_loopback
from wechat_campaigns.core.i18n import _
from wechat_sandbox import accounts, seeds, web
from wechat_sandbox.callbacks import pusher
from wechat_sandbox.dispatcher import Dispatcher
from wechat_sandbox.store import Store

LOOPBACK = "127.0.0.1"
POLL_S = 0.05
STOP_S = 5.0


class SandboxHandler(WSGIRequestHandler):
    """Keeps connections open as WeChat does, answers at once, writes no log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """Leave the date to the application: a fault may order another."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: Any) -> None:
        """Write nothing: `/_sandbox/requests` has it all."""


@contextmanager
def embedded(
    state: Path | None = None,
    *,
    quota: bool = True,
    retired_cards: bool = False,
    api_video: bool = False,
    strict: bool = True,
    seed: Path | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    names: Collection[str] = (),
    own_accounts: Sequence[Mapping[str, Any]] = (),
) -> Iterator[str]:
    """Serve in a thread while the block runs; several processes may share one state file.

    Args:
        state: the state file; None keeps everything in memory.
        quota: whether call counters and send allowances are enforced.
        retired_cards: whether wxcard is let through, which WeChat refuses.
        api_video: whether video that was uploaded by API is let through, which WeChat refuses.
        strict: where sources about WeChat disagree, whether the reading that refuses holds.
        seed: accounts, tags and followers to add; None gives a new state the built-in accounts.
        host: the address to listen on.
        port: the port; 0 picks a free one.
        names: other names under which clients reach it; a request that names another host is refused.
        own_accounts: accounts as a seed lists them, made up where the state does not have them.

    Yields:
        The base URL, `http://127.0.0.1:PORT`.

    Raises:
        UsageError: The address, the port, the state or the seed cannot be used.
    """
    seed_data = seeds.DEFAULT if seed is None else seeds.read(seed)
    listening = listen(host, port)
    with closing(listening), closing(Store(state)) as store:
        where = str(seed or "the built-in seed")
        _plant(store, seed_data, own_accounts, time.time(), where=where, always=seed is not None)
        dispatcher = Dispatcher(
            store=store, quota=quota, retired_cards=retired_cards, api_video=api_video, strict=strict
        )
        local = is_loopback(host)
        hosts = names if local else {host, *names}
        app = web.build(dispatcher, seed_data, names=hosts, any_address=not local)
        number, fd = listening.getsockname()[1], listening.fileno()
        server = make_server(host, number, app, threaded=True, request_handler=SandboxHandler, fd=fd)
        yield from _run(server, dispatcher)


def _run(server: BaseWSGIServer, dispatcher: Dispatcher) -> Iterator[str]:
    stop = threading.Event()
    threads = [
        threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True),
        threading.Thread(target=pusher.run, args=(dispatcher, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield f"http://{host_port(server.host, server.port)}"
    finally:
        stop.set()
        server.shutdown()
        for thread in threads:
            thread.join(STOP_S)
        server.server_close()


def listen(host: str, port: int) -> socket.socket:
    """Bind the socket ourselves: werkzeug ends the process when a port is taken.

    Raises:
        UsageError: the address or the port cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            _("cannot listen on this address"),
            location=host_port(host, port),
            hint=_("use `--port 0` to pick a free port"),
        ) from error


def _plant(
    store: Store,
    seed_data: Mapping[str, Any],
    own_accounts: Sequence[Mapping[str, Any]],
    now: float,
    *,
    where: str,
    always: bool,
) -> None:
    """Plant a seed that was passed, or the built-in one in a new state; then the missing accounts."""
    try:
        with store.transaction() as db:
            if always or not accounts.list_accounts(db):
                seeds.plant(db, seed_data, now)
            missing = [one for one in own_accounts if accounts.find(db, one["appid"]) is None]
            seeds.plant(db, {"accounts": missing}, now)
    except ValueError as error:
        raise UsageError(
            str(error), location=where, hint=_("correct the seed file as described in docs/sandbox.md")
        ) from error
