"""docs/sandbox.md and its Chinese page say what there is."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from tests.acceptance.test_sandbox_sdks import PINS, PYTHON
from wechat_sandbox.accounts import AccountOptions
from wechat_sandbox.calls import ENDPOINTS
from wechat_sandbox.control import ROUTES
from wechat_sandbox.dispatcher import FAULT_KINDS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "sandbox.md").read_text(encoding="utf-8")
CHINESE = (DOCS / "sandbox.zh-CN.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [PAGE, CHINESE], ids=["English", "Chinese"])
@pytest.mark.parametrize(
    "names",
    [
        [path.removeprefix("/cgi-bin/") for path in ENDPOINTS],
        [field.name for field in fields(AccountOptions)],
        [name for _, name in ROUTES],
        [*FAULT_KINDS],
    ],
    ids=["endpoints", "switches", "control calls", "faults"],
)
def test_everything_is_in_the_page(names: list[str], page: str) -> None:
    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize(("page", "run"), [(PAGE, "tests"), (CHINESE, "测试")], ids=["English", "Chinese"])
def test_the_clients_that_are_run_are_named_with_their_versions(page: str, run: str) -> None:
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ") and f" | {run} | " in line]
    python = {pin for _script, pins in PYTHON.values() for pin in pins if "==" in pin}
    npm = {f"{name}=={version}" for name, version in PINS.items() if name != "node-socialite"}
    assert {re.split(r" ?[(（]", row[1].strip())[0].replace(" ", "==") for row in rows} == python | npm
