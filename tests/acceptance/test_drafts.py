"""Drafts, made in the WeChat console or by this program: sent as they were looked at, listed, pulled."""

import json
from typing import Any

import pytest

from tests.support.shop import SENDALL, MakeShop, Shop
from wechat_campaigns.core.errors import ExitCode

TITLE = "四月新品"


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    made = make_shop()
    made.write(spring=campaign(f"draft: {TITLE}"))
    return made


def campaign(content: str) -> str:
    return f"filter: {{tag: 会员}}\nmsgtype: mpnews\ncontent: {{{content}}}\n"


def article(shop: Shop, title: str = TITLE, **changes: Any) -> dict[str, Any]:
    shop.sandbox.media("cover-1", "image")
    base = {"title": title, "content": "<p>新茶上市</p>", "thumb_media_id": "cover-1"}
    return {**base, **changes}


def write_draft(shop: Shop, *articles: dict[str, Any]) -> str:
    return str(shop.sandbox.call("draft/add", {"articles": list(articles)})["media_id"])


def edit(shop: Shop, media_id: str, **changes: Any) -> None:
    (first, *_more) = shop.sandbox.call("draft/get", {"media_id": media_id})["news_item"]
    edited = {"media_id": media_id, "index": 0, "articles": {**first, **changes}}
    assert shop.sandbox.call("draft/update", edited)["errcode"] == 0


@pytest.mark.parametrize("by", ["file", "digest"])
@pytest.mark.parametrize("named", ["title", "media_id"])
def test_an_edit_in_the_console_stops_what_was_reviewed(shop: Shop, by: str, named: str) -> None:
    media_id = write_draft(shop, article(shop))
    if named == "media_id":
        shop.write(spring=campaign(f"media_id: {media_id}"))
    shop.plan()
    edit(shop, media_id, content="<p>中奖了</p>")
    code, said = shop.run("apply", "--auto-approve", *shop.reviewed(by))
    assert code == ExitCode.POLICY, said
    assert "digest" in said if by == "digest" else "the articles of the draft" in said
    assert shop.posts() == 0
    shop.plan()
    assert shop.apply(*shop.reviewed(by)) == ExitCode.OK


def test_a_lost_answer_posts_the_stored_body_again(shop: Shop) -> None:
    """Though the draft was used up meanwhile: the ledger has the body."""
    write_draft(shop, article(shop))
    shop.lose_an_answer("cut_after")
    assert shop.apply() == ExitCode.OK
    assert len(shop.sandbox.jobs()) == 1


# --- a draft of ours --------------------------------------------------------------------------------------

NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 春茶, body: tea.md, cover: {media_id: cover-1}}]}
"""


def write_news(shop: Shop, text: str = "新茶上市") -> None:
    shop.sandbox.media("cover-1", "image")
    shop.write(news=NEWS)
    (shop.folder / "campaigns" / "tea.md").write_text(f"{text}\n", encoding="utf-8")


def make_draft(shop: Shop) -> str:
    before = {one["media_id"] for one in listed(shop)["drafts"]}
    shop.succeed("preview", "news", "--to", shop.sandbox.openids()[0])
    (media_id,) = {one["media_id"] for one in listed(shop)["drafts"]} - before
    return str(media_id)


@pytest.fixture
def news(make_shop: MakeShop) -> Shop:
    made = make_shop()
    write_news(made)
    return made


def added(shop: Shop) -> int:
    return sum(request["path"] == "/cgi-bin/draft/add" for request in shop.sandbox.requests())


def sent(shop: Shop) -> list[str]:
    return [job["body"]["mpnews"]["media_id"] for job in shop.sandbox.jobs()]


def test_reviewed_draft_is_the_one_that_is_sent(news: Shop) -> None:
    media_id = make_draft(news)
    assert [one["media_id"] for one in listed(news)["drafts"]] == [media_id]
    assert news.run("preview", "news", "--to", news.sandbox.openids()[0])[0] == ExitCode.OK
    assert sent(news) == []
    assert news.apply() == ExitCode.OK
    assert (sent(news), added(news)) == ([media_id], 1)


def test_draft_edited_in_the_console_is_not_sent(news: Shop) -> None:
    def warned() -> list[str]:
        return [one["rule"] for one in news.row("news")["warnings"]]

    media_id = make_draft(news)
    assert warned() == []
    edit(news, media_id, title="改过的标题")
    assert warned() == ["draft-edited"]
    code, said = news.run("apply", "--auto-approve")
    assert code == ExitCode.POLICY, said
    assert "editedbyhand" in "".join(said.split())
    assert "改过的标题" in said
    assert sent(news) == []
    news.sandbox.call("draft/delete", {"media_id": media_id})
    assert warned() == []
    assert news.apply() == ExitCode.OK
    assert len(sent(news)) == 1


def test_rejected_send_keeps_its_draft(news: Shop) -> None:
    news.sandbox.fault(endpoint=SENDALL, kind="errcode", errcode=45028)
    assert news.apply() == ExitCode.WECHAT
    (draft,) = listed(news)["drafts"]
    assert news.apply() == ExitCode.OK
    assert (sent(news), added(news)) == ([draft["media_id"]], 1)


# --- the list of drafts -----------------------------------------------------------------------------------


def listed(shop: Shop, *words: str) -> dict[str, Any]:
    """The draft box of the account, as `campaign drafts` gives it."""
    code, said = shop.run("drafts", "-o", "json", "--quiet", *words)
    assert code == ExitCode.OK, said
    found: dict[str, Any] = json.loads(said)["accounts"]["main"]
    return found


def by_title(found: dict[str, Any]) -> dict[str, str | None]:
    return {" ".join(one["titles"]): one["made_for"] for one in found["drafts"]}


def test_drafts_lists_who_made_each(shop: Shop) -> None:
    write_draft(shop, article(shop, "五月预告"), article(shop, "门店地址"))
    media_id = write_draft(shop, article(shop))
    write_news(shop)
    make_draft(shop)
    found = listed(shop)
    assert by_title(found) == {"五月预告 门店地址": None, TITLE: None, "春茶": "news"}
    assert len(found["drafts"]) == 3
    assert media_id in [one["media_id"] for one in found["drafts"]]
    code, said = shop.run("drafts")
    assert code == ExitCode.OK
    assert "五月预告 / 门店地址" in said
    assert "made for news" in said
    assert media_id[-8:] in said
    assert media_id not in said


@pytest.mark.deep
def test_what_a_newer_draft_replaced_is_marked(shop: Shop) -> None:
    write_news(shop)
    old = make_draft(shop)
    write_news(shop, "新茶上市，买一送一")
    new = make_draft(shop)
    marked = {one["media_id"]: one["replaced"] for one in listed(shop)["drafts"]}
    assert marked == {old: True, new: False}
    assert "made for news; replaced by a newer draft" in " ".join(shop.run("drafts")[1].split())


# --- a draft as files -------------------------------------------------------------------------------------


def test_a_pulled_draft_is_a_campaign(shop: Shop) -> None:
    own = "https://mmbiz.qpic.cn/mmbiz_png/x/0"
    html = f'<p>满 {{{{ 100 }}}} 减 10</p><p><img src="{own}"></p>'
    write_draft(
        shop, article(shop, content=html, author="店", digest="摘要", content_source_url="https://a.cn/x")
    )
    code, said = shop.run("pull", TITLE, "2026/spring", "-o", "json", "--quiet")
    assert code == ExitCode.OK, said
    made = json.loads(said)
    assert made["bodies"] == ["campaigns/2026/spring/article.html"]
    text = (shop.folder / made["file"]).read_text(encoding="utf-8")
    assert "ready: false" in text
    row = shop.row("2026/spring")
    (pulled,) = row["content"]["articles"]
    assert row["action"] == "draft"
    assert {key: pulled[key] for key in ("title", "author", "digest", "content_source_url")} == {
        "title": TITLE, "author": "店", "digest": "摘要", "content_source_url": "https://a.cn/x",
    }  # fmt: skip
    assert pulled["cover"]["media_id"] == "cover-1"
    _code, page = shop.run("render", "2026/spring", "--report", "html=page.html")
    page = (shop.folder / "page.html").read_text(encoding="utf-8")
    assert "满 {{ 100 }} 减 10" in page
    assert own in page
    assert shop.run("fmt", "--check", "2026/spring") == (ExitCode.OK, "")


def test_a_draft_of_several_articles_is_pulled_by_its_media_id(shop: Shop) -> None:
    write_draft(shop, article(shop))
    media_id = write_draft(shop, article(shop, "五月/预告"), article(shop, "门店地址", need_open_comment=1))
    write_draft(shop, article(shop, "五月/预告"))
    code, said = shop.run("pull", "五月/预告")
    assert code == ExitCode.USAGE
    assert media_id in said
    short = f"{media_id[:4]}…{media_id[-8:]}"
    assert shop.run("pull", "--", short)[0] == ExitCode.OK
    assert sorted(file.name for file in (shop.folder / "campaigns" / "五月-预告").iterdir()) == [
        "article-1.html", "article-2.html",
    ]  # fmt: skip
    articles = shop.row("五月-预告")["content"]["articles"]
    assert [one["title"] for one in articles] == ["五月/预告", "门店地址"]
    assert articles[1]["need_open_comment"] is True
    code, said = shop.run("pull", "--", media_id)
    assert code == ExitCode.USAGE
    assert "五月-预告.yaml" in said


@pytest.mark.deep
def test_a_picture_post_is_pulled(shop: Shop) -> None:
    write_draft(shop, article(shop))
    pictures = {"image_list": [{"image_media_id": "cover-1"}]}
    post = {"article_type": "newspic", "title": "上新", "content": "三款新茶", "image_info": pictures}
    write_draft(shop, post)
    assert shop.run("pull", "上新", "post")[0] == ExitCode.OK
    content = shop.row("post")["content"]
    assert (content["title"], content["text"]) == ("上新", "三款新茶")
    assert [one["media_id"] for one in content["images"]] == ["cover-1"]
