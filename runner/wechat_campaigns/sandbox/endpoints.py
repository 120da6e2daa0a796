"""Every path of the platform the sandbox answers."""

from __future__ import annotations

from wechat_campaigns.sandbox import (
    api_draft,
    api_freepublish,
    api_helpers,
    api_mass,
    api_material,
    api_media,
    api_tags,
    api_token,
    api_users,
)
from wechat_campaigns.sandbox.calls import Endpoint

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.path: endpoint
    for room in (
        api_token,
        api_helpers,
        api_tags,
        api_users,
        api_media,
        api_material,
        api_draft,
        api_mass,
        api_freepublish,
    )
    for endpoint in room.ENDPOINTS
}
