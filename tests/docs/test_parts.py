"""The parts of pages that the program writes are what it says today: rules, a message, lines of files."""

from __future__ import annotations

import pytest

from tests.tools.make_parts import DOCS, PARTS, pages

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_part_is_current(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `python -m tests.tools.make_reference`"
    assert written.count("<!-- end -->") == len(PARTS.get(name.partition(".")[0], ()))
