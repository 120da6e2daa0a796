"""What can be asked about an environment in, findings out: good, doubtful or bad, each with a hint."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from wechat_campaigns.core.errcodes import lookup
from wechat_campaigns.core.errors import ApiError, CampaignError, ExitCode
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.core.model import Clock
from wechat_campaigns.core.settings import Account, AccountKind, Environment, Secret, Settings
from wechat_campaigns.core.threads import ASKED_AT_A_TIME, map_in_threads
from wechat_campaigns.ledger.events import LEDGER, Ledger, Streams, some_streams_at_a_time
from wechat_campaigns.ledger.fold import LedgerState, fold, uninitialized_accounts, uninitialized_words
from wechat_campaigns.plan.hints import holds_of
from wechat_campaigns.plan.rule_changes import rules_text, written_rules
from wechat_campaigns.protocol.decide import CLOCK_TOLERANCE
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

CLOCK_SLACK = timedelta(seconds=30)
MISSING_SET: Final = frozenset({61007, 61016})
"""Errcodes of a call whose permission set the third-party platform lacks; others may be granted."""
PERMISSION_SETS: Final[Mapping[str, tuple[str, Callable[[ReadOnlyApi], object]]]] = {
    "7": (N_("mass sends and figures"), lambda api: api.mass_get(1)),
    "11 / 100": (N_("material and drafts"), lambda api: api.draft_batchget(0, 1)),
}
"""By its number, what a set allows, and a read that WeChat refuses without it; tags are read anyway.

Source: the pages of these calls, 第三方平台 (2026-11). mass/get of a false id: 40059 (recorded 2026-06).
"""
SMOKE: Final[Mapping[str, tuple[int, Callable[[ReadOnlyApi, date], object]]]] = {
    "user/get": (0, lambda api, _day: api.user_get()),
    "user/info/batchget": (40003, lambda api, _day: api.user_info_batchget(["none"])),
    "material/batchget_material": (0, lambda api, _day: api.material_batchget_material("image", 0, 1)),
    "draft/batchget": (0, lambda api, _day: api.draft_batchget(0, 1)),
    "draft/get": (40007, lambda api, _day: api.draft_get("none")),
    "mass/get": (40059, lambda api, _day: api.mass_get(1)),
    "getarticletotaldetail": (0, lambda api, day: api.datacube_getarticletotaldetail(day)),
}
"""Each read that the other checks do not make: the errcode for a verified account, and the call, some of an
id that no account has. Source: their pages; answers to false ids that were recorded in 2026-06."""
_PLACES: Final = {
    "env": N_("an environment variable"),
    "command": N_("a command"),
    "file": N_("a file"),
}


class Severity(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of `campaign doctor`."""

    grade: Severity
    name: str
    message: str
    hint: str = ""
    exit_code: ExitCode = ExitCode.OK
    account: str = ""
    """Its name; empty where it is about none, or about all."""


def _ok(name: str, message: str) -> Check:
    return Check(Severity.OK, name, message)


def _warning(name: str, message: str, hint: str) -> Check:
    return Check(Severity.WARNING, name, message, hint)


def _error(exit_code: ExitCode, name: str, message: str, hint: str) -> Check:
    return Check(Severity.ERROR, name, message, hint, exit_code)


def _refused(name: str, error: CampaignError) -> Check:
    return _error(error.exit_code, name, error.message, error.hint)


def run_checks(
    settings: Settings,
    *,
    connect: Callable[[Account], ReadOnlyApi],
    open_ledger: Callable[[], Ledger],
    clock_skew: Callable[[], timedelta | None],
    clock: Clock,
    state_dir: str,
    streams: Streams = None,
    smoke: bool = False,
) -> tuple[Check, ...]:
    """Check everything; one fault never hides another.

    Args:
        clock_skew: asks WeChat; None when it told no date.
        streams: of the ledger, those that are verified.
        smoke: whether each read is made once; figures are those of a day that is long over.
    """
    environment = settings.environment
    smoke_day = (clock() - timedelta(days=2)).date() if smoke else None
    checks = [_ok(_("settings"), _("environment {name} is valid").format(name=environment.name))]
    checks += [_protection(settings), _clock(clock_skew)]

    def check(account: Account) -> list[Check]:
        with ExitStack() as opened:
            rows = _account(account, lambda one: opened.enter_context(closing(connect(one))), smoke_day)
            return [replace(row, account=account.name) for row in rows]

    checks += chain.from_iterable(map_in_threads(check, list(environment.accounts.values()), ASKED_AT_A_TIME))
    try:
        checks += _ledger(settings, open_ledger(), clock(), streams)
    except CampaignError as error:
        checks.append(_refused(_("ledger"), error))
    return (*checks, _ok(_("state folder"), state_dir))


def _protection(settings: Settings) -> Check:
    environment = settings.environment
    if environment.is_sandbox:
        return _ok(_("protection"), _("a rehearsal: nothing reaches real followers"))
    if environment.protected:
        return _ok(_("protection"), _("apply requires a reviewed plan"))
    return _warning(
        _("protection"),
        _("apply sends to real followers without a reviewed plan"),
        _("set `protected: true` in environment {name}").format(name=environment.name),
    )


def _clock(clock_skew: Callable[[], timedelta | None]) -> Check:
    try:
        away = clock_skew()
    except CampaignError as error:
        return _refused(_("clock"), error)
    if away is None:
        return _warning(
            _("clock"),
            _("WeChat's responses carry no date, so the clocks cannot be compared"),
            _("configure the proxy to pass on the Date header; a wrong clock can cause a second send"),
        )
    if abs(away) <= CLOCK_SLACK:
        return _ok(_("clock"), _("the clock is within half a minute of WeChat's"))
    message = _("the clock of this machine and WeChat's differ by {seconds:.0f} s")
    message = message.format(seconds=abs(away).total_seconds())
    hint = _("set the clock of this machine with NTP, then run the same command again")
    if abs(away) <= CLOCK_TOLERANCE:
        return _warning(_("clock"), message, hint)
    return _error(ExitCode.WECHAT, _("clock"), message, hint)


def _account(
    account: Account, connect: Callable[[Account], ReadOnlyApi], smoke_day: date | None
) -> list[Check]:
    name = _("account {name}").format(name=account.name)
    keys = [] if account.root.sandbox else [_keys(name, account)]
    if rules := written_rules(account):
        keys.append(_ok(_("{name}: rules").format(name=name), rules_text(rules)))
    try:
        api = connect(account)
        quota = api.openapi_quota_get("/cgi-bin/message/mass/sendall")
    except CampaignError as error:
        if not (isinstance(error, ApiError) and error.errcode in MISSING_SET):
            return [*keys, _refused(name, error)]
        found = _refused(_("{name}: calls").format(name=name), error)
    else:
        message = _("{appid}: the credentials and the IP allow list are correct").format(appid=account.appid)
        keys.append(_ok(name, message))
        found = _quota(name, quota)
    granted = _permission_sets(name, api) if account.token is not None else ()
    smoke = () if smoke_day is None else _smoke(name, api, smoke_day)
    return [*keys, found, *granted, _permission(name, account, api), *smoke]


def _keys(name: str, account: Account) -> Check:
    """Return where the account's token and the root of its macs come from, and never what they are."""
    calls = _("calls: a token that WeChat gives for the AppSecret")
    if account.token is not None:
        calls = _("calls: `token` from {place}").format(place=_place(account.token))
    signs = _("ledger: signed with {key} from {place}").format(
        key=account.root_name, place=_place(account.root)
    )
    return _ok(_("{name}: keys").format(name=name), _("; ").join((calls, signs)))


def _place(secret: Secret) -> str:
    return _(next(text for key, text in _PLACES.items() if getattr(secret, key)))


def _permission_sets(name: str, api: ReadOnlyApi) -> Iterator[Check]:
    """Ask of each permission set whether the third-party platform was granted it."""
    for number, (allows, ask) in PERMISSION_SETS.items():
        named = _("{name}: permission set {number}").format(name=name, number=number)
        try:
            ask(api)
        except ApiError as error:
            if error.errcode in MISSING_SET:
                yield _error(error.exit_code, named, error.message, _missing_set_hint(error, number, allows))
                continue
        except CampaignError as error:
            yield _refused(named, error)
            continue
        yield _ok(named, _(allows))


def _missing_set_hint(error: ApiError, number: str, allows: str) -> str:
    if error.errcode == 61016:
        return error.hint
    return _("have the account's administrator grant permission set {number} ({what})").format(
        number=number, what=_(allows)
    )


def _quota(name: str, quota: Mapping[str, Any]) -> Check:
    left, limit = quota.get("remain"), quota.get("daily_limit")
    name = _("{name}: calls").format(name=name)
    message = _("{left} of {limit} mass/sendall calls are left today").format(left=left, limit=limit)
    if isinstance(left, int) and left > 0:
        return _ok(name, message)
    return _warning(name, message, _("wait until tomorrow (China time)"))


def _permission(name: str, account: Account, api: ReadOnlyApi) -> Check:
    name = _("{name}: permission").format(name=name)
    try:
        tags = api.tags_get()
    except ApiError as error:
        if error.errcode in MISSING_SET:
            what = _missing_set_hint(error, "2 / 100", _("tags"))
            return _error(ExitCode.WECHAT, name, error.message, what)
        kind = lookup(error.errcode).errcode_class
        hint = _("have the account verified (认证)") if kind == "permission" else error.hint
        return _error(ExitCode.WECHAT, name, error.message, hint)
    except CampaignError as error:
        return _refused(name, error)
    if account.kind is AccountKind.TEST:
        return _warning(
            name,
            _(
                "a test account (测试号) may send to everyone and to tags, not to openids (48001); "
                "WeChat may deliver nothing"
            ),
            _("rehearse in the sandbox; send from a verified account"),
        )
    message = ngettext("{count} tag is readable", "{count} tags are readable", len(tags))
    return _ok(name, message.format(count=len(tags)))


def _smoke(name: str, api: ReadOnlyApi, day: date) -> Iterator[Check]:
    """Make each read once; another errcode than the usual one is a warning."""
    for call, (usual, ask) in SMOKE.items():
        errcode, hint = 0, _("compare the answer with the page of this call")
        try:
            ask(api, day)
        except ApiError as error:
            errcode, hint = error.errcode, error.hint
        except CampaignError as error:
            yield _refused(f"{name}: {call}", error)
            continue
        message = _("errcode {errcode}, usually {usual}").format(errcode=errcode, usual=usual)
        is_usual = errcode == usual
        yield _ok(f"{name}: {call}", message) if is_usual else _warning(f"{name}: {call}", message, hint)


def _ledger(settings: Settings, ledger: Ledger, now: datetime, chosen: Streams) -> list[Check]:
    state, count = LedgerState(read=frozenset({LEDGER, *settings.environment.by_appid})), 0
    for streams in some_streams_at_a_time(ledger, chosen):
        events = ledger.events(streams)
        count += len(events)
        folded = fold(events).streams.items()
        state.streams.update((name, one) for name, one in folded if name in (state.read or ()))
    summary = ngettext(
        "{count:,} event; all hash chains are intact",
        "{count:,} events; all hash chains are intact",
        count,
    ).format(count=count)
    checks = [_initialized(settings, state, summary), *_holds(settings.environment, state, now)]
    if not ledger.survives_power_cut():
        message = _(
            "a power failure at the git remote could lose sends that the remote has already confirmed"
        )
        hint = _("run `git config core.fsync all` in the remote repository")
        checks.append(_warning(_("ledger"), message, hint))
    return checks


def _holds(environment: Environment, state: LedgerState, now: datetime) -> list[Check]:
    found = []
    for appid, words in holds_of(environment, state, now).items():
        name = environment.by_appid[appid].name
        found.append(replace(_warning(_("account {name}").format(name=name), *words), account=name))
    return found


def _initialized(settings: Settings, state: LedgerState, summary: str) -> Check:
    environment = settings.environment
    uninitialized = uninitialized_accounts(state, environment)
    if environment.is_sandbox or (state.is_initialized and not uninitialized):
        return _ok(_("ledger"), summary)
    return _error(ExitCode.LEDGER, _("ledger"), *uninitialized_words(uninitialized, environment.name))
