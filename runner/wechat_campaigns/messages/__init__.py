"""The kinds of messages: each is a module here; everything else asks what is in `core.content.Content`."""

from collections.abc import Mapping
from typing import Any

from wechat_campaigns.core.content import Content
from wechat_campaigns.messages.articles import Article, Articles, BodyImage
from wechat_campaigns.messages.card import Wxcard
from wechat_campaigns.messages.draft import Draft
from wechat_campaigns.messages.image import Image, Images
from wechat_campaigns.messages.newspic import Newspic
from wechat_campaigns.messages.recordings import Mpvideo, Voice
from wechat_campaigns.messages.text import TEXT_PLACEHOLDER, Text

__all__ = [
    "Article", "Articles", "BodyImage", "Draft", "Image", "Images", "Mpvideo", "Newspic", "Text", "Voice",
    "Wxcard",
]  # fmt: skip

KINDS: tuple[type[Content], ...] = (
    Articles, Newspic, Draft, Text, Voice, Images, Image, Mpvideo, Wxcard,
)  # fmt: skip
"""Of two with one msgtype, the one that has a key comes first; in the ledger, the last is what went out."""
MSGTYPES = tuple(dict.fromkeys(kind.msgtype for kind in KINDS))
PLACEHOLDERS = tuple(text for kind in KINDS for text in kind.placeholders)
"""What a new file says in place of a text and of titles, and no follower should read."""
ARTICLE = f"{TEXT_PLACEHOLDER}。空一行，就是新的一段。\n\n## 小标题\n\n- 列表的一项\n- **粗体**的一项\n"
"""The article with which a new file of articles begins."""


def kind_of(msgtype: str, content: Any) -> type[Content]:
    """Return the kind of what stands under `content`, valid by the schema."""
    kinds = [kind for kind in KINDS if kind.msgtype == msgtype]
    return next(kind for kind in kinds if not kind.key or kind.key in content)


def from_body(body: Mapping[str, Any]) -> Content:
    """Read back the message of a mass call's body; articles went out as a draft.

    Raises:
        AttributeError, KeyError, TypeError: another program wrote it.
    """
    kinds = [kind for kind in KINDS if kind.msgtype == body["msgtype"] and kind.body_key in body]
    if not kinds:
        raise KeyError(body["msgtype"])
    return kinds[-1].from_part(body[kinds[-1].body_key])
