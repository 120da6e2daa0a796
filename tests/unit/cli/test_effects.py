"""What a command changes is refused where nothing may be changed, or where only a person may."""

import inspect
import shlex
import socket
from pathlib import Path

import pytest

from tests.support.commands import COMMANDS
from wechat_campaigns.cli.context import Context, LedgerContext, OnlineContext, context_of
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.options import OF_PERSONS, READING, EffectOption
from wechat_campaigns.cli.registry import AGENTS, READ_ONLY, Command
from wechat_campaigns.core.errors import ExitCode

SETTINGS = """\
vars: {brand: shop}
default_environment: sandbox
environments:
  sandbox:
    api: sandbox
    ledger: sqlite
  production:
    api: https://api.weixin.qq.com
    ledger: sqlite
    accounts:
      main: {kind: service, appid: wx1234567890abcdef, secret: {env: WECHAT_MAIN_SECRET}}
"""
CASES = {path: command for path, command in COMMANDS.items() if isinstance(command, Command)}
WRITING = [path for path, command in CASES.items() if command.effect not in READING]
REFUSED = {
    "apply": "apply --auto-approve",
    "preview": "preview welcome --to someone",
    "recall": "recall welcome --auto-approve",
    "unhold": "unhold main --reason done",
    "ledger init": "ledger init",
    "ledger settle": "ledger settle welcome --not-sent --reason seen",
    "ledger baseline": "ledger baseline --all --reason archive",
    "approve": "approve plan.json",
    "ledger guard": "ledger guard --reason agreed --auto-approve",
    "ledger import": "ledger import ledger.jsonl",
    "plan --allow": "plan --offline --allow quiet_hours=tonight",
    "plan --resend": "plan --offline --resend welcome",
}
"""What an agent may not do to real followers, as it would call it."""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMPAIGN_STATE_DIR", str(tmp_path / "state"))
    run(["init"])
    Path("campaigns/_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    Path("ledger.jsonl").touch()
    Path("report.md").touch()
    Path("plan.json").touch()
    capsys.readouterr()


def words_of(path: str) -> list[str]:
    words = shlex.split(next(iter(CASES[path].examples)))
    return words[words.index("campaign") + 1 :]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("path", WRITING)
def test_read_only_refuses_every_command_that_writes(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    before = contents(tmp_path)
    assert run(words_of(path)) == ExitCode.POLICY
    assert READ_ONLY in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_what_reads_records_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.OK
    capsys.readouterr()
    run(["ledger", "export"])
    before = capsys.readouterr().out
    assert before
    files = contents(Path("campaigns"))
    monkeypatch.setenv(READ_ONLY, "1")
    # The first `render` of the examples is of another campaign; `studio` runs until somebody ends it, and has
    # a test of its own.
    for path in sorted(set(CASES) - {*WRITING, "render", "completion", "studio"}):
        words = [path] if path in ("plan", "status", "doctor", "tags", "drafts") else words_of(path)
        assert run(words) != ExitCode.POLICY
        capsys.readouterr()
        run(["ledger", "export"])
        assert capsys.readouterr().out == before, path
        assert contents(Path("campaigns")) == files, path


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_read_only_can_be_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, value)
    assert run(["fmt"]) == ExitCode.OK


@pytest.mark.parametrize("variable", AGENTS)
def test_an_agent_is_refused_what_reaches_followers_or_loosens_a_rule(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
    before = contents(tmp_path)
    for name, line in REFUSED.items():
        assert run([*shlex.split(line), "--env", "production"]) == ExitCode.POLICY, name
        message = capsys.readouterr().err
        assert f"campaign {name}" in message
        assert AGENTS[variable][0] in message
        assert "ask a person" in message
        assert variable == "AI_AGENT" or variable not in message
    assert contents(tmp_path) == before


def test_a_gateway_on_loopback_is_no_sandbox_for_an_agent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = SETTINGS.replace("https://api.weixin.qq.com", "http://127.0.0.1:9")
    Path("campaigns/_settings.yaml").write_text(gateway, encoding="utf-8")
    monkeypatch.setenv("CLAUDECODE", "1")
    assert run(["apply", "--env", "production", "--auto-approve"]) == ExitCode.POLICY
    assert "ask a person" in capsys.readouterr().err


def test_doctor_opens_no_tunnel_to_a_host_that_only_the_settings_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = SETTINGS.replace("https://api.weixin.qq.com", "https://api.evil.example")
    Path("campaigns/_settings.yaml").write_text(stranger, encoding="utf-8")
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "0" * 32)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        assert run(["doctor", "--env", "production"]) != ExitCode.OK
        assert "CAMPAIGN_API_HOSTS" in capsys.readouterr().out
        proxy.settimeout(0.05)
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_each_command_of_persons_is_among_the_refused() -> None:
    assert {path for path, command in CASES.items() if command.effect in OF_PERSONS} == {
        name for name in REFUSED if "--" not in name
    }


def test_an_agent_may_stop_sends_and_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    assert run(["hold", "main", "--env", "production", "--reason", "wrong price"]) == ExitCode.OK
    assert run(["plan", "--env", "production", "--offline", "-o", "json"]) in (ExitCode.OK, ExitCode.INVALID)
    assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.OK
    capsys.readouterr()


@pytest.mark.parametrize("path", CASES)
def test_the_type_of_a_context_is_all_that_a_command_can_reach(path: str) -> None:
    command = CASES[path]
    function = inspect.unwrap(command.callback)  # type: ignore[arg-type]
    declared = inspect.signature(function).parameters.get("context")
    reached = {command.effect, command.read_only or command.effect}
    reached |= {param.effect for param in command.params if isinstance(param, EffectOption)}
    contexts = {context_of(effect).__name__ for effect in reached}
    order = ["Context", "LedgerContext", "OnlineContext"]
    if declared is not None:  # a module with the names of types, or with the types
        named = getattr(declared.annotation, "__name__", declared.annotation)
        assert named == min(contexts, key=order.index)


def test_a_workspace_of_files_has_no_way_to_anything_else() -> None:
    ways = {"ledger", "open_ledger", "secrets", "read_api", "write_api"}
    assert not ways & set(dir(Context))
    assert ways & set(dir(LedgerContext)) == {"ledger", "open_ledger"}
    assert ways <= set(dir(OnlineContext))
