"""Disks that fill up or turn read-only while the real command is at work, and stores that forget."""

import json
import resource
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop, campaign_file
from tests.support.small_disk import small_disk
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.protocol.events import EventKind

pytestmark = [
    pytest.mark.deep,
    pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits a process that runs"),
]

LATENCY_S = 6


def _begun(shop: Shop) -> subprocess.Popen[str]:
    """An apply whose intent is recorded and whose call WeChat is slow to answer."""
    shop.sandbox.fault(endpoint=SENDALL, kind="latency", latency_s=LATENCY_S, times=1)
    running = shop.begin("apply", "--auto-approve", "--format", "json")
    until(lambda: any(event["kind"] == EventKind.INTENT for event in shop.log()))
    return running


@pytest.mark.parametrize("ledger", ["sqlite", "git"])
def test_disk_that_fills_up_during_the_call(make_shop: MakeShop, ledger: str) -> None:
    shop = make_shop(ledger)
    shop.write(a=campaign_file("甲"), b=campaign_file("乙"))
    running = _begun(shop)
    resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    out, err = running.communicate(timeout=120)
    assert (running.returncode, "Traceback" in err) == (ExitCode.UNKNOWN, False), err
    outcomes = {one["id"]: one for one in json.loads(out)["outcomes"]}
    assert {name: one["result"] for name, one in outcomes.items()} == {"a": "unknown", "b": "skipped"}
    assert "the ledger could not record WeChat's response" in outcomes["a"]["reason"]
    assert shop.texts() == ["甲"]
    assert shop.run("status")[0] == ExitCode.UNKNOWN
    assert shop.apply() == ExitCode.OK
    assert shop.texts() == ["甲", "乙"]
    assert shop.run("ledger", "verify")[0] == ExitCode.OK


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "2m") as place:
        yield place


def fill(ballast: Path) -> None:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_state_folder_that_cannot_be_written(make_shop: MakeShop, disk: Path, fault: str) -> None:
    """Nothing is sent, and nobody is sent to another folder, which would be one without the past."""
    shop = make_shop("own")
    shop.write(a=campaign_file("甲"))
    state = {"CAMPAIGN_STATE_DIR": str(disk / "state")}
    settings = shop.folder / "campaigns/_settings.yaml"
    text = settings.read_text(encoding="utf-8").splitlines()
    kept = ["    ledger: sqlite" if "ledger:" in line else line for line in text]
    settings.write_text("\n".join(kept), encoding="utf-8")
    assert shop.run("ledger", "init", **state)[0] == ExitCode.OK
    if fault == "full":
        fill(disk / "ballast")
    else:
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for words in (("apply", "--auto-approve"), ("hold", "main", "--reason", "x")):
        code, said = shop.run(*words, **state)
        assert code in (ExitCode.LEDGER, ExitCode.USAGE), said
        assert "CAMPAIGN_STATE_DIR" not in said
        assert (
            ("free space" in said or "free some disk space" in said)
            if fault == "full"
            else "permissions" in said
        ), said
    assert not shop.texts()
    if fault == "full":
        (disk / "ballast").unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert shop.run("apply", "--auto-approve", **state)[0] == ExitCode.OK
    assert shop.texts() == ["甲"]


@pytest.mark.parametrize("fault", ["damaged", "full"])
def test_hold_needs_no_copy_of_the_branch(make_shop: MakeShop, disk: Path, fault: str) -> None:
    shop, state = make_shop("git"), {"CAMPAIGN_STATE_DIR": str(disk / "state")}
    shop.write(a=campaign_file("甲"))
    assert shop.run("plan", **state)[0] == ExitCode.OK
    if fault == "full":
        fill(disk / "ballast")
    else:
        for ref in disk.glob("state/*/ledger-git/*/refs/campaign/*"):
            ref.write_bytes(b"")
    code, said = shop.run("hold", "main", "--reason", "x", **state)
    assert (code, "the local copy of the ledger is not usable" in said) == (ExitCode.OK, True), said
    assert shop.apply() == ExitCode.POLICY
    assert not shop.texts()


def test_export_that_does_not_fit_leaves_the_one_before(make_shop: MakeShop, disk: Path) -> None:
    shop = make_shop()
    export = disk / "export.jsonl"
    assert shop.run("ledger", "export", "--out", str(export))[0] == ExitCode.OK
    kept = export.read_bytes()
    shop.write(**{name: campaign_file(name * 300) for name in "甲乙丙丁"})
    assert shop.apply() == ExitCode.OK
    fill(disk / "ballast")
    code, said = shop.run("ledger", "export", "--out", str(export))
    assert (code, "free some disk space" in said) == (ExitCode.USAGE, True), said
    assert export.read_bytes() == kept
    assert {path.name for path in disk.iterdir()} == {"export.jsonl", "ballast"}
    (disk / "ballast").unlink()
    assert shop.run("ledger", "export", "--out", str(export))[0] == ExitCode.OK
    assert len(export.read_bytes()) > len(kept)


@pytest.mark.optional_part
def test_a_role_that_may_only_read_sees_what_wechat_answers(make_shop: MakeShop) -> None:
    import psycopg

    shop = make_shop("postgres")
    shop.write(sale=campaign_file("你好"))
    assert shop.apply() == ExitCode.OK
    settings = shop.folder / "campaigns" / "_settings.yaml"
    text = settings.read_text(encoding="utf-8")
    address = text.partition('ledger: "')[2].partition('"')[0]
    role, schema = f"r{uuid.uuid4().hex}", unquote(address).rpartition("=")[2]
    with psycopg.connect(address, autocommit=True) as db:
        db.execute(f"create role {role} login".encode())
        for right in (
            f"usage on schema {schema}",
            "select on campaign_ledger, campaign_event, campaign_head",
        ):
            db.execute(f"grant {right} to {role}".encode())
    settings.write_text(text.replace("user=postgres", f"user={role}"), encoding="utf-8")
    for _ in range(2):
        code, said = shop.run("status", "--format", "json")
        assert (code, json.loads(said.partition("\n")[0])["sends"][0]["status"]) == (ExitCode.OK, "sent")
        assert "permission denied" in said
    assert "status" not in [event["kind"] for event in shop.log()]
