"""Hostile articles, themes and pictures, by the real command: each ends as a plain problem, within limits."""

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath

import pytest

from tests.hostile.test_receivers import ARTICLE, TEXT, run
from tests.unit.article.making import assert_nothing_alive
from wechat_article import ArticleBody, ArticleSource, to_wechat_html
from wechat_article.body import assemble
from wechat_article.keep import without_links
from wechat_campaigns.source.files import Files
from wechat_sandbox.inbox import DROPPED, UNWRAPPED, sanitize

Problems = set[tuple[str, str]]


def checked(folder: Path, **files: str) -> tuple[Problems, str]:
    """Validate campaigns with the real command; the problems as (level, rule), and all that was printed."""
    done = run(folder, "validate", "--format", "json", **files)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 3), (done.returncode, done.stderr[-500:])
    assert len(done.stdout) < 2_000_000
    problems = json.loads(done.stdout)["problems"]
    return {(problem["level"], problem["rule"]) for problem in problems}, done.stdout


def article(folder: Path, body: str, theme: str = "") -> tuple[Problems, str]:
    """Validate an article in Markdown, with a theme of its own."""
    campaign = ARTICLE.replace("KIND", "md")
    files = {"a.md": body, "c.yaml": campaign.replace("M1}", "M1}, theme: house") if theme else campaign}
    return checked(folder, **files, **({"_themes/house.css": theme} if theme else {}))


def errors(found: Problems) -> set[str]:
    return {rule for level, rule in found if level == "error"}


def html_source(text: str) -> ArticleSource:
    files = Files(Path("/nonexistent"))
    return ArticleSource(text=text, kind="html", file=PurePosixPath("a.html"), title="茶", files=files)


def made(body: str) -> ArticleBody:
    """Make an HTML body in this process."""
    return to_wechat_html(html_source(body))


def test_an_honest_article_has_no_error(tmp_path: Path) -> None:
    theme = ".article { --line: #333 } p { color: var(--line); margin: 0 0 1em }"
    assert errors(article(tmp_path, "春茶 **上新**", theme)[0]) == set()


# --- Markdown ----------------------------------------------------------------------------------


@pytest.mark.deep
@pytest.mark.parametrize("source", ["\u200b" * 20, "\u2060\ufeff", "&#8203;&#8205;", "\u3164\u2800", "&shy;"])
def test_an_article_of_invisible_characters_is_empty(tmp_path: Path, source: str) -> None:
    assert errors(article(tmp_path, source)[0]) & {"article-empty", "text-control-character"}


# --- HTML --------------------------------------------------------------------------------------

HIDDEN = [
    "color:transparent", "color:rgba(0,0,0,0)", "color:rgba(0,0,0,.01)", "color:#0000", "color:#00000000",
    "color:rgb(0 0 0 / 0)",
    "color:currentcolor;background-color:#333;color:#333",
    "opacity:0", "opacity:.01", "font-size:0", "font-size:0.0001px",
    "font-size:1px", "font-size:.1em", "font-size:1%", "font-size:.05rem", "font-size:1e-5px",
    "font-size:calc(0px)", "font-size:0.1vw", "font-size:.001ex", "text-indent:-9999px",
    "text-indent:-999em", "text-indent:-100vw", "text-indent:calc(-100%)", "text-indent:9999px",
    "text-indent:-1e5px", "height:0;overflow-x:hidden", "width:0%;overflow-x:auto",
    "max-width:1px;overflow-x:auto", "width:1%;overflow-x:scroll", "visibility:hidden",
    "visibility:collapse", "display:none", "transform:scale(0)", "transform:translateX(-999px)", "zoom:0",
    "margin-left:-9999px", "margin-top:-9999px", "margin:-100vh 0 0", "margin:-100%", "margin-left:-99ch",
    "margin-top:9999px", "letter-spacing:-1em", "letter-spacing:-99px", "letter-spacing:-5vw",
    "line-height:0", "line-height:0.01", "-webkit-text-fill-color:transparent",
    "letter-spacing:-2px;font-size:6px",
    "font-size:400px", "font-size:50em", "font-size:xxx-large;line-height:200", "line-height:900px",
    "line-height:3000%",
]  # fmt: skip
UNDONE = [
    "color:hsl(0 0% 0% / 0)", "color:hwb(0 100% 0%)", "color:lab(100% 0 0)", "color:oklch(1 0 0)",
    "color:color(srgb 1 1 1)", "color:Canvas", "color:light-dark(#fff,#000)",
    "color:color-mix(in srgb,#fff,#fff)", "color:var(--x,#fff)", "filter:opacity(0)",
    "font-size:clamp(0px,0px,0px)", "position:fixed;left:-9999px", "clip:rect(0,0,0,0)",
    "clip-path:inset(50%)", "padding-top:99999px", "vertical-align:-9999px", "vertical-align:999em",
    "box-shadow:inset 0 0 0 999px #333", "box-shadow:0 -999px 0 999px #fff",
    "text-decoration:line-through 2em #fff", "content:'x'", "list-style-type:'text'",
    "border:999px solid #fff", "border-top-width:9999px", "border-spacing:9999px", "z-index:-1",
    "content-visibility:hidden", "color:initial;background-color:#000", "color:unset", "color:revert",
    "color:currentcolor", "background-color:currentcolor", "background-color:initial",
    "box-shadow:0 0 0 24px #fff", "box-shadow:0 -24px #fff", "box-shadow:0 -24px 0 0 #fff",
    "box-shadow:24px 0 4px #fff", "box-shadow:0 0 1px 1px #fff,0 0 1px 20px #fff",
    "box-shadow:" + ",".join(["0 0 24px #fff"] * 40),
    "mix-blend-mode:screen", "background:currentcolor", "all:unset", "font:0/0 a",
    "mask:linear-gradient(#0000,#0000)",
    "perspective:1px", "animation:x 1s", "inset:0", "translate:-999px",
    "position:sticky", "width:min(0px,1px)", "--x:1px",
]  # fmt: skip
"""What could hide text and is not understood: the style goes, the text is seen."""


@pytest.mark.deep
@pytest.mark.parametrize("style", HIDDEN)
def test_a_value_that_hides_text_is_taken_out_and_said(style: str) -> None:
    body = made(f'<p>春茶</p><p style="{style}">暗藏</p>')
    assert {finding.level for finding in body.findings if finding.rule == "style-value"} == {"warning"}
    assert f'style="{style}"' not in body.html
    assert "暗藏" in body.html


@pytest.mark.deep
@pytest.mark.parametrize("style", UNDONE)
def test_a_style_that_may_hide_text_is_taken_away(style: str) -> None:
    body = made(f'<p>春茶</p><p style="{style}">暗藏</p>')
    assert not [finding for finding in body.findings if finding.level == "error"]
    name = style.partition(":")[0]
    assert f'"{name}:' not in body.html
    assert f";{name}:" not in body.html
    assert "暗藏" in body.html


@pytest.mark.parametrize("outer", ["font-size:0", "line-height:0", "visibility:hidden", "display:none"])
def test_what_hides_the_text_inside_is_taken_out_unless_an_inner_style_undoes_it(outer: str) -> None:
    hidden = made(f'<section style="{outer}"><section><p>暗藏</p></section></section>')
    assert {finding.rule for finding in hidden.findings} == {"style-value"}
    inner = "font-size:16px;line-height:2;visibility:visible"
    shown = made(f'<section style="{outer}"><p style="{inner}">茶</p></section>')
    assert (f'style="{outer}"' in shown.html) is (outer != "display:none")


COVERS = [
    "outline:900px solid #fff", "outline-width:900px", "outline-offset:-900px", "gap:9999px",
    "column-rule:900px solid #fff", "-webkit-text-stroke:900px #fff", "-webkit-text-stroke-width:99px",
    "border-image:url(wximg:a) 1/9px/900px", "border:999px solid #fff", "box-shadow:0 0 0 900px #fff",
    "filter:drop-shadow(0 -900px 0 #fff)", "text-shadow:0 -900px #fff", "height:99999px",
    "min-height:99999px", "margin-top:-9999px",
]  # fmt: skip


@pytest.mark.parametrize("style", COVERS)
def test_no_box_covers_the_rest_of_an_article(style: str) -> None:
    for inside in ("茶", ""):
        body = made(f'<p>春茶</p><section style="{style}">{inside}</section>')
        assert "900" not in body.html
        assert "99" not in body.html
        assert "style-value" in {finding.rule for finding in body.findings}


SHOWN = [
    "position:absolute", "max-height:0", "overflow:hidden",
    "overflow-x:hidden", "overflow-x:clip", "display:contents", "margin-bottom:-5em",
    "margin-left:calc(-100px)", "mask:none", "writing-mode:vertical-rl", "float:left", "hyphens:none",
    "letter-spacing:-.1em", "letter-spacing:-0.5px", "background-color:inherit",
    "opacity:.5", "transform:rotate(3deg)", "transform:translate3d(1px,0,0) scale(.9)", "display:flex",
    "margin-top:-30px", "line-height:1", "font-size:calc(8px + 2vw)", "letter-spacing:normal", "zoom:.9",
    "text-indent:-2em", "width:44px;height:44px;overflow:hidden;line-height:44px",
    "color:#fff;background:#333", "color:#fff;background-image:linear-gradient(90deg,#07c160,#036)",
    "color:#fff;background-image:url(https://mmbiz.qpic.cn/a)", "color:#fff;background-color:#333!important",
    "color:transparent;-webkit-background-clip:text;background-image:url(https://mmbiz.qpic.cn/a)",
]  # fmt: skip
"""What editors lay out with: text stays in sight."""
PLAIN = [
    "color:inherit", "box-shadow:0 2px 12px rgba(0,0,0,.1)", "box-shadow:0 10px 24px #ddd",
    "box-shadow:3px 3px 0 #000", "box-shadow:none", "text-indent:2em", "letter-spacing:1px",
    "font-size:48px", "line-height:2", "line-height:28px", "color:rgba(0,0,0,.9)",
    "background-color:transparent", "border:1px solid currentcolor",
]  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("style", [*PLAIN, *SHOWN])
def test_what_hides_nothing_is_kept_to_the_letter(style: str) -> None:
    gaps = "<br>" * 10 + "<section></section>" * 10 + "<p><br></p>" * 10
    body = made(f'<p>春茶</p><p style="{style}">上新</p>{gaps}<p>再见</p>')
    assert [finding for finding in body.findings if finding.level == "error"] == []
    assert f'style="{style}"' in body.html


# --- themes ------------------------------------------------------------------------------------


def _doubling(rounds: int) -> str:
    steps = "".join(f"--v{n + 1}: var(--v{n}) var(--v{n});" for n in range(rounds))
    return f".article {{ --v0: xxxxxxxx; {steps} color: var(--v{rounds}) }}"


THEMES = {
    "variables-double": _doubling(30),
    "variables-spread": "".join(f".article{{--v{n + 1}:{f'var(--v{n})' * 8}}}" for n in range(12))
    + ".article{--v0:xxxxxxxx} p{color:var(--v12)}",
    "variable-itself": ".article { --a: var(--a) var(--a); color: var(--a) }",
    "too-long": "p { color: #333 }\n" * 10_000,
    "brackets": "p { color: " + "(" * 5_000,
    "braces": "p{" * 20_000,
    "not": ":not(" * 5_000 + "p" + ")" * 5_000 + "{color:red}",
    "ornaments-many": "p::before, p::after { content: 'x' }" * 1_500 + "p { font-size: 0 }",
    "hidden-small": "p { font-size: 0.0001px }",
    "import": "@import url(https://example.com/a.css);",
    "address": "p { background-color: url(file:///etc/passwd) }",
    "script-end": "p { color: red }</style><script>alert(1)</script>",
    "media": "@media screen { p { color: red } }" * 1_000,
}


FENCED_THEMES = ("variables-double", "variables-spread", "not", "braces")
"""Tried in `test_bounds.py`, with the time that they take."""


@pytest.mark.deep
@pytest.mark.parametrize("name", sorted(THEMES.keys() - set(FENCED_THEMES)))
def test_a_hostile_theme_is_a_problem_in_bounded_time(tmp_path: Path, name: str) -> None:
    """A theme that grows, nests, hides or reaches out stops the articles that use it."""
    assert errors(article(tmp_path, "春茶\n\n上新\n", THEMES[name])[0])


def test_a_fault_of_a_theme_names_the_campaign_and_the_line(tmp_path: Path) -> None:
    _found, said = article(tmp_path, "春茶", "p { color: #333 }\np { position: fixed }\n")
    problem = next(one for one in json.loads(said)["problems"] if one["rule"] == "style-value")
    assert "house.css" in json.dumps(problem)
    assert " c)" in json.dumps(problem, ensure_ascii=False)
    assert "2" in json.dumps(problem)


@pytest.mark.parametrize(
    "text", ["\u200b\u200b", "\ufeff", "\u2060 \u200d", "\u3164", "\u2800", "\u00ad", "\U000e0041"]
)
def test_a_text_that_shows_nothing_is_empty(tmp_path: Path, text: str) -> None:
    written = json.dumps(text)  # YAML reads the escapes of JSON
    assert errors(checked(tmp_path, **{"c.yaml": TEXT.replace("CONTENT", written)})[0])


# --- nothing alive -----------------------------------------------------------------------------

ALIVE = """
<script>alert(1)</script>|<ScRiPt src=//x.y>|</script>|<svg onload=alert(1)>|<svg>|</svg>|<math>|</math>|<style>|
</style>|<img src=x onerror=alert(1)>|<a href="javascript:alert(1)">|<a href=" jAvA\tscript:x">|</a>|
<iframe srcdoc="<script>x</script>">|<foreignObject>|</foreignObject>|<set attributeName=onclick to=alert(1)>|
<animate attributeName=href values="javascript:alert(1)">|<animate attributeName=xlink:href to=data:text/html,x />|
<use href="data:image/svg+xml,x#a">|<use xlink:href=#a>|<image href="https://x.y/a.png">|<image xlink:href=javascript:x>|
<p style="background:url(javascript:alert(1))">|<p style="width:expression(alert(1))">|
<p style='background:u\\72l(//x.y/a)'>|<p style="behavior:url(x.htc);-moz-binding:url(x)">|<p style="x:y;}</style><script>x</script>">|
<p style="background:url('//x.y')">|<p style="background-image:image-set('//x.y' 1x)">|<p style="mask:url(//x.y)">|
<form action=//x.y><input type=image src=//x.y><button formaction=javascript:x>|<embed src=//x.y>|<object data=//x.y>|
<base href=//x.y>|<meta http-equiv=refresh content="0;url=javascript:x">|<link rel=stylesheet href=//x.y>|<noscript><p title="</noscript><img src=x onerror=x>">|
<template><script>x</script></template>|<textarea></textarea><img src=x onerror=x>|<title><b onclick=x></title>|<!--|-->|<![CDATA[|]]>|
<mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=x&gt;">|<desc><script>x</script></desc>|
<g fill="url(//x.y#a)">|<path d="M0 0" onclick=x>|<text>|</text>|<view onfocus=x>|<switch>|<mpath href=//x.y>|<discard href=#a>|
<video src=//x.y autoplay onplay=x>|<audio src>|<details open ontoggle=x>|<marquee onstart=x>|<isindex>|<p id=a class=b data-x=c>|<table>|<tr>|<td>|
<p>|</p>|<section>|</section>|茶|\x00|&lt;script&gt;|&#106;avascript:|&colon;|"|'|`|>|<|/|=
"""  # noqa: E501


ACTIVE = frozenset(DROPPED | UNWRAPPED)


class _Shown(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ACTIVE
        for name, written in attrs:
            value = re.sub(r"\s", "", written or "").lower()
            assert not name.startswith("on")
            assert not (name in ("href", "src", "xlink:href") and "script:" in value), value
            assert not (name == "attributename" and re.match("on|href|xlink:", value)), value
            assert not (name == "style" and ("//x.y" in value or "script:" in value)), value


def _assert_harmless(html: str) -> None:
    reader = _Shown()
    reader.feed(html)
    reader.close()


@pytest.mark.deep
def test_ten_thousand_hostile_pieces_leave_nothing_alive() -> None:
    """Scripts, handlers and addresses in any order and nesting: another parser finds none in the article.

    Nor in our pages, which show drafts of the console, nor in the sandbox's, which shows what anybody posts.
    """
    pieces, rng = "".join(ALIVE.strip().split("\n")).split("|"), random.Random(20)
    for _round in range(10_000):
        text = "".join(rng.choices(pieces, k=rng.randrange(1, 14)))
        source = html_source(text)
        assert_nothing_alive(assemble(source).html)
        assert_nothing_alive(without_links(text))
        _assert_harmless(sanitize(text, lambda _address: ""))
