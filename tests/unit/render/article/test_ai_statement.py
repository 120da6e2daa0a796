"""What AI made says so at its end: WeChat's API has no field for it."""

from __future__ import annotations

import re

import pytest

from tests.unit.render.article.making import Make
from wechat_campaigns.render.article.parts import AI_STATEMENT
from wechat_campaigns.render.limits.table import CONTENT_CHARS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("markdown", "正文\n\n```\nopen\n"),
        ("html", "<section><p>正文</p>"),
        ("html", "<p>正文</p><!-- "),
    ],
)
def test_an_article_of_ai_ends_with_its_label(make: Make, kind: str, source: str) -> None:
    body = make(source, kind=kind, ai_generated=True)
    words = re.sub("<[^>]*>", "", body.html)
    assert words.rstrip().endswith(AI_STATEMENT)
    assert words.count(AI_STATEMENT) == 1
    assert AI_STATEMENT not in make(source, kind=kind).html


def test_the_label_counts_towards_the_limit(make: Make) -> None:
    source = "<p>" + "茶" * (CONTENT_CHARS - 10) + "</p>"
    rules = [
        [one.rule for one in make(source, kind="html", ai_generated=ai).findings] for ai in (False, True)
    ]
    assert rules == [["article-long"], ["article-too-long"]]
