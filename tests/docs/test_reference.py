"""docs/reference/ is what the program says today."""

from __future__ import annotations

import pytest
from make_reference import FOLDER, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    """After a change of options, schemas, errcodes or messages: `python -m tests.make_reference`."""
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `python -m tests.make_reference`"


def test_no_page_is_left_over() -> None:
    """A page that nothing writes any more is gone."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_message_has_a_remedy() -> None:
    """Nothing is said without advice."""
    rows = [line.split(" | ") for line in PAGES["messages.md"].splitlines() if line.startswith("| ")]
    assert len(rows) > 100
    assert all(len(row) == 3 and row[1].strip() and row[2].strip(" |") for row in rows)
