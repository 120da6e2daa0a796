"""The main job on the embedded sandbox, as a user would type it: validate, plan, apply, status, plan again.

Ends 0 only when every example campaign reached its followers exactly once. `make demo` runs it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

from runner.sandbox.server import embedded

ROOT = Path(__file__).parent.parent
STATE = ROOT / ".campaign"


def main() -> int:
    """Run the commands and count what the sandbox's followers received."""
    for old in STATE.glob("sandbox.*"):
        old.unlink()
    print("A fresh rehearsal: the local sandbox and its ledger begin empty. Nobody real is reached.\n")
    campaign("validate")
    campaign("plan")
    campaign("apply", "--auto-approve")
    campaign("status", "--wait")
    campaign("plan", "--detailed-exitcode", "--quiet")
    return delivered(json.loads(campaign("status", "--format", "json", show=False)))


def campaign(*words: str, show: bool = True) -> str:
    """Run one command; end the demo when it fails."""
    if show:
        print(f"\n$ campaign {shlex.join(words)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "runner", *words], cwd=ROOT, text=True, stdout=subprocess.PIPE, check=False
    )
    if show or done.returncode:
        print(done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(f"`campaign {shlex.join(words)}` ended with {done.returncode}")
    return done.stdout


def delivered(status: dict[str, list[dict[str, object]]]) -> int:
    """Compare what the ledger says with what the sandbox's followers have."""
    with embedded(STATE / "sandbox.sqlite3") as url, urllib.request.urlopen(f"{url}/_sandbox/jobs") as answer:
        jobs = {job["msg_id"]: job for job in json.load(answer)["jobs"]}
    print("\nWhat the sandbox's followers received:")
    for send in status["sends"]:
        job = jobs.pop(send["msg_id"], None)
        reached, wanted = (job["delivered"], job["total"]) if job else (0, 0)
        print(f"  {send['id']}: {reached} of {wanted} phones")
        if not reached or reached != wanted:
            return 1
    if jobs:
        print(f"{len(jobs)} jobs that the ledger does not know")
        return 1
    print("\nEvery send arrived once. Look at the phones: make inbox")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
