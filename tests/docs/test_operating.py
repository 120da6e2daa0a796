"""The pages for operators name settings, rules, formats and exit codes that exist."""

import re
from typing import Any

import pytest
import yaml

from tests.docs.blocks import ROOT
from wechat_campaigns.cli.help_pages import EXIT_CODES
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.reference import reference_data
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan.policy import RULES
from wechat_campaigns.source.schema import schema

DOCS = ROOT / "docs"
CAMPAIGN: dict[str, Any] = schema("campaign")
SETTINGS: dict[str, Any] = schema("settings")


@pytest.mark.parametrize("page", ["daily", "policy", "notify"])
def test_every_example_of_settings_is_valid(page: str) -> None:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL):
        data = yaml.safe_load(block)
        assert set(data) <= set(SETTINGS["properties"]) or set(data) <= set(CAMPAIGN["properties"])
        assert set(data.get("policy", {})) <= set(SETTINGS["definitions"]["policy"]["properties"])


@pytest.mark.parametrize("page", ["troubleshooting.md", "troubleshooting.zh-CN.md"])
def test_every_exit_code_is_explained(page: str) -> None:
    rows = re.findall(r"^\| (\d+) \|", (DOCS / page).read_text(encoding="utf-8"), flags=re.M)
    assert [int(row) for row in rows] == list(ExitCode) == list(EXIT_CODES)


@pytest.mark.parametrize("page", ["reports.md", "reports.zh-CN.md"])
def test_every_format_has_its_row(page: str) -> None:
    """The table of formats ticks those that `plan`, `validate` and `apply` offer."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (✓?) *\| (✓?) *\| (✓?) *\|", text, re.M)
    offered = {one["command"]: set(one["formats"]) for one in reference_data(campaign)["commands"]}
    for column, command in enumerate(("plan", "validate", "apply"), 1):
        assert {row[0] for row in rows if row[column]} == offered[f"campaign {command}"]


@pytest.mark.parametrize("page", ["policy.md", "policy.zh-CN.md"])
def test_every_rule_is_explained(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:\| |- )`(\w+)`", text, re.M)) >= RULES.keys()
