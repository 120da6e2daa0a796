"""Every trouble is a line of its own with a hint, and one never hides another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.factories import (
    SERVICE,
    MemoryLedger,
    ScriptedApi,
    api_error,
    make_account,
    make_settings,
)
from wechat_campaigns.core.errors import ExitCode, LedgerError, NotSentError, SecretError
from wechat_campaigns.core.settings import AccountKind, Settings
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.plan.doctor import Check, DoctorPorts, Severity, run_checks, worst
from wechat_campaigns.protocol.events import Entry
from wechat_campaigns.report.json import doctor_data
from wechat_campaigns.report.text import TextOptions, doctor_text

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
) -> dict[str, Check]:
    """The findings that are not good, by name."""

    def connect(_account: Any) -> Any:
        if isinstance(api, Exception):
            raise api
        return api or good_api()

    def open_ledger() -> Any:
        if isinstance(ledger, Exception):
            raise ledger
        return ledger or begun()

    ports = DoctorPorts(
        connect=connect,
        open_ledger=open_ledger,
        clock_skew=clock_skew or (lambda: away),
        is_durable=lambda: survives,
    )
    found = run_checks(settings or make_settings(protected=True), ports)
    return {check.name: check for check in found if check.grade is not Severity.OK}


def test_healthy_environment_has_no_findings() -> None:
    assert checked() == {}


def test_ip_address_outside_the_allowlist_is_reported() -> None:
    error = api_error(40164, "/cgi-bin/stable_token")
    error.errmsg = "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist"
    check = checked(api=good_api(openapi_quota_get=error))["account main"]
    assert check.exit_code is ExitCode.WECHAT
    assert check.hint.startswith("add 203.0.113.7 ")
    assert "0.0.0.0/0" in check.hint


def test_missing_secret_is_reported_with_its_hint() -> None:
    error = SecretError("the environment variable X is not set", hint="set X")
    found = checked(api=error, ledger=LedgerError("it is gone", hint="bring it back"))
    assert found["account main"].hint == "set X"
    assert found["ledger"].hint == "bring it back"
    assert worst([found["account main"]]) is ExitCode.SECRET
    assert worst(found.values()) is ExitCode.LEDGER


@pytest.mark.parametrize(
    ("seconds", "grade"),
    [(29, None), (-29, None), (31, Severity.WARNING), (-299, Severity.WARNING), (301, Severity.ERROR)],
)
def test_clock_error_is_graded(seconds: int, grade: Severity | None) -> None:
    check = checked(away=timedelta(seconds=seconds)).get("clock")
    assert (check.grade if check else None) is grade
    if check:
        assert f"{abs(seconds)} s" in check.message


def test_unreachable_platform_is_bad() -> None:
    def gone() -> timedelta:
        raise NotSentError("DNS does not know the host name api.invalid", hint="set `HTTPS_PROXY`")

    check = checked(clock_skew=gone)["clock"]
    assert check.exit_code is ExitCode.NETWORK
    assert check.hint == "set `HTTPS_PROXY`"
    assert checked(clock_skew=lambda: None)["clock"].grade is Severity.WARNING


def test_test_account_is_reported_with_its_limits() -> None:
    settings = make_settings(make_account("t", kind=AccountKind.TEST), protected=True)
    check = checked(settings)["account t: permission"]
    assert check.grade is Severity.WARNING
    assert "48001" in check.message
    api = good_api(tags_get=api_error(40164))
    assert checked(settings, api=api)["account t: permission"].grade is Severity.ERROR


def test_an_account_without_permission_is_bad() -> None:
    check = checked(api=good_api(tags_get=api_error(48001)))["account main: permission"]
    assert check.exit_code is ExitCode.WECHAT
    assert "认证" in check.hint


def test_used_up_calls_of_the_day_are_a_warning() -> None:
    check = checked(api=good_api(openapi_quota_get={**QUOTA, "remain": 0}))["account main: calls"]
    assert check.grade is Severity.WARNING


def test_uninitialized_ledger_is_bad() -> None:
    assert checked(ledger=MemoryLedger())["ledger"].exit_code is ExitCode.LEDGER
    shared = MemoryLedger()
    shared.append(Entry(stream=LEDGER, kind=LedgerKind.INIT, data={"environment": "staging"}))
    assert "not initialized for main" in checked(ledger=shared)["ledger"].message
    sandbox = make_settings(api="sandbox")
    assert "ledger" not in checked(sandbox, ledger=MemoryLedger())


def test_store_that_may_lose_writes_at_a_power_cut_is_doubtful() -> None:
    found = checked(survives=False)["ledger"]
    assert found.grade is Severity.WARNING
    assert worst([found]) is ExitCode.OK


def test_tampered_ledger_is_bad() -> None:
    ledger = begun()
    ledger.kept[0] = replace(ledger.kept[0], data={"environment": "other"})
    assert checked(ledger=ledger)["ledger"].exit_code is ExitCode.LEDGER


def test_unprotected_production_environment_is_doubtful() -> None:
    assert checked(make_settings())["protection"].grade is Severity.WARNING


def test_text_and_data_of_doctor_agree() -> None:
    checks = list(checked(make_settings()).values())
    assert doctor_text(checks, TextOptions()).splitlines() == [
        "warning: protection: apply sends to real followers without a reviewed plan",
        "    → set `protected: true` in environment test",
        "",
        "1 warning",
    ]
    assert doctor_text(checks * 2, TextOptions()).endswith("\n\n2 warnings")
    assert "\x1b[33m" in doctor_text(checks, TextOptions(color=True))
    assert [check["name"] for check in doctor_data(checks)["checks"]] == ["protection"]
