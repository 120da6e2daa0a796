"""The errcode table is whole."""

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
    for name in ("sendall", "preview", "get", "delete"):
        assert "服务号 and test accounts (测试号)" in lookup(48001, f"/cgi-bin/message/mass/{name}").meaning
    assert "verified 服务号 only" in lookup(48001, "/cgi-bin/message/mass/send").meaning


@pytest.mark.parametrize(
    ("code", "kind", "wait_s"),
    [(9500002, "retry", 180), (268488001, "retry", 60), (42010, "retry", 60), (47009, "fatal", None)],
)
def test_code_is_waited_for_only_where_that_may_help(code: int, kind: str, wait_s: int | None) -> None:
    entry = lookup(code)
    assert (entry.errcode_class, entry.wait_s) == (kind, wait_s)


def test_every_final_job_status_has_a_meaning() -> None:
    statuses = errcodes._table()["mass_event_status"]
    assert len(statuses) > 9
    assert {one["class"] for one in statuses.values()} <= {*KINDS, "ok"}
    assert all(all(errcodes.mass_event_status(status) or [""]) for status in statuses)
    assert errcodes.mass_event_status("err(1)") is None


def test_every_text_of_the_errcode_table_is_in_the_catalog() -> None:
    given = set(errcodes.texts())
    paths = ("", *errcodes._table()["by_endpoint"])
    said = [lookup(code, path) for code in errcodes.codes() for path in paths]
    assert {text for one in said for text in (one.meaning, one.hint)} <= given
    assert {*errcodes.mass_event_status("send fail")} <= given
    assert all(text.strip() == text != "" for text in given)


@pytest.mark.parametrize("code", [40164, 45035])
def test_hint_names_the_ip_address_that_the_platform_names(code: int) -> None:
    entry = lookup(code)
    assert entry.hint_for_ip.replace("{ip} ", "") == entry.hint
    assert entry.hint_for_ip.format(ip="1.2.3.4").startswith("add the IP 1.2.3.4 to ")
