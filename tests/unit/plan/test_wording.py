"""Words are found as followers read them, and not where followers read something else."""

from typing import Any

import pytest

from tests.support.factories import make_article, make_send
from tests.support.policy_cases import facts
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.core.html import Formula
from wechat_campaigns.messages import Articles, Image, Images, Mpvideo, Newspic, Text
from wechat_campaigns.plan.policy.rules import banned_words, required_text

WORD = "No1最佳"


def is_banned(content: Content) -> bool:
    send = make_send(content=content)
    return banned_words(("别的", WORD), facts(send=send)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "真是no1最佳。", "ＮＯ１最佳", "№1最佳", "N o 1 最 佳", "No1最\n佳", "No1最\u200b佳", "No1最\u00ad佳",
        "no①最佳",
        "No1最\ufe0f佳", '<a href="https://example.com">No1最</a>佳', "No1最&#x4f73;", "No1最̲佳",
    ],
)  # fmt: skip
def test_a_word_is_found_in_every_spelling(text: str) -> None:
    assert is_banned(Text(content=text))


@pytest.mark.parametrize("text", ["最佳", "No1，最佳", "No1最，佳", "<!--No1最佳-->x"])
def test_other_words_pass(text: str) -> None:
    assert not is_banned(Text(content=text))


@pytest.mark.parametrize(
    ("article", "found"),
    [
        ({"title": "No1最佳"}, True),
        ({"digest": "No1 最佳"}, True),
        ({"html": "<p>No1<b>最</b><span style='a'>佳</span></p>"}, True),
        ({"html": "<p>No1最</p><p>佳</p>"}, False),
        ({"html": '<p><img alt="No1最佳"></p>'}, True),
        ({"html": '<mp-common-miniprogram data-miniprogram-title="No1最佳"></mp-common-miniprogram>'}, True),
        ({"html": '<mp-common-profile data-nickname="No1最佳"></mp-common-profile>'}, True),
        ({"html": "<svg></svg>", "formulas": (Formula(r"\text{No1}\text{最佳}", "No1最佳"),)}, True),
        ({"html": "<svg><text>No1最佳</text></svg>"}, True),
        ({"html": "<style>No1最佳</style><p>好</p>"}, False),
        ({"html": "<!-->No1最佳<p>好</p>-->"}, True),
        ({"html": "<!--->No1最佳<p>好</p>-->"}, True),
        ({"html": "<!--好--!>No1最佳-->"}, True),
        ({"html": "<p>好</p><!--No1最佳"}, True),
    ],
)
def test_articles_are_read_as_pages(article: dict[str, Any], found: bool) -> None:
    second = make_article(**{"html": "<p>好</p>", **article})
    assert is_banned(Articles(articles=(make_article(), second))) is found


def test_other_kinds_are_read_where_they_have_text() -> None:
    media = Media(media_id="M")
    assert is_banned(Newspic(title="好", text=WORD, images=(media,)))
    assert is_banned(Images(images=(media,), recommend=WORD))
    assert is_banned(Mpvideo(media=media, title=WORD, description=""))
    wanted = ("规则",)
    for content, lacks in ((Image(media=media), False), (Images(images=(media,), title="好"), True)):
        send = make_send(content=content)
        assert (required_text(wanted, facts(send=send)) is not None) is lacks


def test_each_article_needs_the_required_text() -> None:
    good, bad = make_article(html="<p>规则见门店</p>"), make_article(html="<p>好</p>")
    for articles, lacks in (((good, good), False), ((good, bad), True)):
        send = make_send(content=Articles(articles=articles))
        violation = required_text(("规则见门店",), facts(send=send))
        assert (violation is not None) is lacks
