"""What the settings must satisfy beyond their shape: names that exist, times that make sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from wechat_campaigns.core.diagnostics import Finding, KeyPath
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.settings import (
    DEFAULT_LEDGER,
    PROTECTED_RESEND_AFTER_S,
    RESEND_UNTIL_S,
    SANDBOX,
    AccountKind,
)

SANDBOX_ACCOUNTS: Final = tuple(kind.value for kind in AccountKind)
"""The accounts a sandbox has by itself, one of each kind."""
NameKind = Literal["environment", "account", "time-zone"]
_NO_SUCH: Final[Mapping[NameKind, str]] = {
    "environment": N_("the settings have no such environment"),
    "account": N_("the settings have no such account"),
    "time-zone": N_("there is no such time zone"),
}


def cross_findings(data: Mapping[str, Any]) -> list[Finding]:
    """Check settings whose shape may still be wrong elsewhere."""
    found = [*_default_environment(data), *_policy(data), *_held(data)]
    for name, environment in maps(data.get("environments")):
        path = ("environments", name)
        found += [*_default_account(path, environment, data), *_resend(path, environment)]
        found += _shared_ledger(path, environment, data)
        found += _two_ledgers(path, environment, data)
    return [*found, *_kinds(data)]


def links_without_host(path: KeyPath) -> Finding:
    """Make the warning for `links` where the policy lists nothing whose links they could change."""
    what = _("`links` changes no link, because the policy lists no host and no mini program")
    hint = _(
        "add your hosts to `policy.allowed_links` and your mini programs to "
        "`policy.allowed_mini_programs` in _settings.yaml, or remove `links`"
    )
    return Finding("links-without-host", what, hint, path, "warning")


def _default_environment(data: Mapping[str, Any]) -> Iterator[Finding]:
    name, known = data.get("default_environment"), [*_map(data.get("environments")), SANDBOX]
    if isinstance(name, str) and name not in known:
        yield _unknown(("default_environment",), "environment", name, known)


def _default_account(
    path: tuple[str, ...], environment: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Finding]:
    name, known = environment.get("default_account"), list(_map(environment.get("accounts")))
    if not isinstance(name, str):
        return
    if environment.get("api") == SANDBOX and not known:
        known = [*SANDBOX_ACCOUNTS, *_all_accounts(data)]
    if known and name not in known:
        yield _unknown((*path, "default_account"), "account", name, known)


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


def _shared_ledger(
    path: tuple[str, ...], environment: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Finding]:
    """A rehearsal that writes into a real account's ledger marks as sent what no follower ever got."""
    ledger, appids = environment.get("ledger", DEFAULT_LEDGER), appids_of(environment)
    if _is_production(environment) or ledger == DEFAULT_LEDGER:
        return
    for name, other in maps(data.get("environments")):
        if other.get("ledger") == ledger and _is_production(other) and appids & appids_of(other):
            what = _(
                "this environment shares the AppID and the ledger of `{name}`: a rehearsal "
                "would mark production sends as sent"
            ).format(name=name)
            hint = _("configure a separate ledger for the sandbox environment, such as `sqlite`")
            yield Finding("ledger-of-real", what, hint, (*path, "ledger"))
            return


def _two_ledgers(
    path: tuple[str, ...], environment: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[Finding]:
    """What one ledger of an account knows as sent is new to another."""
    ledger, appids = environment.get("ledger", DEFAULT_LEDGER), appids_of(environment)
    if not appids or not _is_production(environment):
        return
    for name, other in maps(data.get("environments")):
        if name == path[-1]:
            return  # the later one of two is told
        same = other.get("ledger", DEFAULT_LEDGER) == ledger != DEFAULT_LEDGER
        shared = appids & appids_of(other)
        if shared and not same and _is_production(other):
            what = _(
                "`{name}` also sends from this AppID, but with another ledger: each would repeat "
                "the other's sends"
            ).format(name=name)
            hint = _("use the same ledger in both, such as `git:REMOTE#BRANCH` or `sqlite:PATH`")
            yield Finding("two-ledgers", what, hint, (*path, "ledger") if "ledger" in environment else path)
            return


def _kinds(data: Mapping[str, Any]) -> Iterator[Finding]:
    """An AppID is one account, whatever it is called: what it may do must not hang on its name."""
    first: dict[str, tuple[str, object]] = {}
    for environment, one in maps(data.get("environments")):
        for name, account in maps(one.get("accounts")):
            known, kind = first.setdefault(str(account.get("appid")), (name, account.get("kind")))
            if kind != account.get("kind"):
                yield Finding(
                    "appid-kind",
                    _("`{name}` has the same AppID but another `kind`").format(name=known),
                    _("write the actual kind of the account in both places"),
                    ("environments", environment, "accounts", name, "kind"),
                )


def _is_production(environment: Mapping[str, Any]) -> bool:
    return str(environment.get("api")).startswith("https://")


def appids_of(environment: Mapping[str, Any]) -> set[str]:
    """Collect the AppIDs of an environment whose shape may be wrong."""
    return {str(account.get("appid")) for _name, account in maps(environment.get("accounts"))}


def _policy(data: Mapping[str, Any]) -> Iterator[Finding]:
    policy = _map(data.get("policy"))
    zone = policy.get("timezone")
    if isinstance(zone, str) and zone and not _is_zone(zone):
        from zoneinfo import available_timezones

        yield _unknown(("policy", "timezone"), "time-zone", zone, sorted(available_timezones()))
    begin, _dash, end = str(policy.get("quiet_hours", "")).partition("-")
    if begin and begin == end:
        what = _("`quiet_hours` start and end at the same time")
        hint = _("write two different times, or remove the key")
        yield Finding("quiet-hours-empty", what, hint, ("policy", "quiet_hours"))


def _held(data: Mapping[str, Any]) -> Iterator[Finding]:
    """A hold on an account that does not exist holds nothing, and nobody would notice."""
    held = _map(data.get("policy")).get("hold")
    known = [*_all_accounts(data), *SANDBOX_ACCOUNTS]
    for index, name in enumerate(held if isinstance(held, list) else ()):
        if isinstance(name, str) and name and name not in known:
            yield _unknown(("policy", "hold", index), "account", name, known)


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only for who names a time zone

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


def _all_accounts(data: Mapping[str, Any]) -> list[str]:
    return [name for _name, one in maps(data.get("environments")) for name in _map(one.get("accounts"))]


def maps(value: object) -> list[tuple[str, dict[str, Any]]]:
    """List the maps in a map that may be something else."""
    return [(key, below) for key, below in _map(value).items() if isinstance(below, dict)]


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
