"""Hold one past send as every form of the report shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from wechat_campaigns.plan.quota import CHINA
from wechat_campaigns.report.phrases import recorded_recipients

_ARTICLE = re.compile(r"https?://(mp\.weixin\.qq\.com/.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSend:
    """One send that was begun, as every form of the report shows it; counts are None without an event."""

    moment: datetime
    account: str
    send: str
    revision: int
    msgtype: str
    """That was posted; empty where the ledger does not have it."""
    recipients: str
    """`everyone`, `tag 会员`, `tag_id 2` or `openids`."""
    status: str
    may_have_reached: bool
    """Whether followers have, or may have, received it."""
    audience: int | None
    """Followers as they were counted before it."""
    addressed: int | None
    sent: int | None
    left_out: int | None
    failed: int | None
    msg_id: int | None
    commit: str
    """Of the campaigns, as the run knew it; empty when it did not."""
    note: str
    links: tuple[str, ...]

    @property
    def at(self) -> str:
        """When it was begun, in China time."""
        return self.moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")

    @property
    def recipients_text(self) -> str:
        """The recipients in the reader's language."""
        return recorded_recipients(self.recipients)


def article_link(told: str) -> str:
    """Return the https address of an article, which WeChat answers as http; empty for another site's."""
    found = _ARTICLE.fullmatch(told)
    return f"https://{found[1]}" if found else ""
