"""What the program does beside the rules of the model is found by walking its traces.

Each rule is changed in the program only, while it runs; the walk goes by the rules as they are.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.protocol import switched_off
from tests.support.playground import Playground, authentic
from tests.torture.history import SENDALL, History
from tests.torture.record import recording
from tests.torture.walk import MANY, read_traces, walk
from wechat_campaigns.ledger.events import next_event
from wechat_campaigns.protocol import attempt, decide
from wechat_campaigns.protocol.attempt import Attempt
from wechat_campaigns.protocol.decide import Action
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.send.account_run import AccountRun
from wechat_campaigns.send.posting import AccountWriter

TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 周年庆今晚开始\n"
_post_once, _resend = AccountWriter.post_once, AccountRun.resend


def _unwritten(self: Attempt, kind: EventKind, data: Mapping[str, Any], judge: Any) -> Event | None:
    """An intent that is not written before its call."""
    self.api.ensure_token()
    self.refresh()
    if judge(self.state).action is not (Action.RESEND if kind is EventKind.RESEND else Action.SEND):
        return None
    at = self.clock()
    signed = self._signed(kind, {**data, "at": at.isoformat(), "after": self.state.head.hash})
    return next_event(signed, at=at, head=self.state.head)


def _twice(self: AccountWriter, body: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    _post_once(self, body, **more)
    return _post_once(self, body, **more)


def _as_if_new(self: AccountRun, intent: Event, *more: Any) -> Any:
    plain = Event(**{**_fields(intent), "data": {**intent.data, "not_after": None}})
    return _resend(self, plain, *more)


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Event.__dataclass_fields__}


def _lost(playground: Playground, wait_s: float, more: str = "") -> None:
    """A call whose answer is lost; so long after, the next run."""
    playground.write("sale.yaml", TEXT + more)
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    playground.apply()
    playground.advance(wait_s)
    playground.apply()


def _settled(playground: Playground, wait_s: float) -> None:
    playground.write("sale.yaml", TEXT)
    playground.sandbox.fault(endpoint=SENDALL, kind="cut_before")
    playground.apply()
    playground.advance(wait_s)
    History(playground, playground.root, 0).settle()


def _busy(playground: Playground) -> None:
    playground.write("sale.yaml", TEXT)
    playground.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=-1, after=True)
    playground.apply()


def _in_window(playground: Playground) -> None:
    ends = (playground.clock() + timedelta(seconds=90)).isoformat(timespec="seconds")
    _lost(playground, 61, f"not_after: {ends}\n")


def _applied(playground: Playground) -> None:
    playground.write("sale.yaml", TEXT)
    playground.apply()


Play = Callable[[Playground], None]
DRIFTS: dict[str, tuple[tuple[object, str, object] | None, Play, str]] = {
    "none, and a call is lost": (None, lambda one: _lost(one, 61), ""),
    "none, and a person settles": (None, lambda one: _settled(one, 901), ""),
    "none, and a window ends": (None, _in_window, ""),
    "a call is settled early": (
        (decide, "SETTLE_AFTER", decide.SETTLE_AFTER / 2),
        lambda one: _settled(one, 500),
        "settled while a call may still arrive",
    ),
    "a resend past its window": (
        (decide, "_blocks_resend", switched_off._resending_without(decide.Reason.TOO_LATE_TO_RESEND)),
        lambda one: _lost(one, 21 * 3600),
        "after its window",
    ),
    "a resend at once": (
        (decide, "_blocks_resend", lambda *_: None),
        lambda one: _lost(one, 5),
        "response_pending",
    ),
    "a resend without its window": ((AccountRun, "resend", _as_if_new), _in_window, "may begin later"),
    "an intent that is not written": (
        (Attempt, "begin", _unwritten),
        lambda one: _lost(one, 61),
        "a call without an intent",
    ),
    "a call that is made twice": (
        (AccountWriter, "post_once", _twice),
        _applied,
        "was received",
    ),
    "a call that may begin late": (
        (attempt, "BEGIN_WITHIN", timedelta(minutes=10)),
        lambda one: _lost(one, 61),
        "may begin later",
    ),
    "an answer that proves nothing": (
        (attempt, "verdict", switched_off._believing_verdict),
        _busy,
        "rejected is recorded, and the answer makes it None",
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_a_rule_that_is_changed_in_the_program_only_is_found(
    playground: Playground, tmp_path: Path, name: str
) -> None:
    drift, play, fault = DRIFTS[name]
    with recording(tmp_path / "traces"):
        if drift is None:
            play(playground)
        else:
            with mock.patch.object(*drift):
                play(playground)
    requests = playground.sandbox.control("GET", "requests", limit=MANY)["requests"]
    walked = walk(read_traces(tmp_path / "traces"), playground.ledger().events(), authentic, requests)
    assert walked.calls
    assert any(fault in one for one in walked.faults) if fault else not walked.faults, walked.faults
