"""Every trouble is a line of its own with a hint, and one never hides another."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    NOW,
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    make_account,
    make_settings,
)
from wechat_campaigns.core.errors import ExitCode, LedgerError, NotSentError, SecretError, worst_exit_code
from wechat_campaigns.core.settings import AccountKind, Secret, Settings, WrittenRule
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.plan.doctor import Check, Severity, run_checks
from wechat_campaigns.protocol.events import Entry, EventKind
from wechat_campaigns.report.json import doctor_data
from wechat_campaigns.report.terminal import TextOptions
from wechat_campaigns.report.text import MOST_ACCOUNTS, doctor_text

QUOTA = {"daily_limit": 100, "used": 1, "remain": 99}
TAGS = [{"id": 2, "name": "星标组", "count": 3}]


def good_api(**answers: Any) -> ScriptedApi:
    return ScriptedApi(**({"openapi_quota_get": QUOTA, "tags_get": [TAGS]} | answers))


def begun() -> MemoryLedger:
    ledger = MemoryLedger()
    for stream in (SERVICE, LEDGER):
        ledger.append(Entry(stream=stream, kind=LedgerKind.INIT, data={"environment": "test"}))
    return ledger


def checked(
    settings: Settings | None = None,
    *,
    api: Any = None,
    ledger: Any = None,
    away: timedelta = timedelta(),
    clock_skew: Callable[[], timedelta | None] | None = None,
    survives: bool = True,
    good: bool = False,
) -> dict[str, Check]:
    """The findings by name: those that are not good, or all."""

    def connect(_account: Any) -> Any:
        if isinstance(api, Exception):
            raise api
        return api or good_api()

    def open_ledger() -> Any:
        if isinstance(ledger, Exception):
            raise ledger
        opened: Any = ledger or begun()
        opened.survives_power_cut = lambda: survives
        return opened

    found = run_checks(
        settings or make_settings(protected=True),
        connect=connect,
        open_ledger=open_ledger,
        clock_skew=clock_skew or (lambda: away),
        clock=lambda: NOW,
        state_dir="",
    )
    return {check.name: check for check in found if good or check.grade is not Severity.OK}


def unreachable() -> timedelta:
    raise NotSentError("DNS does not know the host name api.invalid", hint="set `HTTPS_PROXY`")


def initialized_for_others() -> MemoryLedger:
    shared = MemoryLedger()
    shared.append(Entry(stream=LEDGER, kind=LedgerKind.INIT, data={"environment": "staging"}))
    return shared


def tampered() -> MemoryLedger:
    ledger = begun()
    ledger.kept[0] = replace(ledger.kept[0], data={"environment": "other"})
    return ledger


NO_SECRET = SecretError("the environment variable X is not set", hint="set X")
TEST_ACCOUNT = make_settings(make_account("t", kind=AccountKind.TEST), protected=True)
REFUSED = good_api(tags_get=api_error(48001))
FINDINGS: dict[str, tuple[dict[str, Any], str, ExitCode, str]] = {
    "address not allowed": (
        {"api": good_api(openapi_quota_get=api_error(40164))}, "account main", ExitCode.WECHAT,
        api_error(40164).hint,
    ),
    "no secret": ({"api": NO_SECRET}, "account main", ExitCode.SECRET, "set X"),
    "no permission": ({"api": REFUSED}, "account main: permission", ExitCode.WECHAT, "认证"),
    "test account": ({"settings": TEST_ACCOUNT}, "account t: permission", ExitCode.OK, ""),
    "test account, refused": (
        {"settings": TEST_ACCOUNT, "api": good_api(tags_get=api_error(40164))}, "account t: permission",
        ExitCode.WECHAT, "",
    ),
    "no calls left": (
        {"api": good_api(openapi_quota_get={**QUOTA, "remain": 0})}, "account main: calls", ExitCode.OK, "",
    ),
    "clock off": ({"away": timedelta(seconds=301)}, "clock", ExitCode.WECHAT, ""),
    "clock unknown": ({"clock_skew": lambda: None}, "clock", ExitCode.OK, ""),
    "no connection": ({"clock_skew": unreachable}, "clock", ExitCode.NETWORK, "set `HTTPS_PROXY`"),
    "no ledger": (
        {"ledger": LedgerError("it is gone", hint="get it")}, "ledger", ExitCode.LEDGER, "get it",
    ),
    "ledger not initialized": ({"ledger": MemoryLedger()}, "ledger", ExitCode.LEDGER, ""),
    "ledger of others": ({"ledger": initialized_for_others()}, "ledger", ExitCode.LEDGER, ""),
    "ledger changed": ({"ledger": tampered()}, "ledger", ExitCode.LEDGER, ""),
    "ledger that may lose writes": ({"survives": False}, "ledger", ExitCode.OK, ""),
    "not protected": ({"settings": make_settings()}, "protection", ExitCode.OK, "`protected: true`"),
}  # fmt: skip
"""By name: what is the matter, the check that finds it, its exit code, and words of its hint."""


@pytest.mark.parametrize("name", FINDINGS)
def test_trouble_is_found_and_hides_no_other(name: str) -> None:
    trouble, where, code, hint = FINDINGS[name]
    found = checked(**trouble)
    assert list(found) == [where]
    check = found[where]
    assert check.grade is (Severity.WARNING if code is ExitCode.OK else Severity.ERROR)
    assert check.exit_code is code
    assert hint in check.hint


OWN = make_settings(
    make_account(secret=None, token=Secret(command=("token",)), ledger_key=Secret(file="/run/key")),
    protected=True,
)
HINT = api_error(61003).hint
GRANTED = {"mass_get": api_error(40059), "draft_batchget": {"item": []}}
LACKS: dict[str, tuple[str, str]] = {
    "mass_get": ("permission set 7", "set 7 "),
    "draft_batchget": ("permission set 11 / 100", "set 11 / 100 "),
    "tags_get": ("permission", "set 2 / 100 "),
    "openapi_quota_get": ("calls", ""),
}
"""By the call that is refused: the check that finds it, and words of its hint."""


@pytest.mark.parametrize("errcode", [61007, 61016])
@pytest.mark.parametrize("call", LACKS)
def test_missing_permission_set_hides_no_other(call: str, errcode: int) -> None:
    found = checked(OWN, api=good_api(**(GRANTED | {call: api_error(errcode)})))
    name, hint = LACKS[call]
    assert list(found) == [f"account main: {name}"]
    (check,) = found.values()
    assert check.exit_code is ExitCode.WECHAT
    assert (hint if errcode == 61007 else HINT) in check.hint
    every = dict.fromkeys(LACKS, api_error(errcode))
    assert len(checked(OWN, api=good_api(**every))) == len(LACKS)


@pytest.mark.parametrize("errcode", [61003, 61004])
def test_platform_that_may_call_nothing_is_one_finding(errcode: int) -> None:
    found = checked(OWN, api=good_api(**GRANTED, openapi_quota_get=api_error(errcode)))
    assert list(found) == ["account main"]
    assert found["account main"].hint == HINT


def test_healthy_environment_has_no_findings() -> None:
    assert checked() == checked(OWN, api=good_api(**GRANTED)) == {}
    assert "ledger" not in checked(make_settings(api="sandbox"), ledger=MemoryLedger())


def test_two_troubles_are_two_findings() -> None:
    found = checked(api=NO_SECRET, ledger=LedgerError("it is gone", hint="bring it back"))
    assert list(found) == ["account main", "ledger"]
    assert worst_exit_code(one.exit_code for one in found.values()) is ExitCode.LEDGER


@pytest.mark.parametrize(
    ("seconds", "grade"),
    [(29, None), (-29, None), (31, Severity.WARNING), (-299, Severity.WARNING), (301, Severity.ERROR)],
)
def test_clock_error_is_graded(seconds: int, grade: Severity | None) -> None:
    check = checked(away=timedelta(seconds=seconds)).get("clock")
    assert (check.grade if check else None) is grade
    if check:
        assert f"{abs(seconds)} s" in check.message


def test_rules_in_force_are_listed_with_where_they_are_written() -> None:
    rule = WrittenRule("22:00-08:00", "environment", "campaigns/_settings.yaml:7")
    named = make_account(rules={"quiet_hours": rule})
    found = checked(make_settings(named), good=True)["account main: rules"]
    assert found.message == 'quiet_hours: "22:00-08:00" (campaigns/_settings.yaml:7)'
    assert "account main: rules" not in checked(make_settings(), good=True)
    assert doctor_data([], {"main": named})["rules"] == {
        "main": {"quiet_hours": {"value": '"22:00-08:00"', "holder": rule.holder, "place": rule.place}}
    }


def test_of_many_accounts_only_what_is_wrong_is_listed() -> None:
    fine, bad = Check(Severity.OK, "x", "fine"), Check(Severity.ERROR, "y", "bad", "mend it", ExitCode.WECHAT)
    for count in (MOST_ACCOUNTS, MOST_ACCOUNTS + 1):
        names = [f"shop{number}" for number in range(count)]
        checks = [Check(Severity.OK, "clock", "right"), *(replace(fine, account=one) for one in names)]
        checks.append(replace(bad, account="shop3"))
        text = doctor_text(checks, TextOptions(width=200))
        many = count > MOST_ACCOUNTS
        assert text.count("ok: x: fine") == (0 if many else count)
        assert ("10 of 11 accounts are ready" in text) == many
        assert ("ok: clock: right\n" in text, "error: y: bad\n    → mend it\n" in text) == (True, True)
        assert text.endswith(f"{count + 1} ok, 1 error")


def test_each_check_of_an_account_names_it() -> None:
    held = begun()
    held.append(Entry(stream=SERVICE, kind=EventKind.HOLD, data={"held": True, "reason": "x", "actor": {}}))
    found = checked(ledger=held, good=True)
    assert {one.account for name, one in found.items() if name.startswith("account ")} == {"main"}
    assert {one.account for name, one in found.items() if not name.startswith("account ")} == {""}
    (row,) = doctor_data([found["account main"]], {})["checks"]
    assert (row["account"], row["grade"]) == ("main", "warning")


def test_text_and_data_of_doctor_agree() -> None:
    checks = list(checked(make_settings()).values())
    assert "\n    → set `protected: true` in environment test\n\n1 warning" in doctor_text(
        checks, TextOptions()
    )
    assert doctor_text(checks * 2, TextOptions()).endswith("\n\n2 warnings")
    assert "\x1b[33m" in doctor_text(checks, TextOptions(color=True))
    assert [check["name"] for check in doctor_data(checks, {})["checks"]] == ["protection"]
