"""Approvals in the ledger: a plan digest, signed by the key of the job that waits for the reviewers.

Anybody may write such an event, so only the signature counts. It is over the account, the environment and the
event before it: a copy elsewhere never counts, and what ended an approval ends its copies too.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from wechat_campaigns.core.digest import canonical
from wechat_campaigns.core.errors import require_extra
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.protocol.events import Entry, Event, moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A plan that somebody approved for an account, its signature verified."""

    event: Event
    key: str
    """The public key that it is signed for."""
    plan_digest: str
    """Of the plan that was approved."""
    commit: str | None
    """The commit of that plan; None where it was made outside git."""
    seen: Mapping[tuple[str, int], tuple[Mapping[str, Any] | None, int | None]]
    """What its plan looked up, by id and revision: what names stood for, and the followers."""
    who: tuple[str, ...]
    """The reviewers by the code host, else the user who ran the command."""
    run: str
    """The address of the CI run; empty outside of one."""
    at: datetime
    """When it was signed."""
    ended_by: Event | None = None
    """The hold, withdrawal or change of the rules since; None: in force."""


def approvals_of(account: AccountState, environment: str, keys: Collection[str]) -> Iterator[Approval]:
    """Yield the approvals of an account, the newest first, in force or not.

    Args:
        environment: as `Settings.ledger_scope`.
        keys: the public keys that count, beside those of earlier applies.
    """
    guards = account.rule_changes.get(environment, ())
    known = dict.fromkeys((*keys, *filter(None, map(recorded_key, guards))))
    for event in reversed(account.approvals.values()):
        key = next((key for key in known if is_signed_by(event, key)), None)
        if key is not None and event.data["environment"] == environment:
            data = event.data
            looked_up = data.get("seen", ())
            yield Approval(
                event=event,
                key=key,
                plan_digest=data["plan_digest"],
                commit=data.get("commit"),
                seen={(name, revision): (names, count) for name, revision, names, count in looked_up},
                who=tuple(data["who"]),
                run=data.get("run", ""),
                at=moment(data["at"]),
                ended_by=account.end_of_approval(data["plan_digest"], environment, event.seq),
            )


def recorded_key(guard: Event) -> str | None:
    """Return the public key by which an apply went; None without one."""
    rules = guard.data.get("rules")
    key = rules.get("approval_key") if isinstance(rules, Mapping) else None
    return str(key) if key else None


def is_signed_by(entry: Entry, key: str) -> bool:
    """Return whether an entry, or the event that it became, carries the signature of a public key."""
    require_extra("approvals", needed_for=_("`approval_key` in the settings"))
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
    require_extra("approvals", needed_for=_("`approval_key` in the settings"))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))


def _signed_text(entry: Entry) -> bytes:
    written = {name: value for name, value in entry.data.items() if name != "signature"}
    return canonical(["approval", entry.stream, entry.kind, written, entry.nonce])
