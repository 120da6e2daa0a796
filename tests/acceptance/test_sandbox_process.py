"""The sandbox as a process: how it starts and ends, what survives a kill, what a cut wire looks like."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

SENDALL = "/cgi-bin/message/mass/sendall"


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], SandboxClient]]:
    command = [sys.executable, "-m", "wechat_campaigns", "sandbox", "--port", "0", *arguments]
    place = "[::1]" if "::1" in arguments else "127.0.0.1"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        line = started.stdout.readline()
        try:
            assert line.startswith(f"listening on http://{place}:")
            yield started, SandboxClient(url=line.removeprefix("listening on ").strip())
        finally:
            started.kill()


def token(sandbox: SandboxClient) -> str:
    body = {"grant_type": "client_credential", "appid": sandbox.appid, "secret": sandbox.secret}
    answer = requests.post(f"{sandbox.url}/cgi-bin/stable_token", data=json.dumps(body), timeout=10)
    return str(answer.json()["access_token"])


def send(sandbox: SandboxClient, access_token: str, name: str) -> dict[str, object]:
    body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": name}, "clientmsgid": name}
    answer = requests.post(
        sandbox.url + SENDALL, data=json.dumps(body), params={"access_token": access_token}, timeout=10
    )
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sandbox_prints_its_address_and_ends_cleanly(number: signal.Signals) -> None:
    with process() as (started, sandbox):
        assert sandbox.control("GET", "accounts")["accounts"]
        started.send_signal(number)
        _, said = started.communicate(timeout=10)
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
            session.post(url + SENDALL, data=b"x" * 100_000, timeout=10).json()["errcode"],
            session.get(f"{url}/cgi-bin/menu/get", data=b"unread", timeout=10).json()["errcode"],
            session.post(f"{url}/_sandbox/nothing", data=iter([b"in ", b"chunks"]), timeout=10).status_code,
            session.get(url, headers={"Host": "elsewhere"}, data=b"unread", timeout=10).status_code,
            session.get(f"{url}/cgi-bin/user/get?access_token={access_token}", timeout=10).json()["total"],
            session.post(url + SENDALL, data=b"x" * 40_000_000, timeout=30).json()["errcode"],
        ]
        (pool,) = adapter.poolmanager.pools._container.values()
        assert (pool.num_connections, pool.num_requests) == (1, len(answers))
    assert answers == [41001, 40066, 404, 403, 60, 47001]


@pytest.mark.parametrize(("kind", "jobs"), [("cut_before", 0), ("cut_after", 1)])
def test_sandbox_can_cut_a_connection(kind: str, jobs: int) -> None:
    with embedded() as url:
        sandbox = SandboxClient(url=url)
        access_token = token(sandbox)
        sandbox.fault(SENDALL, kind)
        with pytest.raises(requests.ConnectionError):
            send(sandbox, access_token, "a")
        assert len(sandbox.jobs()) == jobs


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
            timeout=10,
        )
        assert answered in answer.json()
        assert sandbox.requests()[-1]["body"]["filename"] == "a.png"


@pytest.mark.deep
def test_other_projects_have_a_command_of_their_own(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("accounts: [{appid: wx9, secret: s3cret, followers: 3}]", encoding="utf-8")
    command = [sys.executable, "-m", "wechat_sandbox.command"]
    served = [*command, "--port", "0", "--seed", str(seed), "--no-quota"]
    with subprocess.Popen(served, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        url = started.stdout.readline().removeprefix("listening on ").strip()
        try:
            sandbox = SandboxClient(url=url, appid="wx9", secret="s3cret")
            access_token = token(sandbox)
            assert send(sandbox, access_token, "a")["errcode"] == 0
            assert send(sandbox, access_token, "b")["errcode"] == 0, "a second one on a day"
            assert len(sandbox.deliveries()) == 6
            document = requests.get(f"{url}/_sandbox/openapi.json", timeout=10).json()
            assert document["openapi"] == "3.1.0"
        finally:
            started.send_signal(signal.SIGTERM)
    assert started.returncode == 0
    shown = subprocess.run(
        [*command, "--help"], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert shown.startswith("Usage: wechat-sandbox ")
    assert "--rehearsal" not in shown
    wrong = subprocess.run([*command, "--rehearsal"], capture_output=True, timeout=30, check=False)
    assert wrong.returncode == 64


def refused(*arguments: str) -> str:
    """What a command that is wrong prints; it ends with 64."""
    command = [sys.executable, "-m", "wechat_campaigns", "sandbox", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 64
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_mistake_on_the_command_line_is_explained(tmp_path: Path) -> None:
    assert "--expose" in refused("--host", "0.0.0.0")
    with embedded() as url:
        assert "--port 0" in refused("--port", url.rsplit(":", 1)[1])
    seed = tmp_path / "seed.yaml"
    seed.write_text("accounts: [{appid: wx9, colour: red}]")
    printed = refused("--seed", str(seed))
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


def test_sandbox_command_shows_the_last_rehearsal(tmp_path: Path) -> None:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / "_settings.yaml").write_text(
        "environments: {sandbox: {api: sandbox, ledger: sqlite}}\n", encoding="utf-8"
    )
    (folder / "sale.yaml").write_text("filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8")
    command = [sys.executable, "-m", "wechat_campaigns"]
    subprocess.run(
        [*command, "apply", "--auto-approve"], cwd=tmp_path, check=True, capture_output=True, timeout=60
    )
    shown = [*command, "sandbox", "--rehearsal", "--port", "0"]
    with subprocess.Popen(shown, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        url = started.stdout.readline().removeprefix("listening on ").strip()
        try:
            assert {job["msgtype"] for job in SandboxClient(url=url).jobs()} == {"text"}
        finally:
            started.kill()
    both = subprocess.run(
        [*shown, "--state", "x"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert both.returncode == 64


def test_a_rehearsal_has_the_accounts_of_the_settings(tmp_path: Path) -> None:
    folder = tmp_path / "campaigns"
    folder.mkdir()
    (folder / "_settings.yaml").write_text(
        "environments:\n  sandbox:\n    api: sandbox\n"
        "    accounts: {main: {kind: service, appid: wx1234567890abcdef, secret: {env: NOT_SET}}}\n",
        encoding="utf-8",
    )
    (folder / "sale.yaml").write_text("filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n", encoding="utf-8")
    old = "filter: {tag: 老客户}\nmsgtype: text\ncontent: 你好\n"
    command = [sys.executable, "-m", "wechat_campaigns"]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
        )

    assert run("plan", "--detailed-exitcode").returncode == 2
    (folder / "old.yaml").write_text(old, encoding="utf-8")
    assert run("plan", "old").returncode == 3
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "accounts: [{appid: wx1234567890abcdef, tags: [老客户], followers: 40}]\n", encoding="utf-8"
    )
    shown = [*command, "sandbox", "--rehearsal", "--port", "0", "--seed", str(seed)]
    with subprocess.Popen(shown, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("listening on ")
        started.send_signal(signal.SIGTERM)
        assert started.wait(10) == 0
    assert run("plan", "old", "--detailed-exitcode").returncode == 2
