"""What WeChat refuses of openids, and how many it takes at once."""

from __future__ import annotations

from wechat_sandbox import accounts, bitmaps
from wechat_sandbox.answers import ErrcodeError
from wechat_sandbox.calls import ApiCall, strings
from wechat_sandbox.users.models import numbers_of

PAGE = 10_000
INFO_BATCH = 100
REMARK_BYTES = 30
"""A remark is shorter."""
BLOCK_BATCH = 20
BLOCK_PAGE = 1000


def follower_number(call: ApiCall, openid: object) -> int:
    """Find a follower's number; 40003 when the account has no follower of that openid."""
    numbers = numbers_of(call.db, call.appid, [openid]) if isinstance(openid, str) else {}
    if not numbers:
        raise ErrcodeError(40003)
    return next(iter(numbers.values()))


def followers_after(call: ApiCall, followers: int, openid: object) -> int:
    """Drop from a set the followers up to an openid, if one is given; 40003 when it is not the account's."""
    if not openid:
        return followers
    start = follower_number(call, str(openid)) + 1
    return followers >> start << start


def openid_list(call: ApiCall, limit: int) -> int:
    """Read an openid_list of at most `limit` followers.

    Raises:
        ErrcodeError: 40031 for what is not a list of openids, 40032 when empty or too long, 49003 for a
            follower of another account, 40003 for an unknown openid.
    """
    openids = strings(call.body, "openid_list", 40031)
    if not 1 <= len(openids) <= limit:
        raise ErrcodeError(40032)
    return followers_of(call, openids)


def followers_of(call: ApiCall, openids: list[str]) -> int:
    """Find the followers of openids; 49003 for one of another account, 40003 for an unknown one."""
    numbers = numbers_of(call.db, call.appid, openids)
    if len(numbers) < len(set(openids)):
        others = (account.appid for account in accounts.list_accounts(call.db) if account.appid != call.appid)
        foreign = any(numbers_of(call.db, appid, openids) for appid in others)
        raise ErrcodeError(49003 if foreign else 40003)
    return bitmaps.from_numbers(numbers.values())
