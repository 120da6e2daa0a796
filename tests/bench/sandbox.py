"""How fast the sandbox is: start-up, tags/get and sendall with 20,000 followers, also after 1,000 sends.

Run: python -m tests.bench.sandbox
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import requests

from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

FOLLOWERS = 20_000
CALLS = 500
SENDS = 1_000
SEED = {"accounts": [{"appid": "wx0000000000000001", "kind": "service", "followers": FOLLOWERS}]}


def start_up() -> float:
    """Seconds from the command to the line that says where it listens."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "wechat_campaigns", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        started.stdout.readline()
        took = time.perf_counter() - began
        started.terminate()
    return took


def measure(name: str, call: Callable[[int], object], count: int = CALLS) -> None:
    """Print requests a second, median and p99 of a call."""
    taken = []
    for number in range(count):
        began = time.perf_counter()
        call(number)
        taken.append(time.perf_counter() - began)
    taken.sort()
    rate, median, p99 = count / sum(taken), taken[count // 2], taken[int(count * 0.99)]
    print(f"{name:32} {rate:8.0f}/s   median {median * 1000:6.2f} ms   p99 {p99 * 1000:6.2f} ms")


def main() -> None:
    """Print the figures."""
    print(f"start-up {start_up():.2f} s")
    switches = {"quota": False}
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder) / "s", switches=switches) as url:
        sandbox, session = SandboxClient(url=url), requests.Session()
        began = time.perf_counter()
        sandbox.control("POST", "seed", SEED)
        print(f"seeding {FOLLOWERS} followers {time.perf_counter() - began:.2f} s")
        login = {"grant_type": "client_credential", "appid": sandbox.appid, "secret": sandbox.secret}
        query = session.post(f"{url}/cgi-bin/stable_token", data=json.dumps(login)).json()
        query = {"access_token": query["access_token"]}

        def tags_get(_number: int) -> None:
            assert session.get(f"{url}/cgi-bin/tags/get", params=query).json()["tags"]

        def sendall(number: int) -> None:
            body = {"filter": {"is_to_all": True}, "msgtype": "text", "text": {"content": str(number)}}
            answer = session.post(f"{url}/cgi-bin/message/mass/sendall", data=json.dumps(body), params=query)
            assert answer.json()["errcode"] == 0

        measure("tags/get", tags_get)
        measure("sendall to 20,000", sendall, SENDS)
        measure("tags/get after 1,000 sends", tags_get)
        openid = sandbox.control("GET", "followers", appid=sandbox.appid, limit=1)["followers"][0]["openid"]
        measure("user/get", lambda _n: session.get(f"{url}/cgi-bin/user/get", params=query).content, 50)
        measure(
            "one follower's inbox",
            lambda _n: sandbox.control("GET", "phone", appid=sandbox.appid, openid=openid),
            10,
        )
        sandbox.switch(quota=True)
        measure("deliveries, counts of all", lambda _n: sandbox.control("GET", "deliveries", limit=10), 10)
        print(f"state file {(Path(folder) / 's').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
