"""Mini programs in an article: text link, picture link and card, from Markdown and from HTML."""

import pytest

from tests.unit.article.making import Make, rules
from wechat_campaigns.core.content import MATERIAL_ADDRESS, UPLOADIMG, Media, MediaIds
from wechat_campaigns.messages import Article, Articles
from wechat_campaigns.render.articles import uploads

APPID = "wx1234567890abcdef"
TARGET = f'data-miniprogram-appid="{APPID}" data-miniprogram-path="pages/index?id=1&amp;b=2"'


def test_a_text_and_a_picture_open_a_mini_program(make: Make, png: bytes) -> None:
    for words in ("去商城", "![杯](cup.png)"):
        body = make(f"[{words}](miniprogram://{APPID}/pages/index?id=1&b=2)", at={"tea/cup.png": png})
        assert f'<a {TARGET} href=""' in body.html
        assert rules(body) == []
    assert f'<img src="{next(iter(body.images))}"' in body.html


def test_the_cover_of_a_card_is_permanent_material(make: Make, png: bytes) -> None:
    source = f'[![春茶](cup.png)](miniprogram://{APPID}/pages/index "card")\n\n![杯](cup.png)\n'
    body = make(source, at={"tea/cup.png": png})
    article = Article(title="茶", html=body.html, images=uploads(body), cover=Media(media_id="M"))
    content = Articles(articles=(article,))
    made = content.uploads()
    assert [upload.endpoint for upload in made] == [MATERIAL_ADDRESS, UPLOADIMG]
    results = {upload.key: f"https://mmbiz.qpic.cn/{number}" for number, upload in enumerate(made)}
    html = content.draft_articles(MediaIds(upload_results=results, material_ids={}))[0]["content"]
    assert 'data-miniprogram-title="春茶" data-miniprogram-imageurl="https://mmbiz.qpic.cn/0"' in html
    assert 'data-miniprogram-type="card"></mp-common-miniprogram>' in html
    assert '<img src="https://mmbiz.qpic.cn/1"' in html
    assert "wximg" not in html


def test_the_forms_of_wechat_are_kept_in_html(make: Make, png: bytes) -> None:
    card = f'{TARGET} data-miniprogram-title="春茶" data-miniprogram-imageurl="cup.png"'
    source = f'<p><a {TARGET} href="">去商城</a></p><mp-miniprogram {card}></mp-miniprogram>'
    body = make(source, kind="html", at={"tea/cup.png": png})
    assert rules(body) == []
    assert f'<p><a {TARGET} href="">去商城</a></p>' in body.html
    assert f'imageurl="{next(iter(body.images))}" data-miniprogram-type="card"></mp-common-m' in body.html


@pytest.mark.parametrize(
    "source",
    [
        "[x](miniprogram://wx1/pages/index)",
        f"[x](miniprogram://{APPID})",
        f'[![](https://mmbiz.qpic.cn/a)](miniprogram://{APPID}/p "card")',
        f'[![{"春" * 36}](https://mmbiz.qpic.cn/a)](miniprogram://{APPID}/p "card")',
    ],
)
def test_what_wechat_refuses_is_an_error(make: Make, source: str) -> None:
    assert "mini-program" in {finding.rule for finding in make(source).findings if finding.level == "error"}


def test_the_card_of_an_account_is_passed_on_with_a_warning(make: Make) -> None:
    source = '<mp-common-profile data-id="MzA" data-nickname="茶铺"></mp-common-profile>'
    body = make(source, kind="html")
    assert (body.html, rules(body)) == (source, ["w profile-card 1"])
