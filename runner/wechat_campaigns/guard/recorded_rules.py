"""The rules of the settings that the ledger keeps at each apply, and who agreed to what changed in them.

A plan asks for `ledger_changes` alone, and starts without what only an apply needs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.errors import PolicyError, SecretError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Account, Settings
from wechat_campaigns.guard.checkout import ledgers_in, past_versions
from wechat_campaigns.ledger.events import Ledger, LedgerKind, append_at_end
from wechat_campaigns.ledger.trust import (
    has_valid_mac,
    is_signed,
    newest_guard,
    questions,
    unverified,
    verify_guards,
)
from wechat_campaigns.plan.plan import Plan
from wechat_campaigns.plan.rule_changes import SettingsChange, guard_data, ledger_change
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.keys import mac_key

if TYPE_CHECKING:
    from wechat_campaigns.guard.secrets import GuardOf, Secrets


_NONE_FITS: Final = (
    N_("no event of {name} was signed with the old AppSecret or ledger_key"),
    N_("check the value of the variable that `--old-secret` names"),
)
_SEVERAL_FIT: Final = (
    N_("several of the old AppSecrets or ledger_keys signed events of {name}"),
    N_("pass only the one that was in use last: it also vouches for the events of those before it"),
)


def ledger_changes(root: Path, settings: Settings, guards: Collection[Event]) -> tuple[SettingsChange, ...]:
    """Return whether the environment has left a ledger for one that has no rules, which has no guards.

    The rules of the last apply are in the ledger. A commit that names another one would take them all away,
    so the versions of the settings are asked whether there was one that had something to hold back.
    """
    environment = settings.environment
    for version in past_versions(root, settings) if not guards else ():
        held = ledgers_in(version, environment)
        if left := next((ledger for ledger in held if ledger != environment.ledger), None):
            return (ledger_change(left, settings),)
    return ()


def check_rules_agreed(
    plan: Plan, guard_of: GuardOf, *, covered: bool, asking: bool, later: Iterable[str] = ()
) -> None:
    """Refuse other rules than at the last apply, unless somebody agrees to them.

    Args:
        covered: its digest, which is over every rule, was reviewed.
        asking: a person will be shown them and asked.
        later: AppIDs that this run calls for when it has waited.

    Raises:
        PolicyError: nobody agreed, and nobody will be asked.
    """
    from wechat_campaigns.code_host.ci_run import current_run
    from wechat_campaigns.guard.approvals import guard_approvals

    reaching = plan.reaching().union(later)
    if (
        not plan.settings_changes
        or not reaching
        or covered
        or (asking and current_run() is None)
        # Where each account's guard asks for approvals, every change since was asked about.
        or (current_run() and all(guard_approvals(guard_of(appid)) for appid in reaching))
    ):
        return
    raise PolicyError(
        _("rules of the settings changed since the last apply: {keys}").format(
            keys=_(", ").join(dict.fromkeys(change.key for change in plan.settings_changes))
        ),
        hint=_(
            "have a new plan reviewed and apply it with `--plan FILE` or `--expect-digest DIGEST`; "
            "or run `campaign ledger guard --env {name}` on a machine that holds the AppSecret "
            "or ledger_key"
        ).format(name=plan.environment),
        location=_("environment {name}").format(name=plan.environment),
    )


def record_guards(
    secrets: Secrets,
    ledger: Ledger,
    plan: Plan,
    who: Mapping[str, object],
) -> None:
    """Keep the rules that this apply goes by, for each account it calls for, before the first call.

    Whatever becomes of the sends: one that is refused each time would keep the rules from being kept.

    Raises:
        LedgerError: the ledger does not take it.
    """
    environment = secrets.settings.environment
    asks = environment.protected or environment.asks_approval
    bare = environment.is_sandbox and not asks
    accounts = environment.by_appid
    for appid in sorted(plan.reaching() & accounts.keys()):
        # A rehearsal that asks for nothing reaches no follower.
        if secrets.guard_of(appid) or not bare:
            # An account without its secret sends nothing, and keeps no other from sending.
            with suppress(SecretError):
                record_guard(secrets, ledger, accounts[appid], actor=who)


def record_guard(
    secrets: Secrets, ledger: Ledger, account: Account, *, trusted: bool = False, **more: Any
) -> bool:
    """Keep the rules of the settings in an account's stream, if they are not those kept last.

    Args:
        trusted: a person vouches for it, whatever guards the ledger holds.
        more: for `guard_data`.

    Returns:
        Whether anything was new.
    """
    from wechat_campaigns.guard.approvals import guard_approvals, present_tree

    settings, key = secrets.settings, secrets.mac_key(account, trusted=trusted)

    def entry_after(events: Sequence[Event]) -> Entry | None:
        good, bad = verify_guards([event for event in events if event.kind == LedgerKind.GUARD], key)
        before = newest_guard(good, settings.ledger_scope)
        data = guard_data(settings, account, before=before, **more)
        compared = {"environment", "rules"}
        approved = secrets.check_approved(account.appid)
        if trusted and (settings.environment.asks_approval or guard_approvals(before)):
            approved = present_tree(secrets.root, settings.environment)
        if approved.commit:  # the next run asks who approved what came since
            data |= {"commit": approved.commit, "tree": approved.tree}
            compared.add("tree")
        if before is not None and not bad and all(before.data.get(key) == data[key] for key in compared):
            return None
        return Entry(stream=account.appid, kind=LedgerKind.GUARD, data=data)

    return append_at_end(ledger, account.appid, entry_after)


def vouch(
    secrets: Secrets,
    ledger: Ledger,
    account: Account,
    old_secrets: Collection[str],
    is_genuine: Callable[[Sequence[Event]], bool],
    **more: Any,
) -> None:
    """Keep an account's events authentic after the root of its macs was changed, but for those that were not.

    Args:
        old_secrets: those before; one of them may belong to another account.
        is_genuine: asks a person about events that only the old secret could verify, where none is given.

    Raises:
        LedgerConflictError: somebody wrote to the ledger since it was read.
        SecretError: none of the old secrets fits, or several do.
        TamperedLedgerError: the ledger holds a copied event, or lacks one.
    """
    appid, events = account.appid, ledger.read(account.appid)
    key = secrets.mac_key(account, trusted=True)
    distrusted = unverified(events, key)
    if next(filter(is_signed, events), None) not in distrusted:
        return  # the secret of this account is still the one with which it began, or was vouched for
    if old_secrets:
        keys = {mac_key(old, appid) for old in old_secrets}
        fitting = [old for old in keys if any(has_valid_mac(event, old) for event in distrusted)]
        if len(fitting) != 1:
            # The last vouches for what came before it. What an earlier one signed later may be anybody's.
            what, hint = _SEVERAL_FIT if fitting else _NONE_FITS
            raise SecretError(_(what).format(name=account.name), hint=_(hint), location=appid)
        distrusted = unverified(events, key, fitting[0])
    else:
        genuine = [event for group in questions(distrusted) if is_genuine(group) for event in group]
        distrusted = [event for event in distrusted if event not in genuine]
    data = {"distrusted": [event.hash for event in distrusted], **more}
    ledger.append(Entry(stream=appid, kind=LedgerKind.TRUSTED, data=data), after=events[-1].head)
