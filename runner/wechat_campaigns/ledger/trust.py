"""What may be relied on: which events are believed, and whether a ledger knows the past of its accounts.

Believed is what only a holder of the AppSecret can have written, or vouched for.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError, WrongSecretError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import Entry, Event, EventKind
from wechat_campaigns.protocol.keys import mac_of

KeyOf = Callable[[str], bytes | None]
"""Gives the key of a stream's macs; None where the AppSecret is not at hand."""
RESULTS: Final = frozenset(
    {EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE, EventKind.REJECTED}
    | {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW, LedgerKind.STATUS, LedgerKind.RECALL}
    | {LedgerKind.CALLBACK, LedgerKind.NOTIFIED}
)
"""What happened, wherever it is recorded. All else was decided on what the ledger held, and names its end."""
REMADE: Final = frozenset(
    {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW, LedgerKind.STATUS, LedgerKind.RECALL}
    | {LedgerKind.NOTIFIED, LedgerKind.CAMPAIGNS_FOLDER, LedgerKind.GUARD, LedgerKind.TRUSTED}
)
"""What is uploaded, queried or recorded again where it is not believed: nobody need be asked about it."""


def _is_hold(entry: Entry) -> bool:
    return entry.kind == EventKind.HOLD and bool(entry.data.get("held"))


def is_signed(entry: Entry) -> bool:
    """Return whether an entry carries a mac: all but holds, which anybody may write, and WeChat's pushes."""
    return entry.kind != LedgerKind.CALLBACK and not _is_hold(entry)


def is_decision(entry: Entry) -> bool:
    """Return whether an entry names the event `after` which it was decided: all do but holds and results."""
    return entry.kind not in RESULTS and not _is_hold(entry)


def has_valid_mac(event: Event, key: bytes) -> bool:
    """Return whether an event carries the mac that a key makes of it."""
    with suppress(ValueError):  # only texts and numbers that JSON has can have a mac
        return hmac.compare_digest(str(event.data.get("mac")).encode(), mac_of(key, event).encode())
    return False


def authenticator(events: Iterable[Event], key_of: KeyOf) -> Callable[[Event], bool]:
    """Return a function from an event to whether it counts as authentic.

    Args:
        events: of the ledger; a `trusted` among them says that all before it are true, but for those that it
            names: after a change of the AppSecret their macs cannot be verified any more.
        key_of: gives the key; without one everything is believed, and nothing may be acted on.
    """

    def holds(event: Event) -> bool:
        key = key_of(event.stream)
        return key is None or has_valid_mac(event, key)

    vouched: dict[str, tuple[int, frozenset[str]]] = {}
    for event in events:
        # It names the event that its writer saw last: a copy elsewhere vouches for nothing.
        is_in_place = event.data.get("after") == event.previous
        if event.kind == LedgerKind.TRUSTED and is_in_place and holds(event):
            before = vouched.get(event.stream, (0, frozenset()))[1]
            vouched[event.stream] = event.seq, before.union(event.data.get("distrusted", ()))

    def believed(event: Event) -> bool:
        until, distrusted = vouched.get(event.stream, (0, frozenset[str]()))
        if event.seq < until:
            return event.hash not in distrusted and not _is_misplaced(event)
        is_held = holds(event)
        if is_held and _is_misplaced(event) and key_of(event.stream):
            # Its writer saw another event before it: that one was taken out, or this one is a copy.
            what = _("event {number} ({kind}) was written after another event than the one before it")
            raise TamperedLedgerError(what.format(number=event.seq, kind=event.kind), location=event.stream)
        return is_held

    return believed


def unverified(events: Sequence[Event], key: bytes, *older: bytes) -> list[Event]:
    """List the events of one stream that no key verifies and no person has judged.

    Args:
        key: of the present AppSecret; what a `trusted` by it names was judged.

    Raises:
        TamperedLedgerError: one of them is a copy, or follows an event that was removed.
    """
    views = [authenticator(events, {event.stream: each for event in events}.get) for each in (key, *older)]
    trusting = [one for one in events if one.kind == LedgerKind.TRUSTED and has_valid_mac(one, key)]
    judged = {digest for one in trusting for digest in one.data.get("distrusted", ())}
    signed = [event for event in events if is_signed(event) and event.hash not in judged]
    return [event for event in signed if not any(view(event) for view in views)]


def questions(events: Iterable[Event]) -> list[list[Event]]:
    """Group events whose macs cannot be verified by what a person must judge as one.

    A call and a result that stops a send are one question, and a rejection, which frees one, is another: who
    remembers the call need not know how it ended. All calls that WeChat accepted are one together. What is
    made again anyway is left out.
    """
    asked = [event for event in events if event.kind not in REMADE]
    accepted = {str(event.data.get("intent")) for event in asked if event.kind == EventKind.ACCEPTED}
    groups: dict[str, list[Event]] = {}
    for event in asked:
        call = event.hash if event.kind == EventKind.REJECTED else str(event.data.get("intent", event.hash))
        groups.setdefault("accepted" if call in accepted else call, []).append(event)
    return list(groups.values())


def _is_misplaced(event: Event) -> bool:
    """Return whether an event that was written after one event stands after another."""
    return bool(event.data.get("after", event.previous) != event.previous)


def newest_guard(guards: Iterable[Event], environment: str) -> Event | None:
    """Return the newest guard of an environment, else that of another environment with this AppID.

    A renamed environment keeps its past.
    """
    found = list(guards)
    mine = [guard for guard in found if guard.data.get("environment") == environment]
    latest = mine or found
    return latest[-1] if latest else None


def verify_guards(guards: Iterable[Event], key: bytes) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
    """Part the guards of one account by their macs; a copy is told by the guard that it replaces.

    Args:
        guards: all of one stream, in order.
        key: of the account's macs, see `protocol.keys.mac_key`.

    Returns:
        Those that hold, and those after the last that holds, which nobody with this AppSecret wrote.
    """
    good: list[Event] = []
    bad: list[Event] = []
    for guard in guards:
        replaced = newest_guard(good, str(guard.data.get("environment")))
        follows = guard.data.get("replaces") == (replaced.hash if replaced is not None else "")
        if follows and has_valid_mac(guard, key):
            good, bad = [*good, guard], []
        else:
            bad.append(guard)
    return tuple(good), tuple(bad)


def check_same_followers(state: LedgerState, environment: Environment) -> None:
    """Refuse a sandbox environment whose ledger records production sends.

    Raises:
        LedgerError: however the settings write it, what is only rehearsed would count as sent.
    """
    named = environment.accounts.values()
    production = sorted(account.name for account in named if account.appid in state.production_streams)
    if environment.is_sandbox and production:
        raise LedgerError(
            _("this ledger records production sends of {names}; a sandbox environment cannot use it").format(
                names=_(", ").join(production)
            ),
            hint=_("configure a separate ledger for the sandbox environment, such as `sqlite`"),
            location=_("environment {name}").format(name=environment.name),
        )


def uninitialized_accounts(state: LedgerState, environment: Environment) -> tuple[str, ...]:
    """Return the accounts whose past is not known; in a sandbox, only those of another AppSecret."""
    accounts = environment.accounts.items()
    return tuple(
        sorted(
            name
            for name, account in accounts
            if state.has_wrong_secret(account.appid)
            or not (environment.is_sandbox or state.is_initialized(account.appid))
        )
    )


def wrong_secrets(state: LedgerState, environment: Environment) -> list[str]:
    """List the accounts whose AppSecret is at hand and signed no event of theirs."""
    accounts = environment.accounts.items()
    return [name for name, account in accounts if state.has_wrong_secret(account.appid)]


def wrong_secret_error(names: Collection[str], environment: Environment) -> WrongSecretError:
    """Refuse an AppSecret that signed none of an account's events: it proves nothing of who wrote them."""
    return WrongSecretError(
        _("no event of {names} in the ledger was signed with this AppSecret").format(
            names=_(", ").join(names)
        ),
        hint=_(
            "check with `campaign doctor --env {name}` that the AppSecret is right; if it was changed, run "
            "`campaign ledger guard --env {name} --new-secret`"
        ).format(name=environment.name),
        location=_("environment {name}").format(name=environment.name),
    )


def check_not_rehearsed(events: Iterable[Event], environment: Environment) -> None:
    """Refuse to initialize an account whose stream records what a sandbox did.

    Raises:
        LedgerError: what was only rehearsed would count as sent, previewed or uploaded.
    """
    if any(event.kind in _OF_CALLS for event in events):
        raise LedgerError(
            _(
                "a rehearsal used this ledger before it was initialized: its sends reached nobody, and would "
                "count as sent"
            ),
            hint=_(
                "set another `ledger` for environment {name}: another path, branch or schema, which no "
                "sandbox uses"
            ).format(name=environment.name),
            location=_("environment {name}").format(name=environment.name),
        )


_OF_CALLS: Final = frozenset(
    {EventKind.INTENT, EventKind.BASELINE, LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW}
)


def uninitialized_error(state: LedgerState, environment: Environment, names: Collection[str]) -> LedgerError:
    """Refuse to send: without the past of these accounts, all their campaigns would count as never sent."""
    if wrong := [name for name in wrong_secrets(state, environment) if name in names]:
        return wrong_secret_error(wrong, environment)
    message, hint = uninitialized_words(names, environment.name)
    if not state.initialized:
        message = _("the ledger is empty, so every campaign here would count as never sent")
    return LedgerError(message, hint=hint, location=_("environment {name}").format(name=environment.name))


def uninitialized_words(names: Collection[str], environment: str) -> tuple[str, str]:
    """Return that the ledger knows no past of some accounts, and what to do."""
    message = _("the ledger is not initialized for {names}, so all their campaigns would count as never sent")
    hint = _(
        "run `campaign ledger init --env {name}`, then record earlier sends with "
        "`campaign ledger baseline --env {name}`"
    )
    return message.format(names=_(", ").join(names)), hint.format(name=environment)
