"""Find for how many followers earlier sends to the same recipients were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wechat_campaigns.core.model import PastAudience
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.quota import recipients

PastAudiences = Mapping[tuple[str, str], PastAudience]
"""By AppID and recipients, see `quota.recipients`."""


def past_audiences(state: LedgerState) -> PastAudiences:
    """Take the newest count of each recipients from the ledger."""
    newest: dict[tuple[str, str], PastAudience] = {}
    for record in state.sends.values():
        key = record.appid, record.recipients
        if record.audience is not None and (key not in newest or record.at > newest[key].at):
            newest[key] = PastAudience(record.audience, record.at)
    return newest


def with_past_audience(planned: PlannedSend, past: PastAudiences) -> PlannedSend:
    """Add the count of earlier sends to a send whose audience WeChat was not asked for."""
    last = past.get((planned.account.appid, recipients(planned.send.filter)))
    audience = planned.resolved.audience
    if last is None or audience.source != "unknown offline":
        return planned
    return replace(planned, resolved=replace(planned.resolved, audience=replace(audience, last=last)))
