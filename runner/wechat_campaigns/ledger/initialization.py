"""Whether a ledger knows the past of an environment's accounts, and is kept for the same followers."""

from collections.abc import Collection, Iterable
from typing import Final

from wechat_campaigns.core.errors import LedgerError, WrongSecretError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import Event, EventKind


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
