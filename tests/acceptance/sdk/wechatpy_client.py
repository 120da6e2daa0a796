"""Uses wechatpy, 1.8 or 2.0, as its documentation shows it; SANDBOX is for control calls only.

Run with HTTPS_PROXY and REQUESTS_CA_BUNDLE, so that https://api.weixin.qq.com is the sandbox.
"""

import io
import os
import sys
from collections.abc import Callable

import wechatpy
from callback_server import control, listen
from wechatpy import WeChatClient, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.utils import check_signature

SANDBOX = os.environ["SANDBOX"]
APPID, SECRET = "wx0000000000000001", "0" * 32
TOKEN, AES_KEY = "a-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)
MP3 = b"ID3\x03" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)


def signed(query: dict[str, str]) -> bool:
    try:
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
    except InvalidSignatureException:
        return False
    return True


def token_tags_and_users(client: WeChatClient) -> None:
    assert client.access_token
    assert client.access_token == client.session.get(f"{APPID}_access_token")
    tag = client.tag.create("新品")
    tag = tag.get("tag", tag)
    people = list(client.user.iter_followers())
    assert len(people) == 60
    client.tag.tag_user(tag["id"], people[:3])
    client.tag.untag_user(tag["id"], people[2])
    assert list(client.tag.iter_tag_users(tag["id"])) == people[:2]
    client.tag.update(tag["id"], "新品二")
    assert {"id": tag["id"], "name": "新品二", "count": 2} in client.tag.get()
    assert client.tag.get_user_tag(people[0]) == client.user.get(people[0])["tagid_list"]
    assert tag["id"] in client.tag.get_user_tag(people[0])
    assert [user["subscribe"] for user in client.user.get_batch(people[:2])] == [1, 1]
    client.tag.delete(tag["id"])
    assert tag["id"] not in client.tag.get_user_tag(people[0])
    assert client.misc.get_wechat_ips()


def uploads(client: WeChatClient) -> dict[str, str]:
    assert client.media.upload("image", ("a.png", io.BytesIO(PNG)))["media_id"]
    assert client.media.upload("thumb", ("a.jpg", JPEG))["thumb_media_id"]
    assert client.media.upload_image(io.BytesIO(PNG)).startswith("http://mmbiz.qpic.cn/")
    image = client.material.add("image", ("封面.png", io.BytesIO(PNG)))
    assert client.material.batchget("image")["item"][0]["name"] == "封面.png"
    assert client.material.get(image["media_id"]).content == PNG
    video = client.material.add("video", ("a.mp4", MP4), "标题", "简介")
    assert client.material.get(video["media_id"])["title"] == "标题"
    voice = client.material.add("voice", ("a.mp3", MP3))
    counts = client.material.get_count()
    assert (counts["image_count"], counts["video_count"], counts["voice_count"]) == (1, 1, 1)
    client.material.delete(client.material.add("image", ("b.png", PNG))["media_id"])
    converted = client.media.upload("video", ("a.mp4", MP4))["media_id"]
    converted = client.media.upload_video(converted, "标题", "简介")["media_id"]
    return {"image": image["media_id"], "voice": voice["media_id"], "video": converted}


def draft(client: WeChatClient, thumb: str, title: str) -> str:
    article = {"title": title, "content": "<p>正文</p>", "thumb_media_id": thumb}
    if not hasattr(client, "draft"):  # 1.8 has no draft calls, its users make them so
        return str(client.post("draft/add", data={"articles": [article]})["media_id"])
    media_id = client.draft.add([article])["media_id"]
    client.draft.update(media_id, 0, {**article, "digest": "摘要"})
    assert client.draft.get(media_id)["news_item"][0]["digest"] == "摘要"
    assert client.draft.count()["total_count"] == client.draft.batchget()["total_count"]
    client.draft.delete(client.draft.add([article])["media_id"])
    return str(media_id)


def recipient(whom: object) -> dict[str, object]:
    """Return the recipients as this version does."""
    return {"tag_or_users" if wechatpy.__version__ >= "2" else "group_or_users": whom}


def previews(client: WeChatClient, article: str, person: str) -> None:
    client.message.send_mass_article(media_id=article, preview=True, **recipient("tester1"))
    client.message.send_mass_text(content="试", preview=True, **recipient(person))


def sends(client: WeChatClient, media: dict[str, str]) -> int:
    mass, people, tag = client.message, client.user.get_followers()["data"]["openid"], recipient(2)
    article = draft(client, media["image"], "群发")
    previews(client, article, people[1])
    mass.send_mass_text(content="你好", client_msg_id="1", **tag)
    mass.send_mass_image(media_id=media["image"], client_msg_id="2", **tag)
    mass.send_mass_voice(media_id=media["voice"], client_msg_id="3", **tag)
    mass.send_mass_video(media_id=media["video"], title="标题", description="简介", client_msg_id="4", **tag)
    control(SANDBOX, "clock", {"advance_s": 31 * 86400})
    mass.send_mass_card(card_id="C", client_msg_id="5", **tag)  # its token has ended: it fetches another
    mass.send_mass_text(content="你好", client_msg_id="6", **recipient(people[:3]))
    sent = mass.send_mass_article(media_id=article, is_to_all=True, client_msg_id="7", **recipient(None))
    assert mass.get_mass(sent["msg_id"])["msg_status"] == "SEND_SUCCESS"
    control(SANDBOX, "clock", {"advance_s": 60})
    assert refused(lambda: mass.send_mass_text(content="你好", client_msg_id="6", **tag)) == 45065
    assert refused(lambda: mass.send_mass_article(media_id=article, client_msg_id="8", **tag)) == 40007
    mass.delete_mass(sent["msg_id"])
    assert mass.get_mass(sent["msg_id"])["msg_status"] == "DELETE"
    return int(sent["msg_id"])


def refused(call: Callable[[], object]) -> int:
    """Return the errcode of the client's own exception; 0 without one."""
    try:
        call()
    except WeChatClientException as refusal:
        return int(refusal.errcode)
    return 0


def main() -> None:
    client = WeChatClient(APPID, SECRET)
    url, pushes = listen(signed)
    control(
        SANDBOX, "accounts", {"appid": APPID, "callback": {"url": url, "token": TOKEN, "aes_key": AES_KEY}}
    )
    token_tags_and_users(client)
    media = uploads(client)
    msg_id = sends(client, media)
    crypto, finished = WeChatCrypto(TOKEN, AES_KEY, APPID), {}
    while msg_id not in finished:
        query, body = pushes.get(timeout=60)
        plain = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        event = parse_message(plain)
        if event.type == "event" and event.event == "masssendjobfinish":
            finished[int(event.id)] = event
    assert (finished[msg_id].status, finished[msg_id].sent_count) == ("send success", 60)
    sys.stdout.write(f"{len(finished)} events\n")


main()
