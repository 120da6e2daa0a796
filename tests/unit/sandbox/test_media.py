"""Uploads, permanent and temporary."""

import json
from typing import Any

import pytest

from tests.unit.sandbox.client import JPEG, MP3, MP4, PNG, SAMPLE, WeChat


def stored(wechat: WeChat, media_id: str) -> dict[str, Any]:
    with wechat.dispatcher.store.transaction() as db:
        row = db.execute("SELECT * FROM media WHERE media_id = ?", (media_id,)).fetchone()
    return dict(row)


@pytest.mark.parametrize(("kind", "data"), [("image", PNG), ("voice", MP3), ("video", MP4), ("thumb", JPEG)])
def test_an_upload_is_answered_by_its_id(wechat: WeChat, kind: str, data: bytes) -> None:
    made = wechat.upload("media/upload", data, "C:\\图\\a.bin", type=kind)
    key = "thumb_media_id" if kind == "thumb" else "media_id"
    assert made.keys() == {"type", key, "created_at", "item"}
    assert made["item"] == []
    assert stored(wechat, made[key])["data"] == data


def test_temporary_media_live_three_days(wechat: WeChat) -> None:
    made = wechat.upload("media/upload", MP4, type="video")
    video = {"media_id": made["media_id"]}
    assert "errcode" not in wechat.post("media/uploadvideo", video)
    wechat.wait(3 * 86400)
    assert wechat.post("media/uploadvideo", video)["errcode"] == 40007
    assert wechat.post("media/uploadvideo", {"media_id": wechat.material()})["errcode"] == 40007


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
    assert wechat.upload(path, data, "a.png", type=kind)["errcode"] == errcode


def test_a_temporary_image_above_2_mb(wechat: WeChat) -> None:
    small, big = PNG.ljust(2 * 1024 * 1024), PNG.ljust(2 * 1024 * 1024 + 1)
    assert wechat.upload("media/upload", small, type="image").get("errcode") is None
    assert wechat.upload("media/upload", big, type="image")["errcode"] == 40009
    assert wechat.upload("material/add_material", big, type="image").get("errcode") is None


def test_an_upload_needs_the_part_media(wechat: WeChat) -> None:
    assert wechat.post("media/uploadimg", b"x")["errcode"] == 41005


def test_uploadimg_answers_an_address_only(wechat: WeChat) -> None:
    made = wechat.upload("media/uploadimg", PNG, "a.png")
    assert made.keys() == {"url"}
    assert made["url"].startswith("http://mmbiz.qpic.cn/")
    assert wechat.post("material/batchget_material", {"type": "image"})["total_count"] == 0


@pytest.mark.parametrize("place", ["form", "query"])
def test_a_videos_description_comes_as_field_or_in_the_query(wechat: WeChat, place: str) -> None:
    described = json.dumps({"title": "标题", "introduction": "简介"})
    more = {"form": {"description": described}} if place == "form" else {"description": described}
    media_id = wechat.upload("material/add_material", MP4, type="video", **more)["media_id"]
    told = stored(wechat, media_id)
    assert (told["title"], told["description"]) == ("标题", "简介")
    assert wechat.post("material/get_material", {"media_id": media_id}) == {
        "title": "标题", "description": "简介", "down_url": told["url"]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "type_"), [("image", "image/png"), ("voice", "audio/mpeg"), ("thumb", "image/jpeg")]
)
def test_a_file_comes_back_as_it_was_uploaded(wechat: WeChat, kind: str, type_: str) -> None:
    made = wechat.upload("material/add_material", SAMPLE[kind], "封面.bin", type=kind)
    answer = wechat.post("material/get_material", {"media_id": made["media_id"]})
    assert (answer.data, answer.mimetype) == (SAMPLE[kind], type_)
    assert answer.headers["Content-Disposition"].endswith("filename*=UTF-8''%E5%B0%81%E9%9D%A2.bin")
    assert wechat.control("GET", "requests")["requests"][-1]["errcode"] == 0


def test_what_is_temporary_is_no_material(wechat: WeChat) -> None:
    body = {"media_id": wechat.temporary()}
    assert wechat.post("material/get_material", body)["errcode"] == 40007


def test_material_is_counted_by_kind(wechat: WeChat) -> None:
    for kind in ("image", "image", "video", "thumb"):
        wechat.material(kind)
    wechat.draft()
    counts = {"image_count": 3, "voice_count": 0, "video_count": 1, "news_count": 0}
    assert wechat.get("material/get_materialcount") == wechat.post("material/get_materialcount") == counts


def test_material_is_listed_newest_first_counted_and_deleted(wechat: WeChat) -> None:
    ids = []
    for n in range(3):
        made = wechat.upload("material/add_material", PNG, f"/home/me/{n}.png", type="image")
        assert made.keys() == {"media_id", "url"}
        ids.append(made["media_id"])
    page = wechat.post("material/batchget_material", {"type": "image", "offset": 0, "count": 2})
    assert (page["total_count"], page["item_count"]) == (3, 2)
    assert [item["name"] for item in page["item"]] == ["2.png", "1.png"]
    assert wechat.post("material/del_material", {"media_id": ids[0]})["errcode"] == 0
    assert wechat.post("material/del_material", {"media_id": ids[0]})["errcode"] == 40007
    assert wechat.post("material/batchget_material", {"type": "image"})["total_count"] == 2


def test_a_full_library_takes_no_more(wechat: WeChat) -> None:
    upload: dict[str, Any] = {"data": SAMPLE["voice"], "type": "voice"}
    first = wechat.upload("material/add_material", **upload)["media_id"]
    with wechat.dispatcher.store.transaction() as db:
        db.executemany(
            "INSERT INTO media SELECT appid, ?, kind, permanent, name, title, description, url, content_type,"
            " data, created_at, by_api FROM media WHERE media_id = ?",
            [(f"M{n}", first) for n in range(999)],
        )
    assert wechat.upload("material/add_material", **upload)["errcode"] == 45074
    assert "media_id" in wechat.upload("media/upload", **upload)
    assert "media_id" in wechat.upload("material/add_material", SAMPLE["image"], type="image")
    assert wechat.post("material/del_material", {"media_id": first})["errcode"] == 0
    assert "media_id" in wechat.upload("material/add_material", **upload)


@pytest.mark.parametrize(("data", "form"), [(JPEG, "mmbiz_jpg"), (PNG, "mmbiz_png")])
def test_the_address_of_a_picture_has_its_form(wechat: WeChat, data: bytes, form: str) -> None:
    assert wechat.upload("media/uploadimg", data)["url"].startswith(f"http://mmbiz.qpic.cn/{form}/")
