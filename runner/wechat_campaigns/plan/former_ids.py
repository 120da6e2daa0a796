"""A pending send and the ledger in, a warning for each former id out that the ledger does not know."""

from __future__ import annotations

from wechat_campaigns.core.errors import Diagnostic
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.protocol.events import EMPTY
from wechat_campaigns.protocol.keys import SendId, normalize_id


def former_id_warnings(send: Send, appid: str, state: LedgerState) -> tuple[Diagnostic, ...]:
    """Warn of a former id that nothing was sent under: with a typing error in it, the send is a second one.

    Args:
        state: the folded ledger; one without a past of the account knows no id.
    """
    if state.stream(appid).head == EMPTY:
        return ()
    return tuple(
        Diagnostic(
            location=send.location,
            path="$.formerly",
            rule="formerly-unknown",
            message=_("the ledger has no send `{id}`, so this former id has no effect").format(id=name),
            hint=_("correct the id; remove it if nothing was sent under it"),
            level="warning",
        )
        for name in send.formerly
        if not _is_known(name, send, appid, state)
    )


def _is_known(name: str, send: Send, appid: str, state: LedgerState) -> bool:
    former = SendId.parse(state.ledger_id(name))
    sent = state.stream(appid).of_campaign(former.campaign)
    # An id of the campaign stands for the same entry: a new entry has no former one.
    if former.entry is None or normalize_id(former.entry) == normalize_id(SendId.parse(send.id).entry or ""):
        return bool(sent)
    return any(normalize_id(SendId.parse(one.id).entry or "") == normalize_id(former.entry) for one in sent)
