"""`apply` asks where it runs before it does anything, and leaves a person's rehearsal alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import run
from runner.errors import Exit

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
    """The process of a pull request's run."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/1/merge")


@pytest.mark.usefixtures("pull_request")
def test_a_protected_environment_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the ledger is opened."""
    assert apply(tmp_path, "protected: true") == Exit.POLICY
    assert "must not send" in capsys.readouterr().err
    assert not (tmp_path / ".campaign").exists()


@pytest.mark.usefixtures("pull_request")
def test_a_rehearsal_may_run_anywhere(tmp_path: Path) -> None:
    """A pull request's own tests may rehearse on the sandbox: nobody is reached."""
    assert apply(tmp_path, "protected: false") == Exit.OK


def test_approvals_cannot_be_asked_for_on_a_laptop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody there can say who approved, so nothing is sent."""
    assert apply(tmp_path, "approvals: {approvers: [ann]}") == Exit.POLICY
    assert "only a run of GitHub or GitLab" in capsys.readouterr().err
    assert run(["plan", "--detailed-exitcode", "--dir", str(tmp_path / "campaigns")]) == Exit.PENDING


def test_a_plan_file_must_have_the_digest_handed_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are given: a file that would do by itself is refused for another digest."""
    plan = str(tmp_path / "plan.json")
    assert run(["plan", "--dir", folder(tmp_path, "protected: true"), "--out", plan]) == Exit.OK
    options = ("--plan", plan, "--expect-digest")
    assert apply(tmp_path, "protected: true", *options, "0" * 64) == Exit.POLICY
    assert f"expected {'0' * 64}" in capsys.readouterr().err
    digest = json.loads(Path(plan).read_text(encoding="utf-8"))["plan_digest"]
    assert apply(tmp_path, "protected: true", *options, digest) == Exit.OK
