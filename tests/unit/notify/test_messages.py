"""A robot is told what happened in its own form; its address is a secret, its failure changes nothing."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, get_args, get_type_hints

import pytest

from tests.support.factories import NOW, make_planned, make_send, plan_of
from tests.support.scripted_server import Raw, ScriptedServer, Seen, drip
from tests.support.served import served
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.model import PlanAction
from wechat_campaigns.core.settings import NotifyTarget, Secret
from wechat_campaigns.notify import target as targets
from wechat_campaigns.notify.notices import (
    MAX_BYTES,
    Moment,
    Notice,
    RunSummary,
    message,
    outcome_notices,
    untold,
)
from wechat_campaigns.notify.target import failed_request, notice_body, payload
from wechat_campaigns.send.outcome import left_outcome, planned_outcome

RUN = RunSummary(environment="production", commit="c" * 40, url="https://ci.example/1")
URL = Secret(env="ROBOT")
KEY = "SEC0123456789"


def outcome(send_id: str = "sale", moment: Moment = Moment.ACCEPTED, why: str = "") -> Notice:
    followers = 1204 if send_id == "sale" else None
    return Notice(moment=moment, id=send_id, account="main", reason=why, followers=followers)


def tell(kind: Any, address: str, key: str = "", notice: Notice | None = None) -> str | None:
    return failed_request(kind, address, key, notice_body(kind, [notice or outcome()], RUN), NOW)


@pytest.fixture
def robot() -> Iterator[ScriptedServer]:
    with served(ScriptedServer()) as server:
        answering(server, {"errcode": 0})
        yield server
        server.released.set()


def answering(robot: ScriptedServer, answer: Any, status: int = 200) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    robot.on("/send", Raw(body=text.encode(), status=status))


def address_of(robot: ScriptedServer) -> str:
    return f"{robot.url}/send?key=very-secret"


def test_notification_names_sends_recipients_and_commit() -> None:
    told = str(
        message([outcome(), outcome("旧活动", Moment.REJECTED, "no allowance left")], RUN)
    ).splitlines()
    assert told[1:3] == ["✓ sale (main) → 1,204 followers", "✗ 旧活动 (main): no allowance left"]
    assert told[3:] == ["commit cccccccccccc", "https://ci.example/1"]


def test_a_long_run_fits_the_smallest_robot() -> None:
    told = str(message([outcome(f"活动{n}", Moment.NOT_SENT, "原因" * 40) for n in range(50)], RUN))
    assert len(told.encode()) <= MAX_BYTES
    short = str(message([outcome(f"s{n}") for n in range(50)], RunSummary(environment="e")))
    assert "and 30 more" in short


PLAIN = {"msgtype": "text", "text": {"content": "你好 ＜b＞&"}}


ROBOTS: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("wecom", PLAIN, [{"errcode": 0, "errmsg": "ok"}]),
    ("dingtalk", PLAIN, [{"errcode": 0}]),
    (
        "feishu",
        {"msg_type": "text", "content": {"text": "你好 ＜b＞&"}},
        [{"code": 0}, {"StatusCode": 0}],
    ),
    ("slack", {"text": "你好 &lt;b&gt;&amp;"}, ["ok"]),
]


def test_no_kind_of_robot_is_left_out() -> None:
    kinds = get_args(get_type_hints(NotifyTarget)["kind"])
    assert {*kinds} == {*(kind for kind, _body, _answers in ROBOTS), "webhook", "command"}


@pytest.mark.parametrize(("kind", "body", "answers"), ROBOTS)
def test_each_kind_of_robot_has_its_payload_and_answer(
    robot: ScriptedServer, kind: Any, body: Any, answers: list[Any]
) -> None:
    assert payload(kind, "你好 <b>&") == body
    for answer in answers:
        answering(robot, answer)
        assert tell(kind, address_of(robot)) is None
    assert ["1,204 followers" in seen.body.decode() for seen in robot.seen] == [True] * len(answers)


@pytest.mark.parametrize(
    ("kind", "answer", "status"),
    [
        ("wecom", {"errcode": 93000}, 200),
        ("feishu", {"code": 9499}, 200),
        ("slack", "invalid_token", 200),
        ("dingtalk", "<html>", 200),
        ("wecom", {"errcode": 0}, 500),
        ("slack", "ok", 302),
    ],
)
def test_failed_notification_does_not_show_the_address(
    robot: ScriptedServer, kind: Any, answer: Any, status: int
) -> None:
    answering(robot, answer, status)
    why = tell(kind, address_of(robot))
    assert why
    assert "very-secret" not in why


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/x?key=very-secret", "no address very-secret", ""])
def test_unreachable_address_of_a_robot_is_not_shown(address: str) -> None:
    why = tell("wecom", address)
    assert why
    assert "very-secret" not in why


def test_slow_answer_holds_nobody(robot: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "WHOLE_S", 0.5)
    robot.on("/send", drip("body"))
    begun = time.monotonic()
    assert "0.5 s" in str(tell("wecom", address_of(robot)))
    assert time.monotonic() - begun < 60, "the answer itself never ends"


def test_no_more_of_an_answer_is_read_than_says_something(robot: ScriptedServer) -> None:
    written = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal written
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        handler.close_connection = True
        with suppress(OSError):
            while not robot.released.is_set():
                written += handler.wfile.write(b" " * 1_000_000)

    robot.on("/send", endless)
    assert tell("webhook", address_of(robot)) is None
    assert written < 50_000_000


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("wecom", {"errcode": "1\n::set-output name=a::\u202e" + "x" * 500}), ("slack", "\n::a\u202e")],
)
def test_words_of_a_robot_order_nothing(robot: ScriptedServer, kind: Any, answer: Any) -> None:
    answering(robot, answer)
    why = str(tell(kind, address_of(robot)))
    assert not any(order in why for order in ("::", "\n", "\u202e"))
    assert len(why) < 200


def signed(robot: ScriptedServer, kind: Any) -> Seen:
    """The one request, which does not hold the key."""
    assert tell(kind, address_of(robot), key=KEY) is None
    (seen,) = robot.seen
    assert KEY not in f"{seen} {dict(seen.headers)}"
    return seen


def test_dingtalk_is_signed_in_the_address(robot: ScriptedServer) -> None:
    query = signed(robot, "dingtalk").query
    stamp = f"{int(NOW.timestamp())}000"
    expected = hmac.new(KEY.encode(), f"{stamp}\n{KEY}".encode(), hashlib.sha256).digest()
    assert query == {
        "key": ["very-secret"],
        "timestamp": [stamp],
        "sign": [base64.b64encode(expected).decode()],
    }


def test_feishu_is_signed_in_the_body(robot: ScriptedServer) -> None:
    answering(robot, {"code": 0})
    body = json.loads(signed(robot, "feishu").body)
    stamp = str(int(NOW.timestamp()))
    expected = hmac.new(f"{stamp}\n{KEY}".encode(), b"", hashlib.sha256).digest()
    assert (body["timestamp"], body["sign"]) == (stamp, base64.b64encode(expected).decode())
    assert body["msg_type"] == "text"


def test_webhook_gets_data_that_a_program_can_verify(robot: ScriptedServer) -> None:
    answering(robot, "thanks")
    seen = signed(robot, "webhook")
    body, stamp = json.loads(seen.body), seen.headers["X-Campaign-Timestamp"]
    expected = hmac.new(KEY.encode(), f"{stamp}.".encode() + seen.body, hashlib.sha256).hexdigest()
    assert seen.headers["X-Campaign-Signature"] == f"sha256={expected}"
    (told,) = body["outcomes"]
    assert (told["id"], told["result"], told["followers"]) == ("sale", "accepted", 1204)
    assert body["text"].startswith("Campaigns, production")


def test_each_moment_has_its_mark_and_its_count() -> None:
    notices = [outcome(f"s{number}", moment, "why") for number, moment in enumerate(Moment)]
    lines = str(message(notices, RUN)).splitlines()
    assert lines[0].startswith("Campaigns, production: 1 awaiting approval, 1 accepted, 1 handed over, 1 ")
    assert lines[0].count(", 1 ") == len(Moment) - 1
    assert "".join(line[0] for line in lines[1:12]) == "•✓→✗✗?!!✗✓✗"


HELD = outcome("held", Moment.HELD)
MISSED = replace(HELD, moment=Moment.SCHEDULED_MISSED)
ENDED = replace(outcome("sale", Moment.SENT), digest="wx1 1000")


@pytest.mark.parametrize(
    ("told", "notice", "days", "again"),
    [
        (HELD, HELD, 0, False),
        (HELD, outcome(), 0, True),
        (HELD, HELD, 1, True),
        (HELD, replace(HELD, digest="2 other"), 0, True),
        (MISSED, MISSED, 1, False),  # each run finds it, however long ago
        (ENDED, ENDED, 1, False),
        (ENDED, replace(ENDED, id="shop/sale"), 1, False),
        (ENDED, replace(ENDED, digest="wx1 1001"), 0, True),
    ],
)
def test_what_lasts_is_told_once_a_day_and_an_end_once(
    told: Notice, notice: Notice, days: int, again: bool
) -> None:
    seen = {told.key(NOW.date())}
    assert untold([notice], seen, NOW.date() + timedelta(days=days)) == [notice] * again


def test_missed_is_only_what_a_window_ended_for() -> None:
    planned = make_planned(make_send("sale"))
    outcomes = [
        left_outcome(replace(planned, action=action)) for action in (PlanAction.EXPIRED, PlanAction.BLOCKED)
    ]
    codes = (ExitCode.FAILED, ExitCode.RACE)
    outcomes += [planned_outcome(planned, "not tried", exit_code=code) for code in codes]
    notices = outcome_notices(outcomes, plan_of(planned.send))
    assert [one.moment for one in notices] == [Moment.SCHEDULED_MISSED, Moment.HELD, Moment.NOT_SENT]
