"""How late `apply --wait` calls: 50 sends over 10 accounts, each answer of the sandbox 100 ms late.

Run `python -m tests.bench.lateness`: five windows, half a minute apart, each with a send of every account;
then one window with all 50, of which each account makes five in a row. Takes four minutes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from tests.bench.works import LATENCY_S, SECRET, appid, sandbox

ACCOUNTS, WINDOWS = 10, 5
APART_S, FIRST_S = 30, 20
SENDALL = "/cgi-bin/message/mass/sendall"


def main() -> None:
    """Measure both and print a line for each."""
    os.environ["LATENESS_SECRET"] = SECRET
    for apart_s in (APART_S, 0):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            os.environ["CAMPAIGN_STATE_DIR"] = str(folder / "state")
            with sandbox(folder, ACCOUNTS) as url:
                measure(folder, url, apart_s)


def measure(folder: Path, url: str, apart_s: int) -> None:
    """Wait for the windows in a process of its own, and read from its log when it called."""
    opens_at = write_campaigns(folder / "campaigns", url, apart_s)
    command = [sys.executable, "-m", "wechat_campaigns", "apply", "--wait", "--auto-approve", "--quiet"]
    subprocess.run([*command, "--log-file", "log"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    late = lateness(folder / "log", opens_at)
    windows = WINDOWS if apart_s else 1
    sys.stdout.write(
        f"{len(late)} sends, {ACCOUNTS} accounts, windows: {windows}, latency: {LATENCY_S * 1000:.0f} ms; "
        f"late: median {statistics.median(late):.2f} s, worst {late[-1]:.2f} s\n"
    )


def write_campaigns(root: Path, url: str, apart_s: int) -> list[datetime]:
    """Write the campaigns; when the window of each opens."""
    root.mkdir()
    accounts = {
        f"a{n}": {"kind": "service", "appid": appid(n), "secret": {"env": "LATENESS_SECRET"}}
        for n in range(ACCOUNTS)
    }
    settings = {
        "default_environment": "bench",
        "environments": {"bench": {"api": url, "accounts": accounts}},
        "policy": {"duplicate_content_days": 0},
    }
    (root / "_settings.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=FIRST_S)
    windows = []
    for number in range(ACCOUNTS * WINDOWS):
        opens_at = first + timedelta(seconds=number // ACCOUNTS * apart_s)
        campaign = {
            "account": f"a{number % ACCOUNTS}",
            "filter": {"tag": "会员"},
            "msgtype": "text",
            "content": f"第 {number} 条",
            "not_before": opens_at.isoformat(),
        }
        file = root / f"s{number}.yaml"
        file.write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
        windows.append(opens_at)
    return windows


def lateness(log: Path, opens_at: Iterable[datetime]) -> list[float]:
    """List by how many seconds each call began after its window opened, the least first."""
    entries = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    calls = sorted(
        datetime.fromisoformat(entry["time"]) - timedelta(milliseconds=entry["duration_ms"])
        for entry in entries
        if entry["event"] == "http_call" and entry["url"].endswith(SENDALL)
    )
    return sorted(
        (call - opened).total_seconds() for call, opened in zip(calls, sorted(opens_at), strict=True)
    )


if __name__ == "__main__":
    began = time.monotonic()
    main()
    sys.stdout.write(f"took {time.monotonic() - began:.0f} s\n")
