"""One module starts git: in no repository but the one named, without prompts, and it always answers."""

from pathlib import Path

import pytest

from tests.support import commits
from wechat_campaigns.core.git import (
    EXIT_NOT_EXECUTABLE,
    EXIT_NOT_INSTALLED,
    EXIT_TIMED_OUT,
    GitResult,
    clean_env,
    git,
)
from wechat_campaigns.core.git_checkout import commit_of, run_in_checkout


def repository(folder: Path) -> str:
    """Make a repository whose campaigns have one commit; the commit."""
    (folder / "campaigns").mkdir(parents=True)
    (folder / "campaigns" / "a.txt").write_text(folder.name)
    commits.git(folder, "init", "-q")
    commits.git(folder, "add", ".")
    commits.git(folder, "commit", "-qm", folder.name)
    return commits.git(folder, "rev-parse", "HEAD")


def test_a_plan_names_the_commit_of_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = repository(tmp_path / "mine"), repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert mine != other
    assert commit_of(tmp_path / "mine" / "campaigns") == mine
    (tmp_path / "mine" / "campaigns" / "a.txt").write_text("edited")
    assert commit_of(tmp_path / "mine" / "campaigns") == f"{mine}-dirty"


def test_no_commit_is_named_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commit_of(tmp_path) is None
    assert commit_of(tmp_path / "absent") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) is None


def test_git_queries_do_not_write(tmp_path: Path) -> None:
    """Not even git's index, which `status` would write anew: two runs may look at once."""
    repository(tmp_path / "r")
    index = tmp_path / "r" / ".git" / "index"
    (tmp_path / "r" / "campaigns" / "a.txt").touch()
    before = index.stat().st_mtime_ns, index.read_bytes()
    assert run_in_checkout(tmp_path / "r" / "campaigns", "status", "--porcelain").code == 0
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before


def test_failing_git_returns_a_code_and_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = git("-c", "alias.slow=!sleep 9", "slow", timeout_s=0.3)
    assert (slow.code, slow.error_line) == (EXIT_TIMED_OUT, "fatal: no answer within 0 s")
    broken = tmp_path / "git"
    broken.write_bytes(b"\x7fno program")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git("--version").code == EXIT_NOT_EXECUTABLE
    broken.unlink()
    assert git("--version").code == EXIT_NOT_INSTALLED


def test_git_runs_without_prompts_and_without_its_caller_s_repository() -> None:
    """A hook that runs us must not lead us into its own repository; secrets go by variables."""
    env = clean_env(
        {"GIT_DIR": "/x", "GIT_INDEX_FILE": "/y", "PATH": "/bin", "LC_ALL": "zh_CN"}, [("a.b", "c")]
    )
    assert not {"GIT_DIR", "GIT_INDEX_FILE"} & set(env)
    assert env["GIT_TERMINAL_PROMPT"] == "0"
    assert env["LC_ALL"] == "C"
    assert (env["GIT_CONFIG_COUNT"], env["GIT_CONFIG_KEY_0"], env["GIT_CONFIG_VALUE_0"]) == ("1", "a.b", "c")


def test_git_settings_in_the_environment_are_kept() -> None:
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    env = clean_env(given, (("a.b", "c"),))
    assert given.items() - env.items() == {("GIT_CONFIG_COUNT", "1")}
    assert (env["GIT_CONFIG_COUNT"], env["GIT_CONFIG_KEY_1"], env["GIT_CONFIG_VALUE_1"]) == ("2", "a.b", "c")


def test_messages_of_git_are_shown_without_credentials() -> None:
    said = "fatal: unable to access 'https://user:s3cret@example.org/x/': Could not resolve host"
    words = GitResult(code=128, stdout=b"", stderr=f"hint: x\n{said}").error_line
    assert "s3cret" not in words
    assert "example.org" in words


def test_a_bare_repository_in_the_working_folder_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "campaigns"
    assert git("init", "--quiet", "--bare", str(bare)).code == 0
    monkeypatch.chdir(bare)
    found = git("rev-parse", "--git-dir")
    assert (found.code, found.stdout) == (128, b"")
