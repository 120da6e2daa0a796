"""With `approvals`, a send goes once enough keys signed it as it is; no AppSecret or copy approves."""

import json
from typing import Any

import pytest

from tests.support.shop import MakeShop, Shop, campaign_file
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.approvals import public_key
from wechat_campaigns.ledger.events import LedgerKind

APPID = "wx0000000000000001"
ANN, BOB, EVE = "1" * 64, "2" * 64, "3" * 64
NAMES = {ANN: "ann", BOB: "bob", EVE: "eve"}


def with_approvers(shop: Shop, *keys: str, count: int = 1, more: str = "") -> Shop:
    """Let these approve; nobody has to without a key."""
    text = (shop.folder / "campaigns/_settings.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "approvers:" not in line]
    names = ", ".join(f"{NAMES[key]}: '{public_key(key)}'" for key in keys)
    asked = [f"    approvals: {{approvers: {{{names}}}, count: {count}{more}}}"] if keys else []
    at = lines.index("    resend_after: 0")
    shop.write(_settings="\n".join([*lines[:at], *asked, *lines[at:], ""]))
    return shop


def accepted(shop: Shop) -> Shop:
    """Let a person with the AppSecret record who may approve."""
    shop.succeed("ledger", "guard", "--reason", "x", "--auto-approve")
    return shop


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = accepted(with_approvers(make_shop(), ANN))
    made.write(sale=campaign_file("今晚八点。"))
    made.plan()
    return made


def approve(shop: Shop, private: str = ANN, *words: str, **variables: str) -> tuple[int, str]:
    more = {"CAMPAIGN_APPROVAL_KEY": private, "WECHAT_MAIN_SECRET": "", **variables}
    return shop.run_here("approve", "plan.json", "--auto-approve", *words, **more)


def approved(shop: Shop, private: str = ANN, *words: str) -> None:
    code, said = approve(shop, private, *words)
    assert code == ExitCode.OK, said


def withdraw(shop: Shop, *words: str) -> dict[str, Any]:
    words = ("withdraw", *words, "--reason", "价格有误", "--format", "json")
    code, said = shop.run_here(*words, WECHAT_MAIN_SECRET="")
    assert code == ExitCode.OK, said
    found: dict[str, Any] = json.loads(said[said.index("{") :])
    return found


def apply(shop: Shop, expected: ExitCode = ExitCode.OK) -> dict[str, str]:
    """Apply the plan made last: the result of each send that it covers."""
    shop.plan()
    code, said = shop.run_here("apply", "--auto-approve", "--format", "json", *shop.reviewed("file"))
    assert code == expected, said
    return {one["id"]: one["result"] for one in json.loads(said[said.index("{") :])["outcomes"]}


def waits(shop: Shop) -> dict[str, str]:
    """Why sends wait, by id, in a new plan."""
    return {one["id"]: one["approval"]["lack"] for one in shop.plan()["sends"] if one["code"] == "unapproved"}


def test_nothing_is_sent_until_it_is_approved(shop: Shop) -> None:
    assert waits(shop) == {"sale": "nobody"}
    apply(shop)
    assert shop.texts() == []
    approved(shop)
    assert shop.plan()["approved"] is True
    assert apply(shop) == {"sale": "accepted"}
    assert shop.texts() == ["今晚八点。"]
    [event] = [one for one in shop.log() if one["kind"] == LedgerKind.APPROVED]
    assert "mac" not in event["data"]
