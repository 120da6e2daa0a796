"""The control calls from Python, for tests and rehearsals that drive a running sandbox."""

import json
from dataclasses import dataclass, field
from typing import Any

import requests

from wechat_campaigns.core.errors import UsageError
from wechat_sandbox.answers import Json
from wechat_sandbox.seeds import SECRET

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxClient:
    """A running sandbox, known by its base URL."""

    url: str
    """`http://127.0.0.1:PORT`, what a WeChat client takes in place of https://api.weixin.qq.com."""
    appid: str = "wx0000000000000001"
    """The seeded service account; …2 is a subscription account, …3 a test account."""
    secret: str = field(default=SECRET, repr=False)

    def control(self, method: str, name: str, body: Any = None, **query: Any) -> Json:
        """Make one control call.

        Args:
            method: GET, POST or DELETE.
            name: what comes after `/_sandbox/`.
            body: plain data, sent as JSON.
            **query: parameters of the call.

        Returns:
            The answer.

        Raises:
            UsageError: The sandbox says that something in the call is wrong.
        """
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        answer = requests.request(
            method, f"{self.url}/_sandbox/{name}", data=data, params=query, timeout=TIMEOUT_S
        )
        answer_json: Json = answer.json()
        if not answer.ok:
            raise UsageError(
                str(answer_json.get("error")),
                location=f"{method} /_sandbox/{name}",
                hint="see docs/sandbox.md for what the call takes",
            )
        return answer_json

    def deliveries(self, **query: Any) -> list[Json]:
        """List who received what: msg_id, openid, msgtype, content, clientmsgid, time."""
        rows: list[Json] = self.control("GET", "deliveries", **query)["deliveries"]
        return rows

    def jobs(self, **query: Any) -> list[Json]:
        """List the mass jobs with the exact JSON body received, status and counts."""
        rows: list[Json] = self.control("GET", "jobs", **query)["jobs"]
        return rows

    def requests(self, **query: Any) -> list[Json]:
        """List the calls received, oldest first."""
        rows: list[Json] = self.control("GET", "requests", **query)["requests"]
        return rows

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock."""
        self.control("POST", "clock", {"advance_s": seconds})

    def fault(self, endpoint: str, kind: str, **more: Any) -> None:
        """Order a fault for the next calls to an endpoint."""
        self.control("POST", "faults", {"endpoint": endpoint, "kind": kind, **more})

    def switch(self, **options: Any) -> None:
        """Change switches of the account, `finish_after_s=5` or `protection=True`."""
        self.control("POST", "accounts", {"appid": self.appid, **options})

    def reset(self) -> None:
        """Forget everything and begin with the seed again."""
        self.control("POST", "reset")
