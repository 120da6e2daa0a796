"""What Typora adds to Markdown is shown, or named with the way out; followers read no markup."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.unit.article.making import Make, rules
from wechat_article import dom
from wechat_article.dialect import BOXES, CjkInline


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
        (r"\$x^2$", []),
        (r"\$\$a_1\$\$，$x^2\$", []),
        (r"> 价格\$x^2$\n\n![\$x^2$](https://mmbiz.qpic.cn/a)", []),
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
    assert "春茶<br>上新" in make("春茶\n上新", line_breaks=True).html
    assert "春茶上新" in make("春茶\n上新").html


# --- emphasis beside Chinese punctuation --------------------------------------------------------


PUNCTUATION = "，。、；：？！「」『』《》〈〉【】（）“”‘’…—·"
ENGLISH = st.text(alphabet="ab *_~.,!()\"'-", max_size=30)


@pytest.mark.parametrize(
    ("before", "bold", "after"),
    [("前", "重点{}", "字"), ("前", "重点{}", "，"), ("前", "重点{}", "a"), ("前", "重点{}", " 后"),
     ("前字", "{}重点", "后"), ("前，", "{}重点", "后"), ("前 ", "{}重点", "后")],
)  # fmt: skip
def test_bold_works_beside_every_chinese_mark(make: Make, before: str, bold: str, after: str) -> None:
    source = "\n\n".join(f"{before}**{bold.format(mark)}**{after}" for mark in PUNCTUATION)
    html = make(source, theme="simple").html
    for mark in PUNCTUATION:
        assert f"<strong>{bold.format(mark)}</strong>" in html


@settings(max_examples=300, deadline=None)
@given(text=ENGLISH)
def test_english_is_plain_commonmark(text: str) -> None:
    plain, ours = (MarkdownIt("commonmark").enable("strikethrough") for _ in range(2))
    ours.inline = CjkInline()
    ours.configure("commonmark").enable("strikethrough")
    assert ours.render(text) == plain.render(text)


# --- boxes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in BOXES if name != "columns"])
def test_a_box_is_a_section_with_its_text(make: Make, name: str) -> None:
    body = make(f"前\n::: {name}\n茶 **好**\n\n- 一\n:::\n后")
    assert rules(body) == []
    article = dom.parse(body.html)[0]
    assert [element.tag for element in article] == ["p", "section", "p"]
    assert dom.text_of(article[1]).endswith("茶 好一")
    assert article.xpath("./section//strong")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("::: tip\n茶\n:::", "小贴士茶"),
        ("::: tip 泡法\n茶\n:::", "泡法茶"),
        (":::warning\n茶\n:::", "注意茶"),
        ("::: earlier\n茶\n:::", "往期推荐茶"),
        ("::: card\n茶\n:::", "茶"),
        ("::: quote 陆羽\n茶\n:::", "茶陆羽"),
        ("::: card <b>& co\n茶\n:::", "<b>& co茶"),
        ("::: card\n甲\n::: tip\n乙\n:::\n丙\n:::", "甲小贴士乙丙"),
        ("> ::: tip\n> 丁\n> :::", "小贴士丁"),
        ("::: card\n```\n:::\n```\n:::", ":::"),
    ],
)
def test_title_of_a_box(make: Make, source: str, text: str) -> None:
    body = make(source)
    assert rules(body) == []
    assert dom.text_of(dom.parse(body.html)).strip() == text


@pytest.mark.parametrize(
    ("source", "found", "said"),
    [
        ("茶\n\n::: crad\n茶\n:::", ["e box 3"], "the box `crad` does not exist"),
        ("茶\n\n::: tip\n茶\n", ["e box 3"], "the box `tip` is not closed"),
        ("::: card\n::: tip\n茶\n:::\n", ["e box 1"], "the box `card` is not closed"),
        ("::: columns 题\n甲\n\n乙\n:::", ["e box 1"], "the box `columns` cannot show a title"),
        ("茶\n\n::: columns\n甲\n:::", ["e box 3"], "the number of parts in the box `columns` is 1,"),
        ("茶\n\n:::\n", ["w leftover-markdown 3"], "readers will see `:::`"),
    ],
)
def test_a_fault_of_a_box_is_at_its_line(make: Make, source: str, found: list[str], said: str) -> None:
    body = make(source)
    assert rules(body) == found
    assert said in body.findings[0].message
