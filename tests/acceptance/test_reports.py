"""Reports as a pull request's run makes them: in several forms at once, whatever the outcome."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commits import git
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.files import state_folder

ROOT = Path(__file__).parents[2]
SALE = "filter: {tag: 会员}\nmsgtype: text\ncontent: 全场 8 折\n"
TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\+00:00|Z))?")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two campaigns at `main`, and the shell inside it."""
    (tmp_path / "campaigns").mkdir()
    for name in ("sale", "old"):
        (tmp_path / "campaigns" / f"{name}.yaml").write_text(SALE, encoding="utf-8")
    (tmp_path / "campaigns" / "_settings.yaml").write_text("policy: {duplicate_content_days: 0}\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_one_plan_writes_every_report_of_a_pull_request(repo: Path) -> None:
    (repo / "campaigns" / "sale.yaml").write_text(SALE.replace("8 折", "7 折"), encoding="utf-8")
    kinds = ("markdown", "html", "codequality", "json", "github", "text")
    outputs = [word for kind in kinds for word in ("--report", f"{kind}=out/{kind}")]
    assert (
        run(["plan", "--offline", "--changed-since", "main", *outputs, "--report", "markdown=summary"]) == 0
    )
    markdown = (repo / "out" / "markdown").read_text(encoding="utf-8")
    assert "-全场 8 折\n+全场 7 折" in markdown
    assert (repo / "summary").read_text(encoding="utf-8") == markdown
    assert all((repo / "out" / kind).stat().st_size for kind in kinds)


def test_broken_base_commit_does_not_prevent_the_plan(repo: Path) -> None:
    """The plan says that it could not compare."""
    (repo / "campaigns" / "_settings.yaml").write_text("policy: nonsense\n")
    git(repo, "commit", "-qam", "broken")
    (repo / "campaigns" / "_settings.yaml").write_text("{}\n")
    assert run(["plan", "--offline", "--changed-since", "main", "--report", "markdown=m"]) == 0
    assert "cannot be rendered" in (repo / "m").read_text(encoding="utf-8")


def test_a_failure_writes_its_reports_and_goes_to_standard_output(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["apply", "--expect-digest", "0" * 64, "--auto-approve", "--format", "json", "-q"]
    assert run([*words, "--report", "markdown=m"]) == ExitCode.POLICY
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["exit_code"] == ExitCode.POLICY
    assert "the reviewed plan cannot be applied" in err
    assert "the reviewed plan cannot be applied" in (repo / "m").read_text(encoding="utf-8")
    (repo / "campaigns" / "_settings.yaml").write_text("policy: nonsense\n")
    outputs = ["--report", "json=j", "--report", "codequality=c"]
    assert run(["plan", "--offline", "--format", "github", *outputs]) == ExitCode.INVALID
    assert "::error file=campaigns/_settings.yaml,line=1" in capsys.readouterr().out
    assert json.loads((repo / "j").read_text(encoding="utf-8"))["problems"]
    (finding,) = json.loads((repo / "c").read_text(encoding="utf-8"))
    assert finding["location"] == {"path": "campaigns/_settings.yaml", "lines": {"begin": 1}}
    assert run(["plan", "--offline"]) == ExitCode.INVALID
    assert capsys.readouterr().out == "", "as text it is told once, on standard error"


@pytest.mark.parametrize(("command", "kind"), [("report", "csv"), ("status", "prometheus"), ("plan", "html")])
def test_nothing_of_an_earlier_run_stays_where_a_command_fails(repo: Path, command: str, kind: str) -> None:
    (repo / "old").write_text("yesterday")
    (repo / "campaigns" / "_settings.yaml").write_text("policy: nonsense\n")
    assert run([command, "--report", f"{kind}=old"]) == ExitCode.INVALID
    assert not (repo / "old").exists() or "yesterday" not in (repo / "old").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ZeroDivisionError])
def test_nothing_of_an_earlier_run_stays_after_a_bug_or_ctrl_c(
    repo: Path, fault: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_args: object, **_more: object) -> None:
        raise fault

    monkeypatch.setattr("wechat_campaigns.cli.context.Context.output", ended)
    (repo / "old").write_text("yesterday")
    assert run(["plan", "--offline", "--report", "html=old"]) != ExitCode.OK
    assert not (repo / "old").exists()


@pytest.mark.parametrize(
    "words", [["plan", "--report", "pdf=x"], ["status", "--report", "github=x"], ["plan", "--report", "x"]]
)
def test_unknown_format_is_refused_before_anything_runs(
    repo: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == ExitCode.USAGE
    assert "→" in capsys.readouterr().err
    assert not state_folder(repo / "campaigns", os.environ).exists()


def test_error_is_printed_when_its_report_cannot_be_written(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repo / "file").write_text("")
    (repo / "campaigns" / "_settings.yaml").write_text("environments: none\n", encoding="utf-8")
    assert run(["plan", "--report", "markdown=file/m"]) == ExitCode.INVALID
    told = capsys.readouterr().err
    assert "`environments` must be a map" in told
    assert "cannot write the file" in told


def test_in_github_actions_text_is_printed_between_stop_marks(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    tokens = set()
    for _ in range(2):
        assert run(["plan", "--offline"]) == 0
        lines = capsys.readouterr().out.strip().split("\n")
        token = lines[0].removeprefix("::stop-commands::")
        assert lines[-1] == f"::{token}::"
        tokens.add(token)
    assert len(tokens) == 2


def test_annotations_come_first_and_the_plan_is_guarded(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repo / "campaigns" / "bad.yaml").write_text("msgtype: txt\n")
    assert run(["plan", "--offline", "--format", "github"]) == ExitCode.INVALID
    before, _, after = capsys.readouterr().out.partition("::stop-commands::")
    assert before.startswith("::error file=campaigns/bad.yaml,line=1,")
    assert "Digest:" in after


def _planned(clone: Path, zone: str, locale: str, *words: str) -> tuple[Any, str]:
    environment = {**os.environ, "TZ": zone, "LC_ALL": locale, "LANG": locale}
    command = [
        sys.executable, "-m", "wechat_campaigns",
        "plan", "--report", "json=../p", "--report", "markdown=../m", *words,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    texts = [(clone.parent / name).read_text(encoding="utf-8") for name in ("p", "m")]
    data = json.loads(texts[0])
    # The fingerprint of the whole is over the times too.
    told = "".join(texts).replace(data["file_sha256"], "SHA256")
    return data["plan_digest"], TIMES.sub("TIME", told)


@pytest.mark.parametrize("words", [["--offline"], []])
@pytest.mark.deep
def test_two_clones_make_the_same_plan_byte_for_byte(tmp_path: Path, words: list[str]) -> None:
    """Another path, time zone and locale: the digest and every report are the same, their times apart.

    In another language the sentences differ, and nothing else.
    """
    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "campaigns", origin / "campaigns")
    git(origin, "init", "-q", "-b", "main")
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "one")
    made = []
    for folder, zone, locale in (
        ("a", "America/Los_Angeles", "C"),
        ("b/c 空", "Asia/Kathmandu", "ja_JP.UTF-8"),
        ("d", "Asia/Shanghai", "zh_CN.UTF-8"),
    ):
        clone = tmp_path / folder / "clone"
        clone.parent.mkdir(parents=True)
        git(tmp_path, "clone", "-q", str(origin), str(clone))
        made.append(_planned(clone, zone, locale, *words))
    assert made[0] == made[1]
    assert made[0][0] == made[2][0]
    assert "的群发计划" in made[2][1]
