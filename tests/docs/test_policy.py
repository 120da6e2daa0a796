"""docs/policy.md and its Chinese page have a row for each rule."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from wechat_campaigns.plan.policy import RULES


@pytest.mark.parametrize("page", ["policy.md", "policy.zh-CN.md"])
def test_the_page_has_each_rule(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", text, re.M)) == sorted(RULES)
