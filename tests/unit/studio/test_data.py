"""What the page's script reads: places that an editor opens, messages as every page draws them."""

from pathlib import Path, PurePosixPath

import pytest

from tests.support.factories import make_article, make_send
from wechat_campaigns.core.content import Content, FileInfo, Media
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.messages import (
    Articles,
    BodyImage,
    Draft,
    Image,
    Images,
    Mpvideo,
    Newspic,
    Voice,
    Wxcard,
)
from wechat_campaigns.render.phone import GAP
from wechat_campaigns.studio.data import editor_url, error_data, problems_data, shown_html

FILE = FileInfo(path=PurePosixPath("a.png"), sha256="ab" * 32, size_bytes=1, format="png")
HERE = Media(file=FILE)
THERE = Media(name="在微信")
URL = f"/media/{FILE.sha256}"


def test_editor_opens_a_file_at_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "秋 茶.yaml").write_text("x")
    place = f"vscode://file{tmp_path}/%E7%A7%8B%20%E8%8C%B6.yaml"
    assert editor_url(Location(file="秋 茶.yaml", line=3, column=5)) == f"{place}:3:5"
    assert editor_url(Location(file="秋 茶.yaml", line=3)) == f"{place}:3:1"
    assert editor_url(Location(file="秋 茶.yaml")) == place
    assert editor_url(Location(file="gone.yaml", line=1)) == ""


def test_errors_come_first_advice_last_and_each_once() -> None:
    location = Location(file="a.yaml", line=1)
    advice = Diagnostic(location=location, rule="a", message="advised", hint="", level="advice")
    problems = [
        *(advice, advice),
        Diagnostic(location=location, rule="w", message="warned", hint="", level="warning"),
        Diagnostic(location=location, rule="e", message="bad\u202e", hint="do"),
    ]
    assert [one["level"] for one in problems_data(problems)] == ["error", "warning", "advice"]
    assert "\u202e" not in problems_data(problems)[0]["message"]
    assert error_data(UsageError("gone", hint="look"))["problems"][0]["hint"] == "look"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (Image(media=HERE), (f'<img src="{URL}"',)),
        (Images(images=(HERE, THERE), title="T"), (f'<img src="{URL}"', 'class="blank"', "<strong>T<")),
        (Voice(media=HERE), (f'<audio src="{URL}"', "a.png")),
        (Voice(media=THERE), (" disabled", "在微信")),
        (Mpvideo(media=HERE, title="T", description="D"), (f'<video src="{URL}"', "T", "D")),
        (Wxcard(card_id="C"), ("<code>C</code>",)),
        (Newspic(title="T", text="X", images=(HERE,)), ('<button class="card large pictures"', "T")),
        (Draft(media_id="M"), ('class="bubble"',)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_each_kind_is_a_bubble_with_its_files(content: Content, shown: tuple[str, ...]) -> None:
    html = shown_html(make_send("x", content=content), 0, dark=False)
    assert [part for part in shown if part not in html] == []


def article_html(html: str, *, dark: bool = False) -> str:
    images = (BodyImage(placeholder="wximg:1", file=FILE),)
    article = make_article("t", html=html, images=images, cover=HERE)
    send = make_send("x", content=Articles(articles=(article,)))
    shown = shown_html(send, 1, dark=dark)
    return shown.partition('<div class="article-body">')[2].partition("</div>")[0]


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        (
            '<p><img src="wximg:1" alt="x"><img alt="y" src="https://mmbiz.qpic.cn/a"></p>',
            f'<p><img src="{URL}" alt="x"><img alt="y" src="{GAP}"></p>',
        ),
        ('<p style="background:url(wximg:1)">x</p>', f'<p style="background:url({URL})">x</p>'),
        ('<p style="background:url(//a)">url(b)</p>', f'<p style="background:url({GAP})">url(b)</p>'),
        ('<svg><image href="https://mmbiz.qpic.cn/a"/></svg>', f'<svg><image href="{GAP}"/></svg>'),
    ],
)
def test_pictures_of_an_article_are_of_this_server(html: str, shown: str) -> None:
    assert article_html(html) == shown


def test_an_article_in_the_dark_is_recoloured_as_the_reader_does() -> None:
    assert "color:#a3a3a3" in article_html('<p style="color:#333">茶<img src="wximg:1"></p>', dark=True)
