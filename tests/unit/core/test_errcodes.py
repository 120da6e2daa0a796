"""The errcode table is whole."""

from __future__ import annotations

import re
from importlib import resources
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.core import errcodes
from wechat_campaigns.core.errcodes import ErrcodeClass, lookup

KINDS = get_args(ErrcodeClass)
ENTRIES = tuple(errcodes.codes().values())


def test_every_errcode_has_a_meaning_and_a_hint() -> None:
    for entry in ENTRIES:
        assert re.fullmatch(r"[a-z][a-z0-9-]+", entry.name), entry
        assert entry.errcode_class in KINDS, entry
        assert entry.confidence in ("high", "medium", "low"), entry
        assert len(entry.meaning) >= 8, entry
        assert len(entry.hint) >= 8, entry
        assert entry.source, entry
        assert not entry.meaning.endswith("."), entry


def test_no_errcode_or_name_is_listed_twice() -> None:
    """A second line for a code would silently win over the first: YAML keeps the last."""
    text = resources.files("wechat_campaigns.core").joinpath("errcodes.yaml").read_text(encoding="utf-8")
    body = text.split("\ncodes:\n")[1].split("\nby_endpoint:\n")[0]
    written = re.findall(r"^  (-?\d+): \{", body, flags=re.MULTILINE)
    assert len(written) == len(set(written)) == len(ENTRIES)
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)


@given(st.integers().filter(lambda number: number not in errcodes.codes()))
def test_unlisted_errcode_keeps_its_number_and_is_fatal(number: int) -> None:
    entry = lookup(number)
    assert (entry.code, entry.errcode_class, entry.is_documented) == (number, "fatal", False)


def test_40001_of_the_token_call_means_a_wrong_secret() -> None:
    assert lookup(40001, "/cgi-bin/message/mass/sendall").errcode_class == "token"
    for path in ("/cgi-bin/token", "/cgi-bin/stable_token"):
        assert lookup(40001, path).errcode_class == "fatal"
        assert "AppSecret" in lookup(40001, path).meaning


def test_48001_names_the_kinds_of_account_that_may_send() -> None:
    by_tag = lookup(48001, "/cgi-bin/message/mass/sendall").meaning
    by_openid = lookup(48001, "/cgi-bin/message/mass/send").meaning
    assert "verified 公众号 (订阅号), verified 服务号 and test accounts (测试号);" in by_tag
    assert "verified 服务号 only" in by_openid
    assert "测试号" in by_openid


def test_every_final_job_status_has_a_meaning() -> None:
    events = errcodes.mass_event_status()
    assert events["send success"].errcode_class == "ok"
    assert {f"err({n})" for n in (10001, 20001, 20013, 21000, 22000, 30001, 30003, 40001, 40002)} <= set(
        events
    )
    assert all(
        event.errcode_class in (*KINDS, "ok") and event.meaning and event.hint for event in events.values()
    )


def test_every_text_of_the_errcode_table_is_in_the_catalog() -> None:
    given = set(errcodes.texts())
    paths = ("", *errcodes._table()["by_endpoint"])
    said = [lookup(code, path) for code in errcodes.codes() for path in paths]
    ways = errcodes.mass_event_status().values()
    assert {text for one in (*said, *ways) for text in (one.meaning, one.hint)} <= given
    assert all(text.strip() == text != "" for text in given)


@pytest.mark.parametrize("code", [40164, 45035])
def test_hint_names_the_ip_address_that_the_platform_names(code: int) -> None:
    entry = lookup(code)
    assert entry.hint_for_ip.replace("{ip} ", "") == entry.hint
    assert entry.hint_for_ip.format(ip="1.2.3.4").startswith("add the IP 1.2.3.4 to ")


MASS_ENDPOINTS = [f"/cgi-bin/message/mass/{name}" for name in ("sendall", "preview", "get", "delete")]


@pytest.mark.parametrize("path", MASS_ENDPOINTS)
def test_48001_does_not_say_that_test_accounts_are_refused(path: str) -> None:
    assert "服务号 and test accounts (测试号)" in lookup(48001, path).meaning


@pytest.mark.parametrize(
    ("code", "name", "kind", "wait_s"),
    [
        (9500002, "too-many-mass-tasks", "retry", 180),
        (268488001, "mass-system-busy", "retry", 60),
        (42010, "sends-too-close", "retry", 60),
        (47009, "api-offline", "fatal", None),
        (61503, "figures-not-ready", "retry", None),
        (40128, "not-permanent-material", "input", None),
        (88002, "comments-limited", "permission", None),
        (45103, "api-withdrawn", "fatal", None),
    ],
)
def test_codes_that_live_answers_explained(code: int, name: str, kind: str, wait_s: int | None) -> None:
    """What was unexplained before 2026 can be retried; what WeChat switched off cannot."""
    entry = lookup(code)
    assert (entry.name, entry.errcode_class, entry.wait_s) == (name, kind, wait_s)


def test_codes_of_neighbouring_calls_are_listed() -> None:
    listed = {40052, 40053, 40092, 61500, 61501, 63178, 63182, 63183, 87009, 88003, 88004, 88005, 88007,
              88008, 88010, 9410010, 9410011, 9410012, 10170001, 10170002, 10170003}  # fmt: skip
    assert listed <= set(errcodes.codes())
