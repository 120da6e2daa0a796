"""Calls to WeChat go through the proxy of the environment, and trust the CA that it names."""

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.sdk.tunnel import make_certificate
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode, MissingExtraError

pytestmark = pytest.mark.deep

HOST = "api.weixin.qq.com"
SETTINGS = """\
default_environment: production
environments:
  production:
    api: https://api.weixin.qq.com
    ledger: sqlite
    accounts:
      main: {kind: service, appid: wx1234567890abcdef, secret: {env: WECHAT_MAIN_SECRET}}
"""
ANSWERS = {
    b"/cgi-bin/stable_token": b'{"access_token": "TOKEN", "expires_in": 7200}',
    b"/cgi-bin/tags/get": '{"tags": [{"id": 2, "name": "星标组", "count": 6}]}'.encode(),
}


class Proxy(socketserver.ThreadingTCPServer):
    """A proxy on loopback that is WeChat itself behind CONNECT, with a certificate of its own CA."""

    daemon_threads = True
    tls: ssl.SSLContext
    connects: list[str]
    refuses = False


class Tunnel(socketserver.StreamRequestHandler):
    server: Proxy

    def handle(self) -> None:
        asked = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        self.server.connects.append(asked.split()[1])
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.answer_as_wechat()

    def answer_as_wechat(self) -> None:
        with (
            suppress(ssl.SSLError, OSError),
            self.server.tls.wrap_socket(self.connection, server_side=True) as tunnel,
        ):
            sent = b""
            while b"\r\n\r\n" not in sent:
                sent += tunnel.recv(65536)
            # Closed with a part of the body unread, the connection would be reset and the answer lost.
            length = int((re.search(rb"Content-Length: (\d+)", sent) or [0, 0])[1])
            while len(sent.partition(b"\r\n\r\n")[2]) < length:
                sent += tunnel.recv(65536)
            body = ANSWERS[sent.split()[1].partition(b"?")[0]]
            head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
            tunnel.sendall(head + body)


class Socks5(Tunnel):
    """SOCKS version 5 (RFC 1928), which gets the host by its name."""

    def handle(self) -> None:
        self.rfile.read(self.rfile.read(2)[1])
        self.wfile.write(b"\x05\x00")
        assert self.rfile.read(4) == b"\x05\x01\x00\x03"
        host = self.rfile.read(self.rfile.read(1)[0]).decode()
        self.server.connects.append(f"{host}:{int.from_bytes(self.rfile.read(2))}")
        if self.server.refuses:
            self.wfile.write(b"\x05\x02\x00\x01" + bytes(6))
            return
        self.wfile.write(b"\x05\x00\x00\x01" + bytes(6))
        self.answer_as_wechat()


class Direct(Tunnel):
    """No proxy: WeChat's stand-in itself, as a gateway on this machine."""

    def handle(self) -> None:
        self.answer_as_wechat()


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Running, in the environment of this process; its CA lies in ca.pem."""
    monkeypatch.chdir(tmp_path)
    Path("ca.pem").write_bytes(make_certificate(tmp_path, [HOST]).read_bytes())
    with Path("ca.pem").open("ab") as bundle:
        bundle.write(make_certificate(tmp_path, ["localhost"]).read_bytes())
    Path("campaigns").mkdir()
    Path("campaigns/_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    with Proxy(("127.0.0.1", 0), Tunnel) as running:
        running.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        running.tls.load_cert_chain(f"{HOST}.pem")
        running.connects = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{running.server_address[1]}")
        monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
        monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield running
        running.shutdown()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_calls_go_through_the_proxy_and_trust_its_ca(
    variable: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Token and tags go through it, and to nobody else."""
    monkeypatch.setenv(variable, str(Path("ca.pem").resolve()))
    assert run(["tags"]) == ExitCode.OK
    assert "星标组" in capsys.readouterr().out
    assert set(proxy.connects) == {f"{HOST}:443"}


def test_a_ca_that_nobody_named_is_not_trusted(proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tags"]) == ExitCode.NETWORK
    assert "REQUESTS_CA_BUNDLE" in capsys.readouterr().err


def test_files_of_the_checkout_set_neither(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTTPS_PROXY")
    address = f"http://127.0.0.1:{proxy.server_address[1]}"
    for name in (".env", "campaigns/.env", ".curlrc", "proxy.conf"):
        Path(name).write_text(f"HTTPS_PROXY={address}\nREQUESTS_CA_BUNDLE=ca.pem\n", encoding="utf-8")
    assert run(["tags"]) != ExitCode.OK
    assert proxy.connects == []


def test_no_proxy_is_obeyed(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", HOST)
    assert run(["tags"]) != ExitCode.OK
    assert proxy.connects == []


def test_the_sandbox_needs_no_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["tags", "--env", "sandbox"]) == ExitCode.OK
    assert proxy.connects == []


def test_socks_proxy_of_the_environment_is_used(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.RequestHandlerClass = Socks5
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("ALL_PROXY", f"socks5h://ann:hunter22@127.0.0.1:{proxy.server_address[1]}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Path("ca.pem").resolve()))
    assert run(["tags"]) == ExitCode.OK
    assert set(proxy.connects) == {f"{HOST}:443"}
    proxy.refuses = True
    assert run(["tags"]) == ExitCode.NETWORK
    assert "0x02: Connection not allowed by ruleset" in (said := capsys.readouterr().err)
    monkeypatch.setattr("wechat_campaigns.core.errors.is_extra_installed", lambda extra: extra != "socks")
    assert run(["tags"]) == MissingExtraError.exit_code
    assert "'socks'" in (missing := capsys.readouterr().err)
    assert "hunter22" not in said + missing


def test_a_ca_is_trusted_on_this_machine_too(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.RequestHandlerClass = Direct
    proxy.tls.load_cert_chain("localhost.pem")
    settings = Path("campaigns/_settings.yaml")
    api = f"https://localhost:{proxy.server_address[1]}"
    settings.write_text(SETTINGS.replace(f"https://{HOST}", api), encoding="utf-8")
    assert run(["tags"]) == ExitCode.NETWORK
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Path("ca.pem").resolve()))
    assert run(["tags"]) == ExitCode.OK
