"""The rules of the settings that the ledger keeps at each apply, and who agreed to what changed in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.code_host.ci_run import current_run
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import PolicyError, SecretError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.settings import Account
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
from wechat_campaigns.plan.rule_changes import guard_data
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.protocol.keys import mac_key

if TYPE_CHECKING:
    from wechat_campaigns.guard.secrets import Secrets


_NONE_FITS: Final = (
    N_("no event of {name} was signed with the old AppSecret or ledger_key"),
    N_("check the value of the variable that `--old-secret` names"),
)
_CAME_BACK: Final = (
    N_("the AppSecret or ledger_key of {name} was replaced before, and is not taken a second time"),
    N_("make a new one: reset the AppSecret in the WeChat console, or run `openssl rand -hex 32`"),
)
_SEVERAL_FIT: Final = (
    N_("several of the old AppSecrets or ledger_keys signed events of {name}"),
    N_("pass only the one that was in use last: it also vouches for the events of those before it"),
)


def check_rules_agreed(plan: Plan, *, covered: bool, asking: bool, later: Iterable[str] = ()) -> None:
    """Refuse other rules than at the last apply, unless somebody agrees to them.

    Who approves the sends of an account approves its rules with them.

    Args:
        covered: its digest, which is over every rule, was reviewed.
        asking: a person will be shown them and asked.
        later: AppIDs that this run calls for when it has waited.

    Raises:
        PolicyError: nobody agreed, and nobody will be asked.
    """
    reaching = plan.reaching().union(later) - plan.heads.keys()
    changes = [one for one in plan.settings_changes if not reaching.isdisjoint(one.appids)]
    if not changes or covered or (asking and current_run() is None):
        return
    raise PolicyError(
        _("rules of the settings changed since the last apply: {keys}").format(
            keys=_(", ").join(dict.fromkeys(change.key for change in changes))
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
    bare = environment.is_sandbox and not environment.protected
    accounts = environment.by_appid
    for appid in sorted(plan.reaching() & accounts.keys()):
        # A rehearsal that asks for nothing reaches no follower.
        if secrets.guards_of(appid) or environment.approvals_of(accounts[appid]) or not bare:
            # An account without its secret sends nothing, and keeps no other from sending.
            with suppress(SecretError):
                record_guard(secrets, ledger, accounts[appid], actor=who)


def record_guard(
    secrets: Secrets, ledger: Ledger, account: Account, *, trusted: bool = False, **more: Any
) -> bool:
    """Keep the rules of the settings in an account's stream, if they are not those kept or approved last.

    Args:
        trusted: a person vouches for it, whatever guards the ledger holds.
        more: for `guard_data`.

    Returns:
        Whether anything was new.
    """
    settings, key = secrets.settings, secrets.mac_key(account, trusted=trusted)

    def entry_after(events: Sequence[Event]) -> Entry | None:
        good, bad = verify_guards([event for event in events if event.kind == LedgerKind.GUARD], key)
        before = newest_guard(good, settings.ledger_scope)
        data = guard_data(settings, account, before=before, **more)
        compared, rules = ("environment", "rules"), sha256(data["rules"])
        if before is not None and not bad and all(before.data.get(key) == data[key] for key in compared):
            later = (event for event in events[before.seq :] if event.kind == LedgerKind.APPROVED)
            # This apply ends what was approved by other rules since, and so it must have a place.
            if all(event.data.get("rules") == rules for event in later):
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
        SecretError: none of the old secrets fits, or several do, or the present one was itself replaced.
        TamperedLedgerError: the ledger holds a copied event, or lacks one.
    """
    appid, events = account.appid, ledger.read(account.appid)
    key = secrets.mac_key(account, trusted=True)
    distrusted = unverified(events, key)
    keys = {mac_key(old, appid) for old in old_secrets}
    fitting = [old for old in keys if any(has_valid_mac(event, old) for event in distrusted)]
    if (first := next(filter(is_signed, events), None)) not in distrusted:
        if fitting and first is not None and has_valid_mac(first, key):
            # A person who learnt it before may have signed since it was replaced: no event shows that.
            what, hint = _CAME_BACK
            raise SecretError(_(what).format(name=account.name), hint=_(hint), location=appid)
        return  # the secret of this account is still the one with which it began, or was vouched for
    if old_secrets:
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
