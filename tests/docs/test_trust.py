"""docs/trust.md: the files to read, the scenarios of the model, a threat model that names existing tests."""

import re
import subprocess

from tests.docs.blocks import ROOT
from tests.protocol.scenarios import SCENARIOS
from tests.protocol.switched_off import RULES

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


def test_the_page_has_each_scenario_of_the_model_with_the_rules_that_need_it() -> None:
    section = PAGE.partition("## Proof by exhaustion")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split("|") for line in section.splitlines() if line.startswith("|")][2:]
    rules = {name: rule.scenario for name, rule in RULES.items()}
    listed = {
        re.sub(r" \(P\d, \d+\)$", "", rule.strip()): row[0].strip()
        for row in rows
        for rule in row[4:5] and row[4].split(";")
        if rule.strip()
    }
    assert [row[0].strip() for row in rows] == [scenario.name for scenario in SCENARIOS]
    assert listed == rules


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


LEVEL_1 = (
    "AC-01.01 AC-02.01 AC-03.01 AC-03.02 BR-01.01 BR-01.03 BR-03.01 BR-03.02 BR-07.01 DO-01.01 DO-02.01 "
    "GV-02.01 GV-03.01 LE-02.01 LE-02.02 LE-03.01 LE-03.02 QA-01.01 QA-01.02 QA-02.01 QA-04.01 QA-05.01 "
    "QA-05.02 VM-02.01"
)
"""Of the OSPS Baseline of 2026-08-28."""
UNMET = ("not shown", "not met")
PICTURES_AND_SAMPLES = {".png", ".jpg", ".webp", ".gif", ".mp3", ".mp4"}


def test_each_control_names_a_file_or_is_not_met() -> None:
    section = PAGE.partition("## Self-assessment")[2]
    rows = re.findall(r"^\| OSPS-(\S+) \| [^|]+ \| ([^|]+) \|$", section, re.M)
    assert [control for control, _shown in rows] == LEVEL_1.split()
    for control, shown in rows:
        files = re.findall(r"`([\w./-]+)`", shown)
        assert files or shown.startswith(UNMET) or control == "QA-04.01", control
        assert all((ROOT / file).is_file() for file in files), control


def test_no_file_of_the_repository_is_an_executable_or_an_unknown_binary() -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-s", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = [line.partition("\t")[::2] for line in listing.stdout.split("\0") if line]
    assert [name for mode, name in found if mode.startswith("100755")] == [".ci/run"]
    files = {(ROOT / name) for _mode, name in found if (ROOT / name).is_file()}
    binary = {file for file in files if b"\0" in file.read_bytes()[:8000]}
    others = {file for file in binary if file.suffix not in PICTURES_AND_SAMPLES}
    # Cases of what is no text: an invalid campaign, say.
    assert {file for file in others if "invalid" not in file.parts} == set()
