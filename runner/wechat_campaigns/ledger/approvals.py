"""Approvals in the ledger: by whom a send may go, or why nobody let it. No I/O, no clock.

Anybody may write such an event, so only its signature counts. It is over the account, the environment and the
event before it: a copy elsewhere never counts, and what ended an approval ends its copies too.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from wechat_campaigns.core.digest import canonical, sha256
from wechat_campaigns.core.errors import require_extra
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import list_id
from wechat_campaigns.core.settings import Approvals
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.shapes import check_shape
from wechat_campaigns.protocol.events import Entry, Event, moment
from wechat_campaigns.protocol.keys import normalize_id

PRIVATE: Final = "private:"
"""Before the digits of a private key: one that is taken for a public key stands in no settings."""
Names = Mapping[str, str | int | None]


class Unit(NamedTuple):
    """What is approved of one send; the batches of an openid list are one."""

    id: str
    revision: int
    digest: str
    """Of what followers get, who gets it and when."""
    names: Names | None
    """What its names stood for; None where they were not looked up."""
    audience: int | None
    """The followers; None where they were not counted, or are listed one by one."""


class ApprovalHead(NamedTuple):
    """What an approval of an account names beside its sends: the end that its plan saw, and the rules."""

    seq: int
    hash: str
    rules: str


def unit_of(row: Mapping[str, Any], names: Names | None, audience: int | None) -> Unit:
    """Return what is approved of a row of a plan's digest."""
    batch = row.get("batch", {})
    apart = {"id", "revision", "appid", "batch"} | ({"content_digest"} if batch else set())
    what = {key: value for key, value in row.items() if key not in apart}
    send_id = list_id(row["id"]) if batch else row["id"]
    return Unit(send_id, row["revision"], sha256({**what, **batch}), names, audience)


class Lack(StrEnum):
    """Why a send is not approved."""

    NOBODY = "nobody"
    """No approval names it, or none that counts here."""
    TOO_FEW = "too_few"
    OTHER = "other"
    """What was approved under its id gives followers something else, to others or at another time."""
    NAMES = "names"
    AUDIENCE = "audience"
    RULES = "rules"
    """It was approved by other rules than those of the settings."""
    ENDED = "ended"
    """A hold, a release, a withdrawal or an apply by other rules came after the plan that was approved."""
    NOT_RECORDED = "not_recorded"
    """No person with the AppSecret has recorded yet who may approve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an account's sends need before they go."""

    environment: str
    """As `Settings.ledger_scope`."""
    rules: str
    """The digest of the account's rules."""
    required: Sequence[Approvals] | None
    """Each must be met; None: it is not recorded who may approve."""
    allows: Callable[[int, int], bool] = lambda before, now: before == now
    """Whether an audience may be the second number where the first was approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One signed event, and what it says of one send."""

    event: Event
    key: str
    """The public key that signed it."""
    unit: Unit | None
    """None of rules alone."""
    ended_by: Event | None
    """What ended it; None: in force."""

    @property
    def approver(self) -> str:
        """The name under which the settings had the key."""
        return str(self.event.data.get("approver", ""))

    @property
    def who(self) -> tuple[str, ...]:
        """The reviewers by the code host, else the user who ran the command."""
        return tuple(map(str, self.event.data.get("who", ())))

    @property
    def at(self) -> datetime:
        """When it was signed, by the clock of who did; for people."""
        return moment(self.event.data["at"])


class Verdict(NamedTuple):
    """Whether a send may go."""

    lack: Lack | None
    """None: it is approved."""
    by: tuple[Approval, ...] = ()
    """The approvals that count, one of each key."""
    last: Approval | None = None
    """The newest that names the send, whether it counts or not."""
    missing: Approvals | None = None
    """Of whom more must approve; None where it is approved, or no guard says of whom."""


def approval_of(account: AccountState, unit: Unit, asked: Asked) -> Verdict:
    """Judge whether a send is approved, by the events of its account as they are now."""
    if asked.required is None:
        return Verdict(Lack.NOT_RECORDED)
    counting: dict[str, Approval] = {}
    lack, last = Lack.NOBODY, None
    for one in approvals_of(account, unit, asked):
        last = last or one
        found = _lack(one, unit, asked)
        if found is None:
            counting.setdefault(one.key, one)
        elif one is last:
            lack = found
    missing = next((one for one in asked.required if not _is_met(one, counting)), None)
    by = tuple(counting.values())
    if missing is None:
        return Verdict(None, by, last)
    return Verdict(Lack.TOO_FEW if by else lack, by, last, missing)


def rules_approved(account: AccountState, asked: Asked) -> bool:
    """Return whether the rules were approved, with sends or alone."""
    events = [event for event in account.approvals.values() if event.data["rules"] == asked.rules]
    found = (one for event in events if (one := _approval(account, event, None, asked)) is not None)
    keys = {one.key: one for one in found if one.ended_by is None}
    return asked.required is not None and all(_is_met(one, keys) for one in asked.required)


def approvals_of(account: AccountState, unit: Unit, asked: Asked) -> Iterator[Approval]:
    """Yield the approvals that name a send, the newest first, whether they count or not."""
    for event, row in reversed(account.approved.get((normalize_id(unit.id), unit.revision), ())):
        if (one := _approval(account, event, Unit(*row), asked)) is not None:
            yield one


def end_of_approval(account: AccountState, seen: int, rules: str, asked: Asked, send: str) -> Event | None:
    """Return what ended an approval whose plan saw a stream up to an event: by its place, never by a clock.

    Args:
        seen: the number of that event.
        rules: the digest of those that it was given by.
        send: the id of the send; empty of rules alone.
    """
    guards = account.rule_changes.get(asked.environment, ())
    ends = [event for event in guards if sha256(event.data.get("rules")) != rules]
    ends += filter(None, (account.last_stop, account.withdrawals.get(""), withdrawal_of(account, send)))
    return max((event for event in ends if event.seq > seen), key=lambda event: event.seq, default=None)


def withdrawal_of(account: AccountState, send: str) -> Event | None:
    """Return the newest withdrawal of a send, by its own id or by its campaign's."""
    name = normalize_id(send)
    found = filter(None, map(account.withdrawals.get, (name, name.partition("[")[0])))
    return max(found, key=lambda event: event.seq, default=None)


def required_approvals(
    account: AccountState, environment: str, present: Approvals | None
) -> list[Approvals] | None:
    """List who must approve: by the rules of the account's last apply, and by the settings.

    Args:
        environment: where it has made no apply, those of every other one with this account count.
        present: those of the settings.

    Returns:
        None where the settings ask, and nobody with the AppSecret has recorded any rules.
    """
    changes = account.rule_changes
    newest = [changes[one][-1] for one in ([environment] if environment in changes else changes)]
    if present is not None and not newest:
        return None
    recorded = [recorded_approvals(event) for event in newest]
    found = [one for one in (*recorded, present) if one is not None]
    return [one for number, one in enumerate(found) if one not in found[:number]]


def recorded_approvals(guard: Event) -> Approvals | None:
    """Read who had to approve at an apply, good enough to ask for more: its mac may not be verified.

    Raises:
        TamperedLedgerError: somebody else wrote it, in another shape.
    """
    check_shape(guard)
    data = guard.data.get("rules", {}).get("approvals")
    if data is None:
        return None
    return Approvals(
        approvers=dict(data.get("approvers", {})),
        count=max(1, data.get("count", 1)),
        reviewers=tuple(data.get("reviewers", ())),
    )


def _is_met(approvals: Approvals, keys: Collection[str]) -> bool:
    return len({*approvals.approvers.values()} & {*keys}) >= approvals.count


def _lack(approval: Approval, unit: Unit, asked: Asked) -> Lack | None:
    approved = approval.unit
    if approved is None or approved.digest != unit.digest:
        return Lack.OTHER
    if approval.ended_by is not None:
        return Lack.ENDED
    if approval.event.data["rules"] != asked.rules:
        return Lack.RULES
    if unit.names is not None and approved.names != unit.names:
        return Lack.NAMES
    counts = approved.audience, unit.audience
    if unit.audience is not None and (None in counts or not asked.allows(*counts)):  # type: ignore[arg-type]
        return Lack.AUDIENCE
    return None


def _approval(account: AccountState, event: Event, unit: Unit | None, asked: Asked) -> Approval | None:
    """Return an event as an approval; None where nobody who may approve here signed it."""
    data = event.data
    if data["environment"] != asked.environment:
        return None
    keys = dict.fromkeys(key for one in asked.required or () for key in one.approvers.values())
    key = next((key for key in keys if is_signed_by(event, key)), None)
    if key is None:
        return None
    ended = end_of_approval(account, data["saw"]["seq"], data["rules"], asked, unit.id if unit else "")
    return Approval(event=event, key=key, unit=unit, ended_by=ended)


# --- signatures --------------------------------------------------------------------------------

_verified: dict[tuple[str, str], bool] = {}
"""By hash of the event and key: a plan asks about each of its sends."""


def is_signed_by(entry: Entry, key: str) -> bool:
    """Return whether an entry, or the event that it became, carries the signature of a public key."""
    name = (entry.hash, key) if isinstance(entry, Event) else None
    if name is None or name not in _verified:
        found = _verifies(entry, key)
        if name is None:
            return found
        _verified[name] = found
    return _verified[name]


def _verifies(entry: Entry, key: str) -> bool:
    require_extra("approvals", needed_for=_("`approvals` in the settings"))
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signature = bytes.fromhex(entry.data["signature"])
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, _signed_text(entry))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def sign(entry: Entry, private_key: str) -> Entry:
    """Return an entry with its signature. Raises ValueError: the key is not one of 64 digits 0-9 a-f."""
    signature = _private(private_key).sign(_signed_text(entry))
    return replace(entry, data={**entry.data, "signature": signature.hex()})


def public_key(private_key: str) -> str:
    """Return the public key of a private one. Raises ValueError as `sign`."""
    return str(_private(private_key).public_key().public_bytes_raw().hex())


def _private(key: str) -> Any:
    require_extra("approvals", needed_for=_("`approvals` in the settings"))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key.removeprefix(PRIVATE)))


def _signed_text(entry: Entry) -> bytes:
    written = {name: value for name, value in entry.data.items() if name != "signature"}
    return canonical(["approval", entry.stream, entry.kind, written, entry.nonce])
