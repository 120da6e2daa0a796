"""The metrics of `campaign status`: from files and ledger, in the form that Prometheus reads."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.protocol.state import Fate
from wechat_campaigns.report.metrics import HELP, PREFIX

TEXT = "filter: {{tag: 会员}}\nmsgtype: text\ncontent: {}\n"
SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="[^"\\\n]*",?)+)\} ([0-9]+)')


def read(text: str) -> dict[tuple[str, ...], int]:
    """Return the value of each metric and its account and status; every line is a comment or a sample."""
    values = {}
    for line in text.splitlines():
        if line.startswith("# "):
            assert re.match(r"# (HELP|TYPE) wechat_campaigns_[a-z_]+ \w", line)
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        labels = dict(re.findall(r'([a-z]+)="([^"]*)"', found[2]))
        assert labels.pop("environment") == "test"
        values[(found[1].removeprefix("wechat_campaigns_"), *labels.values())] = int(found[3])
    return values


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return campaigns_on(sandbox, tmp_path)


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, ...], int]:
    capsys.readouterr()
    run(["status", "-o", "prometheus", "--report", "prometheus=campaigns.prom"])
    out = capsys.readouterr().out
    assert Path("campaigns.prom").read_text(encoding="utf-8") == out
    return read(out)


def test_every_account_has_every_metric_from_the_start(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ledger", "init"]) == ExitCode.OK
    found = metrics(capsys)
    assert found.pop(("status_timestamp_seconds",)) > 1_790_000_000
    assert set(found.values()) == {0}
    assert {key[2] for key in found if key[0] == "sends"} == {*Fate, "expired", "waits_for_approval"}
    names = {"sends", "due", "overdue_seconds", "unfinished_seconds", "hold", "refused"}
    assert {key[:2] for key in found} == {(name, "main") for name in names}


def test_unknown_expired_overdue_and_held_sends_are_counted(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lost.yaml").write_text(TEXT.format("再见"), encoding="utf-8")
    sandbox.fault(endpoint="message/mass/sendall", kind="cut_before")
    assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.UNKNOWN
    over = "not_before: 2026-01-01 08:00\nnot_after: 2026-01-01 20:00\n"
    (folder / "over.yaml").write_text(over + TEXT.format("过了"), encoding="utf-8")
    for number, day in enumerate(("2026-01-02", "2026-02-01")):
        due = f"not_before: {day} 08:00\nnot_after: 2126-01-01 20:00\n"
        (folder / f"due{number}.yaml").write_text(due + TEXT.format(f"到点{number}"), encoding="utf-8")
    found = metrics(capsys)
    assert (found["sends", "main", "unknown"], found["sends", "main", "expired"]) == (1, 1)
    assert found["overdue_seconds", "main"] > 28 * 86400
    assert found["due", "main"] == 2
    assert found["hold", "main"] == 0
    assert run(["hold", "main", "--reason", "x"]) == ExitCode.OK
    assert metrics(capsys)["hold", "main"] == 1


def test_a_send_without_a_window_is_due_until_it_is_made(
    folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it was rejected, or its account was never asked; only a window tells since when."""
    (folder / "sale.yaml").write_text(TEXT.format("你好"), encoding="utf-8")
    sandbox.fault(endpoint="message/mass/sendall", kind="errcode", errcode=61007)
    for code in (ExitCode.WECHAT, ExitCode.OK):
        found = metrics(capsys)
        assert (found["due", "main"], found["overdue_seconds", "main"]) == (1, 0)
        assert run(["apply", "--auto-approve", "--quiet"]) == code
    assert metrics(capsys)["due", "main"] == 0


def test_an_accepted_send_ages_until_its_end_is_known(
    folder: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.advance(-7200)
    (folder / "sale.yaml").write_text(TEXT.format("你好"), encoding="utf-8")
    assert run(["apply", "--auto-approve", "--quiet"]) == ExitCode.OK
    with monkeypatch.context() as patch:
        patch.setenv("CAMPAIGN_READ_ONLY", "1")  # WeChat is not asked
        found = metrics(capsys)
    assert found["sends", "main", "accepted"] == 1
    assert 7200 <= found["unfinished_seconds", "main"] < 9000
    found = metrics(capsys)
    assert (found["sends", "main", "sent"], found["unfinished_seconds", "main"]) == (1, 0)


def test_the_alerts_and_the_pages_name_every_metric_and_no_other() -> None:
    docs = Path(__file__).parents[3] / "docs"
    rules = yaml.safe_load((docs / "ci" / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    expressions = " ".join(rule["expr"] for rule in rules)
    pages = [
        (docs / name).read_text(encoding="utf-8") for name in ("where-it-runs.md", "where-it-runs.zh-CN.md")
    ]
    for text in (expressions, *pages):
        assert set(re.findall(PREFIX + "([a-z_]+)", text)) == set(HELP)
    assert set(re.findall('status="([a-z_]+)"', expressions)) <= {*Fate, "expired"}
