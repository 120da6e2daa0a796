"""A page says a thing, the others link to it: no sentence stands twice."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import FENCE, ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / ".github").glob("*.md"), *(ROOT / "docs").glob("*.md")])
WRITTEN_PART = re.compile(r"<!-- [\w ]+: written by \w+ -->.*?<!-- end -->", re.S)
COMMENT = re.compile(r"<!--.*?-->", re.S)
QUOTED = re.compile(r"^> .*$", re.M)
"""What a program posted."""
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
PART = re.compile(r"^\s*(?:[-*]|\d+\.|#+|>)\s+|\|", re.M)
END = re.compile(r"(?<=[.!?:;])\s+(?=\S)|(?<=[。！？；：])|\n\n+")
MINIMUM = {"en": 8, "zh": 16}
"""Words of an English sentence, Han characters of a Chinese one; shorter ones may stand anywhere."""


def in_language(language: str) -> list[Path]:
    return [page for page in PAGES if (".zh-CN" in page.suffixes) == (language == "zh")]


def sentences(text: str, language: str) -> Iterator[str]:
    """The sentences, items and cells of a page without code, marks and the parts that a tool writes."""
    for aside in (FENCE, WRITTEN_PART, COMMENT, QUOTED):
        text = aside.sub("\n\n", text)
    text = PART.sub("\n\n", LINK.sub(r"\1", text))
    for sentence in END.split(text):
        words = re.findall(r"[\w.]+|[一-鿿]", re.sub(r"[`*_]", "", sentence).lower())
        size = len(re.findall("[一-鿿]", sentence)) if language == "zh" else len(words)
        if size >= MINIMUM[language]:
            yield " ".join(words).rstrip(".")


@pytest.mark.parametrize("language", MINIMUM)
def test_no_sentence_stands_in_two_places(language: str) -> None:
    places = defaultdict(list)
    for page in in_language(language):
        for sentence in sentences(page.read_text(encoding="utf-8"), language):
            places[sentence].append(page.name)
    assert {sentence: pages for sentence, pages in places.items() if len(pages) > 1} == {}
