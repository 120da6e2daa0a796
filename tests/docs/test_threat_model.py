"""Every claim of the threat model names tests, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "explanation.md"
COLUMNS = 4


def rows(page: str) -> list[list[str]]:
    section = page.partition("## Threat model")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def existing() -> set[str]:
    found = (ROOT / "tests").rglob("test_*.py")
    return {name for file in found for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)}


def test_every_claim_names_tests_that_exist() -> None:
    tests, claims = existing(), rows(PAGE.read_text(encoding="utf-8"))
    assert len(claims) >= 10
    assert {len(claim) for claim in claims} == {COLUMNS}
    named = {claim[2]: re.findall(r"`(test_\w+)`", claim[3]) for claim in claims}
    assert [claim for claim, names in named.items() if not names] == []
    assert {name for names in named.values() for name in names} - tests == set()
