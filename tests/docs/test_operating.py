"""The pages for operators name settings, rules, formats and exit codes that exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.blocks import ROOT, blocks
from wechat_campaigns.cli.help_pages import EXIT_CODES
from wechat_campaigns.cli.main import campaign
from wechat_campaigns.cli.reference import reference_data
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.plan.policy import RULES
from wechat_campaigns.source.schema import schema
from wechat_campaigns.source.settings import load_settings

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


@pytest.mark.parametrize("page", ["many-accounts.md", "many-accounts.zh-CN.md"])
def test_the_example_of_an_accounts_file_is_an_account_with_its_owner(page: str, tmp_path: Path) -> None:
    shown = {block.title: block.body for block in blocks(DOCS / page) if block.title}
    (tmp_path / "_accounts").mkdir()
    (tmp_path / "_accounts/shop.yaml").write_text(shown["campaigns/_accounts/shop.yaml"], encoding="utf-8")
    api = "environments: {production: {api: 'https://api.weixin.qq.com'}}"
    (tmp_path / "_settings.yaml").write_text(api, encoding="utf-8")
    account = load_settings(tmp_path, environment="production").environment.accounts["shop"]
    assert (account.name, account.shown_name) == ("shop", "山月茶铺")
    owners = [line.split() for line in shown["CODEOWNERS"].splitlines()]
    places = [place for place, _owner in owners]
    assert places.index("/campaigns/_accounts/") < places.index("/campaigns/_accounts/shop.yaml"), "last wins"
