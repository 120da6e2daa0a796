"""docs/reference/ is what the program says today."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache

import pytest

from tests.tools.make_reference import FOLDER, PACKAGE, TROUBLESHOOTING, pages, troubleshooting
from wechat_campaigns.core.errors import ExitCode

made = cache(pages)  # by the first test that asks: every worker of a run reads this module


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_the_page_is_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == made().get(name), "run `python -m tests.tools.make_reference`"


@pytest.mark.parametrize("name", TROUBLESHOOTING)
def test_the_tables_of_errcodes_are_current(name: str) -> None:
    written = (FOLDER.parent / name).read_text(encoding="utf-8")
    assert written == troubleshooting(name), "run `python -m tests.tools.make_reference`"
    assert written.count("<!-- end -->") == len(TROUBLESHOOTING[name])


@pytest.mark.parametrize("name", TROUBLESHOOTING)
def test_every_exit_code_is_explained(name: str) -> None:
    page = (FOLDER.parent / name).read_text(encoding="utf-8")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", page, flags=re.M)] == sorted(ExitCode)


def test_every_page_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(made())


def test_every_variable_is_documented() -> None:
    """What the program reads by its own name is on the page, and the page names nothing else."""
    own = re.compile(r'"(CAMPAIGN_[A-Z_]+)"')
    read = {name for path in PACKAGE.rglob("*.py") for name in own.findall(path.read_text(encoding="utf-8"))}
    named = set(re.findall(r"^\| `(CAMPAIGN_[A-Z_]+)`", made()["environment.md"], flags=re.M))
    assert named == read


def test_roff_takes_the_manual_page() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is missing")
    words = ["groff", "-K", "utf8", "-T", "utf8", "-man", "-ww"]
    done = subprocess.run(words, input=made()["campaign.1"].encode(), capture_output=True, check=True)
    assert done.stderr == b""
    assert b"ledger baseline" in done.stdout


def test_every_message_has_a_hint() -> None:
    rows = [line.split(" | ") for line in made()["messages.md"].splitlines() if line.startswith("| ")]
    assert len(rows) > 100
    assert all(len(row) == 5 and all(cell.strip(" |") for cell in row) for row in rows)


def test_messages_show_words_and_no_calls() -> None:
    page = made()["messages.md"]
    assert not re.findall(r"\{\w+\(.*", page)
    assert "copy the edit into the campaign" in page


def test_messages_are_shown_in_both_languages() -> None:
    rows = [line.split(" | ") for line in made()["messages.md"].splitlines() if line.startswith("| ")]
    told = [row for row in rows if re.search("[a-z]{3} [a-z]{3}", re.sub(r"\{.*?\}", "", row[1]))]
    assert len(told) > 120
    assert not [row for row in told if not re.search("[一-鿿]", row[3])]
