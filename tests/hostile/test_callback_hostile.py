"""The server that takes WeChat's pushes: odd lengths, old checks, slow and many connections."""

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.served import served
from wechat_campaigns.core.errors import LedgerUnreachableError
from wechat_campaigns.wechat import callback_server
from wechat_campaigns.wechat.callback import (
    MAX_BYTES,
    CallbackApp,
    CallbackRejectedError,
    Credentials,
    check_url,
    signature,
)
from wechat_campaigns.wechat.callback_server import Readiness, Server, restrict_hosts, with_probes

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOKEN = Credentials(appid="wx0000000000000001", token="token")


def unreachable() -> Any:
    raise AssertionError("nothing here is signed, so no ledger is opened")


APP = CallbackApp(accounts={"main": TOKEN}, ledger=unreachable, clock=lambda: NOW)


def signed(at: datetime, **more: str) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    return {"timestamp": stamp, "nonce": "n", "signature": signature("token", stamp, "n"), **more}


def answer(body: bytes = b"", **environ: Any) -> int:
    """The status of the app for one request of a WSGI server."""
    said: list[str] = []
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/main",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body),
    }
    list(APP({**request, **environ}, lambda status, headers: said.append(status)))  # type: ignore[arg-type]
    return int(said[0][:3])


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (None, 411), ("", 411), ("-1", 400), ("+5", 400), (" 5", 400), ("5 ", 400), ("5, 5", 400),
        ("0x5", 400), ("1e3", 400), ("1_0", 400), ("five", 400), ("²", 400), ("٥", 400), ("５", 400),
        ("5\n", 400), ("5.0", 400), ("NaN", 400), ("None", 400), ("-" * 9, 400),
        ("9" * 10, 413), ("9" * 5000, 413), (str(MAX_BYTES + 1), 413),
        ("1" + "0" * 9, 413), ("5", 403), ("0" * 5000 + "5", 413), ("6", 400), ("0", 403),
    ],
)  # fmt: skip
def test_an_odd_length_is_refused_without_a_fault(length: str | None, status: int) -> None:
    given = {} if length is None else {"CONTENT_LENGTH": length}
    assert answer(b"<a/>\n", **given) == status


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked", "identity", "CHUNKED"])
def test_a_body_in_chunks_is_refused(coding: str) -> None:
    """Its length is not known beforehand, whatever else the request says."""
    assert answer(b"5\r\n<a/>\n\r\n0\r\n\r\n", HTTP_TRANSFER_ENCODING=coding) == 411
    assert answer(b"<a/>\n", HTTP_TRANSFER_ENCODING=coding, CONTENT_LENGTH="5") == 411


class Broken(io.BytesIO):
    """A connection that ends in the middle."""

    def read(self, *_size: Any) -> bytes:
        raise TimeoutError


def test_a_body_that_never_comes_is_refused() -> None:
    assert answer(CONTENT_LENGTH="5", **{"wsgi.input": Broken()}) == 408


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "", "post"])
def test_other_methods_read_nothing(method: str) -> None:
    assert answer(REQUEST_METHOD=method, CONTENT_LENGTH="5", **{"wsgi.input": Broken()}) == 405


def test_too_many_parameters_are_refused() -> None:
    assert answer(CONTENT_LENGTH="0", QUERY_STRING="a=1&" * 5000) == 400


@pytest.mark.parametrize(
    ("away", "fresh"),
    [(timedelta(), True), (timedelta(minutes=9), True), (timedelta(minutes=-9), True),
     (timedelta(minutes=11), False), (timedelta(minutes=-11), False), (timedelta(days=-400), False)],
)  # fmt: skip
def test_an_old_check_of_the_address_is_not_answered(away: timedelta, fresh: bool) -> None:
    query = signed(NOW + away, echostr="echo")
    status = answer(REQUEST_METHOD="GET", QUERY_STRING=urlencode(query))
    assert status == (200 if fresh else 403)
    if not fresh:
        with pytest.raises(CallbackRejectedError):
            check_url(query, TOKEN, NOW)


@pytest.mark.parametrize("stamp", ["", "x", "-1", "²", "9" * 400, "1.5", "nan", "inf"])
def test_a_check_with_an_odd_time_is_not_answered(stamp: str) -> None:
    query = {"timestamp": stamp, "nonce": "n", "signature": signature("token", stamp, "n"), "echostr": "e"}
    assert answer(REQUEST_METHOD="GET", QUERY_STRING=urlencode(query)) == 403


class Quick(Server):
    """The same server with less patience, so that a test need not wait."""

    life_s = 2.0
    max_connections = 8
    max_threads = 16


@contextmanager
def serving(
    kind: type[Server] = Quick, app: Any = APP, check: Callable[[], object] = lambda: None
) -> Iterator[Server]:
    guarded = restrict_hosts(app, ["push.example"], port=lambda: server.port)
    with served(kind("127.0.0.1", 0, with_probes(guarded, Readiness(check)))) as server:
        yield server


def sent(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def test_a_probe_is_answered_whatever_its_host() -> None:
    """Kubernetes sends the address of the pod as Host; nothing else is open to it."""
    with serving() as server:
        for begin, end in (("GET", b"\r\n\r\nok\n"), ("HEAD", b"\r\n\r\n")):
            for path in ("/healthz", "/readyz"):
                probe = f"{begin} {path} HTTP/1.1\r\nHost: 10.1.2.3:8091\r\n\r\n".encode()
                answer_bytes = sent(server, probe)
                assert answer_bytes.startswith(b"HTTP/1.0 200 ")
                assert answer_bytes.endswith(end)
        for line in ("POST /healthz", "POST /readyz", "GET /healthz/main", "GET /main"):
            other = f"{line} HTTP/1.1\r\nHost: 10.1.2.3:8091\r\n\r\n".encode()
            assert sent(server, other).startswith(b"HTTP/1.0 403 ")


def test_readiness_looks_once_in_a_while_and_nobody_waits_for_it() -> None:
    """A stranger's probes cost the ledger one connection in a few seconds, however slow it is."""
    looks: list[int] = []
    asked, answered = threading.Event(), threading.Event()

    def check() -> None:
        looks.append(1)
        asked.set()
        assert answered.wait(10)
        raise LedgerUnreachableError("no server", hint="start it")

    probe = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(check=check) as server:
        first = threading.Thread(target=sent, args=(server, probe))
        first.start()
        assert asked.wait(10)
        assert sent(server, probe).startswith(b"HTTP/1.0 503 ")  # not known yet
        assert sent(server, probe.replace(b"readyz", b"healthz")).startswith(b"HTTP/1.0 200 ")
        answered.set()
        first.join(10)
        for _time in range(20):
            assert sent(server, probe).endswith(b"no ledger\n")
    assert looks == [1]


def test_readiness_comes_and_goes_with_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_server, "READY_S", 0.0)
    faults: list[LedgerUnreachableError] = []

    def check() -> None:
        for fault in faults:
            raise fault

    ready = Readiness(check)
    assert ready()
    faults.append(LedgerUnreachableError("no server", hint="start it"))
    assert not ready()
    faults.clear()
    assert ready()


def sent_or_closed(server: Server, data: bytes) -> None:
    with suppress(OSError):
        sent(server, data)


def ask(server: Server, host: str = "") -> int:
    named = host or f"127.0.0.1:{server.port}"
    return int(sent(server, f"GET /main HTTP/1.1\r\nHost: {named}\r\n\r\n".encode()).split()[1])


@pytest.mark.parametrize(
    "begin",
    [b"", b"P", b"POST /main HTTP/1.1\r\n", b"POST /main HTTP/1.1\r\nHost: x\r\nX: ",
     b"POST /main HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 5000\r\n\r\n<xml>"],
)  # fmt: skip
@pytest.mark.deep
def test_slow_connections_do_not_keep_others_waiting(begin: bytes) -> None:
    with serving() as server, ExitStack() as held:
        slow = [
            held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            for _ in range(40)
        ]
        for wire in slow:
            wire.sendall(begin % server.port if b"%d" in begin else begin)
        began = time.monotonic()
        answered = 0
        while answered != 403 and time.monotonic() - began < 20:
            with suppress(IndexError, OSError):  # closed with the slow ones: who pushes tries again
                answered = ask(server)
        assert answered == 403
        for wire in slow:
            with ExitStack() as gone:
                gone.callback(wire.close)
                try:
                    while wire.recv(65536):
                        pass
                except ConnectionError:
                    pass
        assert time.monotonic() - began < 30


@pytest.mark.deep
def test_a_connection_that_says_a_byte_now_and_then_is_ended() -> None:
    with serving() as server, socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        began = time.monotonic()
        with suppress(OSError):
            wire.sendall(b"GET /main HTTP/1.1\r\n")
            while time.monotonic() - began < 30:
                wire.sendall(b"X")
                time.sleep(0.1)
        assert time.monotonic() - began < 30
        assert ask(server) == 403


@pytest.mark.deep
def test_threads_are_bounded_whatever_they_wait_for() -> None:
    go_on = threading.Event()

    def hanging(_environ: Any, start: Any) -> list[bytes]:
        go_on.wait(30)
        start("200 OK", [])
        return [b""]

    with serving(app=hanging) as server:
        before = threading.active_count()
        request = b"GET / HTTP/1.1\r\nHost: push.example\r\n\r\n"
        askers = [threading.Thread(target=lambda: sent_or_closed(server, request)) for _ in range(60)]
        for asker in askers:
            asker.daemon = True
            asker.start()
        time.sleep(1)
        alive = sum(asker.is_alive() for asker in askers)
        assert threading.active_count() - before - alive <= Quick.max_threads
        go_on.set()
        for asker in askers:
            asker.join(10)
        assert ask(server, "push.example") == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "push.example.evil.cn", "x@push.example"]
)
def test_another_host_is_refused(host: str) -> None:
    """Before anything else is looked at."""
    said: list[Any] = []

    def app(environ: Any, start: Any) -> list[bytes]:
        said.append(environ)
        start("200 OK", [])
        return [b""]

    with serving(app=app) as server:
        assert ask(server, host) == 403
        assert not said
        assert ask(server) == ask(server, f"localhost:{server.port}") == ask(server, "push.example") == 200


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n" * 50, b"GET\r\n\r\n", b"GET /main HTTP/9.9\r\n\r\n",
     b"GET " + b"/" * 70_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n",
     b"GET / HTTP/1.1\r\nHost: " + b"\xff" * 99 + b"\r\n\r\n",
     b"POST /main HTTP/1.1\r\nContent-Length: -5\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_request_harms_nobody(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        with suppress(ConnectionError):
            assert b"200" not in sent(server, data)[:12]
        assert ask(server) == 403
    assert "Traceback" not in capfd.readouterr().err
