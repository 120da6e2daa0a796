"""What only the git ledger has: races and refusals told apart, lost answers, rewritten branches, logins."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from http.server import HTTPServer
from pathlib import Path

import pytest

from tests.support.ledger_backends import GIT, Backend, edited, git_backend, now
from tests.support.served import QuietHandler, served
from tests.unit.ledger.writer import STREAM
from wechat_campaigns.core.errors import ExitCode, LedgerError, TamperedLedgerError
from wechat_campaigns.core.git import Git, GitFailure, GitResult
from wechat_campaigns.core.git_checkout import NAME, Remote, is_same_repository, remote_of
from wechat_campaigns.ledger.events import LedgerKind, find_chain_faults
from wechat_campaigns.ledger.git import TRIES, GitLedger
from wechat_campaigns.ledger.git_tree import TIP, fetched_events
from wechat_campaigns.ledger.open import COPIES
from wechat_campaigns.protocol.events import Entry


def entry(number: int = 0) -> Entry:
    return Entry(stream=STREAM, kind=LedgerKind.STATUS, data={"n": number})


@pytest.fixture
def place(tmp_path: Path) -> Backend:
    return git_backend(tmp_path)


def ledger_at(place: Backend, machine: str = "a") -> GitLedger:
    remote = remote_of(place.setting.removeprefix("git:"), folder=place.folder / "campaigns", environ={})
    return GitLedger(remote, place.folder / machine, now, sleep=lambda _: None, timeout_s=20)


def hook(place: Backend, name: str, script: str) -> Path:
    path = place.stored / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("form", ["{fork}", "file://{same}"])
def test_settings_that_push_to_another_repository_are_refused(
    place: Backend, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A fork that has all events so far would take a hold, or an intent, that no other runner reads."""
    ledger_at(place).append(entry(1))
    fork, settings = place.folder / "fork.git", place.folder / "gitconfig"
    subprocess.run([*GIT, "clone", "--quiet", "--mirror", place.stored, fork], check=True)
    address = form.format(fork=fork, same=place.stored)
    settings.write_text(f'[url "{address}"]\npushInsteadOf = {place.stored}\n', encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with pytest.raises(LedgerError) if address == str(fork) else nullcontext():
        ledger_at(place, "b").append(entry(2))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    assert len(ledger_at(place, "c").events()) == (1 if address == str(fork) else 2)


@pytest.mark.parametrize(
    "text",
    [
        "[push]\ngpgSign = true\n",
        "[push]\npushOption = ci.skip\n",
        "[init]\ndefaultObjectFormat = sha256\n",
        f"[remote {NAME!r}]\npromisor = true\npartialCloneFilter = blob:none\n".replace("'", '"'),
    ],
)
def test_settings_for_other_repositories_keep_no_event_from_the_ledger(
    place: Backend, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    settings = place.folder / "gitconfig"
    settings.write_text(text, encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    ledger_at(place).append(entry(1))
    assert len(ledger_at(place, "b").events()) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/org/repo", "git@github.com:org/repo.git", True),
        ("https://git.example/scm/org/repo.git", "ssh://git@git.example:7999/org/repo.git", True),
        ("https://github.com/org/repo", "git@github.com:me/repo.git", False),
    ],
)
def test_address_over_ssh_may_name_the_repository_of_one_over_https(one: str, other: str, same: bool) -> None:
    assert is_same_repository(one, other) is same


@pytest.mark.parametrize(
    ("synced", "survives"),
    [
        ("", False),
        ("committed", False),
        ("loose-object", False),
        ("reference", False),
        ("all", True),
        ("loose-object, reference", True),
    ],
)
def test_a_remote_here_says_whether_it_survives_a_power_cut(
    place: Backend, synced: str, survives: bool
) -> None:
    if synced:
        subprocess.run(["git", f"--git-dir={place.stored}", "config", "core.fsync", synced], check=True)
    assert ledger_at(place).survives_power_cut() is survives


# --- how the branch looks -------------------------------------------------------------------------


def test_the_branch_holds_one_file_an_event_and_the_heads(place: Backend) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    ledger.append(entry(2))
    git = ["git", f"--git-dir={place.stored}"]
    files = subprocess.check_output([*git, "ls-tree", "-r", "--name-only", "ledger"], text=True).split()
    folder = f"events/{STREAM}/000000"
    assert files == [f"{folder}/00000001.json", f"{folder}/00000002.json", "heads.json"]
    said = subprocess.check_output([*git, "log", "--format=%an <%ae> %s", "ledger"], text=True)
    assert said.splitlines()[0] == f"campaign <campaign@localhost> {STREAM} 2: status"
    assert len(said.splitlines()) == 2


def test_a_new_machine_fetches_one_commit_and_then_what_is_new(place: Backend) -> None:
    first, second = ledger_at(place), ledger_at(place, "b")
    for number in range(3):
        first.append(entry(number))
    assert len(second.events()) == 3
    assert (place.folder / "b" / "shallow").exists()
    first.append(replace(entry(3), stream="wx0000000000000002"))
    second.append(entry(4))
    for ledger in (first, second):
        assert [event.data["n"] for event in ledger.events()] == [0, 1, 2, 4, 3]


# --- races, refusals, lost answers ----------------------------------------------------------------


def test_loser_of_a_push_race_tries_again(place: Backend) -> None:
    first, second = ledger_at(place), ledger_at(place, "b")
    first.append(entry(1))
    second.append(entry(2))
    first.append(entry(3))
    assert first.tries == 3
    assert [event.data["n"] for event in second.events()] == [1, 2, 3]


def test_a_protected_branch_is_an_error_at_once(place: Backend) -> None:
    """A refusal is not a race: nothing is tried again, the hint names the permission."""
    ledger = ledger_at(place)
    hook(place, "pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")
    with pytest.raises(LedgerError, match="not allowed to write") as caught:
        ledger.append(entry(1))
    assert ledger.tries == 1
    assert "push to the branch" in caught.value.hint


def test_missing_remote_is_reported(tmp_path: Path) -> None:
    remote = remote_of(f"{tmp_path}/nothing.git", folder=tmp_path / "campaigns", environ={})
    with pytest.raises(LedgerError, match="cannot be accessed"):
        GitLedger(remote, tmp_path / "a", now).events()


def test_lock_files_of_a_killed_git_are_removed(place: Backend) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    for left in ("shallow.lock", "refs/campaign/tip.lock", "refs/campaign/fetched.lock"):
        (place.folder / "a" / left).touch()
    ledger_at(place, "b").append(entry(2))
    assert len(ledger.events()) == 2


@pytest.mark.parametrize(
    ("name", "script"),
    [("post-receive", 'rm "$0"; kill -9 $PPID'), ("pre-receive", 'rm "$0"; kill -9 $PPID')],
    ids=["answer lost", "cut before it arrived"],
)
def test_an_interrupted_push_leaves_one_event(place: Backend, name: str, script: str) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    hook(place, name, script)
    event = ledger.append(entry(2))
    for machine in (ledger, ledger_at(place, "b")):
        assert machine.events()[1:] == (event,)
        assert not find_chain_faults(*machine.snapshot())


@pytest.mark.deep
def test_many_lost_races_end_in_an_error(place: Backend) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    hook(place, "pre-receive", "echo 'error: cannot lock ref' >&2; exit 1")
    with pytest.raises(LedgerError, match="wrote first 60 times in a row") as caught:
        ledger.append(entry(2))
    assert "postgresql" in caught.value.hint


def test_a_lock_that_stays_on_the_remote_is_named(place: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wechat_campaigns.ledger.git.LOCKED_S", 0.1)
    ledger = ledger_at(place)
    ledger.append(entry(1))
    lock = place.stored / "refs" / "heads" / "ledger.lock"
    lock.touch()
    with pytest.raises(LedgerError, match=r"stayed locked for \d s") as caught:
        ledger.append(entry(2))
    assert ledger.tries < TRIES
    assert "refs/heads/ledger.lock" in caught.value.hint
    lock.unlink()
    assert ledger.append(entry(2)).seq == 2


REF_ON_A_FULL_DISK = (
    "remote: error: cannot lock ref 'refs/heads/l': Unable to create '/srv/r/./refs/heads/l.lock': "
    "No space left on device        \nerror: failed to push some refs to '/srv/r'\n"
)
"""Seen of git 2.39, beside `[remote rejected] (failed to update ref)`."""


@pytest.mark.parametrize("damaged", ["refs/campaign/*", "objects/??/*"])
def test_a_damaged_local_copy_is_told_from_its_remote(place: Backend, damaged: str) -> None:
    ledger_at(place).append(entry(1))
    copy = place.folder / "a"
    for file in copy.glob(damaged):
        file.chmod(0o600)
        file.write_bytes(b"")
    with pytest.raises(LedgerError, match="the local copy of the ledger is not usable") as caught:
        ledger_at(place).append(entry(2))
    assert caught.value.exit_code is ExitCode.LEDGER
    assert f"delete {copy}" in caught.value.hint
    shutil.rmtree(copy)
    assert ledger_at(place).append(entry(2)).seq == 2


def rejected(words: str) -> str:
    return f"!\tabc:refs/heads/l\t{words}\n"


@pytest.mark.parametrize(
    ("stdout", "stderr", "fault"),
    [
        (rejected("[rejected] (stale info)"), "", GitFailure.RACE),
        (rejected("[rejected] (fetch first)"), "", GitFailure.RACE),
        (rejected("[remote rejected] (failed to update ref)"), "", GitFailure.RACE),
        (rejected("[remote rejected] (cannot lock ref)"), "", GitFailure.RACE),
        (rejected("[remote rejected] (pre-receive hook declined)"), "", GitFailure.REFUSED),
        (rejected("[remote rejected] (unpacker error)"), "", GitFailure.BROKEN),
        (rejected("[remote rejected] (failed to update ref)"), REF_ON_A_FULL_DISK, GitFailure.FULL),
        ("", "fatal: couldn't find remote ref refs/heads/l", GitFailure.NO_BRANCH),
        ("", "fatal: Authentication failed for 'https://x/'", GitFailure.NO_ACCESS),
        (
            "",
            "fatal: could not read Username for 'https://x': terminal prompts disabled",
            GitFailure.NO_ACCESS,
        ),
        ("", "git@x: Permission denied (publickey).", GitFailure.NO_ACCESS),
        ("", "remote: Repository not found.", GitFailure.NO_ACCESS),
        (
            "",
            "fatal: unable to access 'https://x/': The requested URL returned error: 403",
            GitFailure.NO_ACCESS,
        ),
        ("", "fatal: unable to access 'https://x/': Could not resolve host: x", GitFailure.BROKEN),
        ("", "fatal: the remote end hung up unexpectedly", GitFailure.BROKEN),
        ("", "fatal: sha1 file 'x/tmp_pack_1' write error. Out of diskspace", GitFailure.FULL),
        ("", "fatal: unable to write loose object file: Disk quota exceeded", GitFailure.FULL),
    ],
)
def test_messages_of_git_are_classified(stdout: str, stderr: str, fault: GitFailure) -> None:
    result = GitResult(code=1, stdout=stdout.encode(), stderr=stderr)
    assert result.failure is fault
    assert stderr != REF_ON_A_FULL_DISK or "No space left" in result.error_line


def test_hanging_git_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        answer = Git(folder=tmp_path, timeout_s=0.2).run("fetch")
    assert answer.failure is GitFailure.BROKEN
    assert "no answer within" in answer.error_line


def test_an_address_cannot_run_a_program(tmp_path: Path) -> None:
    remote = remote_of(f"ext::touch {tmp_path}/run#x", folder=tmp_path, environ={})
    with pytest.raises(LedgerError, match="not allowed"):
        GitLedger(remote, tmp_path / "a", now).events()
    assert not (tmp_path / "run").exists()


# --- a rewritten branch ---------------------------------------------------------------------------


def test_a_branch_that_lost_events_this_machine_has_seen_is_refused(place: Backend) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    git = ["git", f"--git-dir={place.stored}"]
    old = subprocess.check_output([*git, "rev-parse", "ledger"], text=True).strip()
    ledger.append(entry(2))
    subprocess.run([*git, "update-ref", "refs/heads/ledger", old], check=True)
    for again in (ledger, ledger_at(place)):
        with pytest.raises(TamperedLedgerError, match="1 event that existed before is missing"):
            again.events()
    with pytest.raises(TamperedLedgerError):
        ledger.append(entry(3))
    assert not find_chain_faults(*ledger_at(place, "b").snapshot())


def test_a_branch_that_was_deleted_is_not_an_empty_ledger(place: Backend) -> None:
    """Else everything would be sent again."""
    ledger = ledger_at(place)
    ledger.append(entry(1))
    subprocess.run(["git", f"--git-dir={place.stored}", "update-ref", "-d", "refs/heads/ledger"], check=True)
    with pytest.raises(TamperedLedgerError, match="missing from the remote"):
        ledger_at(place).events()


def test_an_edited_event_is_refused_before_anything_is_written(place: Backend) -> None:
    ledger = ledger_at(place)
    ledger.append(entry(1))
    place.tamper(lambda rows: {key: edited(body) for key, body in rows.items()})
    with pytest.raises(TamperedLedgerError, match="missing or changed"):
        ledger.append(entry(2))


def test_a_copy_on_this_machine_is_verified_before_it_is_believed(place: Backend, tmp_path: Path) -> None:
    """Whoever can write here edits the ledger's copy, or the branch that the checkout fetched."""
    remote, root = str(place.stored), tmp_path / "shop" / "campaigns"
    subprocess.run([*GIT, "init", "--quiet", root.parent], check=True)
    root.mkdir()
    place.open(machine="a").append(entry(1))
    (copy,) = (one for one in (place.folder / "a" / COPIES).iterdir() if one.is_dir())
    branches = {root.parent / ".git": "refs/remotes/origin/ledger", copy: TIP}

    def fetch() -> None:
        for repository, ref in branches.items():
            command = ["git", f"--git-dir={repository}", "fetch", "--quiet", remote]
            subprocess.run([*command, f"+refs/heads/ledger:{ref}"], check=True)

    fetch()
    assert len(place.offline(machine="a")) == 1
    assert len(fetched_events(root, "origin", "ledger") or ()) == 1
    place.tamper(lambda rows: {key: edited(body) for key, body in rows.items()})
    fetch()
    with pytest.raises(TamperedLedgerError):
        place.offline(machine="a")
    with pytest.raises(TamperedLedgerError):
        fetched_events(root, "origin", "ledger")


# --- finding the remote, logging in -----------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a campaigns folder and a remote."""
    repo = tmp_path / "checkout"
    subprocess.run([*GIT, "init", "--quiet", repo], check=True)
    (repo / "campaigns").mkdir()
    return repo


def set_config(repo: Path, key: str, value: str) -> None:
    subprocess.run(["git", "-C", repo, "config", "--add", key, value], check=True)


def basic(user: str, password: str) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def found(repo: Path, rest: str = "", **environ: str) -> Remote:
    return remote_of(rest, folder=repo / "campaigns", environ=environ)


def test_the_default_is_a_branch_of_the_campaigns_own_remote(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_config(checkout, "remote.origin.url", "../remote.git")
    set_config(checkout, "remote.other.url", "git@example.org:team/ledger.git")
    remote = str((checkout / "../remote.git").resolve())
    assert found(checkout).display_url == f"{remote}#campaign-ledger"
    assert found(checkout, "origin#x").display_url == f"{remote}#x"
    assert found(checkout, "other#x").display_url == "git@example.org:team/ledger.git#x"
    assert (
        found(checkout, "https://example.org/l.git").display_url
        == "https://example.org/l.git#campaign-ledger"
    )
    assert found(checkout, "ssh://git@example.org/l.git#x").ref == "refs/heads/x"
    monkeypatch.chdir(checkout)
    address = "git@example.org:team/ledger.git"
    assert found(checkout, f"{address}#x").url == address, "no path"
    for folder in (checkout, tmp_path):
        with pytest.raises(LedgerError, match="git remote 'upstream'"):
            remote_of("upstream#x", folder=folder, environ={})


def test_the_checkout_s_login_is_used(checkout: Path) -> None:
    set_config(checkout, "remote.origin.url", "https://github.com/team/campaigns")
    (checkout / ".git" / "token").write_text('[http "https://github.com/"]\nextraheader = AUTH\n')
    set_config(checkout, "include.path", "token")
    set_config(checkout, "credential.helper", "store")
    set_config(checkout, "user.name", "somebody")
    config = found(checkout).config
    assert ("http.https://github.com/.extraheader", "AUTH") in config
    assert ("credential.helper", "store") in config
    assert not any(key.startswith("user.") for key, _ in config)


def test_a_token_from_the_environment_replaces_the_checkout_s(checkout: Path) -> None:
    """Two Authorization headers would be refused; the token stands in no address and no repr."""
    set_config(checkout, "remote.origin.url", "https://github.com/team/campaigns")
    set_config(checkout, "http.https://github.com/.extraheader", "AUTHORIZATION: basic old")
    remote = found(checkout, CAMPAIGN_LEDGER_TOKEN="s3cret")
    headers = [value for key, value in remote.config if key.endswith(".extraheader")]
    assert headers == [basic("x-access-token", "s3cret")]
    assert "s3cret" not in repr(remote) + remote.display_url


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/team/ledger",
        "http://github.com/team/ledger",
        "https://github.com.evil.example/team/ledger",
        "https://github.com@evil.example/team/ledger",
        "https://github.com:8443/team/ledger",
    ],
)
def test_the_token_goes_to_no_server_but_the_checkout_s(checkout: Path, address: str) -> None:
    set_config(checkout, "remote.origin.url", "https://github.com/team/campaigns")
    config = found(checkout, address, CAMPAIGN_LEDGER_TOKEN="s3cret").config
    assert not [key for key, _ in config if key.endswith(".extraheader")]
    other = found(checkout, "https://GitHub.com/team/ledger", CAMPAIGN_LEDGER_TOKEN="s3cret")
    assert basic("x-access-token", "s3cret") in [value for _, value in other.config]


def test_a_password_in_the_checkout_s_address_is_moved_out_of_it(checkout: Path) -> None:
    set_config(checkout, "remote.origin.url", "https://gitlab-ci-token:p%40ss@gitlab.example.org/t/c.git")
    remote = found(checkout)
    assert remote.url == "https://gitlab.example.org/t/c.git"
    assert (f"http.{remote.url}.extraheader", basic("gitlab-ci-token", "p@ss")) in remote.config


def test_a_token_in_the_place_of_the_user_is_not_shown(checkout: Path) -> None:
    set_config(checkout, "remote.origin.url", "https://ghp_s3cret@github.com/team/campaigns.git")
    remote = found(checkout)
    assert remote.display_url == "https://github.com/team/campaigns.git#campaign-ledger"
    assert remote.url == "https://ghp_s3cret@github.com/team/campaigns.git"
    assert found(checkout, "ssh://git@example.org/l.git#x").display_url == "ssh://git@example.org/l.git#x"


@contextmanager
def refusing_server() -> Iterator[tuple[str, list[str]]]:
    """Serve 403 to everything; the address, and the Authorization headers that came."""
    headers: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            headers.append(self.headers.get("Authorization", ""))
            self.send_error(403)

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}", headers


def test_a_real_header_reaches_a_real_server(checkout: Path) -> None:
    with refusing_server() as (url, headers):
        set_config(checkout, "remote.origin.url", f"{url}/team/campaigns.git")
        remote = found(checkout, f"{url}/team/ledger.git", CAMPAIGN_LEDGER_TOKEN="s3cret")
        with pytest.raises(LedgerError, match="cannot be accessed") as caught:
            GitLedger(remote, checkout / "copy", now).events()
    assert basic("x-access-token", "s3cret").removeprefix("Authorization: ") in headers
    assert "s3cret" not in str(caught.value)
