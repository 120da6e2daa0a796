"""Takes `_settings.yaml` and the chosen environment, gives `Settings`; without a file, the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.settings import (
    SANDBOX,
    Account,
    AccountKind,
    Approvals,
    ArticleOptions,
    CallbackSecrets,
    Drift,
    Environment,
    NotifyTarget,
    PlanCheck,
    Policy,
    Secret,
    Settings,
    Tester,
)
from wechat_campaigns.source.document import Document, parse_document
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.settings_checks import (
    DEFAULT_LEDGER,
    PROTECTED_RESEND_AFTER_S,
    RESEND_UNTIL_S,
    appids_of,
    cross_findings,
    links_without_host,
    maps,
)
from wechat_campaigns.source.text import hidden_values
from wechat_campaigns.source.validate import check

SETTINGS_FILE: Final = "_settings.yaml"
MAX_BYTES: Final = 1024 * 1024

_SANDBOX_APPIDS: Final[Mapping[AccountKind, str]] = MappingProxyType(
    {
        AccountKind.SERVICE: "wx0000000000000001",
        AccountKind.SUBSCRIPTION: "wx0000000000000002",
        AccountKind.TEST: "wx0000000000000003",
    }
)


def load_settings(root: Path, *, environment: str | None = None) -> Settings:
    """Read the settings of a campaigns folder; the built-in sandbox when there is no file.

    Args:
        environment: the one to use; default: the file's `default_environment`, or `sandbox`.

    Raises:
        InvalidError: the file has problems; it carries all of them.
        UsageError: there is no environment of this name.
    """
    data, source = _read(root)
    written: dict[str, Any] = data.get("environments", {})
    names = tuple(dict.fromkeys((*written, SANDBOX)))
    name = environment or data.get("default_environment", SANDBOX)
    if name not in names:
        otherwise = _("use one of: {names}").format(names=_(", ").join(names))
        raise UsageError(
            _("environment `{name}` is not in the settings").format(name=name),
            hint=did_you_mean(name, names, otherwise=otherwise),
        )
    chosen = replace(_environment(name, written), is_named=environment is not None)
    return Settings(
        environment=chosen,
        environments=names,
        namespace=data.get("namespace", ""),
        vars=data.get("vars", {}),
        links=data.get("links", {}),
        policy=_policy(data.get("policy", {}), chosen.accounts),
        articles=ArticleOptions(**data.get("articles", {})),
        testers={alias: Tester(**tester) for alias, tester in data.get("testers", {}).items()},
        notify=tuple(_notify(target) for target in data.get("notify", ())),
        other_environments=tuple(_environment(other, written) for other in written if other != name),
        source=source,
    )


def settings_warnings(root: Path, settings: Settings) -> tuple[Diagnostic, ...]:
    """Find what a valid settings file says without effect."""
    if not settings.links or settings.policy.linked_places:
        return ()
    shown = (root / SETTINGS_FILE).as_posix()
    read = parse_document(settings.source, id="_settings", file=PurePosixPath(SETTINGS_FILE), shown=shown)
    if isinstance(read, Diagnostic):
        raise AssertionError("the settings were read from it")
    finding = links_without_host(("links",))
    return (finding.at(read.location(finding.path, key=True)),)


def settings_data(root: Path) -> dict[str, Any]:
    """Read the file of a campaigns folder as plain data, valid and without defaults."""
    return _read(root)[0]


def _read(root: Path) -> tuple[dict[str, Any], bytes]:
    shown = (root / SETTINGS_FILE).as_posix()
    try:
        source = read_regular(root / SETTINGS_FILE, MAX_BYTES)
    except FileNotFoundError:
        return {}, b""
    except FileError as error:
        raise InvalidError((error.to_diagnostic(Location(file=shown)),)) from error
    with hidden_values():
        read = parse_document(source, id="_settings", file=PurePosixPath(SETTINGS_FILE), shown=shown)
        problems = (read,) if isinstance(read, Diagnostic) else check(read, "settings", cross_findings)
    if problems or isinstance(read, Diagnostic):
        raise InvalidError(problems)
    data: dict[str, Any] = read.data
    return data, source


def approvals_in(source: bytes, environment: Environment) -> tuple[Approvals, ...] | None:
    """Read who had to approve by another version of the file, valid or not.

    Args:
        environment: the one that is used now; another name of the same AppID is the same to followers.

    Returns:
        One for each environment there that has this name or one of these AppIDs and asks for approvals; of
        any other where there is no such environment yet. None for a file that is not readable.
    """
    written = _environments(source)
    if written is None:
        return None
    same = _same_environments(written, environment) or [*written.values()]
    asked = (other.get("approvals") for other in same)
    return tuple(dict.fromkeys(approvals_of(one) for one in asked if isinstance(one, dict)))


def secret_variables_in(source: bytes, appid: str) -> frozenset[str] | None:
    """Read which variables held an account's AppSecret by another version of the file.

    Returns:
        Those of the environments there that ask for approvals; None where none does.
    """
    asking = [one for one in (_environments(source) or {}).values() if one.get("approvals")]
    accounts = [one for other in asking for _name, one in maps(other.get("accounts"))]
    secrets = (one.get("secret") for one in accounts if one.get("appid") == appid)
    return frozenset(str(one.get("env")) for one in secrets if isinstance(one, dict)) if asking else None


def ledgers_in(source: bytes, environment: Environment) -> tuple[str, ...]:
    """Read which ledgers another version of the file had, where there was something to hold back."""
    return tuple(
        str(other.get("ledger", DEFAULT_LEDGER))
        for other in _same_environments(_environments(source) or {}, environment)
        if other.get("protected") or other.get("approvals")
    )


def names_programs(source: bytes) -> bool:
    """Return whether a version of the file names a program to run: of a check, or for a secret."""
    waiting = [_data(source)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "command" in value:
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _data(source: bytes) -> object:
    read = parse_document(source, id="", file=PurePosixPath(SETTINGS_FILE), shown="")
    return read.data if isinstance(read, Document) else None


def _environments(source: bytes) -> dict[str, Mapping[str, Any]] | None:
    data = _data(source)
    return dict(maps(data.get("environments"))) if isinstance(data, dict) else None


def _same_environments(
    written: Mapping[str, Mapping[str, Any]], environment: Environment
) -> list[Mapping[str, Any]]:
    appids = environment.by_appid.keys()
    return [other for name, other in written.items() if name == environment.name or appids & appids_of(other)]


def approvals_of(data: Mapping[str, Any]) -> Approvals:
    """Read approvals that were not checked: an odd value asks for more, not for less."""
    names, count = data.get("approvers"), data.get("count", 1)
    return Approvals(
        approvers=tuple(str(name) for name in names) if isinstance(names, list) else (),
        count=count if isinstance(count, int) and count > 0 else 1,
        not_author=data.get("not_author", True) is not False,
    )


def _policy(data: Mapping[str, Any], accounts: Mapping[str, Account]) -> Policy:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
    }
    if drift := data.get("audience_drift"):
        values["audience_drift"] = Drift(**drift)
    values["checks"] = tuple(
        PlanCheck(**{**check, "command": tuple(check["command"])}) for check in data.get("checks", ())
    )
    if isinstance(names := values.get("hold"), tuple):
        # Another name of the same AppID reaches the same followers.
        appids = {accounts[name].appid for name in names if name in accounts}
        values["hold"] = (*names, *(n for n, a in accounts.items() if a.appid in appids and n not in names))
    return Policy(**values)


def _environment(name: str, written: Mapping[str, Any]) -> Environment:
    data = {"api": SANDBOX, **written.get(name, {})}
    asked = data.get("approvals")
    is_embedded = data["api"] == SANDBOX
    accounts = {
        key: _account(key, value, is_embedded=is_embedded) for key, value in data.get("accounts", {}).items()
    }
    default = data.get("default_account") or (next(iter(accounts)) if len(accounts) == 1 else None)
    if is_embedded and not accounts:
        accounts = _sandbox_accounts(written)
        default = default or AccountKind.SERVICE.value
    return Environment(
        name=name,
        api=data["api"].rstrip("/"),
        ledger=data.get("ledger", DEFAULT_LEDGER),
        protected=data.get("protected", False),
        accounts=accounts,
        default_account=default,
        vars=data.get("vars", {}),
        approvals=approvals_of(asked) if asked else None,
        resend_after_s=data.get("resend_after", PROTECTED_RESEND_AFTER_S),
        resend_until_s=data.get("resend_until", RESEND_UNTIL_S),
    )


def _account(name: str, data: Mapping[str, Any], *, is_embedded: bool) -> Account:
    # The embedded sandbox takes its own secret, so a rehearsal never reads a real one.
    written = "secret" in data and not is_embedded
    secret = _secret(data["secret"]) if written else Secret(sandbox=True)
    callback = _callback(data["callback"]) if "callback" in data else None
    return Account(
        name=name, kind=AccountKind(data["kind"]), appid=data["appid"], secret=secret, callback=callback
    )


def _callback(data: Mapping[str, Any]) -> CallbackSecrets:
    aes_key = _secret(data["aes_key"]) if "aes_key" in data else None
    return CallbackSecrets(token=_secret(data["token"]), aes_key=aes_key)


def _notify(data: Mapping[str, Any]) -> NotifyTarget:
    secret = _secret(data["secret"]) if "secret" in data else None
    command = tuple(data.get("command", ()))
    when = {"when": tuple(data["when"])} if "when" in data else {}
    return NotifyTarget(
        kind=data["kind"], url=_secret(data.get("url", {})), secret=secret, command=command, **when
    )


def _secret(place: Mapping[str, Any]) -> Secret:
    return Secret(env=place.get("env"), command=tuple(place.get("command", ())), file=place.get("file"))


def _sandbox_accounts(written: Mapping[str, Any]) -> dict[str, Account]:
    """Return the sandbox's three accounts, and each real account's name for the one of its kind.

    So a campaign with `account: main` can be rehearsed as it is.
    """
    kinds = {kind.value: kind for kind in AccountKind}
    for environment in written.values():
        for name, account in environment.get("accounts", {}).items():
            kinds.setdefault(name, AccountKind(account["kind"]))
    return {
        name: Account(name=name, kind=kind, appid=_SANDBOX_APPIDS[kind], secret=Secret(sandbox=True))
        for name, kind in kinds.items()
    }
