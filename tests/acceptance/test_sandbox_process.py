"""The sandbox as a process: how it starts and ends, what survives a kill, what a cut wire looks like."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.actions_runner import PROJECT
from wechat_campaigns.core.errors import ExitCode
from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

SENDALL = "/cgi-bin/message/mass/sendall"


CAMPAIGN = (sys.executable, "-m", "wechat_campaigns")


@contextmanager
def process(
    *words: str, command: Sequence[str] = (*CAMPAIGN, "sandbox"), cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], SandboxClient]]:
    """Run a sandbox on a free port while the block runs; fail with what it said instead of its address."""
    given = [*command, "--port", "0", *words]
    place, pipe = "[::1]" if "::1" in words else "127.0.0.1", subprocess.PIPE
    with subprocess.Popen(given, cwd=cwd, stdout=pipe, stderr=pipe, text=True) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        try:
            assert line.startswith(f"listening on http://{place}:"), started.communicate()[1]
            yield started, SandboxClient(url=line.removeprefix("listening on ").strip())
        finally:
            started.kill()


def run(*words: str, command: Sequence[str] = CAMPAIGN, cwd: Path | None = None) -> tuple[int, str]:
    """Run a command to its end: its exit code, and all that it printed."""
    done = subprocess.run([*command, *words], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def token(sandbox: SandboxClient) -> str:
    body = {"grant_type": "client_credential", "appid": sandbox.appid, "secret": sandbox.secret}
    answer = requests.post(f"{sandbox.url}/cgi-bin/stable_token", data=json.dumps(body), timeout=60)
    return str(answer.json()["access_token"])


def send(sandbox: SandboxClient, access_token: str, name: str) -> dict[str, object]:
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": name}, "clientmsgid": name}
    answer = requests.post(
        sandbox.url + SENDALL, data=json.dumps(body), params={"access_token": access_token}, timeout=60
    )
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sandbox_prints_its_address_and_ends_cleanly(number: signal.Signals) -> None:
    with process() as (started, sandbox):
        assert sandbox.control("GET", "accounts")["accounts"]
        started.send_signal(number)
        _, said = started.communicate(timeout=60)
        assert (started.returncode, said) == (0, "")


def test_sandbox_on_ipv6_prints_an_address_that_can_be_called() -> None:
    with process("--host", "::1") as (_started, sandbox):
        assert sandbox.control("GET", "accounts")["accounts"]


@pytest.mark.deep
def test_accepted_sends_survive_a_kill_of_the_sandbox(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    accepted = []
    for turn in range(5):
        with process("--state", str(state), "--no-quota") as (started, sandbox):
            access_token = token(sandbox)
            threading.Timer(0.05 + turn * 0.02, os.kill, (started.pid, signal.SIGKILL)).start()
            for n in range(10_000):
                try:
                    send(sandbox, access_token, f"{turn}-{n}")
                except requests.RequestException:
                    break
                accepted.append(f"{turn}-{n}")
    with embedded(state) as url:
        kept = [job["clientmsgid"] for job in SandboxClient(url=url).jobs()]
    assert len(kept) == len(set(kept))
    assert set(accepted) <= set(kept)
    assert len(kept) - len(accepted) <= 5  # the one in flight at each kill may have been accepted


def test_two_processes_share_a_state(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    served = process("--state", str(state), "--no-quota")
    with embedded(state, switches={"quota": False}) as ours, served as (_, theirs):
        sandbox = SandboxClient(url=ours)
        access_token = token(sandbox)

        def many(where: SandboxClient) -> None:
            for n in range(25):
                send(where, access_token, str(n))

        threads = [threading.Thread(target=many, args=(where,)) for where in (sandbox, theirs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(job["clientmsgid"] for job in theirs.jobs()) == sorted(map(str, range(25)))


def test_a_connection_is_kept_for_the_next_request() -> None:
    with embedded() as url, requests.Session() as session:
        access_token = token(SandboxClient(url=url))
        adapter = session.get_adapter(url)
        answers = [
            session.post(url + SENDALL, data=b"x" * 100_000, timeout=60).json()["errcode"],
            session.get(f"{url}/cgi-bin/menu/get", data=b"unread", timeout=60).json()["errcode"],
            session.post(f"{url}/_sandbox/nothing", data=iter([b"in ", b"chunks"]), timeout=60).status_code,
            session.get(url, headers={"Host": "elsewhere"}, data=b"unread", timeout=60).status_code,
            session.get(f"{url}/cgi-bin/user/get?access_token={access_token}", timeout=60).json()["total"],
            session.post(url + SENDALL, data=b"x" * 40_000_000, timeout=60).json()["errcode"],
        ]
        (pool,) = adapter.poolmanager.pools._container.values()
        assert (pool.num_connections, pool.num_requests) == (1, len(answers))
    assert answers == [41001, 40066, 404, 403, 60, 47001]


def test_malformed_chunks_are_answered(capfd: pytest.CaptureFixture[str]) -> None:
    head = b"POST /cgi-bin/menu/get HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with embedded() as url:
        port = int(url.rsplit(":", 1)[1])
        for body in (b"zz\r\n", b"-1\r\n", b"3\r\nabcdef\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
                client.sendall(head + body)
                assert client.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("path", "answered", "chunked"),
    [("material/add_material", "media_id", False), ("media/uploadimg", "url", True)],
    ids=["whole", "chunked"],
)
def test_sandbox_accepts_multipart_of_real_clients(path: str, answered: str, chunked: bool) -> None:
    head = 'Content-Disposition: form-data; name="media"; filename="/home/图片/a.png"'
    parts = [f"--b\r\n{head}\r\n\r\n".encode(), b"\x89PNG\r\n\x1a\n123", b"\r\n--b--\r\n"]
    with embedded() as url:
        sandbox = SandboxClient(url=url)
        answer = requests.post(
            f"{url}/cgi-bin/{path}",
            data=iter(parts) if chunked else b"".join(parts),
            params={"access_token": token(sandbox), "type": "image"},
            headers={"Content-Type": "multipart/form-data; boundary=b"},
            timeout=60,
        )
        assert answered in answer.json()
        assert sandbox.requests()[-1]["body"]["filename"] == "a.png"


CLIENT = """
import requests
print(requests.get("https://api.weixin.qq.com/cgi-bin/token", timeout=60).json()["errcode"])
raise SystemExit(7)
"""


def test_a_command_finds_the_sandbox_at_the_address_of_wechat() -> None:
    """Behind the proxy for clients that know one address, as the page about the sandbox starts it."""
    tunnel = (sys.executable, "-m", "tests.acceptance.sdk.tunnel")
    with embedded() as url:
        code, said = run(url, sys.executable, "-c", CLIENT, command=tunnel, cwd=PROJECT)
    assert (code, said.strip()) == (7, "40002")


def refused(*words: str) -> str:
    code, said = run("sandbox", *words)
    assert code == ExitCode.USAGE
    return said


def test_a_mistake_on_the_command_line_is_explained(tmp_path: Path) -> None:
    assert "--expose" in refused("--host", "0.0.0.0")
    with embedded() as url:
        assert "--port 0" in refused("--port", url.rsplit(":", 1)[1])
    seed = tmp_path / "seed.yaml"
    seed.write_text("accounts: [{appid: wx9, colour: red}]")
    printed = refused("--port", "0", "--seed", str(seed))
    assert "colour" in printed
    assert "docs/sandbox.md" in printed


@pytest.mark.deep
def test_pytest_fixture_works_in_another_project(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import json, requests\n"
        "def send(sandbox):\n"
        "    body = {'grant_type': 'client_credential', 'appid': sandbox.appid, 'secret': sandbox.secret}\n"
        "    answer = requests.post(sandbox.url + '/cgi-bin/stable_token', json=body).json()\n"
        "    body = {'filter': {'is_to_all': True}, 'msgtype': 'text', 'text': {'content': 'hi'}}\n"
        "    requests.post(sandbox.url + '/cgi-bin/message/mass/sendall', json=body, params=answer)\n"
        "    assert len(sandbox.deliveries()) == 60\n"
        "def test_one(wechat_sandbox): send(wechat_sandbox)\n"
        "def test_two(wechat_sandbox): send(wechat_sandbox)\n"
    )
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path, env=environment
    )
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


def campaigns(folder: Path, environment: str, **texts: str) -> None:
    """Write campaigns whose environment `sandbox` is this one."""
    (folder / "campaigns").mkdir(exist_ok=True)
    files = {"_settings": f"environments:\n  sandbox: {{{environment}}}\n", **texts}
    for name, text in files.items():
        (folder / "campaigns" / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_each_environment_rehearses_on_a_wechat_of_its_own(tmp_path: Path) -> None:
    """With one for both, the second would be refused as a repetition (45065); the command shows the last."""
    campaigns(tmp_path, "api: sandbox", sale=TEXT)
    with (tmp_path / "campaigns" / "_settings.yaml").open("a", encoding="utf-8") as file:
        account = "{kind: service, appid: wx1234567890abcdef, secret: {env: NOT_SET}}"
        file.write(
            f"  staging: {{api: sandbox}}\n  live: {{api: 'http://127.0.0.1', accounts: {{a: {account}}}}}\n"
        )
        file.write("default_environment: sandbox\n")
    for environment in ("sandbox", "staging"):
        assert run("apply", "--auto-approve", "--env", environment, cwd=tmp_path)[0] == 0
        with process("--rehearsal", "--env", environment, cwd=tmp_path) as (_started, sandbox):
            assert len(sandbox.jobs()) == 1
    assert json.loads(run("plan", "--offline", "-o", "json", cwd=tmp_path)[1])["unverified"] == []
    for words in (("--env", "live"), ("--state", "x")):
        assert run("sandbox", "--rehearsal", *words, cwd=tmp_path)[0] == ExitCode.USAGE


def test_a_rehearsal_has_the_accounts_of_the_settings(tmp_path: Path) -> None:
    account = "{kind: service, appid: wx1234567890abcdef, secret: {env: NOT_SET}}"
    campaigns(tmp_path, f"api: sandbox, accounts: {{main: {account}}}", sale=TEXT)
    assert run("plan", "--detailed-exitcode", cwd=tmp_path)[0] == ExitCode.PENDING
    (tmp_path / "campaigns/old.yaml").write_text(TEXT.replace("会员", "老客户"), encoding="utf-8")
    assert run("plan", "old", cwd=tmp_path)[0] == ExitCode.INVALID
    seed = tmp_path / "seed.yaml"
    seed.write_text("accounts: [{appid: wx1234567890abcdef, tags: [老客户], followers: 40}]\n", "utf-8")
    with process("--rehearsal", "--seed", str(seed), cwd=tmp_path) as (started, _sandbox):
        started.terminate()
        assert started.wait(60) == 0
    assert run("plan", "old", "--detailed-exitcode", cwd=tmp_path)[0] == ExitCode.PENDING
