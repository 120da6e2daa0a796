"""docs/trust.md: the files to read with their lines, and a threat model that names tests which exist."""

import re

from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(runner/[^`]+)` \| (\d+) \|", re.M)
COLUMNS = 4


def test_the_files_have_the_lines_that_the_page_says() -> None:
    listed = {path: int(lines) for path, lines in ROW.findall(PAGE)}
    assert listed == {path: (ROOT / path).read_text("utf-8").count("\n") for path in listed}
    protocol = {
        f"runner/wechat_campaigns/protocol/{file.name}"
        for file in (ROOT / "runner/wechat_campaigns/protocol").glob("*.py")
    }
    assert protocol - set(listed) == {"runner/wechat_campaigns/protocol/__init__.py"}


def threats() -> list[list[str]]:
    """Return the cells of the threat model's table, without its head."""
    section = PAGE.partition("## Threat model")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_every_claim_names_tests_that_exist() -> None:
    """A renamed or removed test takes the claim with it."""
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)}
    claims = threats()
    assert len(claims) >= 10
    assert {len(claim) for claim in claims} == {COLUMNS}
    named = {claim[2]: re.findall(r"`(test_\w+)`", claim[3]) for claim in claims}
    assert [claim for claim, names in named.items() if not names] == []
    assert {name for names in named.values() for name in names} - tests == set()
