"""Compare the rules of the settings with those that were in force at the last apply. No I/O.

A commit could take away the very rule that should hold it back: the approvers, the limit, `protected`. So
an apply keeps the rules it went by in the ledger, as a guard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from wechat_campaigns.core.digest import canonical, to_plain_data
from wechat_campaigns.core.settings import Settings
from wechat_campaigns.protocol.events import Event

Rules = Mapping[str, Any]
"""Plain data: `protected`, `approvals`, `policy`, `resend_after`, `resend_until`, `api`, `ledger`."""
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """One rule that is not what it was; `is_looser` when it now lets through what it held back before."""

    key: str
    """`policy.max_recipients`."""
    before: str
    after: str
    is_looser: bool = False


def rules_of(settings: Settings) -> dict[str, Any]:
    """Return what decides whether an apply of this environment may go on, as plain data."""
    environment = settings.environment
    approvals = environment.approvals
    return {
        "protected": environment.protected,
        "approvals": None
        if approvals is None
        else {
            "approvers": sorted({name.casefold() for name in approvals.approvers}),
            "count": approvals.count,
            "not_author": approvals.not_author,
        },
        "policy": to_plain_data(asdict(settings.policy)),
        "resend_after": environment.resend_after_s,
        "resend_until": environment.resend_until_s,
        "api": environment.api,
        "ledger": environment.ledger,
    }


def changes(before: Rules, after: Rules) -> tuple[SettingsChange, ...]:
    """List the rules that differ, in order of their keys.

    Args:
        before: as `rules_of` gave them once; a key that is missing or of another shape counts as unset.
    """
    old, new = _flat(before), _flat(after)
    return tuple(
        SettingsChange(
            key=key,
            before=_display(old.get(key)),
            after=_display(new.get(key)),
            is_looser=_is_looser(key, old, new),
        )
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def changes_since(guards: Iterable[Event], settings: Settings) -> tuple[SettingsChange, ...]:
    """List the rules that are not those of the last apply.

    Args:
        guards: the newest of each account; none of them may have a mac that was checked.
    """
    now = rules_of(settings)
    found = {
        change: None
        for guard in guards
        if isinstance(rules := guard.data.get("rules"), Mapping)
        for change in changes(rules, now)
    }
    return tuple(sorted(found, key=lambda change: (change.key, change.before)))


def ledger_change(left: str, settings: Settings) -> SettingsChange:
    """Say that an environment has left a ledger, in which the rules of its last apply may be."""
    now = _display(settings.environment.ledger)
    return SettingsChange(key="ledger", before=_display(left), after=now, is_looser=True)


def accepted_by(guards: Iterable[Event]) -> tuple[SettingsChange, ...]:
    """List the looser rules that came into force with the last apply."""
    found: dict[SettingsChange, None] = {}
    for guard in guards:
        kept = guard.data.get("loosened")
        for row in kept if isinstance(kept, list) else ():
            key, before, after = [*(map(str, row) if isinstance(row, list) else ()), "", "", ""][:3]
            found[SettingsChange(key=key, before=before, after=after, is_looser=True)] = None
    return tuple(sorted(found, key=lambda change: (change.key, change.before)))


def edits(before: Any, after: Any, path: str = "") -> tuple[SettingsChange, ...]:
    """List the keys of a settings file that were added, edited or removed.

    Args:
        path: the keys that lead to both.
    """
    if before == after:
        return ()
    # What is new or gone is shown key by key too, so that no key hides in a long value.
    old, new = ({} if side is None else side for side in (before, after))
    if isinstance(old, Mapping) and isinstance(new, Mapping) and (old or new):
        return tuple(
            change
            for key in sorted({*old, *new}, key=str)
            for change in edits(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        )
    return (SettingsChange(key=path, before=_display(before), after=_display(after)),)


def _flat(rules: Rules) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in rules.items():
        if key in ("policy", "approvals") and isinstance(value, Mapping):
            flat |= {f"{key}.{name}": below for name, below in value.items()}
        else:
            flat[key] = value
    return {key: value for key, value in flat.items() if value not in (None, [], {}, ())}


def _display(value: Any) -> str:
    if value is None:
        return "–"
    try:
        return canonical(value).decode()
    except ValueError:  # a guard whose mac nobody could check holds anything
        return "?"


# --- what is looser --------------------------------------------------------------------------------


def _switched_off(before: Any, after: Any) -> bool:
    return before is True and after is not True


def _switched_on(before: Any, after: Any) -> bool:
    return after is True and before is not True


def _raised(before: Any, after: Any) -> bool:
    """A limit that was raised or removed; one that is new holds more back than none."""
    return before is not None and (after is None or after > before)


def _lowered(before: Any, after: Any) -> bool:
    return (before or 0) > (after or 0)


def _widened(before: Any, after: Any) -> bool:
    """A list of what is allowed: gone, or with an entry more. An empty one allows everything."""
    return bool(before) and (not after or not set(after) <= set(before))


def _shortened(before: Any, after: Any) -> bool:
    """A list of what is asked for: with an entry less."""
    return not set(before or ()) <= set(after or ())


def _check_lost(before: Any, after: Any) -> bool:
    """A check that is gone, runs something else, or only warns; what is new holds more back."""
    return any(check not in (after or ()) for check in before or ())


def _replaced(before: Any, after: Any) -> bool:
    return before is not None and before != after


def _links_widened(before: Any, after: Any) -> bool:
    if not before:
        return False
    return not after or any(
        all(host != known and not host.endswith(f".{known}") for known in before) for host in after
    )


def _more_names(before: Any, after: Any) -> bool:
    """Somebody may approve who could not before; that nobody is asked any more is seen by `count`."""
    return before is not None and not set(after or ()) <= set(before)


def _drift_widened(before: Any, after: Any) -> bool:
    if before is None:
        return False
    return after is None or any(
        (after.get(key) or 0) > (before.get(key) or 0) for key in ("percent", "floor")
    )


def _more_advisory(before: Any, after: Any) -> bool:
    lenient = {rule for rule, level in (after or {}).items() if level == "advisory"}
    return any((before or {}).get(rule) != "advisory" for rule in lenient)


LOOSER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "protected": _switched_off,
    "approvals.approvers": _more_names,
    "approvals.count": _lowered,
    "approvals.not_author": _switched_off,
    "resend_after": _lowered,
    "resend_until": _raised,
    "policy.allow_to_all": _switched_on,
    "policy.max_recipients": _raised,
    "policy.audience_drift": _drift_widened,
    "policy.max_sends_per_apply": _raised,
    "policy.require_preview": _switched_off,
    "policy.require_not_after": _switched_off,
    "policy.allowed_tags": _widened,
    "policy.allowed_links": _links_widened,
    "policy.allowed_mini_programs": _widened,
    "policy.banned_words": _shortened,
    "policy.required_text": _shortened,
    "policy.require_trial": _replaced,
    "policy.checks": _check_lost,
    "policy.duplicate_content_days": _lowered,
    "policy.quota_reserve": _lowered,
    "policy.levels": _more_advisory,
}
"""By key: whether the second value lets through what the first held back. `api` is shown only. So is
`policy.hold`: a hold of the settings is there to be lifted by a commit."""


def _is_looser(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    try:
        if key in ("policy.quiet_hours", "policy.timezone"):
            # The same hours elsewhere are other hours.
            moved = before.get("policy.timezone") != after.get("policy.timezone")
            return not _quiet(before) <= _quiet(after) or bool(before.get("policy.quiet_hours") and moved)
        if key == "ledger":  # the other one may be a copy from before a rule, or know of none
            return bool(before.get("protected") or before.get("approvals.approvers"))
        judge = LOOSER.get(key)
        return judge is not None and judge(before.get(key), after.get(key))
    except (TypeError, ValueError, AttributeError):  # a guard whose mac nobody could check holds anything
        return True


def _quiet(rules: Mapping[str, Any]) -> set[int]:
    """Return the minutes of the day at which nothing is sent."""
    begin, dash, end = str(rules.get("policy.quiet_hours") or "").partition("-")
    if not dash:
        return set()
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begin, end))
    return {minute % DAY_MINUTES for minute in range(first, last if last > first else last + DAY_MINUTES)}


def guard_data(
    settings: Settings, *, before: Event | None, loosened: Iterable[SettingsChange] = (), **more: Any
) -> dict[str, Any]:
    """Make the data of a guard, but for its mac.

    Args:
        before: the guard that this one replaces.
        loosened: the looser rules that were agreed to with it.
        more: for the record only, such as who ran it.
    """
    return {
        "environment": settings.ledger_scope,
        "rules": rules_of(settings),
        "settings_sha256": hashlib.sha256(settings.source).hexdigest(),
        "replaces": before.hash if before is not None else "",
        "loosened": [[change.key, change.before, change.after] for change in loosened],
        **more,
    }
