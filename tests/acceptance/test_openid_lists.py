"""Lists of openids against the sandbox: who left is skipped, who is refused is named by the row."""

from tests.support.playground import SERVICE, Playground, Sandbox
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.send.outcome import Result

CAMPAIGN = "filter: {{openids: {{file: vip.csv, column: openid{more}}}}}\nmsgtype: text\ncontent: 新茶到了\n"


def write(playground: Playground, openids: list[str], *, skip: bool = False) -> None:
    rows = [f"会员{number},{openid}" for number, openid in enumerate(openids)]
    playground.write("vip.csv", ("\r\n".join(["姓名,openid", *rows])).encode("gbk"))
    playground.write("vip.yaml", CAMPAIGN.format(more=", skip_unsubscribed: true" if skip else ""))


def leave(sandbox: Sandbox, openid: str) -> None:
    sandbox.control("POST", "followers", {"appid": SERVICE, "openids": [openid], "subscribe": False})


def test_who_left_is_skipped_and_named_by_the_row(playground: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(playground, openids, skip=True)
    (planned,) = playground.plan().sends
    assert (planned.action, planned.resolved.audience.count) == (PlanAction.SEND, 4)
    (warning,) = planned.send.diagnostics
    assert "1 openids (row 3)" in warning.message
    assert openids[1] not in warning.message + warning.hint
    assert playground.apply() is ExitCode.OK
    assert len(sandbox.deliveries()) == 4
    assert {item["openid"] for item in sandbox.deliveries()} == {*openids} - {openids[1]}


def test_a_lost_answer_is_resent_to_the_same_openids(playground: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(playground, openids, skip=True)
    sandbox.fault(endpoint="message/mass/send", kind="cut_after")
    assert playground.apply() is ExitCode.UNKNOWN
    leave(sandbox, openids[4])
    assert playground.settle() is ExitCode.OK
    assert len(sandbox.sent()) == 1


def test_each_batch_of_a_list_is_sent_once(playground: Playground, sandbox: Sandbox) -> None:
    openids = [f"o{number:027}" for number in range(10_001)]
    followers = [{"openid": openid} for openid in openids]
    sandbox.control("POST", "seed", {"accounts": [{"appid": SERVICE, "followers": followers}]})
    write(playground, openids)
    assert playground.apply() is ExitCode.OK
    assert [job["delivered"] for job in sandbox.jobs()] == [5000, 5001]
    assert playground.apply() is ExitCode.OK
    assert len(sandbox.jobs()) == 2


def test_whether_to_skip_is_reviewed(playground: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:5]
    leave(sandbox, openids[1])
    write(playground, openids, skip=True)
    before = playground.plan()
    write(playground, openids)
    after = playground.plan()
    assert (before.sends[0].resolved.audience.count, after.sends[0].resolved.audience.count) == (4, 5)
    assert before.plan_digest != after.plan_digest


def test_a_refused_list_names_the_row(playground: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:150]
    stranger = "oSTRANGER0000000000000000000"
    openids[7:7] = [stranger]
    write(playground, openids)
    assert playground.apply() is ExitCode.FAILED
    (outcome,) = playground.outcomes
    assert (outcome.result, outcome.errcode) == (Result.REJECTED, 40003)
    (note,) = outcome.notes
    assert "not followers of this account: row 9;" in note
    assert stranger not in f"{outcome}"


def test_a_list_of_strangers_is_not_sent(playground: Playground, sandbox: Sandbox) -> None:
    openids = sandbox.openids()[:2]
    leave(sandbox, openids[0])
    write(playground, openids, skip=True)
    (planned,) = playground.plan().sends
    assert planned.action is PlanAction.BLOCKED
    assert "fewer than 2" in planned.reason
