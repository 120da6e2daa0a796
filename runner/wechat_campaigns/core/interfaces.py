"""The edges of the pure rooms: what plan and apply ask of the world, as protocols.

Real ones live in `wechat.endpoints` and `ledger`; tests pass their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

Clock = Callable[[], datetime]
"""Returns the present moment as an aware datetime in UTC."""

Sleep = Callable[[float], None]
"""Waits that many seconds."""


class ReadApi(Protocol):
    """The calls a plan may make: none of them changes anything on the platform.

    Every method raises `ApiError` (the platform said no), `NotSentError` (the request certainly
    never arrived) or `NoResponseError` (it may have arrived). Answers are the platform's JSON objects.
    """

    def tags_get(self) -> list[dict[str, Any]]:
        """List the tags: `[{"id": 2, "name": "…", "count": 0}]`."""
        ...

    def user_get(self, next_openid: str = "") -> dict[str, Any]:
        """One page of followers: `{"total", "count", "data": {"openid": […]}, "next_openid"}`."""
        ...

    def openapi_quota_get(self, cgi_path: str) -> dict[str, Any]:
        """Call counters of one endpoint: `{"daily_limit", "used", "remain"}`."""
        ...

    def material_batchget_material(self, kind: str, offset: int, count: int) -> dict[str, Any]:
        """One page of permanent material: `{"total_count", "item_count", "item": [{"media_id", "name"}]}`."""
        ...

    def draft_get(self, media_id: str) -> dict[str, Any]:
        """One draft: `{"news_item": […]}`."""
        ...

    def mass_get(self, msg_id: int) -> dict[str, Any]:
        """Job state: `{"msg_id", "msg_status": "SENDING|SEND_SUCCESS|SEND_FAIL|DELETE"}`."""
        ...


class Api(ReadApi, Protocol):
    """The calls apply may make besides."""

    def material_add_material(
        self, kind: str, filename: str, data: bytes, *, title: str = "", introduction: str = ""
    ) -> dict[str, Any]:
        """Upload permanent material: `{"media_id"}`, and `url` for images."""
        ...

    def media_uploadimg(self, filename: str, data: bytes) -> str:
        """Upload an image for an article's HTML; its URL."""
        ...

    def media_uploadvideo(self, media_id: str, title: str, description: str) -> dict[str, Any]:
        """Turn an uploaded video into an mpvideo id: `{"type": "video", "media_id", "created_at"}`."""
        ...

    def draft_add(self, articles: Sequence[Mapping[str, Any]]) -> str:
        """Create a draft; its media_id. Not idempotent."""
        ...

    def mass_ready(self) -> None:
        """Have an access_token, so that a mass call fails for nothing but itself."""
        ...

    def mass_sendall(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Submit a job to everyone or a tag: `{"errcode": 0, "errmsg", "msg_id", "msg_data_id"?}`."""
        ...

    def mass_send(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Submit a job to openids; as `mass_sendall`."""
        ...

    def mass_preview(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send one real message to one tester; uses no allowance."""
        ...

    def mass_delete(self, msg_id: int, article_idx: int = 0) -> dict[str, Any]:
        """Recall a finished article or video job; `article_idx` from 1, 0 for all."""
        ...
