"""Uploads, permanent and temporary, and the draft box."""

import json
from typing import Any

import pytest
from sandbox_client import JPEG, MP3, MP4, PNG, SAMPLE, TEST, WeChat

from wechat_campaigns.sandbox import articles


@pytest.mark.parametrize(("kind", "data"), [("image", PNG), ("voice", MP3), ("video", MP4), ("thumb", JPEG)])
def test_temporary_media_live_three_days(wechat: WeChat, kind: str, data: bytes) -> None:
    """media/upload answers type, id (thumb under its own name) and time; after three days it is gone."""
    made = wechat.upload("media/upload", data, "C:\\图\\a.bin", type=kind)
    key = "thumb_media_id" if kind == "thumb" else "media_id"
    assert made.keys() == {"type", key, "created_at"}
    got = wechat.get("media/get", media_id=made[key])
    assert "video_url" in got if kind == "video" else got.data == data
    wechat.wait(3 * 86400)
    wechat._token = ""
    assert wechat.get("media/get", media_id=made[key])["errcode"] == 40007


@pytest.mark.parametrize(
    ("path", "kind", "data", "errcode"),
    [
        ("media/upload", "nix", PNG, 40004),
        ("media/upload", "image", MP3, 40005),
        ("media/upload", "image", b"", 44001),
        ("media/upload", "thumb", JPEG + bytes(64 * 1024), 40012),
        ("material/add_material", "voice", MP3 + bytes(2 * 1024 * 1024), 40010),
        ("material/add_material", "thumb", PNG, 40005),
        ("media/uploadimg", "", PNG + bytes(1024 * 1024), 40009),
        ("media/uploadimg", "", b"GIF89a", 40005),
    ],
)
def test_kinds_and_sizes_are_told_from_the_bytes(
    wechat: WeChat, path: str, kind: str, data: bytes, errcode: int
) -> None:
    """A file of the wrong kind or too big is refused whatever its name says."""
    assert wechat.upload(path, data, "a.png", type=kind)["errcode"] == errcode


def test_an_upload_needs_the_part_media(wechat: WeChat) -> None:
    """Without the part named media it is 41005."""
    assert wechat.post("media/uploadimg", b"x")["errcode"] == 41005


def test_uploadimg_answers_an_address_only(wechat: WeChat) -> None:
    """No media_id, no errcode, and it is not counted as material."""
    made = wechat.upload("media/uploadimg", PNG, "a.png")
    assert made.keys() == {"url"}
    assert made["url"].startswith("http://mmbiz.qpic.cn/")
    assert wechat.get("material/get_materialcount")["image_count"] == 0


@pytest.mark.parametrize("place", ["form", "query"])
def test_a_videos_description_comes_as_field_or_in_the_query(wechat: WeChat, place: str) -> None:
    """Clients send the description both ways; it is told back."""
    described = json.dumps({"title": "标题", "introduction": "简介"})
    more = {"form": {"description": described}} if place == "form" else {"description": described}
    media_id = wechat.upload("material/add_material", MP4, type="video", **more)["media_id"]
    told = wechat.post("material/get_material", {"media_id": media_id})
    assert (told["title"], told["description"]) == ("标题", "简介")


def test_material_is_listed_newest_first_counted_and_deleted(wechat: WeChat) -> None:
    """batchget pages by kind, get_material gives the bytes, del_material ends it."""
    ids = []
    for n in range(3):
        made = wechat.upload("material/add_material", PNG, f"/home/me/{n}.png", type="image")
        assert made.keys() == {"media_id", "url"}
        ids.append(made["media_id"])
    page = wechat.post("material/batchget_material", {"type": "image", "offset": 0, "count": 2})
    assert (page["total_count"], page["item_count"]) == (3, 2)
    assert [item["name"] for item in page["item"]] == ["2.png", "1.png"]
    assert wechat.post("material/get_material", {"media_id": ids[0]}).data == PNG
    assert wechat.post("material/del_material", {"media_id": ids[0]})["errcode"] == 0
    assert wechat.post("material/del_material", {"media_id": ids[0]})["errcode"] == 40007
    assert wechat.get("material/get_materialcount")["image_count"] == 2
    assert wechat.post("material/batchget_material", {"type": "x"})["errcode"] == 40004
    assert wechat.post("material/batchget_material", {"type": "image", "count": 21})["errcode"] == 40097


@pytest.mark.parametrize("kind", ["image", "voice", "video", "thumb"])
def test_only_images_have_an_address(wechat: WeChat, kind: str) -> None:
    """add_material tells the url of an image and of nothing else."""
    form = {"description": '{"title":"t","introduction":"i"}'}
    made = wechat.upload("material/add_material", SAMPLE[kind], type=kind, form=form)
    assert ("url" in made) == (kind == "image")


def test_a_full_library_takes_no_more(wechat: WeChat) -> None:
    """A thousand voices may be kept; temporary ones do not count, one deleted makes room."""
    upload: dict[str, Any] = {"data": SAMPLE["voice"], "type": "voice"}
    first = wechat.upload("material/add_material", **upload)["media_id"]
    with wechat.gate.store.transaction() as db:
        db.executemany(
            "INSERT INTO media SELECT appid, ?, kind, permanent, name, title, description, url, content_type,"
            " data, created_at FROM media WHERE media_id = ?",
            [(f"M{n}", first) for n in range(999)],
        )
    assert wechat.upload("material/add_material", **upload)["errcode"] == 45074
    assert "media_id" in wechat.upload("media/upload", **upload)
    assert "media_id" in wechat.upload("material/add_material", SAMPLE["image"], type="image")
    assert wechat.post("material/del_material", {"media_id": first})["errcode"] == 0
    assert "media_id" in wechat.upload("material/add_material", **upload)


@pytest.mark.parametrize("path", ["material/add_news", "material/update_news", "media/uploadnews"])
def test_the_old_article_calls_are_gone(wechat: WeChat, path: str) -> None:
    """What the draft box replaced answers 45106."""
    assert wechat.post(path, {"articles": []})["errcode"] == 45106


def test_a_draft_is_kept_as_the_platform_would(wechat: WeChat) -> None:
    """draft/get gives the fields back, with a digest made from the body and a preview link."""
    media_id = wechat.draft("标题", content="<p>第一&amp;第二</p>", author="小编")
    told = wechat.post("draft/get", {"media_id": media_id})
    (item,) = told["news_item"]
    assert (item["title"], item["author"], item["digest"]) == ("标题", "小编", "第一&第二")
    assert item["url"].startswith("http://mp.weixin.qq.com/")
    assert told.keys() == {"news_item"}


def test_drafts_are_listed_updated_counted_and_deleted(wechat: WeChat) -> None:
    """update takes one object and an index from 0; the list can leave the content out."""
    media_id = wechat.draft()
    changed = {"title": "新", "content": "c", "thumb_media_id": wechat.material()}
    update = {"media_id": media_id, "index": 0, "articles": changed}
    assert wechat.post("draft/update", update)["errcode"] == 0
    assert wechat.post("draft/update", {**update, "index": 1})["errcode"] == 40114
    assert wechat.post("draft/update", {**update, "articles": [changed]})["errcode"] == 44003
    page = wechat.post("draft/batchget", {"offset": 0, "count": 20, "no_content": 1})
    (item,) = page["item"][0]["content"]["news_item"]
    assert (page["total_count"], item["title"], "content" in item) == (1, "新", False)
    assert wechat.get("draft/count") == wechat.post("draft/count") == {"total_count": 1}
    assert wechat.post("draft/delete", {"media_id": media_id})["errcode"] == 0
    assert wechat.post("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.post("draft/switch", checkonly="1")["is_open"] == 1


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"title": ""}, 45003),
        ({"title": "长" * 33}, 45003),
        ({"author": "长" * 17}, 45110),
        ({"digest": "长" * 121}, 45004),
        ({"content": ""}, 44003),
        ({"content": "长" * 20_000}, 45002),
        ({"content_source_url": "ftp://x"}, 41039),
        ({"content_source_url": "https://x/" + "a" * 1024}, 45005),
        ({"thumb_media_id": "nix"}, 40007),
        ({"article_type": "x"}, 40035),
        ({"pic_crop_235_1": "0_0_2_1"}, 40035),
        ({"pic_crop_235_1": "0.1945_0_1_0.5236"}, None),
        ({"need_open_comment": "yes"}, 40035),
        ({"title": "长" * 32, "author": "长" * 16, "digest": "长" * 120}, None),
    ],
)
def test_article_limits(wechat: WeChat, change: dict[str, str], errcode: int | None) -> None:
    """Each field of an article has its limit and its code."""
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material(), **change}
    assert wechat.post("draft/add", {"articles": [article]}).get("errcode") == errcode


def test_number_of_articles(wechat: WeChat) -> None:
    """One to eight articles make a draft."""
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material()}
    assert "media_id" in wechat.post("draft/add", {"articles": [article] * 8})
    assert wechat.post("draft/add", {"articles": [article] * 9})["errcode"] == 45008
    assert wechat.post("draft/add", {"articles": []})["errcode"] == 44003
    assert wechat.post("draft/add", {"articles": ["x"]})["errcode"] == 44003


def test_picture_posts(wechat: WeChat) -> None:
    """A newspic has one to twenty permanent images and no cover."""
    images = [{"image_media_id": wechat.material()}]

    def add(listed: object) -> dict[str, object]:
        post = {"article_type": "newspic", "title": "t", "content": "c", "image_info": {"image_list": listed}}
        return wechat.post("draft/add", {"articles": [post]})  # type: ignore[no-any-return]

    assert "media_id" in add(images * 20)
    assert add(images * 21)["errcode"] == 40215
    assert add([])["errcode"] == 40007
    assert add([{"image_media_id": wechat.material("voice")}])["errcode"] == 40007


def test_comments_need_the_privilege(wechat: WeChat) -> None:
    """An account without comments may not open an article to them."""
    wechat.control("POST", "accounts", {"appid": wechat.appid, "comments": False})
    article = {"title": "t", "content": "c", "thumb_media_id": wechat.material(), "need_open_comment": 1}
    assert wechat.post("draft/add", {"articles": [article]})["errcode"] == 88000


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("<p>a</p><script>x()</script>b", "<p>a</p>b"),
        ('<img src="http://example.com/a.png" alt="x">', '<img alt="x">'),
        ("<img src=https://mmbiz.qpic.cn/a/0>", "<img src=https://mmbiz.qpic.cn/a/0>"),
        ('<IMG data-src="//mmbiz.qpic.cn/a">', '<IMG data-src="//mmbiz.qpic.cn/a">'),
        ("<img src='http://evil.com/mmbiz.qpic.cn/'>", "<img>"),
        ("<script>unclosed", ""),
    ],
)
def test_what_is_dropped_from_html(sent: str, kept: str) -> None:
    """Scripts go, and images that are not the platform's lose their address."""
    assert articles.clean(sent) == kept


def test_publishing_takes_the_draft_and_gives_an_article(wechat: WeChat) -> None:
    """submit is accepted, get tells the links, getarticle the text; the draft is gone."""
    media_id = wechat.draft("公开")
    ids = wechat.post("freepublish/submit", {"media_id": media_id})
    assert wechat.post("freepublish/submit", {"media_id": media_id})["errcode"] == 40007
    told = wechat.post("freepublish/get", {"publish_id": str(ids["publish_id"])})
    assert told["publish_status"] == 0
    assert told["article_detail"]["count"] == 1
    (item,) = wechat.post("freepublish/getarticle", {"article_id": told["article_id"]})["news_item"]
    assert (item["title"], item["is_deleted"]) == ("公开", False)
    listed = wechat.post("freepublish/batchget", {"offset": 0, "count": 1, "no_content": 1})
    assert listed["item"][0]["article_id"] == told["article_id"]
    article = {"article_id": told["article_id"]}
    assert wechat.post("freepublish/delete", {**article, "index": 2})["errcode"] == 40114
    assert wechat.post("freepublish/delete", article)["errcode"] == 0
    assert wechat.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 5
    assert wechat.post("freepublish/get", {"publish_id": 1})["errcode"] == 53502
    assert wechat.post("freepublish/get", {"x": 1})["errcode"] == 40002
    assert wechat.post("freepublish/getarticle", {"article_id": "x"})["errcode"] == 53600


def test_a_publication_names_the_articles_that_are_not_original(wechat: WeChat) -> None:
    """Status 2 comes with their numbers, from 1, in the call and in the event."""
    wechat.control("POST", "originals", {"title": "原创"})
    article = {"content": "<p>正文</p>", "thumb_media_id": wechat.material()}
    both = [{**article, "title": title} for title in ("自己的", "原创")]
    draft = wechat.post("draft/add", {"articles": both})["media_id"]
    publish_id = wechat.post("freepublish/submit", {"media_id": draft})["publish_id"]
    told = {"publish_id": publish_id, "publish_status": 2, "fail_idx": [2]}
    assert wechat.post("freepublish/get", {"publish_id": publish_id}) == told
    assert wechat.control("GET", "events")["events"][0]["PublishEventInfo"] == told


def test_a_test_accounts_publication_fails(wechat: WeChat) -> None:
    """It is accepted and ends with status 3, as reported from the field."""
    account = wechat.of(TEST)
    ids = account.post("freepublish/submit", {"media_id": account.draft()})
    assert account.post("freepublish/get", {"publish_id": ids["publish_id"]})["publish_status"] == 3


def test_media_get_is_for_temporary_media(wechat: WeChat) -> None:
    """A permanent media_id is 40007 there, a missing one 41006."""
    assert wechat.get("media/get", media_id=wechat.material())["errcode"] == 40007
    assert wechat.get("media/get")["errcode"] == 41006


@pytest.mark.parametrize("name", ['a".png', "图.png", "a;b.png", "a\\tb.png"])
def test_a_file_comes_back_whatever_its_name(wechat: WeChat, name: str) -> None:
    """No file name breaks the headers of the answer."""
    media_id = wechat.upload("material/add_material", PNG, name, type="image")["media_id"]
    answer = wechat.post("material/get_material", {"media_id": media_id})
    assert answer.data == PNG
    assert answer.headers["Content-Disposition"].isascii()


def test_null_in_an_article_is_as_if_left_out(wechat: WeChat) -> None:
    """Clients that write optional fields as null get their draft."""
    media_id = wechat.draft(content_source_url=None, author=None, digest=None, need_open_comment=None)
    (article,) = wechat.post("draft/get", {"media_id": media_id})["news_item"]
    assert (article["author"], article["content_source_url"]) == ("", "")
