"""`apply` asks where it runs before it does anything, and leaves a person's rehearsal alone."""

import json
import os
from pathlib import Path

import pytest

from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import state_folder

SETTINGS = "default_environment: try\nenvironments:\n  try: {api: sandbox, ledger: sqlite, MORE}\n"
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


def folder(tmp_path: Path, more: str) -> str:
    root = tmp_path / "campaigns"
    root.mkdir(exist_ok=True)
    (root / "_settings.yaml").write_text(SETTINGS.replace("MORE", more), encoding="utf-8")
    (root / "sale.yaml").write_text(SALE, encoding="utf-8")
    return str(root)


def apply(tmp_path: Path, more: str, *options: str) -> int:
    return run(["apply", "--auto-approve", "--dir", folder(tmp_path, more), *options])


@pytest.fixture
def pull_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/1/merge")


@pytest.mark.usefixtures("pull_request")
@pytest.mark.parametrize("words", [(), ("--plan", "none.json")])
def test_a_protected_environment_is_refused_before_anything_is_read(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apply(tmp_path, "protected: true", *words) == ExitCode.POLICY
    assert "is not allowed to send" in capsys.readouterr().err
    assert not state_folder(tmp_path / "campaigns", os.environ).exists()


@pytest.mark.usefixtures("pull_request")
def test_sandbox_environment_may_run_anywhere(tmp_path: Path) -> None:
    assert apply(tmp_path, "protected: false") == ExitCode.OK


def test_plan_file_must_have_the_expected_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are given: a file that would do by itself is refused for another digest."""
    plan = str(tmp_path / "plan.json")
    assert run(["plan", "--dir", folder(tmp_path, "protected: true"), "--out", plan]) == ExitCode.OK
    options = ("--plan", plan, "--expect-digest")
    assert apply(tmp_path, "protected: true", *options, "0" * 64) == ExitCode.POLICY
    assert f"expected {'0' * 64}" in capsys.readouterr().err
    digest = json.loads(Path(plan).read_text(encoding="utf-8"))["plan_digest"]
    assert apply(tmp_path, "protected: true", *options, digest) == ExitCode.OK
