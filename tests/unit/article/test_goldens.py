"""Every Markdown construct has a case in `tests/articles/`, and each case proves a rule."""

import pytest
from lxml.html import HtmlElement

from tests.unit.article.goldens import Golden, load, shown
from tests.unit.article.making import assert_nothing_alive
from wechat_article import ArticleBody, dom

GOLDENS = load()


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_case_proves_its_rule(golden: Golden) -> None:
    body = golden.build()
    tree = dom.parse(body.html)
    assert [check for check in golden.checks if not _holds(check, tree, body)] == []
    assert _findings(body) == [value for kind, value in golden.checks if kind == "finding"]
    assert_nothing_alive(body.html)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_case_gives_the_reviewed_html(golden: Golden) -> None:
    if golden.first("html") != "no":
        assert shown(golden.build().html) == golden.html_file.read_text(encoding="utf-8")


def test_there_are_enough_cases() -> None:
    assert len(GOLDENS) >= 40
    assert all(golden.first("rule") for golden in GOLDENS)


def _holds(check: tuple[str, str], tree: HtmlElement, body: ArticleBody) -> bool:
    kind, value = check
    number, _, path = value.partition(" ")
    match kind:
        case "has":
            return bool(tree.xpath(value))
        case "not":
            return not tree.xpath(value)
        case "count":
            return len(tree.xpath(path)) == int(number)
        case "styles":
            return len({element.get("style") for element in tree.xpath(path)}) == int(number)
        case "text":
            return value.replace("\\n", "\n") in dom.text_of(tree)
        case "images":
            return len(body.images) == int(value)
    return kind in ("rule", "title", "options", "finding", "html")


def _findings(body: ArticleBody) -> list[str]:
    return [f"{finding.rule} {finding.line}" for finding in body.findings]
