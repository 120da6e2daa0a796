"""Whether settings that open gates may be obeyed: those of the account's last apply, or approved ones.

A commit could name another program for the secret, another host, other approvers: before any of it is obeyed,
the approvers of the last apply sign it, as they sign a send, or a person with the AppSecret accepts it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wechat_campaigns.core.errors import UnapprovedError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import SANDBOX, Account, Settings
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import Asked, recorded_approvals, rules_approved
from wechat_campaigns.ledger.trust import newest_guard, verify_guards
from wechat_campaigns.plan.rule_changes import edits, rules_digest, rules_of
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import mac_key

PROGRAMS: Final = ("programs", "policy.checks")
"""The rules that name programs which are started for every account."""
GATES: Final = (
    *PROGRAMS,
    *("approvals", "protected", "api", "ledger", "account.secret", "account.token", "account.ledger_key"),
)


def check_gates(
    settings: Settings,
    account: Account,
    guards: Sequence[Event],
    stream: Callable[[], AccountState],
    is_approved_beside: Callable[[], bool],
    environ: Mapping[str, str],
    *,
    keys: Sequence[str] = GATES,
) -> None:
    """Refuse settings that open gates and that nobody let in, where the account's sends are approved.

    Args:
        guards: every record of the account's rules, in order; no mac was checked.
        stream: reads the account's events, whose approvals count by their signatures.
        is_approved_beside: reads whether sends of any account of the ledger are approved, also one that left.
        environ: may hold the AppSecret, which shows whether the record is genuine.
        keys: the rules that are about to be obeyed.

    Raises:
        UnapprovedError: names the keys.
    """
    environment, scope = settings.environment, settings.ledger_scope
    if environment.api == SANDBOX:
        return
    record = _genuine(guards, scope, environ)
    if record is None:
        places = (account.secret, account.token, account.ledger_key)
        starts_program = keys == PROGRAMS or any(place is not None and place.command for place in places)
        # It could read the secrets of every other account.
        if environment.approvals_of(account) is not None or (starts_program and is_approved_beside()):
            what = _("the ledger does not record yet who may approve")
            hint = _("run `campaign ledger guard{env}` on a machine that holds the AppSecret or ledger_key")
            raise _error(account, what, hint, environment.env_option)
        return
    asked = recorded_approvals(record)
    if asked is None:
        return
    rules = record.data["rules"]
    changed = edits(_gates(rules, keys), _gates(rules_of(settings, account, rules), keys))
    wanted = Asked(environment=scope, rules=rules_digest(settings, account), required=[asked])
    if changed and not rules_approved(stream(), wanted):
        names = _(", ").join(one.key for one in changed)
        what = _("{keys} changed after the last apply, and {count} of {names} must approve that").format(
            keys=names, count=asked.count, names=_(", ").join(asked.approvers)
        )
        hint = _(
            "approve it with `campaign approve FILE`, of `campaign plan --out FILE`; or run `campaign ledger "
            "guard{env}` on a machine that holds the AppSecret or ledger_key"
        )
        raise _error(account, what, hint, environment.env_option)


def _error(account: Account, what: str, hint: str, env: str) -> UnapprovedError:
    place = _("account {name}").format(name=account.name)
    return UnapprovedError(
        _("not approved: {what}").format(what=what), hint=hint.format(env=env), location=place
    )


def _gates(rules: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return the values of keys such as `policy.checks`."""
    found: dict[str, Any] = {}
    for key in keys:
        value: Any = rules
        for step in key.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        found[key] = value
    return found


def _genuine(guards: Sequence[Event], scope: str, environ: Mapping[str, str]) -> Event | None:
    """Return the newest guard, by the key that the first one names if that is in a variable.

    A writer of the ledger can add a guard, but not a first one, nor what its variable holds.
    """
    if not guards:
        return None
    first = guards[0].data.get("rules")
    account = first.get("account") if isinstance(first, Mapping) else None
    place = (account.get("ledger_key") or account.get("secret")) if isinstance(account, Mapping) else None
    name = place.get("env") if isinstance(place, Mapping) else None
    root = environ.get(str(name), "").strip() if name else ""
    good = verify_guards(guards, mac_key(root, guards[0].stream))[0] if root else ()
    return newest_guard(good or guards, scope)
