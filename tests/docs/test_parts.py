"""The parts of pages that the program writes are what it says today: rules, a message, lines of files."""

from __future__ import annotations

import pytest

from tests.tools.make_parts import DOCS, LINES, PARTS, ROOT, pages

PAGES = pages()
PROTOCOL = "runner/wechat_campaigns/protocol"


@pytest.mark.parametrize("name", PAGES)
def test_the_part_is_current(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == PAGES[name], "run `python -m tests.tools.make_reference`"
    assert written.count("<!-- end -->") == len(PARTS.get(name.partition(".")[0], ()))


def test_an_auditor_finds_every_file_of_the_protocol() -> None:
    rows = LINES.findall((DOCS / "trust.md").read_text(encoding="utf-8"))
    protocol = {path.relative_to(ROOT).as_posix() for path in (ROOT / PROTOCOL).glob("*.py")}
    assert protocol - set(rows) == {f"{PROTOCOL}/__init__.py"}
