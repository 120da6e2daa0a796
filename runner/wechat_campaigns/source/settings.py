"""Takes the files of settings and the chosen environment, gives `Settings`; without a file, the sandbox.

An account stands in `_settings.yaml`, or in a file of `_accounts/` below the name of its environment. All of
them are one set of settings: checked together, and compared together with those of another commit.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path, PurePosixPath
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, cast, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from wechat_campaigns.core.diagnostics import Diagnostic, Finding, KeyPath, Location
from wechat_campaigns.core.errors import InvalidError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.settings import (
    APPID,
    DEFAULT_LEDGER,
    PROTECTED_RESEND_AFTER_S,
    RESEND_UNTIL_S,
    SANDBOX,
    AccountKind,
    Environment,
    Policy,
    Settings,
    WrittenRule,
)
from wechat_campaigns.source.files import FileError, read_regular
from wechat_campaigns.source.strict_yaml import Document, parse_document
from wechat_campaigns.source.text import hidden_values
from wechat_campaigns.source.validate import find, in_file_order

Record = TypeVar("Record")
SANDBOX_ACCOUNTS: Final = tuple(kind.value for kind in AccountKind)
"""The accounts a sandbox has by itself, one of each kind."""
NameKind = Literal["environment", "account", "time-zone"]
_NO_SUCH: Final[Mapping[NameKind, str]] = {
    "environment": N_("the settings have no such environment"),
    "account": N_("the settings have no such account"),
    "time-zone": N_("this time zone does not exist"),
}
SETTINGS_FILE: Final = "_settings.yaml"
ACCOUNTS_FOLDER: Final = "_accounts"
_NO_FILE: Final = Document(id="", file=PurePosixPath(SETTINGS_FILE), display_path="", text="", data={})
MAX_BYTES: Final = 1024 * 1024

_SANDBOX_APPIDS: Final[Mapping[AccountKind, str]] = {
    AccountKind.SERVICE: "wx0000000000000001",
    AccountKind.SUBSCRIPTION: "wx0000000000000002",
    AccountKind.TEST: "wx0000000000000003",
}
_SANDBOX_SECRET: Final = {"sandbox": True}


def load_settings(root: Path, *, environment: str | None = None) -> Settings:
    """Read the settings of a campaigns folder; the built-in sandbox where the file is missing.

    Args:
        environment: the one to use; default: the file's `default_environment`, or `sandbox`.

    Raises:
        InvalidError: the file has problems; it carries all of them.
        UsageError: no environment has this name.
    """
    data, source, placed = _read(root)
    written: dict[str, Any] = data.get("environments", {})
    names = tuple(dict.fromkeys((*written, SANDBOX)))
    name = environment or data.get("default_environment", SANDBOX)
    if name not in names:
        otherwise = _("use one of: {names}").format(names=_(", ").join(names))
        raise UsageError(
            _("environment `{name}` is not in the settings").format(name=name),
            hint=did_you_mean(name, names, otherwise=otherwise),
        )
    environments = {one: _environment(one, data, placed) for one in written}
    chosen = environments.get(name) or _environment(name, data, placed)
    chosen = replace(chosen, is_named=environment is not None)
    policy = {**data.get("policy", {}), **written.get(name, {}).get("policy", {})}
    more = {"environments": environments, "environment": chosen, "source": source, "policy": policy}
    return record(Settings, {**data, **more})


def settings_warnings(root: Path, settings: Settings) -> tuple[Diagnostic, ...]:
    """Find what a valid settings file says without effect."""
    policies = (settings.policy, *map(settings.policy_of, settings.environment.accounts.values()))
    if not settings.links or any(policy.linked_places for policy in policies):
        return ()
    file, path = _read(root)[2](("links",))
    return (links_without_host(path).at(file.location(path, key=True)),)


def settings_data(root: Path) -> dict[str, Any]:
    """Read the settings of a campaigns folder as plain data, valid and without defaults."""
    return _read(root)[0]


def is_accounts_file(path: PurePosixPath) -> bool:
    """Return whether a file of `_accounts/` holds accounts, by its path in that folder."""
    is_hidden = any(part.startswith(".") for part in path.parts)
    return path.suffix.lower() in (".yaml", ".yml") and not is_hidden


class _Place(NamedTuple):
    """Where a part of the settings stands."""

    file: Document
    path: KeyPath


_Placed = Callable[[KeyPath], _Place]


def _read(root: Path) -> tuple[dict[str, Any], tuple[bytes, ...], _Placed]:
    folder = root / ACCOUNTS_FOLDER
    below = (PurePosixPath(path.relative_to(folder).as_posix()) for path in folder.rglob("*"))
    files = [PurePosixPath(SETTINGS_FILE)]
    files += [ACCOUNTS_FOLDER / file for file in sorted(filter(is_accounts_file, below))]
    sources, documents, problems = [], [], []
    with hidden_values():
        for file in files:
            shown = (root / file).as_posix().encode("utf-8", "backslashreplace").decode()
            try:
                sources.append(read_regular(root / file, MAX_BYTES))
            except FileNotFoundError:
                continue
            except FileError as error:
                problems.append(error.to_diagnostic(Location(file=shown)))
                continue
            read = parse_document(sources[-1], id="_settings", file=file, shown=shown)
            if isinstance(read, Diagnostic):
                problems.append(read)
            else:
                documents.append(read)
        if folder.is_file():  # which guards could not compare with earlier versions
            what = _("`{name}` is not a folder").format(name=ACCOUNTS_FOLDER)
            finding = Finding("not-a-folder", what, _("move it into a folder of this name"))
            problems.append(finding.at(Location(file=folder.as_posix())))
        if not problems:
            settings = documents.pop(0) if documents and documents[0].file == files[0] else _NO_FILE
            data, problems, placed = _join(settings, documents)
    if problems:
        raise InvalidError(tuple(problems))
    return data, tuple(sources), placed


def _join(settings: Document, files: Sequence[Document]) -> tuple[Any, list[Diagnostic], _Placed]:
    """Return the settings with the accounts of the other files, the problems, and what finds a part of it."""
    found: dict[str, list[Finding]] = defaultdict(list)
    places: dict[KeyPath, _Place] = {}
    appids: dict[str, _Place] = {}
    environments = dict(maps(_map(settings.data).get("environments")))
    for file, above, environment, accounts in _accounts(settings, environments, files):
        if environment not in environments or not isinstance(accounts, dict):
            found[file.display_path].append(_not_accounts(above, environments))
            continue
        for name, account in accounts.items():
            place = _Place(file, (*above, name))
            first = places.setdefault(("environments", environment, "accounts", name), place)
            if first.file is file:
                first = appids.setdefault(str(_map(account).get("appid")), place)
            if first.file is not file:
                found[file.display_path].append(_taken(first, place))
        one = environments[environment]
        if file is not settings and accounts and isinstance(own := one.get("accounts", {}), dict):
            environments[environment] = {**one, "accounts": {**own, **accounts}}
    data = settings.data
    if environments:
        data = {**data, "environments": {**data["environments"], **environments}}

    def placed(path: KeyPath) -> _Place:
        file, above = places.get(path[:4], _Place(settings, path[:4]))
        return _Place(file, (*above, *path[4:]))

    for finding in find(data, "settings", cross_findings):
        file, path = placed(finding.path)
        found[file.display_path].append(replace(finding, path=path))
    ordered = (in_file_order(file, found[file.display_path]) for file in (settings, *files))
    return data, [problem for problems in ordered for problem in problems], placed


def _accounts(
    settings: Document, environments: Mapping[str, Any], files: Iterable[Document]
) -> Iterator[tuple[Document, KeyPath, str, object]]:
    """Yield each map of accounts with its file, its path there and its environment."""
    for name, one in environments.items():
        yield settings, ("environments", name, "accounts"), name, _map(one.get("accounts"))
    for file in files:
        for name, accounts in file.data.items() if isinstance(file.data, dict) else [("", file.data)]:
            yield file, (name,) if name else (), name, accounts


def _taken(first: _Place, place: _Place) -> Finding:
    at = first.file.location(first.path, key=True)
    what = _("this account is also in {file}, line {line}: each has its own name and its own AppID").format(
        file=at.file, line=at.line
    )
    hint = _("keep the account in one file, whatever environments it is in")
    return Finding("account-in-two-files", what, hint, place.path, is_key=True)


def _not_accounts(path: KeyPath, environments: Collection[str]) -> Finding:
    if path and path[0] not in environments:
        hint = did_you_mean(
            str(path[0]), environments, otherwise=_("add it to `environments` in _settings.yaml")
        )
        return Finding("unknown-environment", _(_NO_SUCH["environment"]), hint, path, is_key=True)
    what = _("the file must list accounts by name, below the name of their environment")
    hint = _("write `production:`, and below it `NAME: {kind: …, appid: …, secret: {env: …}}`")
    return Finding("accounts-by-environment", what, hint, path)


def record(kind: type[Record], data: Mapping[str, Any]) -> Record:
    """Return a record of valid data; what is not written keeps its default."""
    return kind(**_values(kind, data))


def _values(kind: type[object], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return valid data by key, each value as the field of a record holds it."""
    kinds = {entry.name: entry.type for entry in fields(cast("Any", kind))}
    return {key: _value(kinds[key], value) for key, value in data.items()}


def _value(kind: Any, value: Any) -> Any:
    """Return a value as its field holds it: a map as a record, a list as a tuple, a word as a member."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:  # beside its type, what JSON Schema says
        return _value(parts[0], value)
    if isinstance(value, dict) and is_dataclass(kind):
        return record(cast("type", kind), value)
    if isinstance(value, dict) and origin is Mapping:
        return {key: _value(parts[1], below) for key, below in value.items()}
    if isinstance(value, list) and origin is tuple:
        return tuple(_value(parts[0], below) for below in value)
    if origin is UnionType:  # at most one of it is for a map, and one for a list
        return next((read for part in parts if (read := _value(part, value)) is not value), value)
    return AccountKind(value) if kind is AccountKind else value


def _environment(name: str, settings: Mapping[str, Any], placed: _Placed) -> Environment:
    written = settings.get("environments", {})
    own = written.get(name, {})
    data = {"api": SANDBOX, **own}
    accounts = {key: _named(key, one) for key, one in data.get("accounts", {}).items()}
    default = next(iter(accounts)) if len(accounts) == 1 else None
    shared = {key: settings[key] for key in ("policy", "approvals") if key in settings}
    if data["api"] == SANDBOX:
        shared.pop("approvals", None)  # no follower is reached: a person may rehearse without them
        for one in accounts.values():  # a rehearsal reads no real one
            one |= {"secret": _SANDBOX_SECRET, "token": None, "ledger_key": None}
        default = default or (None if accounts else AccountKind.SERVICE.value)
        accounts = accounts or _sandbox_accounts(written)
    path = ("environments", name)
    rules = {**_rules("settings", shared, (), placed), **_rules("environment", own, path, placed)}
    for key, one in accounts.items():
        one["rules"] = {**rules, **_rules("account", one, (*path, "accounts", key), placed)}
        one["policy"] = _values(Policy, one.get("policy", {}))
    return record(
        Environment,
        {
            "default_account": default,
            "approvals": shared.get("approvals"),
            **data,
            "name": name,
            "api": data["api"].rstrip("/"),
            "accounts": accounts,
        },
    )


def _rules(holder: Any, data: Mapping[str, Any], path: KeyPath, placed: _Placed) -> dict[str, WrittenRule]:
    """Return the rules that the settings, an environment or an account has."""
    written: dict[KeyPath, Any] = {("policy", key): value for key, value in data.get("policy", {}).items()}
    if "approvals" in data:
        written["approvals",] = data["approvals"]
    places = {keys: placed((*path, *keys)) for keys in written}
    found = {keys: place.file.location(place.path, key=True) for keys, place in places.items()}
    return {str(k[-1]): WrittenRule(written[k], holder, f"{at.file}:{at.line}") for k, at in found.items()}


def _sandbox_accounts(written: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the sandbox's three accounts, and each real account's name for the one of its kind.

    So a campaign with `account: main` can be rehearsed as it is.
    """
    known: dict[str, Mapping[str, Any]] = {kind.value: {"kind": kind.value} for kind in AccountKind}
    for environment in written.values():
        for name, account in environment.get("accounts", {}).items():
            known.setdefault(name, account)
    return {
        name: {
            **_named(name, {key: one[key] for key in ("name", "kind", "labels") if key in one}),
            "appid": _SANDBOX_APPIDS[AccountKind(one["kind"])],
            "secret": _SANDBOX_SECRET,
        }
        for name, one in known.items()
    }


def _named(name: str, account: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an account: what its `name` says is shown, its key is what it is called by."""
    return {**account, "display_name": account.get("name"), "name": name}


# --- what the settings must satisfy beyond their shape: names that exist, times that make sense


def cross_findings(data: Mapping[str, Any]) -> list[Finding]:
    """Check settings whose shape may still be wrong elsewhere."""
    found = [*_unknown_names(data), *_one_account(data), *_tokens(data)]
    found += [*_policy((), data), *_approvals((), data)]
    for name, environment in maps(data.get("environments")):
        path = ("environments", name)
        if environment.get("api") != SANDBOX and "accounts" not in environment:
            what = _("environment `{name}` has no account").format(name=name)
            hint = _("add `accounts: {main: {kind: service, appid: wx…, secret: {env: NAME}}}`")
            found.append(Finding("no-account", what, hint, path))
        found += [*_resend(path, environment), *_ledgers(path, environment, data)]
        found += _policy(path, environment)
        found += _approvals(path, environment)
        for account, one in maps(environment.get("accounts")):
            found += [
                *_policy((*path, "accounts", account), one),
                *_approvals((*path, "accounts", account), one),
            ]
    return found


def links_without_host(path: KeyPath) -> Finding:
    """Make the warning for `links` where the policy lists nothing whose links they could change."""
    what = _("`links` changes no link, because the policy lists no host and no mini program")
    hint = _(
        "add your hosts to `policy.allowed_links` and your mini programs to "
        "`policy.allowed_mini_programs` in _settings.yaml, or remove `links`"
    )
    return Finding("links-without-host", what, hint, path, "warning")


def _unknown_names(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Check the environment and the accounts that are used where none is named."""
    environments = _map(data.get("environments"))
    accounts = [*SANDBOX_ACCOUNTS]
    accounts += [name for _name, one in maps(environments) for name in _map(one.get("accounts"))]
    named: list[tuple[KeyPath, NameKind, object, list[str]]] = [
        (("default_environment",), "environment", data.get("default_environment"), [*environments, SANDBOX])
    ]
    for key, one in maps(environments):
        own = [*_map(one.get("accounts"))] or (accounts if one.get("api") == SANDBOX else [])
        named.append((("environments", key, "default_account"), "account", one.get("default_account"), own))
    for path, kind, name, known in named:
        if isinstance(name, str) and name and known and name not in known:
            yield _unknown(path, kind, name, known)


def _resend(path: tuple[str, ...], environment: Mapping[str, Any]) -> Iterator[Finding]:
    after = environment.get("resend_after", PROTECTED_RESEND_AFTER_S)
    until = environment.get("resend_until", RESEND_UNTIL_S)
    if not isinstance(after, int) or not isinstance(until, int):
        return
    if after >= until:
        key = "resend_until" if "resend_until" in environment else "resend_after"
        what = _("`resend_after` ({after} s) is not less than `resend_until` ({until} s)").format(
            after=after, until=until
        )
        hint = _("make `resend_until` larger than `resend_after`")
        yield Finding("repeat-order", what, hint, (*path, key))
    if after < PROTECTED_RESEND_AFTER_S and environment.get("protected") is True:
        what = _("a protected environment cannot resend so soon: the first call may still be on its way")
        hint = _("write {limit} or more").format(limit=PROTECTED_RESEND_AFTER_S)
        yield Finding("protected-repeat", what, hint, (*path, "resend_after"))
    # WeChat drops a clientmsgid after a day, in any environment; the sandbox in this process may show that.
    if until > RESEND_UNTIL_S and environment.get("api") != SANDBOX:
        what = _("a resend this late is a second send: WeChat no longer recognises the clientmsgid")
        hint = _("write {limit} or less").format(limit=RESEND_UNTIL_S)
        yield Finding("repeat-too-late", what, hint, (*path, "resend_until"))


def _ledgers(
    path: tuple[str, ...], environment: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Finding]:
    """What one ledger of an account knows as sent is new to another; what a rehearsal sent, nobody got."""
    ledger, is_production = environment.get("ledger", DEFAULT_LEDGER), _is_production(environment)
    others = [(name, one) for name, one in maps(data.get("environments")) if _is_production(one)]
    if is_production:  # the later one of two is told
        others = others[: [name for name, _one in others].index(path[-1])]
    for name, other in others:
        is_shared = other.get("ledger", DEFAULT_LEDGER) == ledger != DEFAULT_LEDGER
        if is_shared is is_production or not appids_of(environment) & appids_of(other):
            continue
        if is_production:
            what = _(
                "`{name}` also sends from this AppID, but with another ledger: each would repeat "
                "the other's sends"
            ).format(name=name)
            hint = _("use the same ledger in both, such as `git:REMOTE#BRANCH` or `sqlite:PATH`")
            yield Finding("two-ledgers", what, hint, (*path, "ledger") if "ledger" in environment else path)
        else:
            what = _(
                "this environment shares the AppID and the ledger of `{name}`: a rehearsal "
                "would mark production sends as sent"
            ).format(name=name)
            hint = _("configure a separate ledger for the sandbox environment, such as `sqlite`")
            yield Finding("ledger-of-real", what, hint, (*path, "ledger"))
        return


def _one_account(data: Mapping[str, Any]) -> Iterator[Finding]:
    """An AppID is one account, whatever it is called: what it may do must not hang on its name."""
    first: dict[tuple[str, ...], tuple[str, object]] = {}
    for environment, one in maps(data.get("environments")):
        for name, account in maps(one.get("accounts")):
            for key in ("kind", "policy", "approvals"):
                scope = str(account.get("appid")), key, "" if key == "kind" else environment
                known, value = first.setdefault(scope, (name, account.get(key)))
                if value != account.get(key):
                    yield Finding(
                        "appid-kind" if key == "kind" else "appid-rules",
                        _("`{name}` has the same AppID but another `{key}`").format(name=known, key=key),
                        _("write the same in both places: it is one account"),
                        ("environments", environment, "accounts", name, *([key] if key in account else [])),
                    )


def _tokens(data: Mapping[str, Any]) -> Iterator[Finding]:
    """A token is of one AppID, in every environment: named for two, it reaches the followers of the other."""
    first: dict[str, tuple[str, object]] = {}
    for environment, one in maps(data.get("environments")):
        for name, account in maps(one.get("accounts")):
            if (token := account.get("token")) and APPID not in repr(token):
                known, appid = first.setdefault(repr(token), (name, account.get("appid")))
                if appid != account.get("appid"):
                    yield Finding(
                        "one-token",
                        _("`{name}` has the same `token`, but another AppID").format(name=known),
                        _("name the token of this account; each AppID has its own"),
                        ("environments", environment, "accounts", name, "token"),
                    )


def _is_production(environment: Mapping[str, Any]) -> bool:
    return str(environment.get("api")).startswith("https://")


def appids_of(environment: Mapping[str, Any]) -> set[str]:
    """Collect the AppIDs of an environment whose shape may be wrong."""
    return {str(account.get("appid")) for _name, account in maps(environment.get("accounts"))}


def _policy(path: KeyPath, level: Mapping[str, Any]) -> Iterator[Finding]:
    policy = _map(level.get("policy"))
    zone = policy.get("timezone")
    if isinstance(zone, str) and zone and not _is_zone(zone):
        yield _unknown((*path, "policy", "timezone"), "time-zone", zone, sorted(available_timezones()))
    begin, _dash, end = str(policy.get("quiet_hours", "")).partition("-")
    if begin and begin == end:
        what = _("`quiet_hours` start and end at the same time")
        hint = _("write two different times, or remove the key")
        yield Finding("quiet-hours-empty", what, hint, (*path, "policy", "quiet_hours"))


def _approvals(path: KeyPath, level: Mapping[str, Any]) -> Iterator[Finding]:
    """A person approves once, whatever they are called, and not more must approve than there are."""
    approvals = _map(level.get("approvals"))
    names: dict[object, str] = {}
    for name, key in _map(approvals.get("approvers")).items():
        if (other := names.setdefault(str(key), name)) != name:
            what = _("`{name}` has the same key").format(name=other)
            hint = _("let each approver have a key: two approvals by one key count as one")
            yield Finding("one-key", what, hint, (*path, "approvals", "approvers", name))
    count = approvals.get("count", 1)
    if names and isinstance(count, int) and count > len(names):
        what = _("{count} must approve, and {known} can").format(count=count, known=len(names))
        hint = _("name more approvers, or write a smaller `count`")
        yield Finding("too-few-approvers", what, hint, (*path, "approvals", "count"))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _unknown(path: KeyPath, kind: NameKind, name: str, known: list[str]) -> Finding:
    listed = (
        _("use one of: {names}").format(names=_(", ").join(known))
        if len(known) <= 20
        else _("use a name such as Asia/Shanghai")
    )
    hint = did_you_mean(name, known, otherwise=listed)
    return Finding(f"unknown-{kind}", _(_NO_SUCH[kind]), hint, path)


def maps(value: object) -> list[tuple[str, dict[str, Any]]]:
    """List the maps in a map that may be something else."""
    return [(key, below) for key, below in _map(value).items() if isinstance(below, dict)]


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
