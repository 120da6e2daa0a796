"""docs/policy.md and its Chinese page show every rule with its message as it is today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.policy_cases import FAILING, UNCHECKED
from wechat_campaigns.core.i18n import Language, set_language
from wechat_campaigns.plan.policy import RULES, evaluate

DOCS = Path(__file__).parents[2] / "docs"
PAGES: tuple[tuple[str, Language], ...] = (("policy.md", "en"), ("policy.zh-CN.md", "zh"))


@pytest.mark.parametrize(("page", "language"), PAGES)
@pytest.mark.parametrize("rule", RULES)
def test_the_page_shows_a_rule_with_its_message(page: str, language: Language, rule: str) -> None:
    set_language(language)
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(f"| `{rule}` |")]
    found = next(o for o in evaluate(FAILING[rule], {}) if o.rule == rule)
    assert rows.count(f"| `{rule}` | {found.message} | {found.hint} |") == 1
    assert len(rows) == (3 if rule in UNCHECKED else 2)


@pytest.mark.parametrize(("page", "language"), PAGES)
@pytest.mark.parametrize("rule", UNCHECKED)
def test_the_page_shows_what_cannot_be_checked(page: str, language: Language, rule: str) -> None:
    set_language(language)
    found = next(o for o in evaluate(UNCHECKED[rule], {}) if o.rule == rule)
    row = f"| `{rule}` | {found.message} | {found.hint} |"
    assert row in (DOCS / page).read_text(encoding="utf-8").splitlines()
