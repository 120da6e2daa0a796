"""The page shows what a follower will see, in one file that runs and loads nothing."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from lxml import html
from lxml.html import HtmlElement

from tests.support.factories import make_file, make_send
from wechat_article.parts import CARD_PLACEHOLDER
from wechat_campaigns.core.content import Content, FileInfo, Media
from wechat_campaigns.core.diagnostics import Diagnostic, Level, Location
from wechat_campaigns.messages import Article, Articles, BodyImage, Draft, Image, Mpvideo, Newspic, Text
from wechat_campaigns.render.phone import (
    SCREENS,
    Pictures,
    content,
    page,
    reader,
    rich_text,
)

FILE = FileInfo(path=PurePosixPath("cup.png"), sha256="ab" * 32, size_bytes=3, format="png")
PICTURE = BodyImage(placeholder=f"wximg:{FILE.sha256}", file=FILE)
ARTICLE = Article(
    title="春茶 <上新>",
    html=f'<section><p>好茶</p><img src="{PICTURE.placeholder}" alt="杯"></section>',
    cover=Media(file=FILE),
    images=(PICTURE,),
    author="内容组",
    digest="摘要",
)


def _page(content: Content) -> HtmlElement:
    return html.document_fromstring(
        page(make_send(content=content), data=lambda _: b"\x89PN", to="标签 会员")
    )


def test_a_card_shows_its_cover_and_an_account_its_name() -> None:
    cover = BodyImage(placeholder=f"{CARD_PLACEHOLDER}{FILE.sha256}", file=FILE)
    card = f'data-miniprogram-title="a > b" data-miniprogram-imageurl="{cover.placeholder}"'
    body = f"<p>茶</p><mp-common-miniprogram {card}></mp-common-miniprogram>"
    article = replace(ARTICLE, html=f'{body}<mp-common-profile data-nickname="茶铺"></mp-common-profile>')
    pictures = Pictures(lambda _: b"\x89PN")
    shown = html.document_fromstring(reader(replace(article, images=(cover,)), address=pictures.address))
    assert [one.get("src", "")[:15] for one in shown.xpath("//mp-common-miniprogram/img")] == [
        "data:image/png;"
    ]
    assert shown.xpath("//mp-common-miniprogram/@data-miniprogram-imageurl") == []
    assert shown.xpath("//mp-common-profile/@data-nickname") == ["茶铺"]


def test_the_words_of_each_article_stand_below_its_phone_whatever_its_styles_hide() -> None:
    hidden = replace(ARTICLE, html='<p>好茶</p><p style="margin-top:-40px">限<b>新</b>会员</p>')
    pages = [_page(Articles(articles=(ARTICLE, hidden)))]
    send = make_send(content=Articles(articles=(ARTICLE, hidden)))
    pages.append(html.document_fromstring(content(send, address=Pictures(lambda _: b"").address)))
    for shown in pages:
        lists = shown.xpath("//div[@class='phone']/../details")
        words = [["好茶", "[picture: 杯]"], ["好茶", "限新会员"]]
        assert [one.xpath(".//li/text()") for one in lists] == words


@pytest.fixture
def shown() -> HtmlElement:
    return _page(Articles(articles=(ARTICLE,)))


def test_every_screen_shows_the_article_with_its_pictures(shown: HtmlElement) -> None:
    assert len(shown.xpath("//div[@class='article']")) == 1 + len(SCREENS)
    assert len(shown.xpath("//div[@class='by-night']//div[@class='article dark']")) == 1
    widths = [style.get("style") for style in shown.iter("figure")]
    assert widths == [f"width: {width}px" for width in SCREENS]
    document = reader(ARTICLE, address=Pictures(lambda _: b"\x89PN").address)
    for part in ("<p>好茶</p>", "春茶 &lt;上新&gt;", "内容组", 'src="data:image/png;base64,iVBO"'):
        assert part in document
    assert "wximg" not in document


def test_the_title_heads_the_page_then_to_whom_then_what_is_wrong() -> None:
    levels: tuple[Level, ...] = ("advice", "warning", "advice", "error")
    found = tuple(
        Diagnostic(location=Location(file="a.md"), rule=f"r{n}", message="m `x`", hint="h `y`", level=level)
        for n, level in enumerate(levels)
    )
    send = make_send("2026/tea", content=Articles(articles=(ARTICLE,)), diagnostics=found)
    page_ = html.document_fromstring(page(send, data=lambda _: b"\x89PN", to="标签 会员"))
    assert [one.text_content() for one in page_.iter("h1")] == ["春茶 <上新>"]
    assert page_.xpath("//p[@class='kicker']/code/text()") == ["2026/tea"]
    assert "标签 会员" in page_.xpath("string(//p[@class='lede'])")
    notes = page_.xpath("//div[@class='notes']/div/@class")
    assert notes == ["notice error", "notice warning", "notice advice", "notice advice", "notice calm"]
    assert page_.xpath("//div[@class='notice error']/p[position() < 3]/code/text()") == ["x", "y"]


def test_a_video_has_a_frame_that_says_how_long_it_is() -> None:
    film = Media(file=make_file("a.mp4", format="mp4", duration_s=61.7))
    shown = _page(Mpvideo(media=film, title="题", description="述"))
    assert shown.xpath("//span[@class='blank frame']/span/text()") == ["62″"]


def test_page_runs_and_loads_nothing(shown: HtmlElement) -> None:
    text = html.tostring(shown, encoding="unicode")
    policy = shown.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'")
    assert not shown.xpath("//script | //link | //iframe | //@onload")
    assert not re.search(r'(src|href)="(?!data:)', text)


def test_cover_is_shown_in_both_crops(shown: HtmlElement) -> None:
    both = _page(Articles(articles=(ARTICLE, ARTICLE)))
    for page_, count in ((shown, 0), (both, 1)):
        assert len(page_.xpath("//div[@class='card large']//img[starts-with(@src,'data:')]")) == 1
        assert len(page_.xpath("//div[@class='card small']//img[starts-with(@src,'data:')]")) == count


@pytest.mark.parametrize(
    ("crop", "box"),
    [("0.25_0_0.75_1", "0.25 0 0.5 1"), ("0_0.5_1_1", "0 0.5 1 0.5"), ("", ""), ("1_0_0_1", ""), ("a_b", "")],
)
def test_crop_shows_the_named_part(crop: str, box: str) -> None:
    shown = _page(Articles(articles=(replace(ARTICLE, pic_crop_235_1=crop),)))
    assert [one.get("viewbox") for one in shown.xpath("//svg[@class='crop']")] == ([box] if box else [])


def test_summary_that_wechat_makes_is_shown() -> None:
    html = f"<section><p><span>NO.1</span>好茶 &amp;\n水</p><p>{'长' * 60}</p></section>"
    shown = _page(Articles(articles=(replace(ARTICLE, digest="", html=html),)))
    assert f"NO.1好茶 & 水{'长' * 44}…" in shown.text_content()


def test_links_of_a_text_are_marked_and_lead_nowhere() -> None:
    text = '看 https://a.example/x，或 <a href="https://b.example">这里</a> <b>'
    assert rich_text(text) == "看 <a>https://a.example/x</a>，或 <a>这里</a> &lt;b&gt;"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (Text(content="今晚 <八点>"), "今晚 <八点>"),
        (Image(media=Media(name="poster")), "material poster"),
        (Newspic(title="新品", text="三款", images=(Media(file=FILE),)), "三款"),
        (Text(content="八\u202e点"), "八⟨U+202E⟩点"),
        (Draft(media_id="M"), "no preview is possible"),
    ],
)
def test_other_messages_are_shown_too(content: Content, text: str) -> None:
    assert text in _page(content).text_content()
    assert "\u202e" not in page(make_send(content=content, account="x\u202e"), data=lambda _: b"", to="")
