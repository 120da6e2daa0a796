"""Themes, shipped and of the user's: within WeChat's rules, in every colour, by day and at night."""

import re

import pytest
from lxml.html import HtmlElement

from tests.support.sample_article import TEXT, sample_body
from tests.unit.article.making import Make, assert_nothing_alive, rules
from wechat_article import colours, css, dom, theme
from wechat_article.colours import darken
from wechat_article.dialect import BOXES
from wechat_article.parts import Findings
from wechat_campaigns.messages import Articles
from wechat_campaigns.source.scaffold import campaign_text
from wechat_campaigns.source.schema import schema

COLOURS = ("#07c160", "#8a1538", "#ffd400", "#111111", "#ffffff", "#000080", "#808080", "#00ffff")
"""The default, and those that are hardest to read text on or in."""


@pytest.mark.deep
@pytest.mark.parametrize("color", COLOURS)
@pytest.mark.parametrize("name", theme.BUILTIN_THEMES)
def test_every_theme_is_kept_whole_in_every_colour(name: str, color: str) -> None:
    findings = Findings(file=name)
    theme.check(theme.whole_css(name), findings)
    assert list(findings) == []
    body = sample_body(name, color)
    assert "var(" not in body.html
    assert rules(body) == []
    assert_nothing_alive(body.html)


def test_no_two_themes_look_the_same() -> None:
    assert len({sample_body(name, "#07c160").html for name in theme.BUILTIN_THEMES}) == 8
    assert all(f"::: {name}" in TEXT for name in BOXES)


def test_longest_theme_keeps_the_sample_small() -> None:
    """Looks cost characters, and an article has 20,000 of them."""
    sizes = {name: len(sample_body(name, "#07c160").html) for name in theme.BUILTIN_THEMES}
    assert min(sizes, key=lambda name: sizes[name]) == "simple"
    assert max(sizes.values()) < 8_000


# --- themes of the user's --------------------------------------------------------------------------


def test_the_schemas_name_every_theme() -> None:
    article = schema("campaign")["definitions"]["article"]["properties"]["theme"]
    settings = schema("settings")["definitions"]["article_options"]["properties"]["theme"]
    assert tuple(article["examples"]) == tuple(settings["examples"]) == theme.BUILTIN_THEMES
    text = campaign_text("news", Articles)
    assert "、".join(theme.BUILTIN_THEMES) in text


def test_own_theme_is_used(make: Make) -> None:
    css = "p { color: var(--brand); margin: var(--gap) }\n.article { --gap: 4px }\n"
    body = make("茶", theme="house", at={"_themes/house.css": css}, brand_color="#004488")
    assert '<p style="margin:4px;color:#004488">茶</p>' in body.html
    assert rules(body) == []


@pytest.mark.deep
@pytest.mark.parametrize(
    ("css", "rule"),
    [
        ("p { color: red !important }", "important"),
        ("p { line-height: 0.2 }", "style-value"),
        ("p { background: url(x.png) }", "style-value"),
        ("p { color: }", "theme-css"),
        ("p { color red }", "theme-css"),
        ("p { color: var(--inks) }", "theme-variable"),
        ("p:first-child::before { color: red }", "theme-pseudo"),
        ("hr::before { content: '◆' }", "theme-pseudo"),
        ("p::before { content: attr(title) }", "theme-css"),
        ("p::before { content: ' ' }", "theme-css"),
        ("a:hover { color: red }", "theme-pseudo"),
        ("@media print { p { color: red } }", "theme-at-rule"),
        ("@import 'x.css';", "theme-at-rule"),
        ("p { a { color: red } }", "theme-css"),
        ("} p", "theme-css"),
    ],
)
def test_fault_of_a_theme_is_at_its_line(make: Make, css: str, rule: str) -> None:
    body = make("茶", theme="house", at={"_themes/house.css": f"h2 {{ color: #333 }}\n\n{css}\n"})
    assert rules(body) == [f"e {rule} 3"]
    assert body.findings[0].file == "campaigns/_themes/house.css"


@pytest.mark.parametrize(
    ("css", "found"),
    [
        ("p { width: 360px }", ["a fixed-width 1"]),
        ("p { white-space: nowrap }", ["a no-wrap 1"]),
        ("p code { white-space: nowrap }", []),
    ],
)
def test_a_theme_gets_the_same_advice_as_an_editor(make: Make, css: str, found: list[str]) -> None:
    assert rules(make("## 甲", theme="house", at={"_themes/house.css": css})) == found


def test_a_variable_is_judged_where_it_is_filled_in(make: Make) -> None:
    css = ".article { --c: #333 }\n.lead { --c: transparent; color: var(--c) }\n"
    body = make("茶", theme="house", at={"_themes/house.css": css})
    assert rules(body) == ["w style-value 1"]
    assert "transparent" not in body.html


def test_unknown_theme_is_an_error(make: Make) -> None:
    body = make("茶", theme="fancy")
    assert rules(body) == ["e theme None"]
    assert "default, elegant, simple" in body.findings[0].hint


def test_the_settings_choose_the_theme(make: Make) -> None:
    chosen = make("## 甲", theme="simple").html
    assert chosen == make("## 甲", theme="simple").html != make("## 甲").html


# --- ornaments ---------------------------------------------------------------------------------


@pytest.mark.deep
@pytest.mark.parametrize(
    ("css", "html"),
    [
        ('h2::before { content: "◆ " }', "<h2><span>◆ </span>甲</h2>"),
        ('.article h2::before { content: "◆ " }', "<h2><span>◆ </span>甲</h2>"),
        ('h2::after { content: " ◆" }', "<h2>甲<span> ◆</span></h2>"),
        ('h2::before { content: "第" counter(number) "章" }', "<span>第1章</span>甲"),
        ("h2::before { content: counter(number, decimal-leading-zero) }", "<span>01</span>甲"),
        ('h2::before { content: "a" } h2::before { content: none }', "<h2>甲</h2>"),
        ('h2::before { content: "a"; color: #004488 }', '<span style="color:#004488">a</span>甲'),
        ('.tip p::before { content: "·" }', "<p><span>·</span>丙</p></section>"),
        ('.card p::before { content: "·" }', "<p>丙</p>"),
        ('.divider::before { content: "◆" }', "<section><span>◆</span></section>"),
        (".chapter { padding: 4px }", '<section style="padding:4px"><h2>甲</h2><p>乙</p></section>'),
        (".lead { color: #666666 }", '<p style="color:#666666">导</p>'),
    ],
)
def test_ornaments_are_written_into_the_article(make: Make, css: str, html: str) -> None:
    """What CSS would generate stands in the HTML, because WeChat keeps style attributes only."""
    source = "导\n\n## 甲\n\n乙\n\n---\n\n::: tip\n丙\n:::\n"
    plain = "h2, p, section, hr { margin: 0 }"
    body = make(source, theme="house", at={"_themes/house.css": f"{plain}\n{css}"})
    assert rules(body) == []
    assert html in _without_shared_styles(body.html, css)


@pytest.mark.parametrize(
    ("tag", "text", "shown"),
    [
        ("h2", "一、选茶", "<b>一</b>选茶"),
        ("h2", "1. 选<em>茶</em>", "<b>1</b>选<em>茶</em>"),
        ("h2", "08 选茶", "<b>8</b>选茶"),
        ("h2", "（二）选茶", "<b>（二）</b>选茶"),
        ("h2", "第二章：选茶", "<b>第二章</b>选茶"),
        ("h2", "第3部分 选茶", "<b>第3部分</b>选茶"),
        ("h2", "<em>一、</em>选茶", "<em>一、</em>选茶"),
        ("h2", "一、", "一、"),
        ("h2", "10:30 开始", "10:30 开始"),
        ("h2", "3.8 女神节", "3.8 女神节"),
        ("p", "图 1 茶园", "图 1 茶园"),
        ("h2", "一杯茶", "<b>1</b>一杯茶"),
        ("h2", "三步泡好茶", "<b>1</b>三步泡好茶"),
        ("h2", "2026 年的茶", "<b>1</b>2026 年的茶"),
        ("h2", "图书馆", "<b>1</b>图书馆"),
    ],
)
def test_the_own_number_of_a_heading_stands_where_the_theme_puts_its_own(
    tag: str, text: str, shown: str
) -> None:
    tree = dom.parse(f"<{tag}>{text}</{tag}><{tag}>好</{tag}>")
    theme.add_ornaments(tree, f"{tag}::before {{ content: counter(number) }}")
    written = dom.inner(tree).replace('<span class="before">', "<b>").replace("</span>", "</b>")
    assert f"<{tag}>{shown}</{tag}><{tag}><b>2</b>好</{tag}>" in written


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("喝茶[^1]。", "喝<tie>茶[1]</tie>。"),
        ("茶[^1][^2]", "<tie>茶[1][2]</tie>"),
        ("**茶**，[^1]好", "<strong>茶</strong><tie>，[1]</tie>好"),
        ("[白茶](https://a.cn)好", "<span>白<tie>茶[1]</tie></span>好"),
        ("tea[^1]", "tea[1]"),
    ],
)
def test_no_line_begins_with_the_mark_of_a_reference(make: Make, source: str, html: str) -> None:
    written = make(f"{source}\n\n[^1]: 甲\n\n[^2]: 乙\n").html
    written = re.sub(r"</?sup[^>]*>", "", written).replace(' style="color:#265682"', "")
    written = re.sub(r'<span style="white-space:nowrap">([^<]*)</span>', r"<tie>\1</tie>", written)
    assert f">{html}</p>" in written


def test_references_stand_before_the_boxes_that_close_an_article(make: Make) -> None:
    source = "[茶](https://a.cn)\n\n::: tip\n甲\n:::\n\n::: follow\n关注\n:::\n\n::: signature\n小满\n:::\n"
    text = dom.text_of(dom.parse(make(source).html))
    order = ["甲", "参考与注释", "关注", "小满"]
    assert sorted(order, key=text.index) == order


def test_chapters_end_where_an_article_closes() -> None:
    tree = dom.parse('<h2>甲</h2><p>乙</p><h2>丙</h2><p>丁</p><section class="follow"><p>关注</p></section>')
    theme.add_ornaments(tree, ".chapter { padding: 4px }")
    assert [element.get("class") for element in tree] == ["chapter", "chapter", "follow"]


# --- colours -----------------------------------------------------------------------------------


def test_colours_of_a_theme_follow_the_brand() -> None:
    assert colours.variables("#8a1538")["--brand-fill"] == "#8a1538"
    assert colours.variables("#07c160")["--on-fill"] == "#ffffff"
    assert colours.variables("#07c160")["--brand-fill"] != "#07c160"
    assert colours.variables("#ffd400")["--on-fill"] != "#ffffff"
    assert set(colours.variables("#ffd400")) == colours.NAMES


def test_what_a_theme_overrides_is_not_sent(make: Make) -> None:
    css = "p { margin: 4px; border-left: 1px solid #333333 } p { border: 0 }"
    assert '<p style="margin:4px;border:0">' in make("茶", theme="house", at={"_themes/house.css": css}).html


# --- dark mode ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "dark"),
    [
        ('<p style="color:#333333">茶</p>', "color:#333333;color:#a3a3a3"),
        ('<p style="background-color:#f7f7f7">茶</p>', "background-color:#212121;color:#b2b2b2"),
        ('<p style="border-left:3px solid #333333">茶</p>', "border-left:3px solid rgba(163,163,163,1)"),
        ('<p style="background-image:linear-gradient(#fff,#000)">茶</p>', "linear-gradient(#fff,#000)"),
        ("<p>茶</p>", "<p>茶</p>"),
    ],
)
def test_dark_mode_is_shown_as_the_reader_recolours(html: str, dark: str) -> None:
    assert dark in darken(html)


@pytest.mark.parametrize(
    ("text", "ground", "dark_text", "dark_ground"),
    [
        ("#333333", "#ffffff", "#a3a3a3", "#191919"),  # grey text turns, no brighter than the reader's
        ("#9c2740", "#f7f7f7", "#ce3a5a", "#212121"),  # dark colours turn, and keep their hue
        ("#576b95", "#ffffff", "#576b95", "#191919"),  # what can be read already stays
        ("#ffffff", "#07c160", "#ffffff", "#07c160"),  # strong grounds and white text stay
        ("#6a737d", "#f6f8fa", "#6a737d", "#bdbec0"),  # a tinted ground is only dimmed
        ("#222222", "#001133", "#c4c4c4", "#002570"),  # the darkest grounds are lifted
        ("#777777", "#cc9966", "#616161", "#cc9966"),  # on a bright ground text is darkened
    ],
)
def test_dark_mode_follows_the_published_thresholds(
    text: str, ground: str, dark_text: str, dark_ground: str
) -> None:
    html = darken(f'<p style="color:{text};background-color:{ground}">茶</p>')
    shown = dict(re.findall(r"([\w-]+):(#\w{6})", html))  # the last of each is what counts
    assert (shown["color"], shown["background-color"]) == (dark_text, dark_ground)


def test_links_can_be_read_by_day_and_at_night() -> None:
    link = css.colour(re.findall(r"\.link \{ color: (#\w+)", theme.whole_css("default"))[0])
    assert link is not None
    text = (link.red, link.green, link.blue)
    for light in (1.0, 0.969, 0.949):
        ground = (light, light, light)
        assert colours.ratio(text, ground) >= colours.READABLE
        assert colours.ratio(*colours.dark(text, ground)) >= colours.READABLE


def _styles(element: HtmlElement) -> list[tuple[str, str]]:
    pairs = (part.partition(":") for part in element.get("style", "").split(";") if part)
    return [(name, value) for name, _, value in pairs]


def _without_shared_styles(html: str, css: str) -> str:
    """Leave only the styles that a theme of a test names."""
    tree = dom.parse(html)
    for element in dom.elements(tree):
        kept = [f"{name}:{value}" for name, value in _styles(element) if f"{name}: {value}" in css]
        element.attrib.pop("style", None)
        if kept:
            element.set("style", ";".join(kept))
    return dom.inner(tree)
