"""Pages of other sites in somebody's browser get nothing from servers on loopback, under whatever name."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from wechat_campaigns.core.hosts import is_allowed_host
from wechat_sandbox.server import FRAMED, embedded

PATHS = [
    ("GET", "/"),
    ("GET", "/inbox/inbox.js"),
    ("GET", "/_sandbox/requests"),
    ("GET", "/_sandbox/accounts"),
    ("GET", "/_sandbox/article/job/1/0"),
    ("GET", "/_sandbox/media/wx0000000000000001/x"),
    ("POST", "/_sandbox/reset"),
    ("POST", "/_sandbox/reset"),
    ("POST", "/_sandbox/restore"),
    ("POST", "/_sandbox/clock"),
    ("POST", "/_sandbox/admin"),
    ("DELETE", "/_sandbox/faults"),
    ("GET", "/cgi-bin/token?grant_type=client_credential&appid=wx0000000000000001&secret=" + "0" * 32),
    ("POST", "/cgi-bin/stable_token"),
]
STRANGE = [
    "evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "localhost.evil.example:{port}",
    "127.0.0.1:{other}", "localhost:{other}", "127.0.0.1", "localhost", "127.0.0.2:{port}",
    "2130706433:{port}",
    "0x7f.1:{port}", "0.0.0.0:{port}", "[::]:{port}", "evil.example@127.0.0.1:{port}",
    "127.0.0.1:{port}@evil",
    "127.0.0.1:{port}.evil", "localhost.:{port}", "127.0.0.1:{port}:{port}", "[::1]evil:{port}", "::1:{port}",
    "192.168.0.1:{port}", "127.0.0.1:0{port}x", "", " ", "weixin.qq.com:{port}", "api.weixin.qq.com.evil.cn",
    "127.0.0.1:-{port}", "127。0。0。1:{port}",
]  # fmt: skip


def ask(url: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Ask with exactly these headers; of a stream of events only the status."""
    port = urlsplit(url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value.encode())
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    answer = connection.getresponse()
    try:
        return answer.status, answer.read() if path != "/events" or answer.status != 200 else b""
    finally:
        connection.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with embedded(None) as url:
        yield url


@pytest.mark.parametrize("host", STRANGE)
def test_a_rebound_name_gets_nothing(sandbox: str, host: str) -> None:
    port = urlsplit(sandbox).port or 0
    named = host.format(port=port, other=port + 1)
    for method, path in PATHS if host == "evil.example:{port}" else PATHS[:1] + PATHS[6:7] + PATHS[-2:-1]:
        status, body = ask(sandbox, method, path, {"Host": named})
        assert status == 403, (method, path)
        assert b"access_token" not in body


def test_a_request_without_a_host_gets_nothing(sandbox: str) -> None:
    assert ask(sandbox, "GET", "/", {})[0] in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}",
                                  "api.weixin.qq.com", "sh.api.weixin.qq.com"])  # fmt: skip
def test_our_own_names_are_answered(sandbox: str, host: str) -> None:
    named = host.format(port=urlsplit(sandbox).port)
    assert ask(sandbox, "GET", "/", {"Host": named})[0] == 200
    assert ask(sandbox, "GET", "/_sandbox/requests", {"Host": named})[0] == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "https://127.0.0.1:{port}",
    ],
)
def test_another_origin_gets_nothing(sandbox: str, origin: str) -> None:
    port = urlsplit(sandbox).port
    headers = {"Host": f"127.0.0.1:{port}", "Origin": origin.format(port=port)}
    # The frame of an article has no origin: it takes its style and pictures, which no other page can read.
    framed = [("GET", path) for _, path in PATHS if origin == "null" and path.startswith(FRAMED)]
    refused = [one for one in PATHS if one not in framed]
    assert {ask(sandbox, method, path, headers)[0] for method, path in refused} == {403}
    assert (
        ask(sandbox, "POST", "/_sandbox/reset", {**headers, "Origin": f"http://127.0.0.1:{port}"})[0] == 200
    )


def test_a_name_can_be_added(tmp_path: Path) -> None:
    with embedded(None, names=["Sandbox"]) as url:
        assert ask(url, "GET", "/", {"Host": "sandbox:8090"})[0] == 200
        assert ask(url, "GET", "/", {"Host": "sandbox2"})[0] == 403


def test_an_exposed_sandbox_takes_addresses_but_no_names() -> None:
    with embedded(None, host="0.0.0.0") as url:
        port = urlsplit(url).port
        assert ask(url, "GET", "/", {"Host": f"192.168.7.7:{port}"})[0] == 200
        assert ask(url, "GET", "/", {"Host": f"evil.example:{port}"})[0] == 403


def test_a_refusal_says_what_helps(sandbox: str) -> None:
    _status, body = ask(sandbox, "GET", "/", {"Host": "evil.example"})
    assert "--name" in json.loads(body)["error"]
    assert b"evil" not in body


@pytest.mark.parametrize("host", [None, "", "a b", "[::1", "127.0.0.1:", "127.0.0.1:99999999", "x" * 10_000])
def test_what_is_no_host_is_not_ours(host: str | None) -> None:
    assert not is_allowed_host(host, port=80, any_address=True)
    assert is_allowed_host("127.0.0.1", port=80)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    """`campaign listen` in a process of its own, on a ledger that was begun."""
    folder = tmp_path / "campaigns"
    folder.mkdir()
    account = "{kind: service, appid: wx0000000000000001, secret: {env: S}, callback: {token: {env: T}}}"
    (folder / "_settings.yaml").write_text(
        "default_environment: test\n"
        f"environments: {{test: {{api: 'http://127.0.0.1:9', accounts: {{main: {account}}}}}}}\n",
        encoding="utf-8",
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "S": "0" * 32,
        "T": "token",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "wechat_campaigns", "listen", "--port", "0", "--name", "push.example"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line.startswith("listening on "), process.communicate()[1]
        yield line.split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_listen_checks_the_host(listening: str) -> None:
    port = urlsplit(listening).port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "push.example", "PUSH.example:443"):
        assert ask(listening, "GET", "/nobody", {"Host": host})[0] == 404
    for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1:{port}.evil", "push.example.evil.cn"):
        assert ask(listening, "GET", "/nobody", {"Host": host})[0] == 403
