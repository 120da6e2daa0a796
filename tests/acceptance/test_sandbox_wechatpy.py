"""wechatpy, unmodified, against the sandbox over loopback: a client that was not written for us."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient
from wechatpy.exceptions import APILimitedException, WeChatClientException

from wechat_sandbox.client import SandboxClient
from wechat_sandbox.server import embedded

pytestmark = pytest.mark.deep

REAL = "https://api.weixin.qq.com"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
MP3 = b"ID3\x03" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)


class ToSandbox(HTTPAdapter):
    """The network: what is sent to WeChat arrives at the sandbox."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        request.url = str(request.url).replace(REAL, self.url)
        return super().send(request, *args, **kwargs)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with embedded(switches={"retired_cards": True, "api_video": True}) as served:
        yield served


@pytest.fixture
def sandbox(url: str) -> SandboxClient:
    client = SandboxClient(url=url)
    client.reset()
    return client


@pytest.fixture
def client(sandbox: SandboxClient) -> WeChatClient:
    made = WeChatClient(sandbox.appid, sandbox.secret)
    made._http.mount(REAL, ToSandbox(sandbox.url))
    return made


def test_tags_and_followers(client: WeChatClient) -> None:
    tag = client.tag.create("新 品")
    client.tag.update(tag["id"], "新品")
    followers = list(client.user.iter_followers())
    assert len(followers) == 60
    client.tag.tag_user(tag["id"], followers[:2])
    assert list(client.tag.iter_tag_users(tag["id"])) == followers[:2]
    client.tag.untag_user(tag["id"], followers[0])
    assert {"id": tag["id"], "name": "新品", "count": 1} in client.tag.get()
    assert tag["id"] in client.tag.get_user_tag(followers[1])
    assert client.user.get(followers[1])["subscribe"] == 1
    assert len(client.user.get_batch(followers[:3])) == 3
    client.tag.delete(tag["id"])
    assert tag["id"] not in client.tag.get_user_tag(followers[1])


def test_uploads(client: WeChatClient) -> None:
    image = client.material.add("image", ("封面.png", io.BytesIO(PNG)))
    assert client.material.get(image["media_id"]).content == PNG
    video = client.material.add("video", ("a.mp4", MP4), "标题", "简介")
    assert client.material.get(video["media_id"])["description"] == "简介"
    assert client.media.upload_image(io.BytesIO(PNG)).startswith("http://mmbiz.qpic.cn/")
    voice = client.media.upload("voice", ("a.mp3", MP3))
    assert client.media.download(voice["media_id"]).content == MP3
    assert client.material.get_count()["image_count"] == 1
    assert client.material.batchget("image")["item"][0]["name"] == "封面.png"
    client.material.delete(image["media_id"])
    assert client.material.get_count()["image_count"] == 0
    with pytest.raises(WeChatClientException) as refused:
        client.material.add_articles([{"title": "t", "content": "c", "thumb_media_id": "x"}])
    assert refused.value.errcode == 45106


def test_every_mass_type(client: WeChatClient, sandbox: SandboxClient) -> None:
    image = client.material.add("image", ("a.png", PNG))["media_id"]
    voice = client.material.add("voice", ("a.mp3", MP3))["media_id"]
    video = client.media.upload("video", ("a.mp4", MP4))["media_id"]
    video = client.media.upload_video(video, "标题", "简介")["media_id"]
    article = {"title": "标题", "content": "<p>正文</p>", "thumb_media_id": image}
    draft = client.post("draft/add", data={"articles": [article]})["media_id"]
    client.message.send_mass_text(2, "你好", client_msg_id="1")
    client.message.send_mass_image(2, image, client_msg_id="2")
    client.message.send_mass_voice(2, voice, client_msg_id="3")
    client.message.send_mass_video(2, video, "标题", "简介", client_msg_id="4")
    sandbox.advance(31 * 86400)
    client.fetch_access_token()
    draft_sent = client.message.send_mass_article(2, draft, client_msg_id="5")
    client.message.send_mass_card(2, "C", client_msg_id="6")
    assert draft_sent["msg_data_id"] > 2**31
    assert [job["delivered"] for job in sandbox.jobs()] == [6] * 6


def test_openids_preview_status_and_recall(client: WeChatClient, sandbox: SandboxClient) -> None:
    followers = client.user.get_followers()["data"]["openid"]
    sent = client.message.send_mass_text(followers[:3], "你好")
    assert client.message.get_mass(sent["msg_id"])["msg_status"] == "SEND_SUCCESS"
    client.message.send_mass_text("tester1", "试", preview=True)
    client.message.send_mass_text(followers[1], "试", preview=True)
    previews = sandbox.control("GET", "deliveries")["previews"]
    assert [shown["openid"] for shown in previews] == followers[:2]
    video = client.material.add("video", ("a.mp4", MP4), "标题", "简介")["media_id"]
    recalled = client.message.send_mass_video(None, video, is_to_all=True)["msg_id"]
    client.message.delete_mass(recalled)
    assert client.message.get_mass(recalled)["msg_status"] == "DELETE"


def test_refusals_arrive_as_its_own_exceptions(client: WeChatClient, sandbox: SandboxClient) -> None:
    with pytest.raises(WeChatClientException) as refused:
        client.message.send_mass_text(999, "你好")
    assert (refused.value.errcode, refused.value.errmsg.split(" rid")[0]) == (40152, "invalid tag_id")
    sandbox.fault("message/mass/sendall", "errcode", errcode=45009)
    with pytest.raises(APILimitedException):
        client.message.send_mass_text(2, "你好")
    sandbox.advance(7201)
    assert client.message.send_mass_text(2, "你好")["errcode"] == 0
