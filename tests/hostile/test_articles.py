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
    "margin-top:-30px", "line-height:1", "font-size:calc(8px + .5em)", "letter-spacing:normal", "zoom:.9",
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


WINDOW = [
    "max-height:calc(400px - 100vw)", "font-size:calc(8px + 2vw)", "font-size:5VW", "margin-top:-3vh",
    "height:50dvh", "width:calc(100vw - 32px)", "padding:0 5cqw", "min-height:10svmin", "line-height:1e1vmax",
    "text-indent:4\\76 w",
    "background:linear-gradient(#fff 9vw,#000)", "transform:translateX(9vi)", "width:50vh",
    "max-width:8vw;overflow:hidden",
]  # fmt: skip
"""What differs between the window of a reviewer and that of a phone."""


@pytest.mark.parametrize("style", WINDOW)
def test_no_style_depends_on_the_size_of_the_window(style: str) -> None:
    for inside in ("暗藏", "") if "overflow" not in style else ("暗藏",):
        body = made(f'<p>春茶</p><section style="{style}">{inside}</section>')
        assert [finding.rule for finding in body.findings] == ["style-value"]
        assert f'style="{style}"' not in body.html
    assert made('<p style="width:50vw;max-width:90vw">茶</p>').findings == ()


TOGETHER = [
    "opacity:.4", "zoom:.5", "zoom:2", "transform:scale(.6)", "transform:scale3d(.6,.6,1)", "font-size:.7em",
    "transform:matrix(.6,0,0,.6,0,0)", "font-size:70%", "font-size:calc(.5em + 2px)",
    "transform:rotate(60deg)", "transform:skewX(-40deg)", "transform:rotateX(50deg)",
    "transform:translateX(100px)", "transform:translateY(-30em)", "-webkit-transform:translate3d(100px,0,0)",
    "transform:scaleX(2) translateX(60px)", "transform:matrix(0,1,-1,0,0,0)",
    "transform:rotate(50deg);zoom:.6", "opacity:.4!important;opacity:1",
]  # fmt: skip
"""Within the bounds, and outside of them where elements with this style stand in each other."""
ALONE = [
    "transform:rotate(90deg) rotate(90deg)", "transform:scale(.5) scale(.5)", "zoom:.4;transform:scale(.5)",
    "transform:translateX(180px) translateX(180px)", "transform:perspective(1px) translateZ(-9px)",
    "transform:rotate(90deg) translateY(400px)", "transform:rotate(60deg);transform-origin:999px 0",
    "transform-style:preserve-3d",
]  # fmt: skip
HONEST = [
    ("transform:rotateZ(45deg)", "transform:rotateZ(-45deg)"),
    ("transform:skew(-20deg)", "transform:skew(20deg)"),
    ("transform:translate3d(1px, 0px, 0px);-webkit-transform:translate3d(1px, 0px, 0px)",) * 9,
    ("opacity:0.8", "opacity:0.8"),
    ("font-size:0.8em", "font-size:14px", "font-size:0.8em"),
    ("transform:perspective(0px);transform-style:flat", "transform:perspective(0px)"),
    ("font-size:0", "font-size:12px"),
    ("height:0", "width:40%;max-height:20em;overflow:hidden"),
    ("background-clip:text;color:transparent;background-image:linear-gradient(#07c160, rgb(0, 0, 9))",),
    ("zoom:1.2;transform:scale(0.9);transform-origin:left top", "zoom:1"),
]


def nested(*styles: str) -> str:
    """Write elements in elements around a text."""
    inside = "".join(f'<section style="{style}">' for style in styles)
    return f"{inside}暗藏{'</section>' * len(styles)}"


@pytest.mark.parametrize("styles", [*((style,) * 3 for style in TOGETHER), *((style,) for style in ALONE)])
def test_the_bounds_hold_for_all_elements_around_a_text_together(styles: tuple[str, ...]) -> None:
    body = made(f"<p>春茶</p>{nested(*styles)}")
    assert {finding.rule for finding in body.findings} == {"style-value"}
    assert made(body.html).findings == ()


@pytest.mark.parametrize("styles", HONEST)
def test_what_editors_nest_is_kept(styles: tuple[str, ...]) -> None:
    body = made(nested(*styles))
    assert body.html == nested(*styles)
    assert {finding.level for finding in body.findings} <= {"advice"}


CUT = [
    nested("height:1px", "height:100%;overflow:hidden"), nested("height:9px;display:flex", "overflow:hidden"),
    nested("width:1px", "overflow:hidden;white-space:nowrap"), nested("width:5%", "width:5%;overflow:hidden"),
    nested("max-width:1px", "", "max-width:100%;overflow-x:auto"),
    nested("height:20px", "writing-mode:vertical-rl"),
    nested("-webkit-background-clip:text;color:transparent"),
    nested("background-clip:text;background:none;color:transparent"),
    nested("background-clip:text;background-image:linear-gradient(#0000,transparent);color:transparent"),
    nested("background-clip:text;background:#fff;background-size:0 0;color:transparent"),
    '<table><colgroup><col style="visibility:collapse"></colgroup><tr><td>暗藏</td></tr></table>',
]  # fmt: skip


@pytest.mark.parametrize("source", CUT)
def test_what_two_elements_or_declarations_hide_together_is_shown(source: str) -> None:
    body = made(f"<p>春茶</p>{source}")
    assert {finding.rule for finding in body.findings if finding.level == "warning"} >= {"style-value"}
    assert not re.search("overflow|vertical|(?<!background-)color:|collapse", body.html)


DRAWN = [
    '<text y="9" opacity="0">暗藏<set attributeName="opacity" to="1" begin="touchstart"></set></text>',
    '<g opacity=".4"><g opacity=".4"><text y="9">暗藏</text></g></g>', '<text>暗藏</text>',
    '<text y="9" fill-opacity="0">暗藏</text>',
    '<text y="9" visibility="hidden">暗藏</text>', '<g visibility="collapse"><text y="9">暗藏</text></g>',
    '<text y="9" font-size="0.1">暗藏</text>', '<text y="9" style="font-size:1px">暗藏</text>',
    '<text y="9" font-size="1%">暗藏</text>', '<text x="900" y="20">暗藏</text>', '<text y="-9">暗藏</text>',
    '<g transform="translate(0 99)"><text y="9">暗藏</text></g>', '<text x="40 20" y="20">暗藏</text>',
    '<text y="9" dx="0 -32">暗藏</text>', '<text y="9" rotate="180">暗藏</text>',
    '<text y="9" dy="99em">暗藏</text>',
    '<text y="20" transform="rotate(180 30 15)">16 暗藏</text>',
    '<text y="9" transform="scale(-1 1)">暗藏</text>',
    '<text y="9" fill="none">暗藏</text>', '<g fill="url(#a)"><text y="9">暗藏</text></g>',
    '<text y="9">暗藏<animate attributeName="opacity" to="0" dur="1s" fill="freeze"></animate></text>',
    '<g><set attributeName="visibility" to="hidden" begin="touchstart"></set><text y="9">暗藏</text></g>',
    '<text y="9">暗藏<set attributeName="visibility" to="hidden" begin="0s;click"></set></text>',
    '<svg width="1" height="1"><text y="9">暗藏</text></svg>',
    '<text y="9" style="fill-opacity:0">暗藏</text>',
    '<text y="9" style="visibility:hidden">暗藏</text>', '<text y="90vh">暗藏</text>',
]  # fmt: skip


@pytest.mark.parametrize("drawn", DRAWN)
def test_words_of_a_drawing_stay_in_sight_and_in_order(drawn: str) -> None:
    body = made(f'<p>春茶</p><svg viewBox="0 0 300 40" width="300">{drawn}</svg>')
    assert {finding.rule for finding in body.findings} == {"style-value"}
    again = made(body.html)
    assert (again.findings, again.html) == ((), body.html)
    assert "暗藏" in body.html


@pytest.mark.parametrize("outer", ["opacity:0", "display:none", "visibility:hidden"])
def test_a_style_hides_no_drawing_with_words(outer: str) -> None:
    body = made(f'<section style="{outer}"><svg viewBox="0 0 9 9"><text y="9">暗藏</text></svg></section>')
    assert [finding.rule for finding in body.findings] == ["style-value"]


def test_drawings_of_editors_are_kept() -> None:
    drawing = (
        '<section style="font-size:0;line-height:0"><svg viewBox="0 0 1080 600" fill="none" width="100%">'
        '<rect width="1080" height="600" fill="#fff" opacity="0"></rect>'
        '<g transform="translate(90 50)" opacity="0.9"><text x="50%" y="310" font-size="60" fill="#fff" '
        'text-anchor="middle" transform="rotate(-45)">点开看看'
        '<set attributeName="visibility" to="hidden" begin="click"></set>'
        '<tspan x="9" dy="1.2em">再看</tspan></text>'
        '<animate attributeName="opacity" to="0" begin="click+0.5s" dur="1s"></animate></g></svg></section>'
    )
    assert (made(drawing).html, made(drawing).findings) == (drawing, ())


@pytest.mark.parametrize("inner", ["1em", "inherit", "1px", "calc(100%)", "x", "larger"])
def test_a_size_that_hides_is_not_undone_by_one_that_depends_on_it(inner: str) -> None:
    body = made(nested("font-size:0", f"font-size:{inner}"))
    assert 'style="font-size:0"' not in body.html


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
