"""Whatever somebody writes becomes an allowed body or a finding with a place; the same one each time."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.article.making import Make, assert_nothing_alive, rules
from wechat_article import ArticleBody, ArticleSource, body, to_wechat_html
from wechat_article.parts import AI_STATEMENT, CONTENT_CHARS, ArticleFormat
from wechat_campaigns.render.articles import build
from wechat_campaigns.source.files import Files

NOWHERE = Files(Path("/nonexistent"))
# Separated by bars, so that blanks and newlines can be pieces.
_PIECES = (
    "**|*|_|~~|`|```|\n|\n\n|    |\t|> |- |1. |# |[|](|)|![|{width=|}|<b>|</b>|<!--|-->|&#10;|&#8|&#12;|"
    "[^1]|\n[^1]: |^[|中文|「|」|，|a|\\|\ue000|\ue001|http://a.b|javascript:x|[x] |---\n|\x00|\u3000|😀|"
    "<script>|</section>|</body>|<frameset>|<head>|<svg>|<table>|<td>|<li>|<pre>|<textarea>|<a href=x>|"
    "<img src=x>|style='position:fixed'|<?xml ?>|<![CDATA[|\ud800"
)
PIECES = (*_PIECES.split("|"), "|a|b|\n|-|-|\n")
SOURCES = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@settings(max_examples=150, deadline=None)
@given(source=SOURCES)
@pytest.mark.deep
def test_any_markdown_gives_an_allowed_body_or_a_place(source: str) -> None:
    body = _build(source, "markdown")
    assert_nothing_alive(body.html)
    assert all(finding.message and finding.hint for finding in body.findings)
    assert all(
        finding.line for finding in body.findings if finding.rule not in ("article-too-long", "code-plain")
    )


@settings(max_examples=150, deadline=None)
@given(source=SOURCES)
@pytest.mark.deep
def test_any_html_gives_an_allowed_body(source: str) -> None:
    assert_nothing_alive(_build(source, "html").html)


@settings(max_examples=60, deadline=None)
@given(source=SOURCES)
@pytest.mark.deep
def test_cleaning_again_changes_nothing(source: str) -> None:
    html = _build(source, "markdown").html
    assert _build(html, "html").html == html


@pytest.mark.deep
def test_same_bytes_in_every_process() -> None:
    environments = (
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "77", "TZ": "America/New_York", "LC_ALL": "C.UTF-8"},
    )
    outputs = {_in_process(environment) for environment in environments}
    assert len(outputs) == 1
    assert b"[1]" in outputs.pop()


def test_code_goes_plain_when_the_article_would_grow_too_long(make: Make) -> None:
    code = "```python\n" + "def brew(x): return [x, 'a', 1]  # 茶\n" * 150 + "```\n"
    body = make(code)
    assert rules(body) == ["w code-plain None"]
    assert body.html.count("<span") == 0
    assert body.markup_chars < 18_000


@pytest.mark.parametrize(
    ("paragraphs", "rule"), [(250, []), (340, ["w article-long None"]), (380, ["e article-too-long None"])]
)
def test_size_is_judged_by_markup(make: Make, paragraphs: int, rule: list[str]) -> None:
    body = make("茶" * 25 + "\n\n" + ("茶" * 24 + "\n\n") * paragraphs)
    assert rules(body) == rule
    assert body.markup_chars == len(body.html)


def test_a_source_far_too_long_is_refused_at_once(make: Make) -> None:
    body = make("茶" * 200_001)
    assert (rules(body), body.html) == (["e article-too-long None"], "")


def test_findings_are_in_the_order_of_lines(make: Make) -> None:
    body = make("[甲](#a)\n\n<div>\n\n[乙](#b)\n")
    assert rules(body) == ["e link-address 1", "e raw-html 3", "e link-address 5"]
    assert {finding.file for finding in body.findings} == {"campaigns/tea/article.md"}


def _build(source: str, kind: ArticleFormat) -> ArticleBody:
    return to_wechat_html(
        ArticleSource(text=source, kind=kind, file=PurePosixPath("a.md"), title="标题", files=NOWHERE)
    )


def _in_process(environment: dict[str, str]) -> bytes:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom tests.unit.article import goldens\n"
        "for golden in goldens.load(): sys.stdout.buffer.write(repr(golden.build()).encode())"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parents[3])]
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout


def test_the_same_article_is_made_once_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = body.assemble
    monkeypatch.setattr(body, "assemble", lambda source: made.append(1) or real(source))
    files = Files(tmp_path)
    source = ArticleSource(text="春茶", kind="markdown", file=PurePosixPath("a.md"), title="茶", files=files)
    assert build(source) == build(replace(source))
    assert len(made) == 1
    assert build(replace(source, text="秋茶")) != build(source)
    assert len(made) == 2
    build(replace(source, files=Files(tmp_path)))
    assert len(made) == 3


@pytest.mark.parametrize(
    ("kind", "source"),
    [("markdown", "正文\n\n```\nopen\n"), ("html", "<section><p>正文</p>"), ("html", "<p>正文</p><!-- ")],
)
def test_an_article_of_ai_ends_with_its_label(make: Make, kind: str, source: str) -> None:
    """WeChat's API has no field for it."""
    words = re.sub("<[^>]*>", "", make(source, kind=kind, ai_generated=True).html)
    assert words.rstrip().endswith(AI_STATEMENT)
    assert words.count(AI_STATEMENT) == 1
    assert AI_STATEMENT not in make(source, kind=kind).html


def test_labels_and_later_addresses_of_pictures_count_towards_the_limit(make: Make, png: bytes) -> None:
    source = "<p>" + "茶" * (CONTENT_CHARS - 10) + "</p>"
    rules = [
        [one.rule for one in make(source, kind="html", ai_generated=ai).findings] for ai in (False, True)
    ]
    assert rules == [["article-long"], ["article-too-long"]]
    body = make("![杯](cup.png)\n", at={"tea/cup.png": png})
    assert body.markup_chars > len(body.html)
