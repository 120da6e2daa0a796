"""What WeChat stored is what was meant, however it is written; what readers lose is told apart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wechat_campaigns.plan.stored_draft import fingerprint, losses, read_html

PICTURE = "https://mmbiz.qpic.cn/mmbiz_png/abc/0?wx_fmt=png"
LINK = "https://mp.weixin.qq.com/s?__biz=a&mid=1"
HTML = (
    f'<p style="color:#333;margin:0 0 1em">新茶 &amp; 旧友</p><img src="{PICTURE}" alt="茶" data-w="640">'
    f'<a href="{LINK.replace("&", "&amp;")}">往期</a><pre>a<br>\u00a0\u00a0b</pre>'
)
GIVEN = {
    "article_type": "news",
    "title": "春茶",
    "author": "编辑部",
    "content": HTML,
    "content_source_url": "https://example.com/",
    "thumb_media_id": "M",
    "need_open_comment": 0,
    "only_fans_can_comment": 0,
}
NEWSPIC = {
    "article_type": "newspic",
    "title": "图",
    "content": "一 < 二\n三",
    "image_info": {"image_list": [{"image_media_id": "A"}, {"image_media_id": "B"}]},
}


def compare(given: dict[str, Any] = GIVEN, **stored: Any) -> tuple[str, ...]:
    return losses([given], [{**given, "digest": "新茶", "url": "http://mp/s", **stored}])


def with_html(old: str, new: str) -> tuple[str, ...]:
    assert old in HTML
    return compare(content=HTML.replace(old, new))


SAME = {
    "order of attributes": (f'src="{PICTURE}" alt="茶"', f'alt="茶" src="{PICTURE}"'),
    "http": ("https://mmbiz", "http://mmbiz"),
    "another size": ("/0?wx_fmt=png", "/640?wx_fmt=png&amp;from=appmsg"),
    "lazy picture": ("src=", "data-src="),
    "data attributes removed": (' data-w="640"', ""),
    "entities": ("&amp; 旧友", "&#38; 旧友"),
    "blanks": ("</p><img", "</p>\n  <img"),
    "style as the platform writes it": ("color:#333;margin:0 0 1em", "margin: 0 0 1em; color: #333;"),
    "closed tags": ("<br>", "<br />"),
    "style": (' style="color:#333;margin:0 0 1em"', ""),
    "other tags": ("<pre>", '<section><span leaf="">'),
    "class added": ("<p ", '<p class="js_darkmode__1" '),
    "http link": ("https://mp.", "http://mp."),
    "zero-width space": ("新茶", "新\u200b茶"),
}


@pytest.mark.parametrize("case", SAME)
def test_equivalent_markup_is_not_a_change(case: str):
    assert with_html(*SAME[case]) == ()


LOST = {
    "words": ("旧友", "", "the text changed"),
    "picture": (f'<img src="{PICTURE}" alt="茶" data-w="640">', "", "pictures missing: 1 of 1"),
    "address of a picture": (f'src="{PICTURE}" ', "", "pictures missing: 1 of 1"),
    "link": (f'<a href="{LINK.replace("&", "&amp;")}">往期</a>', "往期", "links missing: 1 of 1"),
    "target of a link": ("mid=1", "mid=2", "links missing: 1 of 1"),
    "picture added": ("</pre>", '</pre><img src="https://mmbiz.qpic.cn/x/0">', "pictures in the draft"),
}


@pytest.mark.parametrize("case", LOST)
def test_lost_words_pictures_and_links_are_reported_as_lost(case: str):
    old, new, words = LOST[case]
    assert any(what.startswith(words) for what in with_html(old, new))


@pytest.mark.parametrize("name", ["title", "author", "content_source_url", "thumb_media_id"])
def test_changed_field_is_reported(name: str):
    (loss,) = compare(**{name: "别的"})
    assert f"WeChat stored `{name}` as `别的`" in loss
    assert losses([GIVEN], [{key: value for key, value in GIVEN.items() if key != name}]) == ()


def test_title_may_be_escaped_and_a_summary_that_was_not_given_be_made():
    assert compare({**GIVEN, "title": "茶 & 酒"}, title="茶 &amp; 酒") == ()
    written = {**GIVEN, "digest": "摘要"}
    assert len(compare(written, digest="别的")) == 1
    assert losses([written, GIVEN], [{**written, "digest": ""}, GIVEN]) == ()


def test_missing_article_is_reported_as_lost():
    assert losses([GIVEN, GIVEN], [GIVEN]) == ("WeChat stored 1 of 2 articles",)
    (loss,) = losses([GIVEN, GIVEN], [GIVEN, {**GIVEN, "title": "x"}])
    assert loss.startswith("article 2: ")


def test_picture_post_keeps_its_text_and_pictures():
    assert compare(NEWSPIC, content="一 &lt; 二<br>三") == ()
    assert len(compare(NEWSPIC, content="一")) == 1
    turned = {"image_list": [{"image_media_id": "B"}, {"image_media_id": "A"}]}
    assert len(compare(NEWSPIC, image_info=turned)) == 1


def test_fingerprint_of_a_draft_changes_with_edits_alone():
    mark = fingerprint([GIVEN])
    again = {**GIVEN, "url": "u", "content": HTML.replace("https://mmbiz", "http://mmbiz")}
    assert fingerprint([again]) == mark
    swaps = {"#333": "#444", "<pre>": "<pre><b>", "旧友": "新友"}
    edits = [{"title": "x"}, {"need_open_comment": 1}, {"digest": "x"}]
    edits += [{"content": HTML.replace(old, new)} for old, new in swaps.items()]
    assert len({fingerprint([{**GIVEN, **edit}]) for edit in edits} | {mark}) == len(edits) + 1


LINK_TO_SHOP = (
    '<a data-miniprogram-appid="wxa" data-miniprogram-path="good" href="https://a.example/#/good">领</a>'
)
EDITS = {
    "mini program": ("wxa", "wxb"),
    "page of a mini program": ('path="good"', 'path="evil"'),
    "route of a web app": ("#/good", "#/evil"),
    "attribute without a value": ("<a ", "<a hidden "),
    "the first of two": ("<a ", '<a href="https://evil.example/" '),
    "the second of two": ('/good">', '/good" href="https://evil.example/">'),
    "empty address": ('href="https://a.example/#/good"', 'href=""'),
    "frame of another video": ("vid=a1", "vid=b2"),
    "what an element holds": ("<p></p><i>", "<p><i>"),
    "order of declarations": ("color:red;color:#fff", "color:#fff;color:red"),
    "style sheet": ("i{}", "i{display:none}"),
}


@pytest.mark.parametrize("case", EDITS)
def test_edit_that_changes_where_readers_end_up_changes_the_fingerprint(case: str):
    frame = '<iframe data-src="https://v.qq.com/player.html?vid=a1"></iframe><p></p><i></i><style>i{}</style>'
    stored = {**GIVEN, "content": f'<b style="color:red;color:#fff">{LINK_TO_SHOP}</b>{frame}'}
    old, new = EDITS[case]
    assert stored["content"].count(old) == 1
    edited = {**stored, "content": stored["content"].replace(old, new)}
    assert fingerprint([edited]) != fingerprint([stored])
    if case == "route of a web app":
        assert losses([stored], [edited]), "readers end up elsewhere"


EDITING = {
    "blanks",
    "style as the platform writes it",
    "style",
    "other tags",
    "class added",
    "zero-width space",
}


def test_what_wechat_rewrites_by_itself_is_not_an_edit():
    rewritten = {name: SAME[name] for name in SAME.keys() - EDITING} | {"own link": ("mid=1", "mid=1#rd")}
    for old, new in rewritten.values():
        assert fingerprint([{**GIVEN, "content": HTML.replace(old, new)}]) == fingerprint([GIVEN]), old


@given(st.text(alphabet="<>![]-/?abpre=\"' &;#x茶", max_size=60))
def test_any_stored_text_can_be_compared(text: str):
    assert losses([{**GIVEN, "content": text}], [{**GIVEN, "content": text}]) == ()
    read_html(text)


@given(
    st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "一", "二 ", "<br>", "<img src=x>"]), max_size=12)
)
def test_lost_character_is_always_reported(parts: list[str]):
    html = "".join([*parts, "末"])
    assert losses([{**GIVEN, "content": html}], [{**GIVEN, "content": html.removesuffix("末")}])


@pytest.mark.parametrize(
    "shown",
    [
        "<!-->{}--><p>茶</p>",
        "<!--茶--!>{}-->",
        "<style>p{{}}</style ><p>{}</p>",
        "<style>p{{}}</style a><p>{}</p>",
        "<script></script/><p>{}</p>",
        "<p>茶</p><{}",
    ],
)
def test_no_part_of_a_draft_is_outside_its_fingerprint(shown: str) -> None:
    one, other = ([{**GIVEN, "content": shown.format(word)}] for word in ("新茶", "中奖"))
    assert fingerprint(one) != fingerprint(other)


def test_goods_and_the_crop_of_a_cover_are_in_the_fingerprint() -> None:
    goods = {"product_info": {"footer_product_info": {"product_key": "k"}}}
    crop = {"cover_info": {"crop_percent_list": [{"ratio": "1_1", "x1": "0", "x2": "1"}]}}
    empty = {"product_info": {"footer_product_info": {"product_key": ""}}, "cover_info": None}
    marks = [fingerprint([{**GIVEN, **more}]) for more in ({}, goods, crop)]
    assert len(set(marks)) == len(marks)
    assert fingerprint([{**GIVEN, **empty}]) == marks[0]
