"""Takes `_settings.yaml` and the chosen environment, gives `Settings`; without a file, the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType, UnionType
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.settings import (
    DEFAULT_LEDGER,
    SANDBOX,
    Account,
    AccountKind,
    Approvals,
    Environment,
    Policy,
    Settings,
)
from wechat_campaigns.source.document import Document, parse_document
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.settings_checks import (
    appids_of,
    cross_findings,
    links_without_host,
    maps,
)
from wechat_campaigns.source.text import hidden_values
from wechat_campaigns.source.validate import check

Record = TypeVar("Record")
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
    environments = {one: _environment(one, written) for one in written}
    chosen = replace(environments.get(name) or _environment(name, written), is_named=environment is not None)
    settings = record(
        Settings, {**data, "environments": environments, "environment": chosen, "source": source}
    )
    return replace(settings, policy=_held(settings.policy, chosen.accounts))


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


def record(kind: type[Record], data: Mapping[str, Any]) -> Record:
    """Return a record of valid data; what is not written keeps its default."""
    kinds = get_type_hints(kind)
    read: Record = kind(**{key: _value(kinds[key], value) for key, value in data.items()})
    return read


def _value(kind: Any, value: Any) -> Any:
    """Return a value as its field holds it: a map as a record, a list as a tuple, a word as a member."""
    origin, parts = get_origin(kind), get_args(kind)
    if isinstance(value, dict) and is_dataclass(kind):
        return record(cast("type", kind), value)
    if isinstance(value, dict) and origin is Mapping:
        return {key: _value(parts[1], below) for key, below in value.items()}
    if isinstance(value, list) and origin is tuple:
        return tuple(_value(parts[0], below) for below in value)
    if origin is UnionType:  # at most one of it is for a map, and one for a list
        return next((read for part in parts if (read := _value(part, value)) is not value), value)
    return AccountKind(value) if kind is AccountKind else value


def _held(policy: Policy, accounts: Mapping[str, Account]) -> Policy:
    """Extend a hold to every name of its accounts: another name of an AppID reaches the same followers."""
    names = policy.hold
    if isinstance(names, bool):
        return policy
    appids = {accounts[name].appid for name in names if name in accounts}
    others = (name for name, one in accounts.items() if one.appid in appids and name not in names)
    return replace(policy, hold=(*names, *others))


def _environment(name: str, written: Mapping[str, Any]) -> Environment:
    data = {"api": SANDBOX, **written.get(name, {})}
    accounts = {key: {**one, "name": key} for key, one in data.get("accounts", {}).items()}
    default = next(iter(accounts)) if len(accounts) == 1 else None
    if data["api"] == SANDBOX:
        for one in accounts.values():
            one.pop("secret", None)  # a rehearsal never reads a real one
        default = default or (None if accounts else AccountKind.SERVICE.value)
        accounts = accounts or _sandbox_accounts(written)
    return record(
        Environment,
        {
            "default_account": default,
            **data,
            "name": name,
            "api": data["api"].rstrip("/"),
            "accounts": accounts,
        },
    )


def _sandbox_accounts(written: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sandbox's three accounts, and each real account's name for the one of its kind.

    So a campaign with `account: main` can be rehearsed as it is.
    """
    kinds: dict[str, str] = {kind: kind for kind in AccountKind}
    for environment in written.values():
        for name, account in environment.get("accounts", {}).items():
            kinds.setdefault(name, account["kind"])
    return {
        name: {"name": name, "kind": kind, "appid": _SANDBOX_APPIDS[AccountKind(kind)]}
        for name, kind in kinds.items()
    }
