"""Rendered sends in, what WeChat says of each account that has something to send out.

Reads through the ports given; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wechat_campaigns.core.errors import CampaignError, PolicyError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.interfaces import Clock
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import map_in_threads
from wechat_campaigns.plan.decision import OPEN, DecisionContext, decide, ended_recently
from wechat_campaigns.plan.resolve import RemoteFacts, fetch_remote_facts
from wechat_campaigns.plan.stored_intent import stored_resend
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

MAX_PARALLEL_ACCOUNTS = 16
"""Accounts that are asked at a time."""


def refresh(
    sends: Iterable[Send],
    context: DecisionContext,
    *,
    connect: Callable[[Account], ReadOnlyApi],
    clock: Clock,
) -> dict[str, RemoteFacts]:
    """Ask WeChat what a plan needs, once for each account that has something to send.

    Returns:
        By account name; of an account that could not be asked, the error, so that the others go on.

    Raises:
        PolicyError: these settings or this address may receive no secret, of whichever account.
    """
    concerned: dict[str, list[Send]] = {}
    again: dict[str, list[Send]] = {}
    for send in sends:
        decided = decide(send, context.content_digest(send), context)
        if (stored := stored_resend(decided, send)) is not None:
            again.setdefault(send.account, []).append(stored)
        elif decided.action in OPEN or (
            # Only a wrong clock may say that the window ended: the answers tell the time.
            decided.action is PlanAction.EXPIRED and ended_recently(send, context.now)
        ):
            concerned.setdefault(send.account, []).append(send)
    accounts, state = context.settings.environment.accounts, context.state
    names = sorted(concerned.keys() | again.keys())

    def asked(name: str) -> RemoteFacts:
        appid, mine = accounts[name].appid, concerned.get(name, ())
        made = (state.drafts.get(state.key(appid, send.id, send.revision)) for send in mine)
        try:
            return fetch_remote_facts(
                mine,
                connect(accounts[name]),
                clock,
                again=again.get(name, ()),
                made_drafts=[record.media_id for record in made if record is not None],
            )
        except PolicyError:
            raise
        except CampaignError as error:
            error.add_context(_("account {name}").format(name=name))
            return RemoteFacts(offline=True, error=error)

    return dict(zip(names, map_in_threads(asked, names, MAX_PARALLEL_ACCOUNTS), strict=True))
