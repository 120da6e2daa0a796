"""Where the searches begin, and the rules that are switched off to see a search find what they prevent."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from unittest import mock

from tests.protocol import model
from tests.protocol.model import Runner, Scenario, Send
from wechat_campaigns.protocol import attempt, decide
from wechat_campaigns.protocol.events import EventKind
from wechat_campaigns.protocol.state import SendState, Status, StreamState
from wechat_campaigns.protocol.verdict import verdict

SALE = Send("sale", "sale")
MOVED = Send("autumn/sale", "sale")
AGAIN = Send("sale", "sale, once more", revision=2)
RENAMED = Send("autumn/sale", "sale", formerly=("sale",))
BY_HAND = Send("sale", "sale", by_hand=True)
OTHER = Send("news", "news")
LISTED = Send("sale#1", "sale", openids=("o1", "o2", "o3"))
GROWN = Send("autumn/sale#1", "sale", openids=("o4", "o3", "o2", "o1"))
REASSIGNED = Send("sale", "sale", appid=model.SECOND_APPID)


def runner(name: str, *sends: Send, offset_s: int = 0) -> Runner:
    chosen = sends or (SALE,)
    return Runner(name, chosen, chosen, offset_s)


TWO = (runner("ann"), runner("bob"))
SCENARIOS = (
    Scenario("answers lost, runs crash", TWO, (runner("cat"),), {"lost": 1, "crash": 1, "later": 1}),
    Scenario("the platform forgets", (runner("ann"),), (runner("bob"),),
             {"lost": 1, "crash": 1, "later": 1, "much later": 1, "forgotten": 1}),
    Scenario("attempts that make no call", (runner("ann"),), (runner("bob"), runner("cat")),
             {"lost": 1, "crash": 1, "much later": 2}),
    Scenario("a hold comes and goes", TWO, (), {"hold": 1, "unhold": 1, "crash": 1}),
    Scenario("a hold, and two sends", (runner("ann", SALE, OTHER),), (runner("bob", SALE, OTHER),),
             {"hold": 1, "lost": 1, "later": 1}),
    Scenario("a file was moved in one clone", (runner("ann"), runner("bob", MOVED)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("an id went to another account", (runner("ann"), runner("bob", MOVED, REASSIGNED)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a list was renamed and grew in one clone", (runner("ann", LISTED), runner("bob", GROWN)), (),
             {"crash": 1, "lost": 1, "later": 1}),
    Scenario("a send was renamed while a run waits", (runner("ann"),), (runner("bob", RENAMED),),
             {"lost": 1, "settle": 1, "later": 2}, unanswered=(SALE,)),
    Scenario("a revision was raised while a run waits", (runner("ann"),),
             (runner("bob", AGAIN), runner("cat", AGAIN)),
             {"lost": 1, "settle": 1, "later": 2}, unanswered=(SALE,)),
    Scenario("a send was renamed in one clone", (runner("ann"), runner("bob", RENAMED)),
             (runner("cat", RENAMED),), {"crash": 1, "lost": 1, "later": 1}),
    Scenario("the store does not answer", TWO, (runner("cat"),), {"ledger": 1, "later": 1, "lost": 1}),
    Scenario("a replica is stale", TWO, (), {"stale": 2, "upload": 1, "lost": 1, "later": 1}),
    Scenario("errors of every kind", (runner("ann"),), (runner("bob"), runner("cat")),
             {"refused": 1, "busy": 1, "unreachable": 1, "lost": 1, "later": 2}),
    Scenario("a person settles", (runner("ann"),), (runner("bob"), runner("cat")),
             {"lost": 1, "settle": 1, "later": 1, "refused": 1}),
    Scenario("a person is to press the button", (runner("ann", BY_HAND), runner("bob")),
             (runner("cat", MOVED), runner("dan")), {"press": 1, "settle": 1, "crash": 1, "later": 1}),
    Scenario("who can only write forges", (runner("ann"),), (runner("bob"),),
             {"forge": 1, "hold": 1, "lost": 1, "later": 1}),
    Scenario("another ledger sends it at any time", (runner("ann"),), (runner("bob"), runner("cat")),
             {"elsewhere": 1, "lost": 1, "settle": 1, "later": 1}),
    Scenario("the key is in use", (runner("ann"),), (runner("bob"), runner("cat")),
             {"in use": 1, "lost": 1, "later": 2}),
    Scenario("a clock is hours off", (runner("ann"), runner("bob", offset_s=8 * 3600)), (),
             {"lost": 1, "later": 1}),
)  # fmt: skip


@contextmanager
def _latest_window() -> Iterator[None]:
    """The window of a resend begins with the latest attempt, as it did in the first edition."""

    def last_open(known: SendState) -> datetime | None:
        return next(
            (at for call, at in reversed(known.calls.items()) if known.ends.get(call) != EventKind.REJECTED),
            None,
        )

    with mock.patch.object(SendState, "open_since", property(last_open)):
        yield


_status = SendState.status.fget


def believing_status(known: SendState) -> Status:
    """Whoever used a key before: the message counts as sent."""
    is_foreign = _status(known) is Status.DISPUTED and not known.is_forged
    return Status.ACCEPTED if is_foreign else _status(known)


def calling_status(known: SendState) -> Status:
    """Where no call was made, nothing was sent: forgets who has the draft."""
    kind = known.origin.kind if known.origin is not None else ""
    is_open = kind == EventKind.HANDED_OVER and _status(known) is Status.UNKNOWN
    return Status.REJECTED if is_open else _status(known)


@contextmanager
def _no_condition() -> Iterator[None]:
    with mock.patch.object(model, "CONDITIONAL", False):
        yield


def _patched(where: object, name: str, instead: object) -> Callable[[], AbstractContextManager[object]]:
    return lambda: mock.patch.object(where, name, instead)


SWITCHED_OFF: dict[str, tuple[str, Callable[[], AbstractContextManager[object]]]] = {
    "conditional append": ("a hold comes and goes", _no_condition),
    "the window counts from the first call": ("attempts that make no call", _latest_window),
    "45065 without an earlier call is an alarm": (
        "another ledger sends it at any time",
        _patched(SendState, "status", property(believing_status)),
    ),
    "45065 after 45066 to a first call is an alarm": (
        "the key is in use",
        _patched(SendState, "status", property(believing_status)),
    ),
    "what is handed over may have been sent": (
        "a person is to press the button",
        _patched(SendState, "status", property(calling_status)),
    ),
    "macs": ("who can only write forges", _patched(model, "mac_holds", lambda _event: True)),
    "holds": ("a hold comes and goes", _patched(StreamState, "holds_at", lambda *_: [])),
    "a release resumes no run": (
        "a hold comes and goes",
        _patched(StreamState, "last_hold", property(lambda _state: "", lambda *_: None)),
    ),
    "the clock": ("a clock is hours off", _patched(decide, "CLOCK_TOLERANCE", timedelta(days=9))),
    "moved files": ("a file was moved in one clone", _patched(decide, "_moved", lambda *_: None)),
    "a campaign of another account is another message": (
        "an id went to another account",
        _patched(model, "is_current", lambda asked, present: any(asked[1:] == one[1:] for one in present)),
    ),
    "lists that share recipients": (
        "a list was renamed and grew in one clone",
        _patched(
            decide, "_shares_recipients", lambda known, asked: known.content_digest == asked.content_digest
        ),
    ),
    "a resend is of the send decided on": (
        "a send was renamed while a run waits",
        _patched(attempt, "_is_of", lambda *_: True),
    ),
    "the positive list": (
        "errors of every kind",
        _patched(
            attempt,
            "verdict",
            lambda answer: EventKind.REJECTED if answer["errcode"] == -1 else verdict(answer),
        ),
    ),
    "the deadline of a call": ("the platform forgets", _patched(attempt, "BEGIN_WITHIN", timedelta(days=9))),
    "a call is settled late": ("a person settles", _patched(decide, "SETTLE_AFTER", timedelta())),
}
"""Each rule, and the scenario that falls without it."""
