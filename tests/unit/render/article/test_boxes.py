"""`::: name` in Markdown becomes a styled section; a box that is unknown or open is an error at its line."""

import pytest

from tests.unit.render.article.making import Make, rules
from wechat_campaigns.render.article import dom
from wechat_campaigns.render.article.dialect import BOXES


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
