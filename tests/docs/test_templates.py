"""The page on templates tells the truth about names and numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wechat_campaigns.core.workers import LIMITS
from wechat_campaigns.render.limits import table as limits_table
from wechat_campaigns.render.templates import bounds
from wechat_campaigns.render.templates.jinja import ATTRIBUTES, FILTER_NAMES, TEST_NAMES

PAGE = Path(__file__).parents[2].joinpath("docs/templates.md").read_text(encoding="utf-8")


def test_page_lists_every_filter():
    """What the sandbox allows is what the page lists."""
    listed = PAGE.split("## Filters")[1].split("Not there")[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == FILTER_NAMES


def test_page_lists_every_test_and_method() -> None:
    """Nor does the sandbox allow a test or a method that the page does not list."""
    section = PAGE.split("Tests (`is …`): ")[1].split("A format (")[0]
    methods = [name for kind, names in ATTRIBUTES if kind in (str, dict, (list, tuple)) for name in names]
    listed = re.findall(r"`(\w+)`", section)
    assert set(listed) == {*filter(str.isalpha, TEST_NAMES), *methods, "dict", "namespace", "range"}


@pytest.mark.parametrize(
    "number",
    [
        LIMITS.memory >> 20,
        LIMITS.item_s,
        LIMITS.run_s,
        LIMITS.max_run_s,
        int(LIMITS.total_s(1_000)),
        bounds.MAX_SIZE,
        bounds.MAX_RANGE,
        bounds.MAX_TAGS,
        bounds.MAX_NESTING,
        limits_table.TEXT_BYTES,
        limits_table.TEXT_CHARS_USUAL,
        limits_table.TITLE_CHARS,
        limits_table.AUTHOR_CHARS,
        limits_table.SUMMARY_CHARS,
        limits_table.CONTENT_CHARS,
        limits_table.URL_BYTES,
        limits_table.MAX_ARTICLES,
        limits_table.MAX_IMAGES,
        limits_table.VOICE_S,
    ],
)
def test_page_states_the_number(number):
    """A bound that changes changes on the page."""
    assert re.search(rf"\b{number:,}\b", PAGE)
