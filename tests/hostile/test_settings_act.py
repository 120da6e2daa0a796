"""Settings that act before anybody has read them: an address that collects secrets, a command that runs."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.hostile.process import campaign
from tests.hostile.repository import APPROVALS, SALE, Repository, hosted, settings
from tests.support.code_hosts import serve
from tests.support.outcomes import error_of
from tests.support.playground import Sandbox
from wechat_campaigns.core.errors import ExitCode, PolicyError
from wechat_campaigns.ledger.approvals import public_key
from wechat_campaigns.source.secret import GATEWAYS, check_api_host


def write_settings(folder: Path, *, api: str, secret: str) -> None:
    root = folder / "campaigns"
    root.mkdir(exist_ok=True, parents=True)
    account = f"{{kind: service, appid: wx0000000000000001, secret: {secret}}}"
    (root / "_settings.yaml").write_text(
        f"default_environment: p\nenvironments: {{p: {{api: '{api}', accounts: {{main: {account}}}}}}}\n",
        encoding="utf-8",
    )
    (root / "sale.yaml").write_text(SALE, encoding="utf-8")


@pytest.mark.parametrize("command", [("plan",), ("status",), ("tags",), ("preview", "sale", "--to", "li")])
def test_a_strangers_host_gets_no_variable_of_the_job(tmp_path: Path, command: tuple[str, ...]) -> None:
    folder, marker = tmp_path / "shop", tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')"
    write_settings(folder, api="https://api.weixin.qq.com", secret="{env: MAIN}")
    assert campaign(folder, "ledger", "init", MAIN="0" * 32).returncode == ExitCode.OK
    program = f'{{command: [{sys.executable}, -c, "{code}"]}}'
    every = f"{program}, token: {program}, ledger_key: {program}"
    write_settings(folder, api="https://collect.invalid", secret=every)
    done = campaign(folder, *command)
    if command != ("status",):  # which asks WeChat about sends only, and there are none
        assert done.returncode == ExitCode.POLICY, done.stderr
        assert GATEWAYS in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("command", [("validate",), ("plan", "--offline"), ("render", "sale")])
def test_a_strangers_file_of_accounts_runs_nothing_offline(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A branch that adds a file to `_accounts/`: its programs are read by nobody, and it takes no account."""
    folder, marker = tmp_path / "shop", tmp_path / "ran"
    write_settings(folder, api="https://api.weixin.qq.com", secret="{env: MAIN}")
    program = f"{{command: [{sys.executable}, -c, \"open({str(marker)!r}, 'w')\"]}}"
    (folder / "campaigns/_accounts").mkdir()
    file = folder / "campaigns/_accounts/evil.yaml"
    text = "p: {{evil: {{kind: service, appid: wx000000000000000{}, secret: {}}}}}\n"
    file.write_text(text.format(9, program), encoding="utf-8")
    (folder / "campaigns/sale.yaml").write_text(f"{SALE}account: main\n", encoding="utf-8")
    assert campaign(folder, *command).returncode == ExitCode.OK
    file.write_text(text.format(1, program), encoding="utf-8")
    done = campaign(folder, *command)
    assert done.returncode == ExitCode.INVALID
    assert "_accounts/evil.yaml:1" in done.stdout + done.stderr
    assert "_settings.yaml, line 2" in done.stdout + done.stderr
    assert not marker.exists()


ALLOWED = [
    "https://api.weixin.qq.com",
    "https://API.weixin.qq.com",
    "https://api2.weixin.qq.com:443/",
    "https://hk.api.weixin.qq.com",
    "http://127.0.0.1:8080",
    "http://localhost:1/",
    "http://[::1]:9",
]
REFUSED = [
    "http://api.weixin.qq.com",
    "https://api.weixin.qq.com:8443",
    "https://api.weixin.qq.com.evil.example",
    "https://evil.example/api.weixin.qq.com",
    "https://api.weixin.qq.com\\.evil.example",
    "https://evil.example\\@api.weixin.qq.com",
    "https://api.weixin.qq.com@evil.example",
    "https://evil.example#@api.weixin.qq.com",
    "https://evil.example?.api.weixin.qq.com",
    "https://weixin.qq.com",
    "https://xapi.weixin.qq.com",
    "https://api.weixin.qq.com.",
    "https://api。weixin.qq.com",
    "https://аpi.weixin.qq.com",
    "https://api.weixin.qq.com\n",
    "https://api.weixin.qq.com/%2e%2e",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1@evil.example",
    "http://localhost.evil.example",
    "http://127.1",
    "http://2130706433:1",
    "http://0177.0.0.1:1",
    "http://0.0.0.0:1",
    "http://[::ffff:127.0.0.1]:1",
    "https://169.254.169.254",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "gopher://127.0.0.1/_x",
    "data:text/plain,x",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "https://a:b@api.weixin.qq.com",
    "https://api.weixin.qq.com\r\nX: y",
    "http://127.0.0.1:999999",
    "https://" + "a" * 100_000,
    "",
]


@pytest.mark.parametrize("api", ALLOWED)
def test_wechat_and_this_machine_may_receive_a_secret(api: str) -> None:
    assert error_of(check_api_host, api, {}) is None


@pytest.mark.parametrize("api", REFUSED)
def test_no_other_host_may(api: str) -> None:
    with pytest.raises(PolicyError):
        check_api_host(api, {GATEWAYS: "gateway.shop.example, "})


def test_a_variable_of_the_machine_allows_a_gateway() -> None:
    variables = {GATEWAYS: "gateway.shop.example,proxy.shop.example:8443"}
    check_api_host("https://gateway.shop.example/wechat", variables)
    check_api_host("https://proxy.shop.example:8443", variables)
    for api in (
        "http://gateway.shop.example",
        "https://gateway.shop.example:1",
        "https://proxy.shop.example",
    ):
        with pytest.raises(PolicyError):
            check_api_host(api, variables)


# --- a secret's command ------------------------------------------------------------------------------

COMMANDS = [
    ("apply", "--auto-approve"),
    ("plan",),
    ("tags",),
    ("doctor",),
    ("preview", "sale", "--to", "o" * 28),
]


PLACES = ("secret", "token", "ledger_key")
"""The keys of an account that may name a program."""


def with_command(repository: Repository, *more: str, place: str = "secret") -> tuple[Path, str]:
    marker = repository.folder / "ran"
    code = f"open({str(marker)!r}, 'w'); print('0' * 32)"
    program = json.dumps({"command": [sys.executable, "-c", code]})
    secret = program if place == "secret" else f"{{env: WECHAT_MAIN_SECRET}}, {place}: {program}"
    return marker, settings(repository.sandbox, *more, secret=secret)


@pytest.mark.deep
@pytest.mark.parametrize("command", COMMANDS, ids=[name for name, *_ in COMMANDS])
@pytest.mark.parametrize("more", [(APPROVALS,), ()], ids=["asked", "approvals-deleted"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
def test_a_command_of_settings_that_nobody_approved_does_not_run(
    repository: Repository, command: tuple[str, ...], more: tuple[str, ...], place: str, ci: bool
) -> None:
    """In no command that would read the secret, on no machine; approved, it runs."""
    marker, text = with_command(repository, *more, place=place)
    repository.merge(_settings=text, sale=SALE)
    done = repository.run(*command, ci=ci)
    assert done.returncode != ExitCode.OK, done.stdout
    assert "Traceback" not in done.stderr
    assert not marker.exists()
    assert repository.texts() == []


@pytest.mark.parametrize("place", ["secret", "ledger_key"])
def test_who_verifies_the_ledger_starts_no_command_that_nobody_approved(
    repository: Repository, place: str
) -> None:
    marker, text = with_command(repository, APPROVALS, place=place)
    repository.merge(_settings=text)
    done = repository.succeed("ledger", "verify", "--macs", "--format", "json")
    assert json.loads(done.stdout)["macs_unread"] == ["main"]
    assert not marker.exists()


def test_the_same_command_runs_once_the_approvers_of_before_signed_it(repository: Repository) -> None:
    """Else the test above proves nothing. The key that the commit brings signs in vain."""
    eve = "e" * 64
    marker, text = with_command(repository, f"approvals: {{approvers: {{eve: {public_key(eve)}}}}}")
    repository.merge(_settings=text)
    repository.approve(eve)
    repository.run("plan")
    assert not marker.exists()
    repository.approve()
    repository.succeed("plan")
    assert marker.exists()


@pytest.mark.parametrize("ci", [True, False], ids=["ci", "machine"])
@pytest.mark.parametrize("case", ["beside-it", "in-its-place", "robot"])
def test_no_program_that_a_new_account_brings_runs(repository: Repository, case: str, ci: bool) -> None:
    """Nothing is recorded of it, and it asks for no approval: the rules of the other, or of who left, do."""
    marker, text = with_command(repository)
    *above, evil = text.replace("main", "paper").replace("0001", "0009").splitlines()
    old = settings(repository.sandbox).splitlines()[-1]
    robot = '{kind: command, when: [scheduled_missed], command: ["touch", "../ran"]}'
    if case == "robot":
        evil = f"{old.replace('main', 'paper').replace('0001', '0009')}\nnotify: [{robot}]"
    lines = [*above, *([old] if case == "beside-it" else []), evil, ""]
    ended = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    repository.merge(_settings="\n".join(lines), sale=f"{SALE}account: paper\nnot_after: {ended}\n")
    repository.run(*(["apply", "--auto-approve"] if case == "robot" else ["doctor"]), ci=ci)
    assert not marker.exists()


def test_a_repository_whose_first_commit_asks_for_approvals_works(tmp_path: Path, sandbox: Sandbox) -> None:
    """Who initializes the ledger accepts its rules, and the programs of its secrets with them."""
    made = Repository(tmp_path, sandbox)
    with serve(made.code_host):
        marker, text = with_command(made, APPROVALS)
        made.start(_settings=text, sale=SALE)
        marker.unlink(missing_ok=True)
        made.assert_sends(0)
        made.approve()
        made.assert_sends(1)
        assert marker.exists()


@pytest.mark.deep
@pytest.mark.parametrize("approved", [False, True])
def test_a_robots_command_runs_by_approved_settings_only(repository: Repository, approved: bool) -> None:
    marker = repository.folder / "ran"
    code = f"open({str(marker)!r}, 'w'); print('http://127.0.0.1:1/')"
    url = {"command": [sys.executable, "-c", code]}
    robot = json.dumps({"kind": "slack", "url": url, "when": ["scheduled_missed", "run_refused"]})
    ended = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    text = f"{settings(repository.sandbox, APPROVALS)}notify: [{robot}]\n"
    repository.merge(_settings=text, sale=f"{SALE}not_after: {ended}\n")
    if approved:
        repository.approve()
    repository.apply()
    assert marker.exists() is approved


@pytest.mark.parametrize("place", PLACES)
def test_a_pull_requests_run_starts_no_command_at_all(tmp_path: Path, sandbox: Sandbox, place: str) -> None:
    with hosted(tmp_path, sandbox, _settings=settings(sandbox), sale=SALE) as made:
        marker, text = with_command(made, place=place)
        made.merge(_settings=text)
        assert made.run("plan", event="pull_request").returncode == ExitCode.POLICY
        made.succeed("plan", "--offline", event="pull_request")
        assert not marker.exists()
        made.run("plan", ci=False)
        assert marker.exists()
