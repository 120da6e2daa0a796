"""The page shows what a follower will see, in one file that runs and loads nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from lxml import html
from lxml.html import HtmlElement

from wechat_campaigns.core.errors import Diagnostic, Location
from wechat_campaigns.core.model import (
    Article,
    Articles,
    BodyImage,
    Content,
    Draft,
    FileInfo,
    Filter,
    Image,
    Media,
    Msgtype,
    Newspic,
    Send,
    Text,
)
from wechat_campaigns.render.article.page import WIDTHS, Pictures, article_frames, findings_table, page

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
FINDING = Diagnostic(
    location=Location(file="campaigns/a.md", line=3),
    rule="image-alt",
    message="no <alt>",
    hint="write it",
    level="warning",
)


def _send(content: Content, msgtype: Msgtype = Msgtype.MPNEWS) -> Send:
    return Send(
        id="tea/spring",
        campaign="tea/spring",
        account="main",
        revision=2,
        filter=Filter(tag="会员"),
        msgtype=msgtype,
        content=content,
        location=Location(file="campaigns/tea/spring.yaml"),
        diagnostics=(FINDING,),
    )


def _page(content: Content, msgtype: Msgtype = Msgtype.MPNEWS) -> HtmlElement:
    return html.document_fromstring(page(_send(content, msgtype), data=lambda _: b"\x89PN"))


@pytest.fixture
def shown() -> HtmlElement:
    return _page(Articles(articles=(ARTICLE,)))


def test_every_width_has_a_frame_and_the_dark_one_too(shown: HtmlElement) -> None:
    """375, 585 and 677 pixels, and 375 in the dark."""
    frames = [int(frame.get("width", "")) for frame in shown.iter("iframe")]
    assert frames == [*WIDTHS, 375]
    assert "invert" in shown.xpath("//iframe")[-1].get("srcdoc")
    assert "invert" not in shown.xpath("//iframe")[0].get("srcdoc")


def test_frames_hold_the_article_with_its_pictures(shown: HtmlElement) -> None:
    """A frame shows title, author, text and pictures; no placeholder is left."""
    document = shown.xpath("//iframe")[0].get("srcdoc")
    assert "<p>好茶</p>" in document
    assert "春茶 &lt;上新&gt;" in document
    assert "内容组" in document
    assert 'src="data:image/png;base64,iVBO"' in document
    assert "wximg" not in document


def test_page_runs_and_loads_nothing(shown: HtmlElement) -> None:
    """No script, no address outside, frames in a sandbox, a policy that says so."""
    text = html.tostring(shown, encoding="unicode")
    policy = shown.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'")
    assert not shown.xpath("//script | //link | //@onload")
    assert all(frame.get("sandbox") == "" for frame in shown.iter("iframe"))
    assert not re.search(r'(src|href)="(?!data:)', text)


def test_cover_is_shown_in_both_crops(shown: HtmlElement) -> None:
    """The cover stands in the wide and in the square card."""
    assert len(shown.xpath("//div[contains(@class,'wide')]/img[starts-with(@src,'data:')]")) == 1
    assert len(shown.xpath("//div[contains(@class,'square')]/img[starts-with(@src,'data:')]")) == 1


@pytest.mark.parametrize(
    ("crop", "style"),
    [
        ("0.25_0_0.75_1", "width:200%;height:100%;left:-50%;top:0%"),
        ("0_0.5_1_1", "width:100%;height:200%;left:0%;top:-100%"),
        ("", "width:100%;height:100%;left:0%;top:0%"),
        ("1_0_0_1", "width:100%;height:100%;left:0%;top:0%"),
        ("a_b", "width:100%;height:100%;left:0%;top:0%"),
    ],
)
def test_crop_shows_the_named_part(crop: str, style: str) -> None:
    """`X1_Y1_X2_Y2` moves and scales the picture in its card; nonsense shows the whole."""
    fragment = article_frames(replace(ARTICLE, pic_crop_1_1=crop), pictures=Pictures(lambda _: b""))
    square = html.fragment_fromstring(fragment, create_parent="div").xpath(
        "//div[@class='crop square']/img/@style"
    )
    assert square == [style]


def test_size_and_facts_are_said(shown: HtmlElement) -> None:
    """The size counts a picture by its later address, beside author and digest."""
    facts = " ".join(shown.xpath("//p[@class='facts']/text()"))
    expected = len(ARTICLE.html) - len(PICTURE.placeholder) + 160
    assert f"{expected} of 20,000 characters" in facts
    assert "with markup, 1 image " in facts
    assert "摘要" in facts


def test_findings_are_listed_and_escaped(shown: HtmlElement) -> None:
    """Each finding stands in a row with level, place, rule, what and hint."""
    assert shown.xpath("//td[@class='warning']")
    assert "campaigns/a.md:3" in shown.text_content()
    assert "no <alt>" in shown.text_content()
    assert findings_table(()) == ""


def test_cover_of_the_library_is_named() -> None:
    """A cover that is already on the platform cannot be shown, only named."""
    shown = _page(Articles(articles=(replace(ARTICLE, cover=Media(media_id="M1")),)))
    assert "material M1, already uploaded to WeChat" in shown.text_content()


@pytest.mark.parametrize(
    ("content", "msgtype", "text"),
    [
        (Text(content="今晚 <八点>"), Msgtype.TEXT, "今晚 <八点>"),
        (Image(media=Media(name="poster")), Msgtype.IMAGE, "material poster"),
        (Newspic(title="新品", text="三款", images=(Media(file=FILE),)), Msgtype.MPNEWS, "三款"),
        (Draft(media_id="M"), Msgtype.MPNEWS, "no preview is possible"),
    ],
)
def test_other_messages_are_shown_too(content: Content, msgtype: Msgtype, text: str) -> None:
    """A send that is not an article shows its text, its pictures, or says that it cannot."""
    assert text in _page(content, msgtype).text_content()
