"""Parameters come to the links of allowed hosts, once, in every place, and change nothing else."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import make_settings
from tests.support.folder import compiled
from wechat_campaigns.core.content import Media
from wechat_campaigns.core.model import compute_content_digest
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.messages import Article, Articles, Images, Mpvideo, Newspic, Text
from wechat_campaigns.render.content import LinkTagger

UTM = {"utm_source": "wechat"}
TAG = "utm_source=wechat"
PROGRAM = '<a href="" data-miniprogram-appid="wx0123456789abcdef"'
ALLOWED = ("example.com", "wx0123456789abcdef")


def tagged(text: str, parameters: dict[str, str] = UTM) -> str:
    content = LinkTagger(parameters, ALLOWED).content(Text(content=text))
    assert isinstance(content, Text)
    return content.content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("看 https://example.com/a。", "看 https://example.com/a?utm_source=wechat。"),
        ("https://shop.example.com/a?b=1", "https://shop.example.com/a?b=1&utm_source=wechat"),
        ("https://example.com/a#top", "https://example.com/a?utm_source=wechat#top"),
        ("(https://example.com/a).", "(https://example.com/a?utm_source=wechat)."),
        ('<a href="http://example.com/">去</a>', '<a href="http://example.com/?utm_source=wechat">去</a>'),
        ("HTTPS://EXAMPLE.COM/a", "HTTPS://EXAMPLE.COM/a?utm_source=wechat"),
        (
            f'{PROGRAM} data-miniprogram-path="a?x=1">去</a>',
            f'{PROGRAM} data-miniprogram-path="a?x=1&{TAG}">去</a>',
        ),
    ],
)
def test_a_link_gets_what_it_lacks(text: str, expected: str) -> None:
    assert tagged(text) == expected
    assert tagged(expected) == expected, "what is there wins, so a second time changes nothing"


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/?utm_source=print",
        "https://example.com/?utm_source=",
        "https://other.example/",
        "https://evilexample.com/",
        "https://example.com@evil.example/",
        "https://user@example.com/",
        "https://mp.weixin.qq.com/s/abc",
        "ftp://example.com/a",
        "weixin://example.com/a",
        "example.com/a",
        '<img src="https://example.com/a.png">',
        '<a data-miniprogram-appid="wxffffffffffffffff" data-miniprogram-path="pages/a" href="">去</a>',
        "https://[::1/",
        "https://example.com/a去看看",
        '<a href="https://example.com/茶">去</a>',
    ],
)
def test_others_stay_as_they_are(text: str) -> None:
    assert tagged(text) == text


def test_values_are_encoded() -> None:
    assert tagged("https://example.com/", {"utm_campaign": "双 11&a=b"}) == (
        "https://example.com/?utm_campaign=%E5%8F%8C%2011%26a%3Db"
    )


def test_an_article_is_tagged_in_its_html_and_behind_it() -> None:
    html = (
        '<p><a href="https://example.com/?a=1&amp;b=2">x</a><img src="https://example.com/a.png">'
        '<span style="background:url(https://example.com/b.png)">https://example.com/note</span>'
        '<a href="https://mp.weixin.qq.com/s/x">y</a></p>'
    )
    article = Article(title="x", html=html, cover=Media(name="c"), content_source_url="https://example.com/r")
    tagger = LinkTagger(UTM, ALLOWED)
    content = tagger.content(Articles(articles=(article,)))
    assert isinstance(content, Articles)
    (found,) = content.articles
    assert found.html == html.replace("b=2", "b=2&amp;utm_source=wechat").replace(
        "com/note", "com/note?utm_source=wechat"
    )
    assert found.content_source_url == "https://example.com/r?utm_source=wechat"


def test_pictures_carry_links_in_their_text() -> None:
    tagger = LinkTagger(UTM, ALLOWED)
    post = tagger.content(Newspic(title="x", text="https://example.com/", images=()))
    words = tagger.content(Images(images=(), recommend="https://example.com/"))
    assert isinstance(post, Newspic)
    assert isinstance(words, Images)
    assert post.text == words.recommend == "https://example.com/?utm_source=wechat"


def test_the_description_of_a_video_and_titles_stay_as_they_are() -> None:
    url = "https://example.com/"
    video = Mpvideo(media=Media(media_id="M"), title=url, description=url)
    assert LinkTagger(UTM, ALLOWED).content(video) == video
    pictures = Images(images=(), title=url)
    assert LinkTagger(UTM, ALLOWED).content(pictures) == pictures


@given(st.text(max_size=60), st.text(alphabet="abc&=?#%/.中", max_size=20))
def test_no_text_breaks_it(before: str, path: str) -> None:
    written = f"{before} https://example.com/{path}"
    found = tagged(written)
    rest = iter(found)
    assert all(character in rest for character in written)
    assert len(found) - len(written) <= len("&utm_source=wechat") * max(1, written.count("http"))


CAMPAIGN = """\
msgtype: text
content: 看 https://example.com/
links: {utm_campaign: "{{ season }}", utm_medium: text}
vars: {season: spring}
for_each:
  a: {filter: {tag: A}}
  b: {filter: {tag: B}, links: {utm_campaign: b, utm_medium: ""}, vars: {season: autumn}}
"""


def test_the_nearest_wins_and_the_digest_covers_it(tmp_path: Path) -> None:
    settings = replace(make_settings(), links={"utm_source": "wechat"}, policy=Policy(allowed_links=ALLOWED))
    found = compiled(tmp_path, settings, sale=CAMPAIGN)
    queries = [dict(parse_qsl(urlsplit(send.content.links()[0].address).query)) for send in found.sends]
    assert queries == [
        {"utm_source": "wechat", "utm_campaign": "spring", "utm_medium": "text"},
        {"utm_source": "wechat", "utm_campaign": "b"},
    ]
    other = compiled(tmp_path, replace(settings, links={"utm_source": "print"}), sale=CAMPAIGN)
    assert compute_content_digest(other.sends[0]) != compute_content_digest(found.sends[0])


@pytest.mark.parametrize("rule", ["allowed_links", "allowed_mini_programs"])
def test_a_mini_program_is_tagged_by_either_rule(tmp_path: Path, rule: str) -> None:
    campaign = (
        "msgtype: text\nfilter: {tag: A}\nlinks: {utm_source: wechat}\n"
        f"content: '{PROGRAM} data-miniprogram-path=\"a\">去</a>'\n"
    )
    policy = replace(Policy(), **{rule: ("wx0123456789abcdef",)})
    found = compiled(tmp_path, make_settings(policy=policy), sale=campaign)
    assert not found.problems
    assert [link.address for link in found.sends[0].content.links()] == [f"a?{TAG}"]


def test_links_without_an_allowed_host_are_named(tmp_path: Path) -> None:
    found = compiled(tmp_path, make_settings(), sale=CAMPAIGN)
    assert {problem.rule for problem in found.problems} == {"links-without-host"}
    assert {problem.location.line for problem in found.problems} == {3, 7}
    assert not found.errors
    assert all("utm" not in str(send.content.links()) for send in found.sends)
