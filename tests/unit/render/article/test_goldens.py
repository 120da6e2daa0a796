"""Every Markdown construct has a case in `tests/articles/`, and each case proves a rule."""

from __future__ import annotations

import pytest
from lxml.html import HtmlElement

from tests.unit.render.article.goldens import Golden, load, shown
from wechat_campaigns.render.article import ArticleBody, dom
from wechat_campaigns.render.article.allow import ATTRIBUTES, TAGS, style_fault

pytestmark = pytest.mark.slow

GOLDENS = load()


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_case_proves_its_rule(golden: Golden) -> None:
    body = golden.build()
    tree = dom.parse(body.html)
    assert [check for check in golden.checks if not _holds(check, tree, body)] == []
    assert _findings(body) == [value for kind, value in golden.checks if kind == "finding"]
    _require_allowed(tree)


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.name)
def test_case_gives_the_reviewed_html(golden: Golden) -> None:
    if golden.first("html") != "no":
        assert shown(golden.build().html) == golden.html_file.read_text(encoding="utf-8")


def test_there_are_enough_cases() -> None:
    assert len(GOLDENS) >= 40
    assert all(golden.first("rule") for golden in GOLDENS)


def _require_allowed(tree: HtmlElement) -> None:
    """No case gives a tag, an attribute or a style that WeChat drops or flags."""
    for element in dom.elements(tree):
        assert element.tag in TAGS
        allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(element.tag, set())
        assert set(element.attrib) <= {name.lower() for name in allowed}  # as the parser writes them
        assert [
            fault for name, value in _style(element) if (fault := style_fault(element.tag, name, value))
        ] == []


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
    return [f"{finding.rule} {finding.location.line}" for finding in body.findings]


def _style(element: HtmlElement) -> list[tuple[str, str]]:
    pairs = (part.partition(":") for part in element.get("style", "").split(";") if part)
    return [(name, value) for name, _, value in pairs]
