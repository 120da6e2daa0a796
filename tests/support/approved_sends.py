"""Three accounts whose sends bob approves, by the pipelines of a code host: what goes, and what waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.hosted_repository import SETTINGS, TOOLS, HostedRepository, command
from wechat_campaigns.ledger.approvals import public_key

KEY = "1" * 64
SHOP, NEWS = "wx0000000000000011", "wx0000000000000012"
SENDS = {
    "a": ("main", "会员", 1.0), "tagged": ("main", "新客", 6.0), "grown": ("main", "北京", 6.0),
    "edited": ("shop", "会员", 6.0), "moved": ("shop", "会员", 6.0),
    "e": ("news", "会员", 2.5), "raised": ("news", "会员", 6.0), "kept": ("news", "会员", 6.0),
}  # fmt: skip
"""Account, tag, and the hours until the window opens."""


@dataclass
class ApprovedSends:
    """A repository whose settings ask for bob's approvals, and the hours of its schedule."""

    hosted: HostedRepository
    pipeline: Callable[[bool], dict[str, Any]]
    """Runs every job on the default branch, whether bob approves or not; the reviewed plan."""
    began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    advanced: timedelta = timedelta()

    def settings(self, rules: str = "") -> str:
        text = SETTINGS.format(url=self.hosted.sandbox.url)
        key = f"    approvals: {{approvers: {{bob: '{public_key(KEY)}'}}}}\n    accounts:"
        account = "      {}: {{kind: service, appid: {}, secret: {{env: WECHAT_MAIN_SECRET}}{}}}\n"
        text = text.replace("    accounts:", key) + account.format("shop", SHOP, rules)
        return (
            text + account.format("news", NEWS, "") + "policy: {audience_drift: {percent: 20, floor: 10}}\n"
        )

    def campaign(self, name: str, text: str = "", later: float = 0, more: str = "") -> str:
        account, tag, hours = SENDS.get(name, ("main", "会员", 0.0))
        opens_at = (self.began + timedelta(hours=hours + later)).isoformat()
        window = f"not_before: {opens_at}\n" if hours else ""
        body = f"filter: {{tag: {tag}}}\nmsgtype: text\ncontent: {text or name}\n"
        return f"account: {account}\n{body}{window}{more}"

    def merge(self, **campaigns: str) -> None:
        self.hosted.merge_commit(self.hosted.request(**campaigns))

    def command(self, *arguments: str) -> str:
        return command([str(TOOLS / "campaign"), *arguments], self.hosted.folder / "author")

    def begin(self) -> None:
        """Merge settings that ask for approvals; whoever has the AppSecret records them with the accounts."""
        tags = ["会员", "新客", "北京"]
        seeds = [{"appid": one, "kind": "service", "followers": 9, "tags": tags} for one in (SHOP, NEWS)]
        self.hosted.sandbox.control("POST", "seed", {"accounts": seeds})
        self.merge(_settings=self.settings())
        self.command("ledger", "init")

    def run(self, *, until: float = 0, approves: bool = False) -> tuple[str, str]:
        """Go through a pipeline, some hours after the beginning; what its plan let wait, and what it sent."""
        before = len(self.hosted.texts())
        passes = self.began + timedelta(hours=until) - datetime.now(UTC) - self.advanced
        if passes > timedelta():
            self.advanced += passes
            self.hosted.sandbox.advance(passes.total_seconds())
        plan = self.pipeline(approves)
        waits = (one["id"] for one in plan["sends"] if one["code"] == "unapproved")
        return " ".join(sorted(waits)), " ".join(sorted(self.hosted.texts()[before:]))


def go_through(sends: ApprovedSends) -> None:
    """Approve eight sends; merge another, change a rule, and change five of them in five ways."""
    sandbox = sends.hosted.sandbox
    sends.begin()
    sends.merge(**{name: sends.campaign(name) for name in SENDS})
    names = " ".join(sorted(SENDS))
    assert sends.run(approves=True) == (names, "")
    # Another send is merged, and nobody approves it. The run waits for the window of `a`.
    sends.merge(b=sends.campaign("b"))
    assert sends.run(until=1 - 20 / 3600) == ("b", "a")
    sends.merge(_settings=sends.settings(", policy: {max_recipients: 1000}"))
    assert sends.run(until=2.6) == ("b edited moved", "e")
    assert sends.run(approves=True) == ("b edited moved", "b")
    assert sends.run() == ("", "")
    sends.merge(
        edited=sends.campaign("edited", text="other words"),
        moved=sends.campaign("moved", later=0.1),
        raised=sends.campaign("raised", more="revision: 2\n"),
    )
    ids = {one["name"]: one["id"] for one in sandbox.call("tags/get", {})["tags"]}
    sandbox.call("tags/update", {"tag": {"id": ids["新客"], "name": "旧客"}})
    sandbox.call("tags/create", {"tag": {"name": "新客"}})
    more = {"tagid": ids["北京"], "openid_list": sandbox.openids()[:50]}
    assert sandbox.call("tags/members/batchtagging", more)["errcode"] == 0
    assert sends.run(until=6.5) == ("edited grown moved raised tagged", "kept")
