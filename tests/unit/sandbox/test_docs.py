"""docs/sandbox.md says what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from wechat_campaigns.sandbox import faults
from wechat_campaigns.sandbox.accounts import AccountOptions
from wechat_campaigns.sandbox.control.routes import ROUTES
from wechat_campaigns.sandbox.dispatcher import ENDPOINTS
from wechat_campaigns.sandbox.mass.rules import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "names",
    [
        [path.removeprefix("/cgi-bin/") for path in ENDPOINTS],
        [rule.name for rule in RULES],
        [field.name for field in fields(AccountOptions)],
        [name if name != "admin" else "admin/MSG_ID" for _, name in ROUTES],
        [kind for kind in (*faults.KINDS, *faults.ALIASES) if kind not in ("cut", "http")],
    ],
    ids=["endpoints", "rules", "switches", "control calls", "faults"],
)
def test_everything_is_in_the_page(names: list[str]) -> None:
    """Each endpoint, rule, switch, control call and fault stands in the page by its name."""
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_codes_of_each_rule_are_in_its_row() -> None:
    """The table of rules names every code a rule may answer."""
    for rule in RULES:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{rule.name}`"))
        assert [code for code in rule.errcodes if str(code) not in row] == []


def test_the_calls_that_take_both_methods_are_named() -> None:
    """The page lists the paths that take GET and POST, and no other."""
    sentence = PAGE.partition("so these take both:")[2].partition(".\n")[0]
    both = {path for path, endpoint in ENDPOINTS.items() if endpoint.method == "ANY"}
    assert {f"/cgi-bin/{name}" for name in re.findall(r"`(.+?)`", sentence)} == both


def test_the_counters_of_test_accounts_are_named() -> None:
    """Every smaller counter stands in the page."""
    sentence = PAGE.partition("the smaller ones WeChat lists:")[2].partition(".\n")[0]
    smaller = {endpoint.daily_test for endpoint in ENDPOINTS.values() if endpoint.daily_test}
    assert {int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", sentence)} == smaller
