"""Names, refusals, proxies and certificates are told apart, each with the host and what mends it."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.acceptance.sdk.tunnel import make_certificate
from wechat_campaigns.core.errors import NotSentError
from wechat_campaigns.wechat.transport import Request, Timeouts, Transport, server_of

TOKEN = "24_SECRETTOKEN"


def fault_at(address: str) -> NotSentError:
    """Make a call there and give the error, which shows no token."""
    request = Request(method="POST", path="/cgi-bin/message/mass/sendall", body=b"{}")
    transport = Transport(address, timeouts=Timeouts(5, 5))
    with pytest.raises(NotSentError) as caught:
        transport.exchange(request, {"access_token": TOKEN})
    assert TOKEN not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"
    return caught.value


@contextmanager
def answering(first_bytes: bytes | ssl.SSLContext) -> Iterator[int]:
    """Serve one connection at a time: with TLS, or with these bytes whatever is asked; the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _peer = server.accept()
                    with suppress(OSError), connection:
                        if isinstance(first_bytes, ssl.SSLContext):
                            first_bytes.wrap_socket(connection, server_side=True)
                        else:
                            connection.recv(4096)
                            connection.sendall(first_bytes)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def closed_port() -> int:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def test_a_name_that_dns_does_not_know() -> None:
    error = fault_at("https://api.no-such-host.invalid")
    assert error.message == "no connection to api.no-such-host.invalid: DNS does not know this host name"
    assert "`HTTPS_PROXY`" in error.hint


def test_a_port_that_refuses() -> None:
    port = closed_port()
    error = fault_at(f"http://127.0.0.1:{port}")
    assert error.message == f"no connection to 127.0.0.1:{port}: Connection refused"
    assert "`api`" in error.hint


def test_a_certificate_nobody_trusts(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path))
    with answering(context) as port:
        error = fault_at(f"https://127.0.0.1:{port}")
    assert error.message.startswith(f"the certificate of 127.0.0.1:{port} is not trusted: self-signed")
    assert "`REQUESTS_CA_BUNDLE`" in error.hint


def test_a_server_without_tls() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = fault_at(f"https://127.0.0.1:{port}")
    assert error.message == f"127.0.0.1:{port} does not complete a TLS handshake"


def test_a_proxy_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("https_proxy", f"http://ann:hunter22@127.0.0.1:{port}")
    error = fault_at("https://api.weixin.invalid")
    assert error.message == f"the proxy 127.0.0.1:{port} cannot be reached"
    assert "`HTTPS_PROXY`" in error.hint
    assert "api.weixin.invalid in `NO_PROXY`" in error.hint
    assert "hunter22" not in f"{error} {error.hint}"


@pytest.mark.parametrize(("status", "words"), [(407, "user and password"), (403, "api.weixin.invalid")])
def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    """Its status is told; 407 needs a password."""
    with answering(f"HTTP/1.1 {status} No\r\n\r\n".encode()) as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        error = fault_at("https://api.weixin.invalid")
        assert error.message == f"the proxy 127.0.0.1:{port} answers {status}"
    assert words in error.hint


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_file_of_certificates(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/no/such/file.pem")
    error = fault_at("https://api.weixin.invalid")
    assert error.message == f"the certificates that `{name}` points to cannot be read"


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("https://a:b@host:8443/x", "host:8443"),
        ("https://host", "host"),
        ("http://host:x", "host"),
        ("http://[::1]:8091", "[::1]:8091"),
    ],
)
def test_an_address_for_a_message(address: str, server: str) -> None:
    assert server_of(address) == server
