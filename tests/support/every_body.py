"""Send every kind of message to every kind of recipient: the real client against a strict sandbox."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.support.factories import make_account, make_send
from tests.support.messages import EXAMPLES
from tests.support.playground import SERVICE, Sandbox
from wechat_campaigns.core.content import MediaIds
from wechat_campaigns.core.errors import ApiError
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.protocol.keys import clientmsgid
from wechat_campaigns.source.secret import SANDBOX_SECRET
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import WeChatApi, connect
from wechat_sandbox.seeds import openid_of

OPENIDS = (openid_of(SERVICE, 0), openid_of(SERVICE, 1))
MEDIA = {"IMAGE1": "image", "IMAGE2": "image", "VOICE": "voice", "VIDEO": "video"}
"""Media of the web console, so that a video among them can be sent."""

MESSAGES = {name: content for name, (content, _part) in EXAMPLES.items() if not content.needs_draft}
FILTERS = {
    "to a tag": Filter(tag_id=2),
    "to everyone": Filter(is_to_all=True),
    "to openids": Filter(openids=OPENIDS),
}
TESTERS = {"preview by openid": {"touser": OPENIDS[0]}, "preview by name": {"towxname": "tester2"}}
NO_IDS = MediaIds(upload_results={}, material_ids={})


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedBody:
    """One mass call as the sandbox received it."""

    message: str
    recipients: str
    path: str
    body: dict[str, Any]
    errcode: int


def post_every_body(sandbox: Sandbox) -> Iterator[PostedBody]:
    """Send them all; wxcard is refused by a strict sandbox (45113), its body arrives all the same."""
    # Everyone is sent to more than once a day here.
    sandbox.control("POST", "accounts", {"appid": SERVICE, "quota": False})
    for media_id, kind in MEDIA.items():
        sandbox.media(media_id, kind)
    api = connect(make_account(), sandbox.url, secret=lambda: SANDBOX_SECRET, clock=lambda: datetime.now(UTC))
    api.mass_ready()
    for message, content in MESSAGES.items():
        for recipients in (*FILTERS, *TESTERS):
            sandbox.media("DRAFT", "news")  # a send uses it up
            send = make_send(
                f"{message} {recipients}",
                content=content,
                filter=FILTERS.get(recipients, Filter(tag_id=2)),
            )
            with suppress(ApiError):  # the sandbox records the errcode with the body
                _post(api, send, TESTERS.get(recipients))
            received = sandbox.requests()[-1]
            yield PostedBody(
                message=message,
                recipients=recipients,
                path=received["path"],
                body=received["body"],
                errcode=received["errcode"],
            )


def _post(api: WeChatApi, send: Send, tester: Mapping[str, str] | None) -> None:
    """Make the mass call of a send, or of its preview."""
    if tester:
        api.mass_preview({**payloads.preview_body(send, ids=NO_IDS, draft_media_id=None), **tester})
        return
    body = payloads.mass_body(send, tag_id=2, ids=NO_IDS, draft_media_id=None)
    call = api.mass_send if payloads.endpoint(send) == "message/mass/send" else api.mass_sendall
    call({**body, "clientmsgid": clientmsgid(SERVICE, send.id, send.revision)})
