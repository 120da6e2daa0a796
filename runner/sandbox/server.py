"""The sandbox on a socket: in the foreground for people, in a thread for a command or a test."""

from __future__ import annotations

import ipaddress
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from runner.errors import Exit, UsageError
from runner.sandbox import accounts, seed, web
from runner.sandbox.endpoints import ENDPOINTS
from runner.sandbox.gate import Gate
from runner.sandbox.store import Store

LOOPBACK = "127.0.0.1"


class Handler(WSGIRequestHandler):
    """Keeps connections open as the platform does, answers at once, writes no log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Write nothing: `/_sandbox/requests` has it all."""


def serve(
    *,
    port: int = 0,
    host: str = LOOPBACK,
    state: Path | None = None,
    seed_file: Path | None = None,
    quota: bool = True,
    retired_cards: bool = False,
    allow_remote: bool = False,
    announce: Callable[[str], None],
) -> Exit:
    """Serve in the foreground until SIGINT or SIGTERM.

    Args:
        port: the port; 0 picks a free one.
        host: the address to listen on; another than loopback needs `allow_remote`.
        state: the state file; None keeps everything in memory.
        seed_file: what a new state begins with; None takes the built-in accounts.
        quota: whether call counters and send allowances are enforced.
        retired_cards: whether wxcard is let through, which the platform refuses.
        allow_remote: whether an address that other machines reach may be used.
        announce: told each line for people, first `listening on http://HOST:PORT`.

    Returns:
        `Exit.OK` after a signal.

    Raises:
        UsageError: The address, the port, the state or the seed cannot be used.
    """
    if not _is_loopback(host) and not allow_remote:
        raise UsageError(
            "the sandbox listens on loopback only, as anyone who reaches it controls it",
            where=host,
            remedy="leave --host out, or add --allow-remote on a network you trust",
        )
    store, server = _start(port, host, state, seed_file, quota=quota, retired_cards=retired_cards)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    announce(f"listening on http://{host}:{server.server_port}")
    if not _is_loopback(host):
        announce("warning: other machines can reach this sandbox and control it")
    stopping.wait()
    _stop(store, server, thread)
    return Exit.OK


@contextmanager
def embedded(
    state: Path | None = None,
    *,
    quota: bool = True,
    retired_cards: bool = False,
    seed_file: Path | None = None,
    wall: Callable[[], float] = time.time,
) -> Iterator[str]:
    """Serve in a thread while the block runs; several processes may share one state file.

    Args:
        state: the state file; None keeps everything in memory.
        quota: whether call counters and send allowances are enforced.
        retired_cards: whether wxcard is let through, which the platform refuses.
        seed_file: what a new state begins with; None takes the built-in accounts.
        wall: the real time, seconds since 1970.

    Yields:
        The base URL, `http://127.0.0.1:PORT`.

    Raises:
        UsageError: The state or the seed cannot be used.
    """
    store, server = _start(0, LOOPBACK, state, seed_file, quota=quota, retired_cards=retired_cards, wall=wall)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        _stop(store, server, thread)


def _start(
    port: int,
    host: str,
    state: Path | None,
    seed_file: Path | None,
    *,
    quota: bool,
    retired_cards: bool,
    wall: Callable[[], float] = time.time,
) -> tuple[Store, BaseWSGIServer]:
    """Open the state, plant a new one, and bind the socket."""
    planted = seed.DEFAULT if seed_file is None else seed.read(seed_file)
    store = Store(state)
    _plant(store, planted, wall(), where=str(seed_file or "the built-in seed"))
    gate = Gate(store=store, endpoints=ENDPOINTS, quota=quota, retired_cards=retired_cards, wall=wall)
    try:
        server = make_server(host, port, web.build(gate, planted), threaded=True, request_handler=Handler)
    except (OSError, OverflowError, SystemExit) as error:
        store.close()
        raise UsageError(
            "the sandbox cannot listen there",
            where=f"{host}:{port}",
            remedy="use --port 0 to pick a free port",
        ) from error
    server.daemon_threads = True  # type: ignore[attr-defined]
    server.block_on_close = False  # type: ignore[attr-defined]
    return store, server


def _plant(store: Store, planted: Mapping[str, Any], now: float, *, where: str) -> None:
    """Plant the seed when the state is new; a state that has accounts keeps them."""
    try:
        with store.transaction() as db:
            if not accounts.every(db):
                seed.plant(db, planted, now)
    except ValueError as error:
        store.close()
        raise UsageError(
            str(error), where=where, remedy="correct the seed as docs/sandbox.md shows"
        ) from error


def _stop(store: Store, server: BaseWSGIServer, thread: threading.Thread) -> None:
    """End the server and close the state."""
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


def _is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
