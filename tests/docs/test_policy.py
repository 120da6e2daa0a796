"""docs/policy.md shows every rule with a message as it is today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.policy_cases import FAILING, UNCHECKED
from wechat_campaigns.plan.policy import RULES, evaluate

DOC = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES)
def test_the_table_shows_a_rule_with_its_message(rule: str) -> None:
    """Each rule has a row, and the row ends with what the rule says when it fails."""
    (row,) = (line for line in DOC.splitlines() if line.startswith(f"| `{rule}` |"))
    said = next(o for o in evaluate(FAILING[rule], {}) if o.rule == rule)
    assert f"{said.message} → {said.hint}" in row


@pytest.mark.parametrize("rule", UNCHECKED)
def test_the_doc_shows_what_cannot_be_checked(rule: str) -> None:
    """The messages of rules without an answer are shown as well."""
    said = next(o for o in evaluate(UNCHECKED[rule], {}) if o.rule == rule)
    assert f"`{rule}`: {said.message} → {said.hint}" in DOC
