"""Keep what a message is known by when its file moves, and warn of one that was renamed and edited at once.

The same content under another id is the protocol's to find. Edited content is another message by every
digest, so only its words show that it is perhaps the one that followers have had.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.digest import canonical, hashes, sample
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Send, compute_message_digest, filter_form
from wechat_campaigns.core.names import list_id
from wechat_campaigns.ledger.records import may_have_reached
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.plan import PENDING, PlannedSend
from wechat_campaigns.plan.policy.content import words
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.plan.warnings import warning
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.keys import Message, SendId, normalize_id
from wechat_campaigns.protocol.state import SendState

OPENIDS = 256
"""Of each batch: a list that shares one openid in fifty is found in all but one case of 175."""
WORDS = 64
ALIKE = 2 / 3
ALIKE_UNDER_ONE_NAME = 1 / 2
"""How much of its words and pairs of words is in the new text; less where the file kept its name."""

_OPENIDS = b"openids"
_Past = dict[tuple[str, bytes], list[SendState]]
"""By AppID and recipients: what was sent lately, and what its intent or baseline keeps."""


def identity(send: Send, content_digest: str) -> dict[str, Any]:
    """Return what an intent or a baseline keeps of a message to know it by, without an openid."""
    digest, seen = compute_message_digest(send), words(send.content.visible)
    kept: dict[str, Any] = {
        "send": send.id,
        "revision": send.revision,
        "content_digest": content_digest,
        "message_digest": digest,
        "words_sample": sample(seen, send.msgtype, WORDS),
        "filter": filter_form(send),
    }
    if send.formerly:
        kept["formerly"] = list(send.formerly)
    if send.batch is not None:
        kept |= {"batch": send.batch.index, "list_sha256": send.batch.list_sha256}
        kept["openids_sample"] = sample(send.filter.openids, digest, OPENIDS)
    return kept


def with_rename_warnings(sends: Sequence[PlannedSend], context: DecisionContext) -> list[PlannedSend]:
    """Warn of each new send that reads like one to the same recipients whose campaign is gone.

    Only within the days of `duplicate_content_days`: a folder whose old files are deleted stays quiet.
    """
    state, lately = context.state, timedelta(days=context.settings.policy.duplicate_content_days)
    renamed = {(one.account.appid, normalize_id(name)) for one in sends for name in one.send.formerly}
    past: _Past = {}
    for record in state.sends:
        is_lately = may_have_reached(record) and context.now - record.at < lately
        if is_lately and (record.appid, normalize_id(record.send)) not in renamed:
            past.setdefault((record.appid, _recipients(record.data.get("filter"))), []).append(record)
    return [one.with_warnings([*_warning(one, past, context)]) for one in sends]


def _warning(planned: PlannedSend, past: _Past, context: DecisionContext) -> Iterator[Diagnostic]:
    send, appid, state = planned.send, planned.account.appid, context.state
    is_new = planned.action in PENDING and planned.decision.code is not Reason.REVISION_RAISED
    if not past or not is_new or (send.batch is not None and send.batch.index > 1):
        return
    records = past.get((appid, _OPENIDS if send.filter.openids else canonical(filter_form(send))))
    if not records:
        return
    seen = hashes(words(send.content.visible), send.msgtype)
    mine = state.stream(appid).aliases(send.id)
    for record in sorted(records, key=lambda one: one.at, reverse=True):
        name = normalize_id(record.send)
        message = Message(appid, name, record.revision, record.content_digest)
        if name not in mine and _reads_like(record, seen, send) and not context.is_kept(message):
            what = _(
                "{send} was sent with nearly the same text {when}, to the same recipients or another list, "
                "and its campaign is gone or has other content now"
            )
            former = list_id(record.send)
            what = what.format(send=former, when=china_time(record.at, context.now))
            hint = _("if it is this message, renamed and edited, write `formerly: [{send}]`")
            yield warning(send, "perhaps-renamed", what, hint.format(send=former), path="$")
            return


def _recipients(form: Any) -> bytes:
    """Return recipients as they are written, all lists of openids alike: a renamed one may have grown."""
    return _OPENIDS if isinstance(form, dict) and "openids" in form else canonical(form)


def _reads_like(record: SendState, seen: frozenset[str], send: Send) -> bool:
    kept = str(record.data.get("words_sample", "")).split()
    least = ALIKE_UNDER_ONE_NAME if _file_name(record.send) == _file_name(send.id) else ALIKE
    return bool(kept) and len(seen.intersection(kept)) / len(kept) >= least


def _file_name(send_id: str) -> str:
    return normalize_id(SendId.parse(send_id).campaign).rpartition("/")[2]
