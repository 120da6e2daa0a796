"""What the page's script reads: places that an editor opens, messages as the inbox draws them."""

from pathlib import Path, PurePosixPath

import pytest

from tests.support.factories import make_article, make_send
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.model import (
    Article,
    Articles,
    BodyImage,
    Content,
    Draft,
    FileInfo,
    Image,
    Images,
    Media,
    Mpvideo,
    Newspic,
    Voice,
    Wxcard,
)
from wechat_campaigns.studio.data import editor_url, error_data, problems_data
from wechat_campaigns.studio.phone import MISSING, article_html, files_of, message_data

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


def test_errors_come_first_and_hide_nothing() -> None:
    location = Location(file="a.yaml", line=1)
    problems = [
        Diagnostic(location=location, rule="w", message="warned", hint="", level="warning"),
        Diagnostic(location=location, rule="e", message="bad\u202e", hint="do"),
    ]
    assert [one["level"] for one in problems_data(problems)] == ["error", "warning"]
    assert "\u202e" not in problems_data(problems)[0]["message"]
    assert error_data(UsageError("gone", hint="look"))["problems"][0]["hint"] == "look"


@pytest.mark.parametrize(
    ("content", "shown", "files"),
    [
        (Image(media=HERE), {"images": {"pictures": [URL]}}, 1),
        (Images(images=(HERE, THERE), title="T"), {"images": {"pictures": [URL, MISSING], "title": "T"}}, 1),
        (Voice(media=HERE), {"voice": {"src": URL, "name": "a.png"}}, 1),
        (Voice(media=THERE), {"voice": {"src": "", "name": "在微信"}}, 0),
        (Mpvideo(media=HERE, title="T", description="D"), {"video": {"src": URL, "title": "T"}}, 1),
        (Wxcard(card_id="C"), {"card": {"card_id": "C"}}, 0),
        (Newspic(title="T", text="X", images=(HERE,)), {"articles": [{"title": "T", "type": "newspic"}]}, 1),
        (Draft(media_id="M"), {}, 0),
    ],
    ids=lambda one: type(one).__name__,
)
def test_each_kind_is_drawn_as_in_the_inbox(content: Content, shown: dict[str, object], files: int) -> None:
    send = make_send("x", content=content)
    assert len(list(files_of(send))) == files
    data = message_data(send)["content"]
    for kind, expected in shown.items():
        pairs = zip(data[kind], expected, strict=True) if kind == "articles" else [(data[kind], expected)]  # type: ignore[arg-type]
        for found, wanted in pairs:
            assert {key: found[key] for key in wanted} == wanted


def with_picture(html: str) -> Article:
    return make_article("t", html=html, images=(BodyImage(placeholder="wximg:1", file=FILE),), cover=HERE)


def test_pictures_of_an_article_are_of_this_server() -> None:
    html = '<p><img src="wximg:1" alt="x"><img alt="y" src="https://mmbiz.qpic.cn/a"></p>'
    article = with_picture(html)
    assert article_html(article) == f'<p><img src="{URL}" alt="x"><img alt="y" src="{MISSING}"></p>'
    send = make_send("x", content=Articles(articles=(article,)))
    assert [one.sha256 for one in files_of(send)] == [FILE.sha256, FILE.sha256]


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ('<p style="background:url(wximg:1)">x</p>', f'<p style="background:url({URL})">x</p>'),
        (
            '<p style="background:url(https://mmbiz.qpic.cn/a)">url(b)</p>',
            f'<p style="background:url({MISSING})">url(b)</p>',
        ),
        ('<svg><image href="https://mmbiz.qpic.cn/a"/></svg>', f'<svg><image href="{MISSING}"/></svg>'),
    ],
)
def test_backgrounds_and_drawings_are_of_this_server(html: str, shown: str) -> None:
    assert article_html(with_picture(html)) == shown


def test_an_article_in_the_dark_is_recoloured_as_the_reader_does() -> None:
    html = '<p style="color:#333333">茶<img src="wximg:1" alt="x"></p>'
    night = article_html(with_picture(html), dark=True)
    assert "color:#a3a3a3" in night
    assert f'src="{URL}"' in night
