"""Lists of openids against the sandbox: who left is skipped, who is refused is named by the row."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.playground import SERVICE, Playground, Sandbox, make_playground
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.send.outcome import Result

CAMPAIGN = "filter: {{openids: {{file: vip.csv, column: openid{more}}}}}\nmsgtype: text\ncontent: 新茶到了\n"


@pytest.fixture
def shop(sandbox: Sandbox, tmp_path: Path) -> Iterator[Playground]:
    with make_playground(sandbox, tmp_path) as playground:
        yield playground


def write(shop: Playground, openids: list[str], *, skip: bool = False) -> None:
    rows = [f"会员{number},{openid}" for number, openid in enumerate(openids)]
    shop.write("vip.csv", ("\r\n".join(["姓名,openid", *rows])).encode("gbk"))
    shop.write("vip.yaml", CAMPAIGN.format(more=", skip_unsubscribed: true" if skip else ""))


def leave(sandbox: Sandbox, openid: str) -> None:
    sandbox.control("POST", "followers", {"appid": SERVICE, "openids": [openid], "subscribe": False})


def test_who_left_is_skipped_and_named_by_the_row(shop: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(shop, openids, skip=True)
    (planned,) = shop.plan().sends
    assert (planned.action, planned.resolved.audience.count) == (PlanAction.SEND, 4)
    (warning,) = planned.send.diagnostics
    assert "1 openids (row 3)" in warning.message
    assert openids[1] not in warning.message + warning.hint
    assert shop.apply() is ExitCode.OK
    assert len(sandbox.deliveries()) == 4
    assert {item["openid"] for item in sandbox.deliveries()} == {*openids} - {openids[1]}


def test_a_lost_answer_is_resent_to_the_same_openids(shop: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(shop, openids, skip=True)
    sandbox.fault(endpoint="message/mass/send", kind="cut_after")
    assert shop.apply() is ExitCode.UNKNOWN
    leave(sandbox, openids[4])
    assert shop.settle() is ExitCode.OK
    assert len(sandbox.sent()) == 1


def test_each_batch_of_a_list_is_sent_once(shop: Playground, sandbox: Sandbox) -> None:
    openids = [f"o{number:027}" for number in range(10_001)]
    followers = [{"openid": openid} for openid in openids]
    sandbox.control("POST", "seed", {"accounts": [{"appid": SERVICE, "followers": followers}]})
    write(shop, openids)
    assert shop.apply() is ExitCode.OK
    assert [job["delivered"] for job in sandbox.jobs()] == [5000, 5001]
    assert shop.apply() is ExitCode.OK
    assert len(sandbox.jobs()) == 2


def test_whether_to_skip_is_reviewed(shop: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(shop, openids, skip=True)
    before = shop.plan()
    write(shop, openids)
    after = shop.plan()
    assert (before.sends[0].resolved.audience.count, after.sends[0].resolved.audience.count) == (4, 5)
    assert before.plan_digest != after.plan_digest


def test_a_refused_list_names_the_row(shop: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:150]
    stranger = "oSTRANGER0000000000000000000"
    openids[7:7] = [stranger]
    write(shop, openids)
    assert shop.apply() is ExitCode.FAILED
    (outcome,) = shop.outcomes
    assert (outcome.result, outcome.errcode) == (Result.REJECTED, 40003)
    (note,) = outcome.notes
    assert "not followers of this account: row 9;" in note
    assert stranger not in f"{outcome}"


def test_a_list_of_strangers_is_not_sent(shop: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:2]
    leave(sandbox, openids[0])
    write(shop, openids, skip=True)
    (planned,) = shop.plan().sends
    assert planned.action is PlanAction.BLOCKED
    assert "fewer than 2" in planned.decision.reason
