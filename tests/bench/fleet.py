"""A fleet: four processes share two hundred accounts on one PostgreSQL, WeChat 100 ms away."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.ledger_backends import postgres_backend
from tests.support.postgres_server import Server, postgres_server
from tests.torture.runners import fork
from wechat_campaigns.ledger.events import find_chain_faults
from wechat_campaigns.ledger.fold import SendStatus, fold

ACCOUNTS = 200
EACH = 10
LATENCY_S = 0.1
SECRET = "0" * 32


def fleet(folder: Path) -> None:
    """Time one process and four; whatever they share, each send is made once."""
    os.environ.update(FLEET_SECRET=SECRET, CAMPAIGN_STATE_DIR=str(folder / "state"))
    with postgres_server() as server:
        taken = {count: _run(folder / str(count), server, count) for count in (1, 4)}
    ratio = taken[1] / taken[4]
    sys.stdout.write(f"postgresql, 4 processes are {ratio:.2f} times as fast as one\n")


def _run(folder: Path, server: Server, processes: int) -> float:
    folder.mkdir()
    appids = [f"wx{number:016d}" for number in range(ACCOUNTS)]
    backend = postgres_backend(folder, server, f"fleet{processes}")
    with _sandbox(folder, appids) as url:
        root = _campaigns(folder, url, backend.setting, appids)
        _wait([fork(["ledger", "init", "--dir", str(root)], _log(folder, "init"))])
        requests.post(
            f"{url}/_sandbox/faults", json={"kind": "latency", "latency_s": LATENCY_S, "times": None}
        )
        began = time.perf_counter()
        arguments = ["apply", "--auto-approve", "--quiet", "--dir", str(root)]
        codes = _wait([fork(arguments, _log(folder, f"{n}")) for n in range(processes)])
        took = time.perf_counter() - began
        jobs: list[dict[str, Any]] = requests.get(f"{url}/_sandbox/jobs").json()["jobs"]
    assert set(codes) == {0}, (folder / "0.log").read_text(encoding="utf-8")[-2000:]
    events, heads = backend.open().snapshot()
    backend.close()
    statuses = Counter(known.status for known in fold(events).sends.values())
    assert not find_chain_faults(events, heads)
    assert len({job["clientmsgid"] for job in jobs}) == len(jobs) == ACCOUNTS * EACH, len(jobs)
    assert statuses == {SendStatus.ACCEPTED: ACCOUNTS * EACH}, statuses
    sys.stdout.write(
        f"postgresql, {processes} processes, {ACCOUNTS} accounts, {len(jobs)} sends, "
        f"{LATENCY_S * 1000:.0f} ms latency: {took:.1f} s, exit codes {codes}, none twice\n"
    )
    return took


def _log(folder: Path, name: str) -> int:
    return os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT)


def _wait(pids: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


@contextmanager
def _sandbox(folder: Path, appids: list[str]) -> Iterator[str]:
    accounts = [
        {"appid": appid, "kind": "service", "secret": SECRET, "followers": 3, "tags": ["会员"]}
        for appid in appids
    ]
    seed = folder / "seed.yaml"
    seed.write_text(yaml.safe_dump({"accounts": accounts}, allow_unicode=True), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "wechat_campaigns",
        "sandbox",
        "--port",
        "0",
        "--seed",
        str(seed),
        "--no-quota",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def _campaigns(folder: Path, url: str, ledger: str, appids: list[str]) -> Path:
    root = folder / "campaigns"
    root.mkdir()
    accounts = {
        f"a{number}": {"kind": "service", "appid": appid, "secret": {"env": "FLEET_SECRET"}}
        for number, appid in enumerate(appids)
    }
    settings = {
        "default_environment": "fleet",
        "environments": {"fleet": {"api": url, "ledger": ledger, "accounts": accounts}},
        "policy": {"duplicate_content_days": 0},
    }
    (root / "_settings.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    entries = {f"k{n}": {"filter": {"tag": "会员"}, "vars": {"key": n}} for n in range(EACH)}
    for name in accounts:
        campaign = {"account": name, "msgtype": "text", "content": "会员日 {{ key }}", "for_each": entries}
        text = yaml.safe_dump(campaign, allow_unicode=True, sort_keys=False)
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root
