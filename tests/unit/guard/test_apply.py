"""`apply` asks where it runs before it does anything, and leaves a person's rehearsal alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.state_folder import state_folder
from wechat_campaigns.guard.approved_files import sources_of

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
    assert apply(tmp_path, "protected: true") == ExitCode.POLICY
    assert "is not allowed to send" in capsys.readouterr().err
    assert not state_folder(tmp_path / "campaigns", os.environ).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("pull_request")
def test_sandbox_environment_may_run_anywhere(tmp_path: Path) -> None:
    """A pull request's own tests may rehearse on the sandbox: nobody is reached."""
    assert apply(tmp_path, "protected: false") == ExitCode.OK


@pytest.mark.slow
def test_approvals_cannot_be_asked_for_on_a_laptop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody there can say who approved, so nothing is sent."""
    assert apply(tmp_path, "approvals: {approvers: [ann]}") == ExitCode.POLICY
    assert "only be checked in a GitHub or GitLab run" in capsys.readouterr().err
    assert run(["plan", "--detailed-exitcode", "--dir", str(tmp_path / "campaigns")]) == ExitCode.PENDING


def test_every_file_of_a_send_needs_an_approval(tmp_path: Path) -> None:
    """Campaign, settings, article, include, picture, theme: a change of one changes what is sent."""
    root = Path(folder(tmp_path, "protected: false"))
    picture = Path(__file__).parents[2].joinpath("articles/images/cup.png").read_bytes()
    written = {
        "_partials/foot.txt": "再见",
        "_themes/ours.css": "p { color: #333333; }",
        "news/body.md": "正文 ![茶](tea.png)\n",
        "news/tea.png": picture,
        "news.yaml": "filter: {tag: 会员}\nmsgtype: mpnews\ncontent:\n  articles:\n    - {title: 新茶, "
        "body: news/body.md, cover: {file: news/tea.png}, theme: ours}\n",
        "late.yaml": "filter: {tag: 会员}\nmsgtype: text\ncontent: \"{% include '_partials/foot.txt' %}\"\n",
    }
    for name, text in written.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with Context(root=root, quiet=True) as session:
        assert {str(file) for file in sources_of(session, ["news", "late"]).files} == {
            *written,
            "_settings.yaml",
        }
        assert {str(file) for file in sources_of(session, ["sale"]).files} == {"sale.yaml", "_settings.yaml"}


def test_files_of_many_campaigns_need_an_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds are rendered by other processes, and what those read went unseen: nobody had to approve it."""
    monkeypatch.setattr("wechat_campaigns.core.fence._worthwhile", lambda _items: 2)
    root = Path(folder(tmp_path, "protected: false"))
    (root / "_partials").mkdir()
    (root / "_partials/foot.txt").write_text("再见", encoding="utf-8")
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: \"{% include '_partials/foot.txt' %}\"\n"
    names = [f"c{number}" for number in range(4)]
    for name in names:
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    with Context(root=root, quiet=True) as session:
        assert "_partials/foot.txt" in {str(file) for file in sources_of(session, names).files}


@pytest.mark.slow
def test_plan_file_must_have_the_expected_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are given: a file that would do by itself is refused for another digest."""
    plan = str(tmp_path / "plan.json")
    assert run(["plan", "--dir", folder(tmp_path, "protected: true"), "--out", plan]) == ExitCode.OK
    options = ("--plan", plan, "--expect-digest")
    assert apply(tmp_path, "protected: true", *options, "0" * 64) == ExitCode.POLICY
    assert f"expected {'0' * 64}" in capsys.readouterr().err
    digest = json.loads(Path(plan).read_text(encoding="utf-8"))["plan_digest"]
    assert apply(tmp_path, "protected: true", *options, digest) == ExitCode.OK
