"""Find the openids of a list that do not follow the account, and name them by their rows."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from wechat_campaigns.core.errors import ApiError, CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Filter
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

PER_CALL: Final = 100
"""Openids of one user/info/batchget. Source: batchUserInfo, read 2026-11."""
REFUSING: Final = frozenset({40003, 49003})
"""What it answers when one of them is of another account, or made up: it does not say which."""
SHOWN_ROWS: Final = 5
MAX_REFUSED: Final = 20
"""Openids of a refused list that are looked for; with more, the whole list is to be compared."""


def strangers(openids: Sequence[str], api: ReadOnlyApi) -> Iterator[str]:
    """Yield those of some openids that do not follow the account, in their order.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat did not answer.
    """
    for start in range(0, len(openids), PER_CALL):
        yield from _among(openids[start : start + PER_CALL], api)


def _among(openids: Sequence[str], api: ReadOnlyApi) -> Iterator[str]:
    try:
        users = api.user_info_batchget(openids)
    except ApiError as error:
        if error.errcode not in REFUSING:
            raise
        if len(openids) == 1:
            yield from openids
            return
        middle = len(openids) // 2
        yield from _among(openids[:middle], api)
        yield from _among(openids[middle:], api)
        return
    left = {user["openid"] for user in users if not int(user["subscribe"])}
    yield from (openid for openid in openids if openid in left)


def refused_notes(recipients: Filter, api: ReadOnlyApi) -> tuple[str, ...]:
    """Return the rows of the openids for which WeChat refuses a list, as far as it names them."""
    openids = recipients.openids
    try:
        refused = set(islice(strangers(openids, api), MAX_REFUSED))
    except CampaignError:
        return ()
    rows = rows_text(recipients, (index for index, openid in enumerate(openids) if openid in refused))
    note = _("not followers of this account: {rows}; remove them, or set `skip_unsubscribed: true`")
    return (note.format(rows=rows),) if rows else ()


def rows_text(recipients: Filter, indexes: Iterable[int]) -> str:
    """Write which rows some openids stand in, and no openid: `row 3, row 12 and 4 more`."""
    rows = [recipients.rows[index] for index in indexes if index < len(recipients.rows)]
    shown = _(", ").join(_("row {number}").format(number=number) for number in rows[:SHOWN_ROWS])
    more = len(rows) - SHOWN_ROWS
    return _("{positions} and {count} more").format(positions=shown, count=more) if more > 0 else shown
