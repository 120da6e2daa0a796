"""What apply looks at again just before each call: holds, audiences, drift."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.support.factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    kinds,
    make_known,
    make_send,
    make_settings,
    plan_of,
)
from wechat_campaigns.core.errors import ExitCode, NoResponseError, NotSentError
from wechat_campaigns.core.model import Filter
from wechat_campaigns.core.settings import Drift, Policy
from wechat_campaigns.ledger.fold import fold
from wechat_campaigns.protocol.events import Entry, EventKind, Head
from wechat_campaigns.send.apply import apply
from wechat_campaigns.send.outcome import Result, SendOutcome
from wechat_campaigns.send.posting import ApplyPorts, RunContext

TAKEN = {"errcode": 0, "msg_id": 7}
HOLD = Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": "客服系统故障"})


def tags(count: int) -> list[dict[str, Any]]:
    return [{"id": 100, "name": "会员", "count": count}]


def run(
    policy: Policy, *sends: Any, ledger: Any = None, reviewed: Any = None, now: datetime = NOW, **answers: Any
) -> tuple[tuple[SendOutcome, ...], ScriptedApi]:
    """Plan with 1000 members, then apply with what WeChat answers by then."""
    settings, ledger = make_settings(policy=policy), ledger or MemoryLedger()
    known = {"main": make_known(tags=tuple(tags(1000)))}
    plan = plan_of(
        *sends or [make_send()], settings=settings, remote_facts=known, state=fold(ledger.events()), now=now
    )
    api = ScriptedApi(**{"mass_sendall": TAKEN, **answers})
    ports = ApplyPorts(
        connect=lambda _account: api, ledger=ledger, clock=lambda: now, sleep=lambda _s: None,
        read=lambda _file: b"",
    )  # fmt: skip
    run_context = RunContext(
        plan_digest="p" * 64, audiences=reviewed if reviewed is not None else {(SERVICE, "sale", 1): 1000}
    )
    return apply(plan, ports=ports, settings=settings, run_context=run_context), api


def test_tag_that_grew_beyond_max_recipients_blocks_the_send() -> None:
    (outcome,), api = run(Policy(max_recipients=1000), tags_get=[tags(1001)])
    assert (outcome.result, outcome.exit_code) == (Result.SKIPPED, ExitCode.POLICY)
    assert "1001" in outcome.reason
    assert not api.named("mass_sendall")


def test_intent_records_the_fresh_count() -> None:
    ledger = MemoryLedger()
    (outcome,), _ = run(Policy(max_recipients=1000), ledger=ledger, tags_get=[tags(998)])
    assert outcome.result is Result.ACCEPTED
    assert ledger.kept[0].data["audience"] == {"count": 998, "source": "tags/get"}


def test_audience_that_cannot_be_counted_blocks_the_send() -> None:
    gone = NotSentError("no connection", hint="try again")
    (outcome,), api = run(Policy(max_recipients=1000), tags_get=gone)
    assert outcome.exit_code is ExitCode.POLICY
    assert not api.named("mass_sendall")
    (outcome,), _ = run(Policy(max_recipients=1000, levels={"max_recipients": "advisory"}), tags_get=gone)
    assert outcome.result is Result.ACCEPTED


def test_send_to_everyone_is_counted_by_followers() -> None:
    everyone = make_send(filter=Filter(is_to_all=True))
    policy = Policy(allow_to_all=True, max_recipients=6000)
    (outcome,), _ = run(policy, everyone, user_get={"total": 6001})
    assert "6001" in outcome.reason


def test_audience_that_changed_since_the_review_blocks_the_send() -> None:
    policy = Policy(audience_drift=Drift(percent=20, floor=10))
    (outcome,), _ = run(policy, tags_get=[tags(1500)])
    assert "1500, but the review showed 1000" in outcome.reason
    (outcome,), _ = run(policy, tags_get=[tags(1200)])
    assert outcome.result is Result.ACCEPTED
    (outcome,), _ = run(policy, reviewed={}, tags_get=[tags(1500)])
    assert outcome.result is Result.ACCEPTED


def test_audience_of_a_resend_is_counted_again() -> None:
    """It may be the first call to arrive, and the tag has grown since."""
    for count, result in ((1001, Result.UNKNOWN), (1000, Result.ACCEPTED)):
        ledger, policy = MemoryLedger(), Policy(max_recipients=1000)
        lost = NoResponseError("the connection was interrupted", hint="try again")
        run(policy, ledger=ledger, now=NOW - timedelta(minutes=2), mass_sendall=lost, tags_get=[tags(1000)])
        (outcome,), api = run(policy, ledger=ledger, tags_get=[tags(count)])
        assert outcome.result is result
        assert len(api.named("mass_sendall")) == (result is Result.ACCEPTED)


class Interrupted(MemoryLedger):
    """Somebody puts the account on hold while the first send is on its way."""

    def append(self, entry: Entry, *, after: Head | None = None) -> Any:
        kept = super().append(entry, after=after)
        if entry.kind is EventKind.ACCEPTED:
            super().append(HOLD)
        return kept


def test_hold_stops_a_running_apply() -> None:
    ledger = Interrupted()
    outcomes, api = run(Policy(), make_send("a"), make_send("b", text="另一条"), ledger=ledger)
    assert [o.result for o in outcomes] == [Result.ACCEPTED, Result.SKIPPED]
    assert "客服系统故障" in outcomes[1].reason
    assert outcomes[1].exit_code is ExitCode.POLICY
    assert len(api.named("mass_sendall")) == 1
    assert kinds(ledger.kept) == ["intent", "accepted", "hold"]
