"""Events in, the past of each account out: the protocol folds the sends, this what is beside them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError, WrongSecretError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Account, Environment
from wechat_campaigns.ledger.account import LONG_AGO, NEVER, AccountState
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import (
    DraftRecord,
    JobResult,
    job_id,
)
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import SendState

Key = tuple[str, str, int]
"""AppID, id as `normalize_id` returns it, revision; `key_of` makes one."""
IsAuthentic = Callable[[Event], bool]
"""Whether an event's mac verifies."""


@dataclass(slots=True)
class LedgerState:
    """The accounts whose streams were read; built only by `fold`."""

    streams: dict[str, AccountState] = field(default_factory=dict)
    """By appid: each that has an event."""
    read: frozenset[str] | None = None
    """The streams that were read, also those without an event; None: all of them."""
    is_authentic: IsAuthentic | None = None
    """Whether an event's mac verifies; None counts every event as authentic, for runs that send nothing."""

    def has_read(self, appid: str) -> bool:
        """Return whether anything can be asked about an account."""
        return self.read is None or appid in self.read

    def stream(self, appid: str) -> AccountState:
        """Return an account's stream, empty when nothing was written yet.

        Raises:
            AssertionError: it was not read, so what it holds is not known: this program has an error.
        """
        if appid not in self.streams:
            if not self.has_read(appid):
                raise AssertionError(f"the stream {appid} was not read")
            self.streams[appid] = AccountState(appid)
        return self.streams[appid]

    @property
    def is_initialized(self) -> bool:
        """Return whether `ledger init` began the ledger, with a mac that holds."""
        return any(stream.is_initialized for stream in self.streams.values())

    @property
    def notified(self) -> Set[str]:
        """Keys of notices that were told, see `notify.notices`."""
        return set[str]().union(*(stream.notified for stream in self.streams.values()))

    def last_holds(self) -> Mapping[str, str]:
        """By appid: the newest hold or release, see `StreamState`."""
        return {appid: stream.last_hold for appid, stream in self.streams.items()}

    @property
    def sends(self) -> Iterator[SendState]:
        """Every send of every account that was read."""
        return self.sends_since(LONG_AGO)

    def sends_since(self, since: datetime) -> Iterator[SendState]:
        """Yield every send of every account that was read; of those decided on before perhaps not all."""
        for stream in self.streams.values():
            yield from stream.all_sends(since)

    @property
    def unended_sends(self) -> Iterator[SendState]:
        """Every send that is unknown, rejected, or was made once more, and perhaps others."""
        return self.sends_since(NEVER)

    def send(self, appid: str, send_id: str, revision: int) -> SendState | None:
        """Return a send, by its id in any spelling; None if no event is about it."""
        known = self.stream(appid).revisions([normalize_id(send_id)])
        return next((send for send in known if send.revision == revision), None)

    def draft(self, appid: str, send_id: str, revision: int) -> DraftRecord | None:
        """Return the latest draft made for a send; None without one."""
        return self.stream(appid).drafts.get((normalize_id(send_id), revision))

    def sends_by_id(self, send_id: str) -> list[SendState]:
        """List all sends of this id, at any revision and by any account that was read."""
        name = normalize_id(send_id)
        return [send for stream in self.streams.values() for send in stream.revisions([name])]

    def sends_by_content(self, appid: str, digest: str) -> list[SendState]:
        """List the sends whose latest attempt carried this content to these recipients."""
        return [send for send in self.stream(appid).of_content(digest) if send.content_digest == digest]

    def job_result(self, send: SendState) -> JobResult | None:
        """Return what the callback event said of a send, if it was received."""
        msg_id = job_id(send)
        return self.stream(send.appid).job_results.get(msg_id) if msg_id is not None else None

    def add(self, event: Event) -> None:
        """Add one more event; kinds that change nothing here are passed over.

        Raises:
            TamperedLedgerError: it is about a send whose intent is missing.
        """
        try:
            is_authentic = self.is_authentic is None or self.is_authentic(event)
            self.stream(event.stream).add(event, is_authentic=is_authentic)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) contradicts the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                location=event.stream,
            ) from error


def key_of(send: SendState) -> Key:
    """Return the key of a send."""
    return send.appid, normalize_id(send.send), send.revision


def fold(
    events: Iterable[Event],
    authentic: IsAuthentic | None = None,
    *,
    streams: Collection[str] | None = None,
    known: Iterable[AccountState] = (),
) -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        authentic: whether the mac of an event verifies; None counts all as authentic.
        streams: those that were read; None: the whole ledger. About any other the state answers nothing.
        known: the past of accounts of which only what came later is among the events.
    """
    state = LedgerState(is_authentic=authentic, read=frozenset(streams) if streams is not None else None)
    state.streams.update((account.stream, account) for account in known)
    for event in events:
        state.add(event)
    return state


def appids_not_on_hold(events: Iterable[Event], others: Iterable[str] = ()) -> list[str]:
    """List the AppIDs with sends or approvals, and no hold without an end: they may go on sending.

    Args:
        others: AppIDs that count too, whatever the events say of them.
    """
    state = fold(events)
    ever = datetime.max.replace(tzinfo=UTC)
    found = {appid for appid, stream in state.streams.items() if stream.sends or stream.approvals}
    return sorted(appid for appid in found.union(others) if not state.stream(appid).holds_at(ever))


# Whether a ledger knows the past of an environment's accounts, and is kept for the same followers.


def check_same_followers(state: LedgerState, environment: Environment) -> None:
    """Refuse a sandbox environment whose ledger records production sends.

    Raises:
        LedgerError: however the settings write it, what is only rehearsed would count as sent.
    """
    named = _read(state, environment).values()
    production = sorted(account.name for account in named if state.stream(account.appid).is_production)
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
    accounts = _read(state, environment).items()
    return tuple(
        sorted(
            name
            for name, account in accounts
            if state.stream(account.appid).has_wrong_secret
            or not (environment.is_sandbox or state.stream(account.appid).is_initialized)
        )
    )


def wrong_secrets(state: LedgerState, environment: Environment) -> list[str]:
    """List the accounts whose AppSecret is at hand and signed no event of theirs."""
    accounts = _read(state, environment).items()
    return [name for name, account in accounts if state.stream(account.appid).has_wrong_secret]


def _read(state: LedgerState, environment: Environment) -> Mapping[str, Account]:
    return {name: one for name, one in environment.accounts.items() if state.has_read(one.appid)}


def wrong_secret_error(names: Collection[str], environment: Environment) -> WrongSecretError:
    """Refuse a root of macs that signed none of an account's events: it proves nothing of who wrote them."""
    roots = {one.root_name for one in environment.accounts.values() if one.name in names}
    key = _(" or ").join(sorted(roots, key=str.lower))
    return WrongSecretError(
        _("no event of {names} in the ledger was signed with this {key}").format(
            names=_(", ").join(names), key=key
        ),
        hint=_(
            "check with `campaign doctor --env {name}` that the {key} is right; if it was changed, or is new "
            "in the settings, run `campaign ledger guard --env {name} --new-secret`"
        ).format(name=environment.name, key=key),
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
    {EventKind.INTENT, EventKind.HANDED_OVER, EventKind.BASELINE}
    | {LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW}
)


def uninitialized_error(state: LedgerState, environment: Environment, names: Collection[str]) -> LedgerError:
    """Refuse to send: without the past of these accounts, all their campaigns would count as never sent."""
    if wrong := [name for name in wrong_secrets(state, environment) if name in names]:
        return wrong_secret_error(wrong, environment)
    message, hint = uninitialized_words(names, environment.name)
    if not state.is_initialized:
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
