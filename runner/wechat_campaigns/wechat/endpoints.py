"""Connect to WeChat as one account: its calls, one method each, named after their path."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from wechat_campaigns.core.model import Clock, Sleep
from wechat_campaigns.core.settings import Account
from wechat_campaigns.source.secret import check_api_host
from wechat_campaigns.wechat.clock import ClockWatch, own_clock
from wechat_campaigns.wechat.responses import require

if TYPE_CHECKING:  # an offline plan does without them
    from wechat_campaigns.wechat.client import Client, SharedTokens
    from wechat_campaigns.wechat.transport import Timeouts

TAGS_GET = "/cgi-bin/tags/get"
USER_GET = "/cgi-bin/user/get"
USER_INFO_BATCHGET = "/cgi-bin/user/info/batchget"
QUOTA_GET = "/cgi-bin/openapi/quota/get"
BATCHGET_MATERIAL = "/cgi-bin/material/batchget_material"
ADD_MATERIAL = "/cgi-bin/material/add_material"
MEDIA_UPLOAD = "/cgi-bin/media/upload"
UPLOADIMG = "/cgi-bin/media/uploadimg"
UPLOADVIDEO = "/cgi-bin/media/uploadvideo"
DRAFT_ADD = "/cgi-bin/draft/add"
DRAFT_GET = "/cgi-bin/draft/get"
DRAFT_BATCHGET = "/cgi-bin/draft/batchget"
MASS_SENDALL = "/cgi-bin/message/mass/sendall"
MASS_SEND = "/cgi-bin/message/mass/send"
MASS_PREVIEW = "/cgi-bin/message/mass/preview"
MASS_GET = "/cgi-bin/message/mass/get"
MASS_DELETE = "/cgi-bin/message/mass/delete"
GETARTICLETOTALDETAIL = "/datacube/getarticletotaldetail"

READS = frozenset(
    {
        TAGS_GET,
        USER_GET,
        USER_INFO_BATCHGET,
        QUOTA_GET,
        BATCHGET_MATERIAL,
        DRAFT_GET,
        DRAFT_BATCHGET,
        MASS_GET,
        GETARTICLETOTALDETAIL,
    }
)

_TAGS = [{"id": int, "name": str, "count?": int}]
_USERS = [{"openid": str, "subscribe": int}]
_QUOTA = {"daily_limit?": int, "used?": int, "remain?": int}
_MATERIALS = [{"media_id": str}]
_ARTICLES: list[Any] = [{"image_info?": {"image_list?": [{}]}}]
_DRAFTS = [{"media_id": str, "update_time": int, "content": {"news_item": _ARTICLES}}]
"""What is read of answers, as `fits` takes it."""


class ReadOnlyApi:
    """The calls of one account that change nothing; every method raises as `Client.post` does.

    An answer that lacks what its call is for (a send without msg_id), or gives it another type, counts as
    lost. What only plans gets one of these: it has no method that sends, and its client refuses every path
    that is not in `READS`.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def close(self) -> None:
        """Close the connections that are kept; another call would open one again."""
        self._client.transport.close()

    def record(self, exchanges: list[dict[str, Any]]) -> Self:
        """Append each exchange from now on, as `recorded_exchange` returns it; return the same calls."""
        from wechat_campaigns.wechat.recording import recorded_exchange

        self._client.transport.observe = lambda request, reply: exchanges.append(
            recorded_exchange(request, reply)
        )
        return self

    def tags_get(self) -> list[dict[str, Any]]:
        """List the account's tags.

        Returns:
            `[{"id": 2, "name": "…", "count": 0}]`, in WeChat's order.

        Source: getTags (2026-11).
        """
        tags: list[dict[str, Any]] = require(TAGS_GET, self._client.get(TAGS_GET), "tags", _TAGS)
        return tags

    def user_get(self) -> dict[str, Any]:
        """Read the first page of followers, for their number.

        Returns:
            `{"total"}`, and 10000 openids at most.

        Source: getFans (2026-11).
        """
        page = self._client.get(USER_GET)
        require(USER_GET, page, "total", int)
        return page

    def user_info_batchget(self, openids: Sequence[str]) -> list[dict[str, Any]]:
        """Read whether openids follow the account.

        Args:
            openids: at most 100; one of another account, or made up, refuses the call (40003).

        Returns:
            `[{"openid", "subscribe": 0 or 1}]`; more is in it of those who follow.

        Source: batchUserInfo (2026-11).
        """
        body = {"user_list": [{"openid": openid} for openid in openids]}
        answer = self._post(USER_INFO_BATCHGET, body, "user_info_list", _USERS)
        users: list[dict[str, Any]] = answer["user_info_list"]
        return users

    def openapi_quota_get(self, cgi_path: str) -> dict[str, Any]:
        """Read the call counters of one endpoint; they do not count mass sends left.

        Args:
            cgi_path: with its leading slash, without the host.

        Returns:
            `{"daily_limit", "used", "remain"}`.

        Source: getApiQuota (2026-11).
        """
        quota: dict[str, Any] = self._post(QUOTA_GET, {"cgi_path": cgi_path}, "quota", _QUOTA)["quota"]
        return quota

    def material_batchget_material(self, kind: str, offset: int, count: int) -> dict[str, Any]:
        """Read one page of permanent material.

        Args:
            kind: image, voice, video or news.
            offset: from 0.
            count: 1 to 20.

        Returns:
            `{"total_count", "item_count", "item": [{"media_id", "name", "update_time"}]}`.

        Source: batchGetMaterial (2026-11).
        """
        body = {"type": kind, "offset": offset, "count": count}
        page = {"item_count": 0, "item": []} | self._post(BATCHGET_MATERIAL, body, "total_count", int)
        require(BATCHGET_MATERIAL, page, "item", _MATERIALS)
        return page

    def draft_get(self, media_id: str) -> dict[str, Any]:
        """Read one draft.

        Args:
            media_id: of the draft; 40007 once the success of a send has used it up, and now and then right
                after draft/add.

        Returns:
            `{"news_item": [{"title", "content", "thumb_media_id", "url", …}]}`.

        Source: getDraft (2026-11).
        """
        return self._post(DRAFT_GET, {"media_id": media_id}, "news_item", _ARTICLES)

    def draft_batchget(self, offset: int, count: int) -> dict[str, Any]:
        """Read one page of the draft box, articles without their HTML.

        Args:
            offset: from 0.
            count: 1 to 20.

        Returns:
            `{"total_count", "item": [{"media_id", "update_time", "content": {"news_item": […]}}]}`, with
            articles as `draft_get` has them; the order is not documented.

        Source: draft_batchget (2026-11).
        """
        body = {"offset": offset, "count": count, "no_content": 1}
        page = {"item": []} | self._post(DRAFT_BATCHGET, body, "total_count", int)
        require(DRAFT_BATCHGET, page, "item", _DRAFTS)
        return page

    def mass_get(self, msg_id: int) -> dict[str, Any]:
        """Read the state of a mass job.

        Args:
            msg_id: from the answer of a send, not its msg_data_id.

        Returns:
            `{"msg_id": int, "msg_status": "SENDING|SEND_SUCCESS|SEND_FAIL|DELETE"}`.

        Source: massmsgget (2026-11), whose examples send the id as text.
        """
        return self._post(MASS_GET, {"msg_id": str(msg_id)}, "msg_status")

    def datacube_getarticletotaldetail(self, day: date) -> dict[str, Any]:
        """Read the figures of the articles of one day, cumulative, for thirty days after publication.

        Args:
            day: of publication, in China; 2025-11-01 to yesterday. Yesterday's figures are ready at 08:00.

        Returns:
            `{"list": [{"msgid", "publish_type", "title", "content_url", "detail_list": […]}], "is_delay"}`. A
            msgid is the msg_data_id of the send, `_`, and the article's number from 1; `is_delay` is true
            while the figures are incomplete.

        Source: getarticletotaldetail (2026-11).
        """
        body = {"begin_date": day.isoformat(), "end_date": day.isoformat()}
        answer = self._post(GETARTICLETOTALDETAIL, body, "list", [{}])
        return {"is_delay": False} | answer

    def _post(self, path: str, body: Mapping[str, Any], key: str, shape: Any = str) -> dict[str, Any]:
        """POST a body; the answer, which has this key."""
        answer = self._client.post(path, body)
        require(path, answer, key, shape)
        return answer


class WeChatApi(ReadOnlyApi):
    """All calls of one account."""

    def read_only(self) -> ReadOnlyApi:
        """Return the calls that change nothing; every other path is refused before anything is sent."""
        return ReadOnlyApi(replace(self._client, read_only=True))

    def material_add_material(self, kind: str, filename: str, data: bytes) -> dict[str, Any]:
        """Upload permanent material; not idempotent.

        Args:
            kind: image, voice or thumb; a video would need a description as well.
            filename: with its suffix; WeChat shows it as the material's name.

        Returns:
            `{"media_id"}`, and `url` for images.

        Source: addMaterial (2026-11).
        """
        return self._upload(ADD_MATERIAL, {"type": kind}, filename, data, "media_id")

    def media_upload(self, kind: str, filename: str, data: bytes) -> dict[str, Any]:
        """Upload temporary media, which live three days; a mass send does not accept their ids.

        Args:
            kind: image, voice or video.

        Returns:
            `{"type", "media_id", "created_at"}`.

        Source: uploadTempMedia (2026-11).
        """
        return self._upload(MEDIA_UPLOAD, {"type": kind}, filename, data, "media_id")

    def media_uploadimg(self, filename: str, data: bytes) -> str:
        """Upload a picture for the HTML of an article, JPG or PNG below 1 MB; its URL on WeChat.

        Source: uploadImage (2026-11).
        """
        return str(self._upload(UPLOADIMG, {}, filename, data, "url")["url"])

    def material_image_url(self, filename: str, data: bytes) -> str:
        """Add a permanent image of which an article uses the URL: the way of a GIF.

        Source: addMaterial (2026-11); what tools do, because uploadImage names JPG and PNG only.
        """
        return str(require(ADD_MATERIAL, self.material_add_material("image", filename, data), "url"))

    def media_uploadvideo(self, media_id: str, title: str, description: str) -> dict[str, Any]:
        """Turn a temporary video into one that a mass message can carry.

        Args:
            media_id: of `media_upload`; one of permanent material is answered with 40007.

        Returns:
            `{"type": "video", "media_id", "created_at"}`; this media_id goes into `mpvideo`.

        Source: the mass-send guide of 2023, answers that developers reported in 2022 and 2023 (2026-11).
        """
        body = {"media_id": media_id, "title": title, "description": description}
        return self._post(UPLOADVIDEO, body, "media_id")

    def draft_add(self, articles: Sequence[Mapping[str, Any]]) -> str:
        """Create a draft; its media_id. Not idempotent.

        Args:
            articles: in WeChat's field names (`title`, `content`, `thumb_media_id`, …).

        Source: draft_add (2026-11).
        """
        return str(self._post(DRAFT_ADD, {"articles": list(articles)}, "media_id")["media_id"])

    def mass_ready(self) -> None:
        """Fetch an access_token now and prove whose it is, so that a mass call does not fail for it."""
        self._client.ready()

    def mass_sendall(
        self, body: Mapping[str, Any], *, before_body: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Submit a job to everyone or to a tag.

        Args:
            body: the whole request with its clientmsgid; posted as it is.
            before_body: asked when the connection stands; if it raises, nothing is posted.

        Returns:
            `{"errcode": 0, "errmsg", "msg_id": int}`, and `msg_data_id` for articles. Accepted is not sent.

        Source: sendAll (2026-11).
        """
        answer = self._client.post_once(MASS_SENDALL, body, before_body)
        require(MASS_SENDALL, answer, "msg_id", int)
        return answer

    def mass_send(
        self, body: Mapping[str, Any], *, before_body: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Submit a job to 2 to 10000 openids; else as `mass_sendall`.

        Source: massSend (2026-11): verified 服务号 only.
        """
        answer = self._client.post_once(MASS_SEND, body, before_body)
        require(MASS_SEND, answer, "msg_id", int)
        return answer

    def mass_preview(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one real message to one tester (`touser` or `towxname`); uses no mass send.

        Source: preview (2026-11).
        """
        return self._client.post(MASS_PREVIEW, body)

    def mass_delete(self, msg_id: int, article_idx: int = 0) -> dict[str, Any]:
        """Recall articles or a video of a finished job; text, picture and voice cannot be recalled.

        Args:
            msg_id: from the answer of the send.
            article_idx: from 1; 0 recalls all.

        Source: deleteMassMsg (2026-11).
        """
        return self._client.post(MASS_DELETE, {"msg_id": msg_id, "article_idx": article_idx})

    def _upload(
        self, path: str, query: Mapping[str, str], filename: str, data: bytes, key: str
    ) -> dict[str, Any]:
        """POST a file; the answer, which has this key."""
        answer = self._client.upload(path, query=query, filename=filename, data=data)
        require(path, answer, key)
        return answer


def connect(
    account: Account,
    api: str,
    *,
    secret: Callable[[], str],
    prove: Callable[[ReadOnlyApi], None] | None = None,
    clock: Clock = own_clock,
    sleep: Sleep = time.sleep,
    timeouts: Timeouts | None = None,
    shared: SharedTokens | None = None,
    watch: ClockWatch | None = None,
) -> WeChatApi:
    """Connect to WeChat as one account; no request is made before the first call.

    Args:
        api: base URL of the environment, `https://api.weixin.qq.com`.
        secret: returns the AppSecret, or the account's own token; called only when a token is needed.
        prove: raises unless the followers that its own token lists are of this account; called before
            the first change under each such token.
        timeouts: as `Transport` takes them.
        shared: access_tokens of all that connect within one run; one more is added when missing.
        watch: gets the Date of each answer.

    Raises:
        PolicyError: the address may not receive a secret.
    """
    from wechat_campaigns.wechat.client import Client, Tokens
    from wechat_campaigns.wechat.transport import Transport

    check_api_host(api, os.environ)
    transport = Transport(api, timeouts=timeouts, watch=watch)
    is_token = account.token is not None
    tokens = Tokens(
        transport, appid=account.appid, secret=secret, is_token=is_token, clock=clock, sleep=sleep
    )
    if shared is not None:
        # Another name of the same account may have another secret, which may be wrong.
        tokens = shared.setdefault((account.appid, account.token or account.secret), tokens)
    check = (lambda client: prove(ReadOnlyApi(client))) if prove is not None and is_token else None
    return WeChatApi(Client(transport=transport, tokens=tokens, reads=READS, prove=check, sleep=sleep))


def query_clock(base_url: str, watch: ClockWatch, timeout_s: float) -> None:
    """Make a call without a token, for the Date of its answer, which `watch` gets; raises as `exchange`."""
    from wechat_campaigns.wechat.client import DATED
    from wechat_campaigns.wechat.transport import Timeouts, Transport

    limits = Timeouts(timeout_s, timeout_s, timeout_s)
    with closing(Transport(base_url, timeouts=limits, watch=watch)) as transport:
        transport.exchange(DATED)
