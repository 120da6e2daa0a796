"""What Typora adds to Markdown is shown, or named with the way out; followers read no markup."""

import pytest

from tests.unit.render.article.making import Make, rules
from wechat_campaigns.core.settings import ArticleOptions
from wechat_campaigns.render.article import dom


@pytest.mark.deep
@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("==重点==和", ">重点</span>和"),
        ("==**粗**==", "><strong>粗</strong></span>"),
        ("H~2~O", "H<sub>2</sub>O"),
        ("x^2^", ">2</sup>"),
        (":smile:", "😄"),
        ("<u>乙</u>", '<span style="text-decoration:underline">乙</span>'),
        ('<font color="#c00" size=3>丙</font>', '<span style="color:#c00">丙</span>'),
        ("甲<br/>乙", "甲<br>乙"),
        ("<center>图 1</center>", '<section style="text-align:center">图 1</section>'),
        ("x<sub>2</sub>", "x<sub>2</sub>"),
    ],
)
def test_marks_and_typed_tags_are_shown(make: Make, source: str, html: str) -> None:
    body = make(source)
    assert html in body.html
    assert rules(body) == []


@pytest.mark.deep
@pytest.mark.parametrize(
    "text",
    [
        "9~10点，11~12点",
        "10~20元",
        "a == b == c",
        "价格 $5 到 $6",
        "a^b",
        "时间:甲:乙",
        ":foo_bar_x:",
        "5^ 和 6^",
        "`==a==`",
        "1 ~ 2 ~ 3",
    ],
)
def test_ordinary_text_stays_text(make: Make, text: str) -> None:
    body = make(text)
    assert dom.text_of(dom.parse(body.html)).strip() == text.strip("`")
    assert rules(body) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("公式 $$a^2", ["e unsupported-markdown 1"]),
        ("> [!NOTE]\n> 茶", ["e unsupported-markdown 1"]),
        ("```mermaid\ngraph\n```", ["e unsupported-markdown 1"]),
        ("[TOC]\n\n茶", ["w contents 1"]),
        ("<div>茶</div>", ["e raw-html 1"]),
        ("<font color=expression(x)>茶", ["e raw-html 1"]),
        ("<script>x</script>", ["e raw-html 1"]),
        ("<!DOCTYPE a>", ["e raw-html 1"]),
    ],
)
def test_what_cannot_be_shown_is_named(make: Make, source: str, found: list[str]) -> None:
    assert rules(make(source)) == found


@pytest.mark.parametrize(
    ("written", "width"),
    [
        ('style="zoom:50%;"', "50%"),
        ('style="zoom: 0.33"', "33%"),
        ('style="zoom:150%"', "100%"),
        ('width="300"', "44%"),
        ('width="60%"', "60%"),
        ('style="width:338px"', "50%"),
    ],
)
def test_a_picture_has_the_size_that_was_chosen(make: Make, png: bytes, written: str, width: str) -> None:
    body = make(f'<img src="./cup 1.png" alt="杯" {written} />\n', at={"tea/cup 1.png": png})
    assert (rules(body), len(body.images)) == ([], 1)
    assert f"width:{width}" in body.html


def test_handlers_of_typed_tags_go(make: Make) -> None:
    html = make('<b onclick="x()" style="position:fixed">茶</b><img src=x onerror=x>').html
    assert "<b>茶</b>" in html
    assert "onerror" not in html


def test_line_breaks_are_shown_as_typora_does_when_the_settings_say_so(make: Make) -> None:
    assert "春茶<br>上新" in make("春茶\n上新", options=ArticleOptions(line_breaks=True)).html
    assert "春茶上新" in make("春茶\n上新").html
