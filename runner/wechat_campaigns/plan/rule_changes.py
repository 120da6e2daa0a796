"""The settings in, the rules in force and what changed in them out. No I/O.

A commit could remove the rule that should hold it back: the approvers, the limit, `protected`. So a
plan's digest covers every rule in force, an apply keeps the rules that it went by in the ledger, as a guard,
and whatever differs from those is shown and needs somebody's agreement, in whichever direction it changed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from wechat_campaigns.core.digest import canonical, sha256, to_plain_data
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import Masked, redact
from wechat_campaigns.core.settings import Account, Audit, NotifyTarget, Settings
from wechat_campaigns.protocol.events import Event

UNSET: Final = "–"
NO_RULES: Final = frozenset({
    "vars", "links", "articles",  # make what is sent, so the digest of its content covers them
    "testers", "notify", "audit",  # decide on no send; their programs are rules, as those of checks
    "default_environment", "environment", "environments", "source", "name", "is_named",
    "default_account", "accounts",  # a send names its AppID; each account has rules of its own
    "labels", "display_name", "rules",  # names for people
})  # fmt: skip
"""Fields of the settings, of their environment and of an account that are not rules; every other one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """One key of the settings that is not what it was."""

    key: str
    """`policy.max_recipients`."""
    before: str
    """As JSON; `UNSET` where there was none."""
    after: str
    appids: tuple[str, ...] = field(default=(), compare=False)
    """Of the accounts that it is a rule of; empty where it is not about one."""


def rules_of(settings: Settings, account: Account, known: Any = None) -> dict[str, Any]:
    """Return what decides whether something is sent from an account, as plain data; nothing is masked.

    Args:
        known: the rules that an earlier version recorded. What it did not record is left out, and so is a
            setting inside that it did not have and that still has its default.
    """
    environment, own = settings.environment, {"policy", "approvals"}
    found = _rules(settings, known, own) | _rules(environment, known, own)
    of_account = known.get("account") if isinstance(known, Mapping) else None
    policy = known.get("policy") if isinstance(known, Mapping) else None
    found |= {
        "policy": _plain(settings.policy_of(account), policy),
        "approvals": to_plain_data(environment.approvals_of(account)),
        "account": _rules(account, of_account, own),
        "programs": programs_of(settings),
    }
    return {name: value for name, value in found.items() if known is None or name in known}


def rules_digest(settings: Settings, account: Account) -> str:
    """Fingerprint the rules of an account: what who approves its sends agrees to."""
    return sha256(rules_of(settings, account))


def programs_of(settings: Settings) -> list[Any]:
    """List the programs that are notified or get the ledger's events."""
    targets: list[NotifyTarget | Audit] = [*settings.notify, *filter(None, [settings.audit])]
    commands = (place.command for one in targets for place in (one, one.url, one.secret) if place)
    return [to_plain_data(command) for command in commands if command]


def _rules(record: Any, known: Any, left_out: Collection[str]) -> dict[str, Any]:
    """Return the rules among the fields of a record, as plain data."""
    before = known if isinstance(known, Mapping) else {}
    rules = (one for one in fields(record) if one.name not in NO_RULES and one.name not in left_out)
    unset = (one for one in rules if known is None or one.name in before or not _is_default(one, record))
    return {one.name: _plain(getattr(record, one.name), before.get(one.name)) for one in unset}


def _plain(value: Any, known: Any) -> Any:
    if isinstance(known, Mapping) and isinstance(value, Mapping):
        return {name: _plain(item, known.get(name)) for name, item in value.items()}
    if isinstance(known, Mapping) and is_dataclass(value) and not hasattr(value, "plain_data"):
        plain = to_plain_data(value)
        unset = {one.name for one in fields(value) if one.name not in known and _is_default(one, value)}
        return {name: _plain(getattr(value, name), known.get(name)) for name in plain if name not in unset}
    return to_plain_data(value)


def _is_default(one: Field[Any], record: Any) -> bool:
    default = one.default if one.default_factory is MISSING else one.default_factory()
    return bool(getattr(record, one.name) == default)


class Rules(NamedTuple):
    """Every rule in force in an environment."""

    sha256: str = ""
    """Of the rules as they are."""
    shown: Mapping[str, Masked] = MappingProxyType({})
    """By key, as JSON without secrets: what a plan shows."""


def rules_in_force(settings: Settings) -> Rules:
    """Return the rules of an environment and of its accounts."""
    shared = _rules(settings, None, {"approvals"}) | _rules(settings.environment, None, {"policy"})
    accounts = {name: _rules(one, None, ()) for name, one in settings.environment.accounts.items()}
    found = {**shared, "programs": programs_of(settings), "accounts": accounts}
    return Rules(sha256(found), {key: Masked(redact(text)) for key, text in _flat(found).items()})


def written_rules(account: Account, *, own: bool = False) -> dict[str, dict[str, str]]:
    """Return the rules in force for an account, or its own, by key: value as JSON, holder and place."""
    return {
        key: {**rule._asdict(), "value": redact(_display(rule.value))}
        for key, rule in sorted(account.rules.items())
        if rule.holder == "account" or not own
    }


def rules_text(rules: Mapping[str, Mapping[str, str]]) -> str:
    """Write rules in one line, each with where it is written."""
    template = _("{key}: {value} ({place})")
    return _("; ").join(template.format(key=key, **one) for key, one in rules.items())


def changed_keys(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[SettingsChange, ...]:
    """List the keys that differ, of two plans or of two versions of the settings."""
    return tuple(
        SettingsChange(key=key, before=before.get(key, UNSET), after=after.get(key, UNSET))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )


def changes_since(guards: Iterable[Event], settings: Settings) -> tuple[SettingsChange, ...]:
    """List the rules that are not those of the last apply.

    Args:
        guards: the newest of each account; none of them may have a mac that was checked.
    """
    accounts = settings.environment.by_appid
    found: dict[SettingsChange, list[str]] = {}
    for guard in guards:
        rules, account = guard.data.get("rules"), accounts.get(guard.stream)
        if account is not None and isinstance(rules, Mapping):
            for change in edits(rules, rules_of(settings, account, rules)):
                found.setdefault(change, []).append(guard.stream)
    ordered = sorted(found, key=lambda change: (change.key, change.before))
    return tuple(replace(change, appids=tuple(found[change])) for change in ordered)


def edits(before: Any, after: Any) -> tuple[SettingsChange, ...]:
    """List the keys of settings that were added, edited or removed."""
    return changed_keys(_flat(before), _flat(after))


def _flat(value: Any, path: str = "", *, depth: int = 20) -> dict[str, str]:
    """Return each value as JSON by the keys that lead to it, so that no key hides in a long value."""
    if value is None or value in ([], {}):
        return {}
    if not isinstance(value, Mapping) or not depth:
        return {path: _display(value)}
    return {
        key: text
        for name in sorted(value, key=str)
        for key, text in _flat(value[name], f"{path}.{name}" if path else str(name), depth=depth - 1).items()
    }


def _display(value: Any) -> str:
    try:
        return canonical(value).decode()
    except (TypeError, ValueError, RecursionError):  # a guard whose mac nobody could check holds anything
        return "?"


def guard_data(settings: Settings, account: Account, *, before: Event | None, **more: Any) -> dict[str, Any]:
    """Return the data of a guard, but for its mac.

    Args:
        before: the guard that this one replaces.
        more: for the record only, such as who ran it.
    """
    return {
        "environment": settings.ledger_scope,
        "rules": rules_of(settings, account),
        "replaces": before.hash if before is not None else "",
        **more,
    }
