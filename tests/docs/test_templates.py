"""The pages on templates and articles, in both languages, tell the truth about names and numbers."""

import re
from pathlib import Path

import pytest
from jinja2.sandbox import MAX_RANGE

from wechat_article import colours, dialect, theme
from wechat_article.keep import TAGS
from wechat_article.parts import CONTENT_CHARS
from wechat_campaigns.core.fence import BOUNDS, MOST
from wechat_campaigns.messages import limits as limits_table
from wechat_campaigns.render.templates import MAX_SIZE
from wechat_campaigns.render.templates.jinja import ATTRIBUTES, FILTER_NAMES, TEST_NAMES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [(DOCS / name).read_text(encoding="utf-8") for name in ("templates.md", "templates.zh-CN.md")]
ARTICLES = [(DOCS / name).read_text(encoding="utf-8") for name in ("articles.md", "articles.zh-CN.md")]
in_both_languages = pytest.mark.parametrize("page", PAGES, ids=("en", "zh"))
of_articles = pytest.mark.parametrize("page", ARTICLES, ids=("en", "zh"))


@in_both_languages
def test_page_lists_every_filter(page: str) -> None:
    listed = re.split("\n## (?:Filters|过滤器)\n\n", page)[1].partition("\n\n")[0]
    assert tuple(re.findall(r"`(\w+)`", listed)) == FILTER_NAMES


@in_both_languages
def test_page_lists_every_test_and_method(page: str) -> None:
    section = re.split("(?:Tests \\(|测试（)`is …`", page)[1]
    section = re.split("A format \\(|格式（", section)[0]
    methods = [name for kind, names in ATTRIBUTES if kind in (str, dict, (list, tuple)) for name in names]
    listed = re.findall(r"`(\w+)`", section)
    assert set(listed) == {*filter(str.isalpha, TEST_NAMES), *methods, "dict", "namespace", "range"}


@in_both_languages
@pytest.mark.parametrize(
    "number",
    [
        BOUNDS.cpu_s,
        MOST.cpu_s,
        MOST.memory_bytes >> 20,
        BOUNDS.memory_bytes >> 20,
        BOUNDS.wall_s,
        BOUNDS.run_s,
        MAX_SIZE,
        MAX_RANGE,
        limits_table.TEXT_BYTES,
        limits_table.TEXT_CHARS_USUAL,
        limits_table.TITLE_CHARS,
        limits_table.AUTHOR_CHARS,
        limits_table.SUMMARY_CHARS,
        CONTENT_CHARS,
        limits_table.URL_BYTES,
        limits_table.MAX_ARTICLES,
        limits_table.MAX_IMAGES,
        limits_table.VOICE_S,
    ],
)
def test_page_states_the_number(page: str, number: int) -> None:
    assert re.search(rf"(?<![\d,]){number:,}(?!,?\d)", page)


@of_articles
def test_the_tags_that_a_theme_may_style_are_named(page: str) -> None:
    listed = re.search("[(（]`(section p [^`]*)`[)）]", page)
    assert listed
    assert set(re.findall(r"[a-z]+\d?", listed[1])) <= TAGS


@of_articles
def test_every_theme_box_class_and_colour_is_named(page: str) -> None:
    css = "".join(theme.whole_css(name) for name in theme.BUILTIN_THEMES)
    selectors = (line.partition("{")[0] for line in css.splitlines() if not line.startswith("/*"))
    classes = {name for selector in selectors for name in re.findall(r"\.([a-z-]+)", selector)}
    variables = {*colours.NAMES, *re.findall(r"(--[a-z]+):", css)}
    assert [name for name in theme.BUILTIN_THEMES if f"**`{name}`**" not in page] == []
    assert [name for name in dialect.BOXES if f"`::: {name}" not in page] == []
    assert [name for name in sorted(classes) if f"`.{name}`" not in page] == []
    assert [name for name in sorted(variables) if f"`{name}`" not in page] == []


@of_articles
def test_pictures_of_themes_are_shown_and_small(page: str) -> None:
    pictures = {file.name: file.stat().st_size for file in (DOCS / "images" / "themes").iterdir()}
    assert [name for name in pictures if f"images/themes/{name}" not in page] == []
    assert sum(pictures.values()) < 350_000
