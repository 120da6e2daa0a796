"""The proxy for clients that know one address, as the page about the sandbox starts it."""

import subprocess
import sys

from tests.support.actions_runner import PROJECT
from wechat_sandbox.server import embedded

CLIENT = """
import requests
print(requests.get("https://api.weixin.qq.com/cgi-bin/token", timeout=10).json()["errcode"])
raise SystemExit(7)
"""


def test_a_command_finds_the_sandbox_at_the_address_of_wechat() -> None:
    with embedded() as url:
        run = subprocess.run(
            [sys.executable, "-m", "tests.acceptance.sdk.tunnel", url, sys.executable, "-c", CLIENT],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (run.returncode, run.stdout.strip()) == (7, "40002"), run.stderr
