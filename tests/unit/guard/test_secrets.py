"""Secrets are read by settings that may be obeyed, and held against what the ledger says was signed."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.confined import has_landlock
from tests.support.factories import SERVICE, SUBSCRIPTION, MemoryLedger, make_account, make_settings
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import (
    CampaignError,
    PolicyError,
    SecretError,
    TamperedLedgerError,
    WrongSecretError,
)
from wechat_campaigns.core.settings import SANDBOX, Account, PlanCheck, Policy, Secret, Settings
from wechat_campaigns.guard.plan_checks import may_run_checks, program_failure
from wechat_campaigns.guard.recorded_rules import record_guard
from wechat_campaigns.guard.run import check_secret_place
from wechat_campaigns.guard.secrets import Secrets
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.trust import verify_guards
from wechat_campaigns.protocol.events import Entry, Event, Head
from wechat_campaigns.protocol.keys import mac_key, mac_of

WECHAT = "https://api.weixin.qq.com"
SECRET = "0" * 32
MAIN = make_account(secret=Secret(env="MAIN"))
PAPER = replace(MAIN, name="paper", appid=SUBSCRIPTION)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN", SECRET)


@pytest.fixture
def pull_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")


def secrets_of(folder: Path, *accounts: Account, api: str = WECHAT) -> Secrets:
    return Secrets(folder, make_settings(*accounts, api=api), lambda _appid: (), AccountState, bool)


class Signing(MemoryLedger):
    """Signs what is appended, as whoever holds a secret."""

    secret = SECRET

    def append(self, entry: Entry, *, after: Head | None = None) -> Event:
        mac = mac_of(mac_key(self.secret, SERVICE), entry)
        return super().append(replace(entry, data={**entry.data, "mac": mac}), after=after)


def write_guard(ledger: Signing, secret: str, **data: Any) -> None:
    ledger.secret = secret
    data = {"environment": "x", "rules": {}, **data}
    ledger.append(Entry(stream=SERVICE, kind=LedgerKind.GUARD, data=data))
    ledger.secret = SECRET


def error_of_root(secrets: Secrets, ledger: Signing) -> type[CampaignError] | None:
    secrets.take_events({SERVICE: ledger.events()})
    try:
        secrets.check_root(MAIN)
    except CampaignError as error:
        return type(error)
    return None


def test_a_secret_is_held_against_the_guards_of_the_ledger(tmp_path: Path) -> None:
    secrets, ledger = secrets_of(tmp_path, MAIN), Signing()
    write_guard(ledger, SECRET, replaces="")
    assert error_of_root(secrets, ledger) is None
    write_guard(ledger, "1" * 32, replaces=ledger.kept[-1].hash)
    assert error_of_root(secrets, ledger) is TamperedLedgerError
    foreign = Signing()
    write_guard(foreign, "1" * 32, replaces="")
    assert error_of_root(secrets_of(tmp_path, MAIN), foreign) is WrongSecretError


def test_who_vouches_for_the_rules_replaces_a_forged_guard(tmp_path: Path) -> None:
    """The rules are those kept last; without another guard, the forged one would be the newest for ever."""
    secrets, ledger = secrets_of(tmp_path, MAIN), Signing()
    assert record_guard(secrets, ledger, MAIN)
    assert not record_guard(secrets, ledger, MAIN)
    write_guard(ledger, "1" * 32, replaces=ledger.kept[-1].hash)
    assert record_guard(secrets, ledger, MAIN, trusted=True)
    assert verify_guards(ledger.kept, mac_key(SECRET, SERVICE))[1] == ()


def test_an_apply_by_the_same_rules_is_kept_after_others_were_approved(tmp_path: Path) -> None:
    """Without a place in the ledger, it could not end what was approved by the others."""
    secrets, ledger = secrets_of(tmp_path, MAIN), Signing()
    record_guard(secrets, ledger, MAIN)
    for rules in (ledger.kept[-1].data["rules"], {"policy": "another"}):
        assert not record_guard(secrets, ledger, MAIN)
        ledger.append(Entry(stream=SERVICE, kind=LedgerKind.APPROVED, data={"rules": sha256(rules)}))
    assert record_guard(secrets, ledger, MAIN)
    assert not record_guard(secrets, ledger, MAIN)


def test_no_secret_is_for_a_host_of_somebody_else(tmp_path: Path) -> None:
    assert secrets_of(tmp_path, MAIN).for_calls(MAIN) == SECRET
    with pytest.raises(PolicyError):
        secrets_of(tmp_path, MAIN, api="https://api.weixin.qq.com.example").for_calls(MAIN)


@pytest.mark.usefixtures("pull_request")
@pytest.mark.parametrize("kind", ["command", "file"])
def test_a_pull_request_names_no_program_and_no_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "key").write_text(SECRET, encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    places = {
        "command": Secret(command=(sys.executable, "-c", f"print('{SECRET}')")),
        "file": Secret(file=str(tmp_path / "key")),
    }
    account = replace(MAIN, secret=places[kind])
    with pytest.raises(PolicyError):
        secrets_of(tmp_path, account).for_calls(account)
    with pytest.raises(PolicyError):
        check_secret_place(places[kind])
    check_secret_place(MAIN.secret)


def test_of_two_accounts_with_one_token_not_even_the_first_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "t" * 100)
    both = [replace(one, token=Secret(env="TOKEN")) for one in (MAIN, PAPER)]
    secrets = secrets_of(tmp_path, *both)
    for account in both:
        with pytest.raises(SecretError):
            secrets.for_calls(account)


# --- programs of `policy.checks`


def with_check(api: str) -> Settings:
    return make_settings(api=api, policy=Policy(checks=(PlanCheck(name="a", command=("x",)),)))


def test_no_program_of_a_fresh_clone_is_started() -> None:
    assert may_run_checks(with_check(WECHAT))
    assert not may_run_checks(with_check(SANDBOX))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a process's variables to others")
def test_a_check_reads_the_secret_of_no_process(tmp_path: Path) -> None:
    """Neither of its own variables, nor of the process that started it."""
    program = "import os; assert 'MAIN' not in os.environ; open(f'/proc/{os.getppid()}/environ')"
    said = program_failure((sys.executable, "-c", program), "", tmp_path, timeout_s=30)
    assert "PermissionError" in str(said)


WRITES = {
    "settings of git": "open(os.path.expanduser('~/.gitconfig'), 'a').write('[core]')",
    "settings of the checkout": "open('.git/config', 'a').write('[core]')",
    "emptied": "os.truncate('.git/config', 0)",
    "a new file": "open('new', 'w')",
    "a program of the next check": "open('check.py', 'w').write('pass')",
    "a link": "os.symlink('/etc/passwd', 'link')",
    "another name": "os.rename('check.py', 'check')",
    "moved from its own folder": "open(own + '/a', 'w').close(); os.rename(own + '/a', '.git/hook')",
    "a link from its own folder": "os.symlink(os.path.expanduser('~'), own + '/h'); open(own + '/h/x', 'w')",
    "gone": "os.remove('check.py')",
    "a child": "import subprocess; subprocess.run(['sh', '-c', 'echo >~/.profile'], check=True)",
}


@pytest.mark.skipif(not has_landlock(), reason="this system has no Landlock")
@pytest.mark.parametrize("action", WRITES.values(), ids=WRITES.keys())
def test_a_program_of_the_settings_writes_to_its_own_folder_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """What this command or the next one starts, such as git, stays as it was."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".git").mkdir()
    for name in (".gitconfig", ".git/config", "check.py"):
        (tmp_path / name).write_text("before", encoding="utf-8")
    before = contents(tmp_path)
    program = f"import os; own = os.environ['TMPDIR']; open(own + '/cache', 'w').write('x'); {action}"
    said = program_failure((sys.executable, "-c", program), "", tmp_path, timeout_s=30)
    assert contents(tmp_path) == before
    assert said


def test_the_own_folder_of_a_program_is_empty_and_goes_with_it(tmp_path: Path) -> None:
    program = "import os, sys, tempfile; own = tempfile.gettempdir(); open('/dev/null', 'w').write('x')"
    program += "; assert not os.listdir(own) and own == os.environ['XDG_CACHE_HOME']; open(own + '/a', 'w')"
    said = {
        program_failure((sys.executable, "-c", f"{program}; sys.exit(own)"), "", tmp_path, timeout_s=30)
        for _ in range(2)
    }
    assert len(said) == 2
    assert not any(Path(str(own)).exists() for own in said)
    assert all(Path(str(own)).is_absolute() for own in said)


def contents(folder: Path) -> dict[str, str]:
    """Every file and link of a folder with what it holds."""
    return {str(path): path.read_text(encoding="utf-8") for path in folder.rglob("*") if not path.is_dir()}
