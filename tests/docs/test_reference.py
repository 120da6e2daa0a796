"""docs/reference/, and the parts of pages that the program writes, are what it says today."""

import re
import shutil
import subprocess
from functools import cache

import pytest

from tests.tools import make_parts
from tests.tools.make_reference import FOLDER, PACKAGE, TROUBLESHOOTING, pages, troubleshooting

WRITTEN = make_parts.pages()
made = cache(pages)  # by the first test that asks: every worker of a run reads this module


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_the_page_is_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == made().get(name), "run `python -m tests.tools.make_reference`"


@pytest.mark.parametrize("name", WRITTEN)
def test_a_written_part_is_current(name: str) -> None:
    page = (make_parts.DOCS / name).read_text(encoding="utf-8")
    assert page == WRITTEN[name], "run `python -m tests.tools.make_reference`"


@pytest.mark.parametrize("name", TROUBLESHOOTING)
def test_the_table_of_statuses_is_current(name: str) -> None:
    written = (FOLDER.parent / name).read_text(encoding="utf-8")
    assert written == troubleshooting(name), "run `python -m tests.tools.make_reference`"
    assert written.count("<!-- end -->") == 1


def test_every_page_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(made())


def test_every_variable_is_documented() -> None:
    """What the program reads by its own name is on the page, and the page names nothing else."""
    own = re.compile(r'"(CAMPAIGN_[A-Z_]+)"')
    read = {name for path in PACKAGE.rglob("*.py") for name in own.findall(path.read_text(encoding="utf-8"))}
    named = set(re.findall(r"^\| `(CAMPAIGN_[A-Z_]+)`", made()["programs.md"], flags=re.M))
    assert named == read


def test_roff_takes_the_manual_page() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is missing")
    words = ["groff", "-K", "utf8", "-T", "utf8", "-man", "-ww"]
    done = subprocess.run(words, input=made()["campaign.1"].encode(), capture_output=True, check=True)
    assert done.stderr == b""
    assert b"ledger baseline" in done.stdout
