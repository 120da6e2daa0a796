"""Uses WeRoBot's client, weixin-python and wechat-publish as their documentation shows them.

Run with HTTPS_PROXY and REQUESTS_CA_BUNDLE, so that https://api.weixin.qq.com is the sandbox.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import wechat_publish
from callback_server import control
from weixin.mp import WeixinMP
from werobot.client import Client, ClientException

SANDBOX = os.environ["SANDBOX"]
APPID, SECRET = "wx0000000000000001", "0" * 32
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
MP3 = b"ID3\x03" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)


def werobot_tags_and_users(client: Client) -> None:
    people = client.get_followers()["data"]["openid"]
    tag_id = client.create_tag("新品")["tag"]["id"]
    client.tag_users(tag_id, people[:2])
    client.untag_users(tag_id, people[:1])
    client.update_tag(tag_id, "新品二")
    assert {"id": tag_id, "name": "新品二", "count": 1} in client.get_tags()["tags"]
    assert client.get_users_by_tag(tag_id)["data"]["openid"] == people[1:2]
    assert tag_id in client.get_tags_by_user(people[1])["tagid_list"]
    client.delete_tag(tag_id)
    assert tag_id not in client.get_user_info(people[1])["tagid_list"]
    assert len(client.get_users_info(people[:3])["user_info_list"]) == 3


def werobot_uploads(client: Client, folder: Path) -> dict[str, str]:
    files = {"image": ("封面.jpg", JPEG), "voice": ("a.mp3", MP3), "video": ("a.mp4", MP4)}
    for name, data in files.values():
        (folder / name).write_bytes(data)
    made = {}
    for kind in ("image", "voice"):
        with (folder / files[kind][0]).open("rb") as file:
            made[kind] = client.upload_permanent_media(kind, file)["media_id"]
    with (folder / "封面.jpg").open("rb") as file:
        assert client.upload_news_picture(file)["url"].startswith("http://mmbiz.qpic.cn/")
    with (folder / "封面.jpg").open("rb") as file:
        assert client.upload_media("image", file)["media_id"]
    with (folder / "a.mp4").open("rb") as file:
        made["video"] = client.upload_permanent_video("标题", "简介", file).json()["media_id"]
    assert client.download_permanent_media(made["video"]).json()["title"] == "标题"
    assert client.download_permanent_media(made["image"]).content == JPEG
    assert client.get_media_list("image", 0, 20)["total_count"] == client.get_media_count()["image_count"]
    return made


def werobot_sends(client: Client, media: dict[str, str], draft: str) -> None:
    people = client.get_followers()["data"]["openid"]
    client.set_mass_msg_speed(1)
    assert client.get_mass_msg_speed() == {"speed": 1, "realspeed": 60}
    client.send_mass_preview_to_user("mpnews", draft, people[0])
    client.send_mass_preview_to_user("text", "试", "tester2", user_type="wxname")
    client.send_mass_msg("text", "你好", 2, client_msg_id="1")
    client.send_mass_msg("image", media["image"], 2, client_msg_id="2")
    client.send_mass_msg("voice", media["voice"], people[:2], client_msg_id="3")
    client.send_mass_msg("video", media["video"], people[2:4], client_msg_id="4")
    client.send_mass_msg("wxcard", "C", people[4:6], client_msg_id="5")
    sent = client.send_mass_msg("mpnews", draft, people[6:8], send_ignore_reprint=True, client_msg_id="6")
    assert client.get_mass_msg_status(sent["msg_id"])["msg_status"] == "SEND_SUCCESS"
    client.delete_mass_msg(sent["msg_id"])
    assert client.get_mass_msg_status(sent["msg_id"])["msg_status"] == "DELETE"
    control(SANDBOX, "clock", {"advance_s": 60})
    told = refused(lambda: client.send_mass_msg("text", "你好", 2, client_msg_id="1"))
    assert told.startswith("45065: clientmsgid exist")


def refused(call: Callable[[], object]) -> str:
    """Return what the client's own exception says; nothing without one."""
    try:
        call()
    except ClientException as refusal:
        return str(refusal)
    return ""


def wechat_publish_articles(folder: Path) -> str:
    page, cover = folder / "a.html", folder / "封面.jpg"
    page.write_text('<p>正文</p><img src="封面.jpg"/>', encoding="utf-8")
    article = {"html_path": page, "title": "标题", "cover_path": cover, "digest": "摘要"}
    return str(wechat_publish.push_articles(APPID, SECRET, [article], author="小满"))


def weixin_python_users(folder: Path) -> None:
    WeixinMP.api_uri = SANDBOX
    client = WeixinMP(APPID, SECRET, ac_path=str(folder / "token"), jt_path=str(folder / "ticket"))
    people = client.user_get().data["openid"]
    assert client.user_info(people[0]).subscribe == 1


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        client = Client({"APP_ID": APPID, "APP_SECRET": SECRET})
        werobot_tags_and_users(client)
        media = werobot_uploads(client, folder)
        draft = wechat_publish_articles(folder)
        client = Client({"APP_ID": APPID, "APP_SECRET": SECRET})  # the other fetched a token, ending ours
        werobot_sends(client, media, draft)
        weixin_python_users(folder)


main()
