"""The rules, each switched off: a search that finds nothing without them proves nothing with them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from tests.protocol import model, runs, world
from wechat_campaigns.ledger import account, approvals, rollback_guard, trust
from wechat_campaigns.ledger import events as ledger_events
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.protocol import attempt, decide, state
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.state import SendState, Status, StreamState
from wechat_campaigns.protocol.verdict import verdict


def _latest_window(known: SendState) -> datetime | None:
    """The window of a resend begins with the latest attempt, as it did in the first edition."""
    calls = reversed(known.calls.items())
    return next((at for call, at in calls if known.ends.get(call) != EventKind.REJECTED), None)


_status: Any = SendState.status.fget
_after, _blocks, _blocks_resend = SendState.after, decide._blocks, decide._blocks_resend


def believing_status(known: SendState) -> Status:
    """Whoever used a key before: the message counts as sent."""
    is_foreign = _status(known) is Status.DISPUTED and not known.is_forged
    return Status.ACCEPTED if is_foreign else Status(_status(known))


def calling_status(known: SendState) -> Status:
    """Where no call was made, nothing was sent: forgets who has the draft."""
    kind = known.origin.kind if known.origin is not None else ""
    is_open = kind == EventKind.HANDED_OVER and _status(known) is Status.UNKNOWN
    return Status.REJECTED if is_open else Status(_status(known))


def _forgetting_baselines(known: SendState, event: Event, *, is_authentic: bool) -> SendState:
    return known if event.kind == EventKind.BASELINE else _after(known, event, is_authentic=is_authentic)


def _without(*blockers: decide.Reason) -> Callable[..., decide.Reason | None]:
    """Let a call begin in spite of these."""

    def blocks(stream: StreamState, facts: decide.DecisionInput) -> decide.Reason | None:
        found = _blocks(stream, facts)
        return None if found in blockers else found

    return blocks


def _resending_without(blocker: decide.Reason) -> Callable[..., decide.Reason | None]:
    """Let a resend begin in spite of it."""

    def blocks(*args: Any) -> decide.Reason | None:
        found = _blocks_resend(*args)
        return None if found is blocker else found

    return blocks


def _resending_without_window(send: Any, planned: Any) -> Any:
    data, body = _request(send, planned)
    return data if planned.action is decide.Action.SEND else {**data, "not_after": None}, body


def _believing_verdict(answer: Mapping[str, Any]) -> EventKind | None:
    return EventKind.REJECTED if answer["errcode"] == -1 else verdict(answer)


def _not_ended_by(kind: EventKind | LedgerKind) -> Callable[..., Event | None]:
    """Let an approval stand in spite of it."""

    def end(*args: Any) -> Event | None:
        found = _end_of_approval(*args)
        return None if found is not None and found.kind == kind else found

    return end


def _approval_anywhere(event: Event) -> bool:
    return _is_approval(replace(event, previous=str(event.data.get("after"))))


def _whatever_was_approved(one: Any, unit: approvals.Unit, asked: approvals.Asked) -> approvals.Lack | None:
    return _lack(one, one.unit or unit, asked)


_request, _is_approval, _lack = runs.request, account._is_approval, approvals._lack
_end_of_approval = approvals.end_of_approval


@dataclass(frozen=True)
class Rule:
    """A rule, the scenario that needs it, and what the program is without it."""

    scenario: str
    switched_off: tuple[tuple[object, str, object], ...]

    @contextmanager
    def off(self) -> Iterator[None]:
        """Run without it."""
        with ExitStack() as stack:
            for where, name, instead in self.switched_off:
                stack.enter_context(mock.patch.object(where, name, instead, create=not hasattr(where, name)))
            yield


def _rule(scenario: str, *switched_off: tuple[object, str, object]) -> Rule:
    return Rule(scenario, switched_off)


def _all_but_account(asked: Any, is_present: Any) -> bool:
    return any(is_present(asked._replace(appid=appid)) for appid in world.APPIDS)


FAR = frozenset(
    {
        "the window of a resend counts from the first call",
        "a resend within 20 hours",
        "45065 after 45066 to a first call is an alarm",
        "a resend is held to the window of its intent",
        "a resend is of the send decided on",
        "the deadline of a call",
        "copied settlements and calls are found",
    }
)
"""Rules without which a promise breaks only seconds into the search."""
RULES: dict[str, Rule] = {
    # Two rules see an intent that does not follow its decision: the store, and who reads it back.
    "conditional append": _rule(
        "a hold comes and goes", (model, "CONDITIONAL", False), (trust, "_is_misplaced", lambda _event: False)
    ),
    "the window of a resend counts from the first call": _rule(
        "attempts that make no call", (SendState, "open_since", property(_latest_window))
    ),
    "a resend within 20 hours": _rule(
        "WeChat forgets", (decide, "_blocks_resend", _resending_without(decide.Reason.TOO_LATE_TO_RESEND))
    ),
    "45065 without an earlier call is an alarm": _rule(
        "another ledger sends it at any time", (SendState, "status", property(believing_status))
    ),
    "45065 after 45066 to a first call is an alarm": _rule(
        "the key is in use", (SendState, "status", property(believing_status))
    ),
    "what is handed over may have been sent": _rule(
        "a person is to press the button", (SendState, "status", property(calling_status))
    ),
    "a person alone ends what is handed over": _rule(
        "another article is taken for a send by hand", (state, "_is_handed_over", lambda _origin: False)
    ),
    "one draft is one message, whatever its id and text": _rule(
        "a draft that a person has gets another id, and is edited", (decide, "_takers", lambda *_: [])
    ),
    "a draft whose send is unknown is handed to nobody": _rule(
        "a draft whose send is unknown is to be handed over", (decide, "_takers", lambda *_: [])
    ),
    "what a person is to send is not posted again": _rule(
        "an unknown send is to be sent by hand",
        (decide, "_blocks_resend", _resending_without(decide.Reason.BY_HAND)),
    ),
    "what was handed over hides no unknown send": _rule(
        "what was handed over gets the id of an unknown send",
        (decide, "sorted", lambda records, **_: [*records]),
    ),
    "macs": _rule("who can only write forges", (world, "_has_valid_mac", lambda *_: True)),
    "holds": _rule("a hold comes and goes", (StreamState, "holds_at", lambda *_: [])),
    "holds with an end": _rule(
        "a hold that ends by itself", (StreamState, "_end_of", lambda *_: state._LONG_AGO)
    ),
    "a release resumes no run": _rule(
        "a hold comes and goes", (StreamState, "last_hold", property(lambda _state: "", lambda *_: None))
    ),
    "the clock": _rule("a clock is hours off", (decide, "CLOCK_TOLERANCE", timedelta(days=9))),
    "moved files": _rule("a file was moved in one clone", (decide, "_moved", lambda *_: None)),
    "a campaign of another account is another message": _rule(
        "an id went to another account", (runs, "is_current", _all_but_account)
    ),
    "lists that share recipients": _rule(
        "a list was renamed and grew in one clone",
        (decide, "_shares_recipients", lambda known, asked: known.content_digest == asked.content_digest),
    ),
    "entries and batches take the place of the whole": _rule(
        "a campaign was split in one clone", (decide, "_other_form", lambda *_: None)
    ),
    "batches of an edited list": _rule(
        "a list of two batches grew in one clone", (decide, "_other_form", lambda *_: None)
    ),
    "an edited text is not the one that was begun": _rule(
        "a text was edited in one clone",
        (decide, "_blocks_resend", _resending_without(decide.Reason.CONTENT_CHANGED)),
    ),
    "windows begin": _rule(
        "a window opens, and ends", (decide, "_blocks", _without(decide.Reason.WINDOW_NOT_OPEN))
    ),
    # Again two: the decision, and the deadline of its call.
    "windows end": _rule(
        "a window opens, and ends",
        (decide, "_blocks", _without(decide.Reason.WINDOW_ENDED)),
        (attempt, "min", lambda first, _second: first),
    ),
    "a call is not begun after its window": _rule(
        "a window ends between decision and call", (attempt, "min", lambda first, _second: first)
    ),
    "a resend is held to the window of its intent": _rule(
        "a window ends between decision and call", (runs, "request", _resending_without_window)
    ),
    "rules are asked on the view of the intent": _rule(
        "a rule lets one of two messages go", (decide, "_blocks", _without(decide.Reason.POLICY))
    ),
    "a resend is of the send decided on": _rule(
        "a send was renamed while a run waits", (attempt, "_is_of", lambda *_: True)
    ),
    "the positive list": _rule("errors of every kind", (attempt, "verdict", _believing_verdict)),
    "the deadline of a call": _rule("WeChat forgets", (attempt, "BEGIN_WITHIN", timedelta(days=9))),
    "a call is settled late": _rule("a person settles", (decide, "SETTLE_AFTER", timedelta())),
    "a call may be on its way for ten minutes": _rule(
        "a person settles while a call is on its way", (decide, "SETTLE_AFTER", decide.SETTLE_AFTER / 2)
    ),
    "the clock of the call may have been behind": _rule(
        "the call's clock is behind", (decide, "SETTLE_AFTER", decide.ARRIVES_WITHIN)
    ),
    "baselines": _rule("somebody sent it by hand", (SendState, "after", _forgetting_baselines)),
    "copied settlements and calls are found": _rule(
        "who can only write copies",
        (trust, "_is_misplaced", lambda _event: False),
        (state, "_is_copy", lambda *_: False),
    ),
    "copied releases are found": _rule("a copied release", (trust, "_is_misplaced", lambda _event: False)),
    "events taken out before a decision are missed": _rule(
        "events are taken out before a decision",
        (trust, "_is_misplaced", lambda _event: False),
    ),
    "the guard against rollback": _rule(
        "events are taken out, and the machine has seen them", (rollback_guard, "lost_events", lambda *_: ())
    ),
    "the chain": _rule(
        "events are taken out before a decision",
        (ledger_events, "chain_break", lambda *_: None),
        (rollback_guard.RollbackGuardedLedger, "_check", lambda *_: None),
    ),
    "what was forged stays so under another AppSecret": _rule(
        "the AppSecret is changed after a forgery", (model, "unverified", lambda *_: [])
    ),
    "the judge of approvals": _rule(
        "two must approve", (approvals, "approval_of", lambda *_: approvals.Verdict(None))
    ),
    "a hold ends approvals": _rule(
        "approved, and a hold comes and goes", (approvals, "end_of_approval", _not_ended_by(EventKind.HOLD))
    ),
    "a withdrawal ends approvals": _rule(
        "an approval is withdrawn", (approvals, "end_of_approval", _not_ended_by(LedgerKind.WITHDRAWN))
    ),
    "a resend needs its approval as a first call": _rule(
        "what was approved is resent",
        (decide, "_blocks_resend", _resending_without(decide.Reason.POLICY)),
    ),
    "other rules end approvals": _rule(
        "an apply by other rules", (approvals, "end_of_approval", _not_ended_by(LedgerKind.GUARD))
    ),
    "as many must approve as the settings say": _rule(
        "two must approve", (approvals, "_is_met", lambda asked, keys: {*asked.approvers.values()} & {*keys})
    ),
    "an approval is of what it names": _rule(
        "an approved text is edited", (approvals, "_lack", _whatever_was_approved)
    ),
    "who had to approve last must still": _rule(
        "the settings ask nobody any more", (approvals, "required_approvals", lambda *_: [])
    ),
    "signatures": _rule(
        "who can only write forges and copies approvals", (approvals, "is_signed_by", lambda *_: True)
    ),
    "an approval counts in its place": _rule(
        "events are taken out before an approval", (account, "_is_approval", _approval_anywhere)
    ),
}
"""Each rule, and the scenario that falls without it."""
