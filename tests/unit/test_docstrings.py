"""Docstrings and comments of the packages and their tests name files that exist."""

import re
from collections.abc import Iterator

from tests.support.source import ROOT, comments

FILE = re.compile(r"(?<![\w./-])[\w./-]*\w\.py\b")
TEXT = re.compile(r'^ *"""(?=[\w`…])(.*?)"""', re.MULTILINE | re.DOTALL)
SOURCES = {
    file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
    for folder in (ROOT / "runner", ROOT / "tests")
    for file in folder.rglob("*.py")
}


def prose() -> Iterator[tuple[str, str]]:
    """Yield every comment and every string that stands alone, with its file."""
    for place, source in SOURCES.items():
        yield from ((place, text) for _line, text in comments(source))
        yield from ((place, found[1]) for found in TEXT.finditer(source))


def test_files_that_are_named_exist() -> None:
    parts = [place.split("/") for place in SOURCES]
    ends = {"/".join(names[i:]) for names in parts for i in range(len(names))}
    unknown = [
        f"{place}: {found[0]}"
        for place, text in prose()
        for found in FILE.finditer(text)
        if found[0].lstrip("./") not in ends
    ]
    assert unknown == []
