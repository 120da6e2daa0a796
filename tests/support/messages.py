"""One message of every kind, and the part that it has in the body of a mass call."""

from typing import Any

from tests.support.factories import make_article
from wechat_campaigns.core.content import Content, Media
from wechat_campaigns.messages import Articles, Draft, Image, Images, Mpvideo, Newspic, Text, Voice, Wxcard

EXAMPLES: dict[str, tuple[Content, dict[str, Any]]] = {
    "text": (Text(content="今晚八点，全场“八折”🍵"), {"text": {"content": "今晚八点，全场“八折”🍵"}}),
    "mpnews": (Draft(media_id="DRAFT"), {"mpnews": {"media_id": "DRAFT"}}),
    "voice": (Voice(media=Media(media_id="VOICE")), {"voice": {"media_id": "VOICE"}}),
    "image": (Image(media=Media(media_id="IMAGE1")), {"image": {"media_id": "IMAGE1"}}),
    "images": (
        Images(images=(Media(media_id="IMAGE1"), Media(media_id="IMAGE2")), title="图", recommend="看图"),
        {"images": {"media_ids": ["IMAGE1", "IMAGE2"], "title": "图", "recommend": "看图"}},
    ),
    "mpvideo": (
        Mpvideo(media=Media(media_id="VIDEO"), title="标题", description="说明"),
        {"mpvideo": {"media_id": "VIDEO"}},
    ),
    "wxcard": (Wxcard(card_id="CARD"), {"wxcard": {"card_id": "CARD"}}),
    "articles": (Articles(articles=(make_article("春茶"),)), {"mpnews": {"media_id": "MADE"}}),
    "newspic": (
        Newspic(title="市集", text="周六上午", images=(Media(media_id="IMAGE1"),)),
        {"mpnews": {"media_id": "MADE"}},
    ),
}
MADE = "MADE"
"""The media_id of a draft that is made for articles."""
