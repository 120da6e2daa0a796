"""What a checkout carries never configures git: nothing of it runs, no secret and no token leaves.

Every test runs the real command in a process of its own, with a `git` that writes down each of its calls.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hostile.process import Clone, Done, campaign
from tests.support.served import QuietHandler, served
from wechat_campaigns.core.errors import ExitCode

SECRETS = {
    "WECHAT_APPSECRET": "appsecret-of-the-job",
    "CAMPAIGN_LEDGER_TOKEN": "token-of-the-ledger",
    "CAMPAIGN_REVIEW_TOKEN": "token-of-reviews",
    "CAMPAIGN_VAR_CITY": "variable-of-the-job",
    "GITHUB_TOKEN": "token-of-the-hub",
    "PGPASSWORD": "password-of-the-database",
    "AWS_SECRET_ACCESS_KEY": "key-of-the-cloud",
}
SETTINGS = """\
default_environment: production
environments:
  production:
    api: https://api.weixin.qq.com
    ledger: {ledger}
    accounts:
      main: {{kind: service, appid: wx1234567890abcdef, secret: {{env: WECHAT_APPSECRET}}}}
"""
CAMPAIGN = "filter: {tag: 会员}\nmsgtype: text\ncontent: 你好\n"


class HostileClone(Clone):
    """A clone whose pull request is looked at by a job that has secrets."""

    def __init__(self, folder: Path) -> None:
        remote = "https://127.0.0.1:9/team/campaigns.git"
        super().__init__(folder, remote, sale=CAMPAIGN, _settings=SETTINGS.format(ledger="git"))
        self.commit()

    def touch(self) -> str:
        return f"sh -c 'env >> {self.mark}; cat'"

    def run(self, *words: str, **variables: str) -> Done:
        more = {"GIT_ALLOW_PROTOCOL": "file:http:https:ssh", "PATH": self.path, **SECRETS, **variables}
        return campaign(self.repo, *words, home=self.home, **more)


@pytest.fixture
def clone(tmp_path: Path) -> HostileClone:
    return HostileClone(tmp_path)


def spoil(clone: HostileClone, folder: Path, *, work_tree: bool = True) -> None:
    """Put ordinary files into a folder that git takes for a repository, with everything that runs."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "objects").mkdir()
    (folder / "objects" / ".keep").write_text("")
    (folder / "refs").mkdir()
    (folder / "refs" / ".keep").write_text("")
    shutil.copy(clone.repo / ".git" / "index", folder / "index")
    lines = ["[core]", "repositoryformatversion = 0", "bare = false"]
    lines += [f"worktree = {folder}"] if work_tree else []
    lines += [f'fsmonitor = "{clone.touch()}"', f'sshCommand = "{clone.touch()}"']
    lines += ['[filter "evil"]', *(f'{kind} = "{clone.touch()}"' for kind in ("clean", "smudge", "process"))]
    lines += [
        "[credential]",
        f'helper = "!{clone.touch()}"',
        '[remote "origin"]',
        "url = http://evil.example/x",
    ]
    (folder / "config").write_text("\n".join(lines) + "\n")
    (folder / ".gitattributes").write_text("* filter=evil diff=evil\n")


COMMANDS = [
    ("plan", "--offline"),
    ("calendar",),
    ("apply", "--auto-approve"),
    ("preview", "sale", "--to", "nobody"),
    ("validate",),
    ("plan", "--offline", "--changed-since", "main"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_repository_as_the_campaigns_folder_is_refused(clone: HostileClone, words: tuple[str, ...]) -> None:
    spoil(clone, clone.campaigns)
    done = clone.run(*words)
    assert (done.returncode, "campaigns" in done.stdout + done.stderr) == (ExitCode.INVALID, True), (
        done.stderr
    )
    assert not clone.mark.exists()
    assert "evil.example" not in clone.called()


@pytest.mark.parametrize("place", ["2026/autumn", "_partials", ".hidden", "a/.git", "a/.GIT"])
def test_a_repository_below_the_campaigns_is_refused(clone: HostileClone, place: str) -> None:
    spoil(clone, clone.campaigns / place)
    done = clone.run("validate", "--format", "json")
    assert done.returncode == ExitCode.INVALID, done.stdout + done.stderr
    found = {(one["rule"], one["file"]) for one in json.loads(done.stdout)["problems"]}
    assert ("file-repository", f"campaigns/{place}") in found


@pytest.mark.parametrize("place", [".", "shop"])
def test_a_repository_above_the_campaigns_is_none(clone: HostileClone, place: str) -> None:
    """The repository is the one whose `.git` is found, whatever else lies beside the campaigns."""
    spoil(clone, clone.repo / place)
    campaigns = clone.repo / place / "campaigns"
    if place != ".":
        shutil.copytree(clone.campaigns, campaigns)
    commit = clone.commit()
    done = clone.run("plan", "--offline", "--format", "json", "--dir", str(campaigns))
    assert json.loads(done.stdout)["commit"] == commit, done.stderr
    assert not clone.mark.exists()
    assert "evil.example" not in clone.called()


def test_no_filter_runs_whatever_the_files_ask_for(clone: HostileClone) -> None:
    for name in ("clean", "smudge", "process"):
        clone.git("config", f"filter.evil.{name}", clone.touch())
    clone.git("config", "filter.evil.required", "true")
    clone.git("config", "core.fsmonitor", clone.touch())
    clone.git("config", "diff.evil.textconv", clone.touch())
    clone.git("config", "diff.external", clone.touch())
    (clone.repo / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (clone.campaigns / "sale.yaml").write_text(CAMPAIGN + "# another\n", encoding="utf-8")
    done = clone.run("plan", "--offline", "--format", "json", "--changed-since", "main")
    assert json.loads(done.stdout)["commit"].endswith("-dirty"), done.stderr
    assert not clone.mark.exists()


def test_settings_that_lie_in_the_checkout_are_refused(clone: HostileClone) -> None:
    (clone.repo / "team.gitconfig").write_text(f'[core]\nsshCommand = "{clone.touch()}"\n')
    clone.git("config", "include.path", "../team.gitconfig")
    done = clone.run("plan", "--offline")
    assert done.returncode == ExitCode.USAGE, done.stdout
    assert "team.gitconfig" in done.stderr
    assert not clone.mark.exists()


def test_a_home_inside_the_checkout_lends_it_no_settings(clone: HostileClone) -> None:
    """Some CI images set HOME to the checkout: its `.gitconfig` would be the commit's."""
    (clone.repo / ".gitconfig").write_text('[url "http://evil.example/"]\ninsteadOf = https://\n')
    done = clone.run("plan", "--offline", HOME=str(clone.repo))
    assert done.returncode == ExitCode.USAGE, done.stdout
    assert ".gitconfig" in done.stderr


@pytest.mark.parametrize("words", COMMANDS[:2], ids=" ".join)
def test_git_gets_no_secret_of_the_job(clone: HostileClone, words: tuple[str, ...]) -> None:
    clone.run(*words, SSH_AUTH_SOCK="/run/agent", HTTPS_PROXY="http://127.0.0.1:9")
    called = clone.called()
    assert "ARGS " in called
    assert [name for name in SECRETS if f"{name}=" in called] == []
    assert [value for value in SECRETS.values() if value in called] == []
    assert "SSH_AUTH_SOCK=/run/agent" in called
    assert "HTTPS_PROXY=http://127.0.0.1:9" in called


def test_a_repository_of_somebody_else_is_not_asked(clone: HostileClone) -> None:
    """Git's own check of the owner holds although the repository is named to it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    subprocess.run(["chown", "-R", "65534", str(clone.repo)], check=True)
    done = clone.run("plan", "--offline", "--format", "json", "--env", "sandbox")
    assert json.loads(done.stdout)["commit"] is None, done.stderr
    said = " ".join(clone.run("plan", "--offline", "--env", "sandbox").stdout.split())
    assert "the plan names no commit" in said
    assert f"safe.directory {clone.repo}" in said
    told = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    done = clone.run("plan", "--offline", "--format", "json", "--env", "sandbox", **told)
    assert json.loads(done.stdout)["commit"]


def test_plan_without_git_says_that_it_names_no_commit(clone: HostileClone) -> None:
    done = clone.run("plan", "--offline", "--env", "sandbox", PATH=str(clone.repo))
    assert "the plan names no commit" in " ".join(done.stdout.split()), done.stderr


# --- the ledger's remote ------------------------------------------------------------------------------


@contextmanager
def server() -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """Serve git's first question with a refusal; the address, and the headers of each request."""
    asked: list[Mapping[str, str]] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.send_response(403)
            self.end_headers()

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as running:
        yield f"http://127.0.0.1:{running.server_port}", asked


def token_of(headers: Mapping[str, str]) -> str:
    basic = headers.get("Authorization", "").removeprefix("Basic ")
    return base64.b64decode(basic).decode().partition(":")[2]


def test_the_token_goes_to_no_remote_that_the_files_name(clone: HostileClone) -> None:
    with server() as (url, asked):
        clone.write(_settings=SETTINGS.format(ledger=f"git:{url}/evil/ledger.git#ledger"))
        spoil(clone, clone.repo / "shop")
        config = clone.repo / "shop" / "config"
        config.write_text(config.read_text().replace("http://evil.example", url))
        shutil.copytree(clone.campaigns, clone.repo / "shop" / "campaigns")
        for folder in ("campaigns", "shop/campaigns"):
            clone.run("status", "--dir", folder)
        assert asked
        assert {token_of(headers) for headers in asked} == {""}


def test_a_submodule_vouches_for_no_server(clone: HostileClone) -> None:
    with server() as (url, asked):
        other = clone.folder / "other"
        other.mkdir()
        clone.git("init", "--quiet", cwd=other)
        shutil.copytree(clone.campaigns, other / "campaigns")
        (other / "campaigns" / "_settings.yaml").write_text(SETTINGS.format(ledger="git"), encoding="utf-8")
        clone.git("add", "--all", cwd=other)
        clone.git("commit", "--quiet", "--message", "x", cwd=other)
        clone.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
        clone.git("remote", "set-url", "origin", f"{url}/evil/campaigns.git", cwd=clone.repo / "sub")
        clone.run("status", "--dir", "sub/campaigns")
        assert asked
        assert {token_of(headers) for headers in asked} == {""}
