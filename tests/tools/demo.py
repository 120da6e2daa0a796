"""The main job on the embedded sandbox, as a user would type it: validate, plan, apply, status, plan again.

Ends 0 only when every example campaign reached its followers exactly once. `make demo` runs it.
"""

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

from wechat_campaigns.core.files import ready_state_folder
from wechat_campaigns.core.i18n import language_from_env
from wechat_sandbox.server import embedded

ROOT = Path(__file__).parents[2]
STATE = ready_state_folder(ROOT / "campaigns", os.environ)


def main() -> int:
    """Run the commands and count what the sandbox's followers received."""
    for old in (*STATE.glob("sandbox.*"), *STATE.glob("seen/sandbox.*")):
        old.unlink()
    fresh = "A fresh rehearsal: the local sandbox and its ledger begin empty. Nobody real is reached."
    print(said(fresh, "全新的演练：本机的沙箱和它的账本都是空的，不会发给任何真人。") + "\n")
    campaign("validate")
    campaign("plan")
    campaign("apply", "--auto-approve")
    campaign("status", "--wait")
    campaign("plan", "--detailed-exitcode")
    return delivered(json.loads(campaign("status", "--format", "json", show=False)))


def said(english: str, chinese: str) -> str:
    """Return the reader's language, which the commands shown speak too."""
    return chinese if language_from_env(os.environ) == "zh" else english


def campaign(*words: str, show: bool = True) -> str:
    """Run one command; end the demo when it fails."""
    if show:
        print(f"\n$ campaign {shlex.join(words)}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "wechat_campaigns", *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    if show or done.returncode:
        print(done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(f"`campaign {shlex.join(words)}` ended with {done.returncode}")
    return done.stdout


def delivered(status: dict[str, list[dict[str, object]]]) -> int:
    """Compare what the ledger says with what the sandbox's followers have."""
    with (
        embedded(STATE / "sandbox.sandbox.sqlite3") as url,
        urllib.request.urlopen(f"{url}/_sandbox/jobs") as answer,
    ):
        jobs = {job["msg_id"]: job for job in json.load(answer)["jobs"]}
    print("\n" + said("What the sandbox's followers received:", "沙箱里的粉丝收到的："))
    for send in status["sends"]:
        job = jobs.pop(send["msg_id"], None)
        reached, wanted = (job["delivered"], job["total"]) if job else (0, 0)
        phones = said(f"{reached} of {wanted} phones", f"{wanted} 部手机，收到 {reached} 部")
        print(said(f"  {send['id']}: {phones}", f"  {send['id']}：{phones}"))
        if not reached or reached != wanted:
            return 1
    if jobs:
        print(said(f"{len(jobs)} jobs that the ledger does not know", f"有 {len(jobs)} 个任务不在账本里"))
        return 1
    arrived = said(
        "Every send arrived once. Look at the phones: make inbox",
        "每次群发都只送达了一次。看看手机：make inbox",
    )
    print("\n" + arrived)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
