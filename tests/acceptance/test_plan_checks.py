"""Programs of `policy.checks` look at a plan: what they get, when they run, what they stop."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.confined import SAY, Hearing, hearing
from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.guard.plan_checks import program_failure

SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 今晚八点\n"
CHECK = f"""{SAY}
import json, os, pathlib, sys
plan = json.load(sys.stdin)
say(json.dumps(dict(plan=plan, env=dict(os.environ))))
print("looking")
print("no shop name in " + plan["sends"][0]["id"])
sys.exit(int(pathlib.Path("code").read_text()))
"""
Set = Callable[..., Path]


@pytest.fixture
def heard(settings: Set, tmp_path: Path) -> Iterator[Hearing]:
    """What the check says."""
    with hearing(tmp_path) as listening:
        yield listening


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Write a campaigns folder with a check that ends with `code`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WECHAT_MAIN_SECRET", "1" * 32)
    (tmp_path / "check.py").write_text(CHECK, encoding="utf-8")

    def write(code: int, level: str = "mandatory") -> Path:
        command = json.dumps([sys.executable, "check.py"])
        check = f"policy:\n  checks: [{{name: 品牌, command: {command}, level: {level}}}]\n"
        folder = campaigns_on(sandbox, tmp_path, check)
        (folder / "sale.yaml").write_text(SALE, encoding="utf-8")
        (tmp_path / "code").write_text(str(code), encoding="utf-8")
        return tmp_path

    return write


def test_a_failed_check_blocks_the_send(
    settings: Set, heard: Hearing, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(1)
    assert run(["plan", "--fail-on-held"]) == ExitCode.POLICY
    assert "check 品牌: no shop name in sale" in " ".join(capsys.readouterr().out.split())
    seen = json.loads(heard.said()[0])
    assert [send["action"] for send in seen["plan"]["sends"]] == ["send"]
    assert "WECHAT_MAIN_SECRET" not in seen["env"]
    assert run(["apply", "--auto-approve"]) == ExitCode.POLICY
    assert not sandbox.jobs()
    assert run(["apply", "--auto-approve", "--allow", "checks=agreed"]) == ExitCode.OK
    assert len(sandbox.jobs()) == 1


@pytest.mark.parametrize(("code", "level"), [(0, "mandatory"), (1, "advisory")])
def test_a_check_that_passes_or_only_warns_lets_the_send_go(
    settings: Set, heard: Hearing, sandbox: Sandbox, code: int, level: str
) -> None:
    settings(code, level)
    assert run(["apply", "--auto-approve"]) == ExitCode.OK
    assert heard.said()
    assert len(sandbox.jobs()) == 1


def test_no_check_runs_offline_or_in_a_pull_request(
    settings: Set, heard: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(0)
    assert run(["plan", "--offline"]) == ExitCode.OK
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_REPOSITORY", "shop/campaigns")
    assert run(["plan"]) == ExitCode.POLICY
    assert not heard.said()


def test_no_check_runs_in_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "campaigns").mkdir()
    command = json.dumps([sys.executable, "-c", f"{SAY}\nsay('ran')"])
    (tmp_path / "campaigns" / "_settings.yaml").write_text(
        "default_environment: sandbox\nenvironments: {sandbox: {api: sandbox, ledger: sqlite}}\n"
        f"policy: {{checks: [{{name: a, command: {command}}}]}}\n",
        encoding="utf-8",
    )
    (tmp_path / "campaigns" / "sale.yaml").write_text(SALE, encoding="utf-8")
    with hearing(tmp_path) as heard:
        assert run(["plan"]) == ExitCode.OK
        assert not heard.said()


@pytest.mark.parametrize(
    ("program", "within_s", "words"),
    [
        ((sys.executable, "-c", "import time; time.sleep(99)"), 0.5, "did not end within 0.5 s"),
        ((sys.executable, "-c", "raise SystemExit(3)"), 60, "ended with exit code 3"),
        ((sys.executable, "-c", "import sys; sys.exit('o' + 'A' * 27)"), 60, "o***"),
        (("no-such-program",), 60, "the program cannot be started"),
    ],
)
def test_what_went_wrong_is_said_in_words(
    tmp_path: Path, program: tuple[str, ...], within_s: float, words: str
) -> None:
    assert words in (program_failure(program, "{}", tmp_path, timeout_s=within_s) or "")
