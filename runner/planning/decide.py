"""One send, its window and the ledger's memory of it in, what to do with it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runner.ledger.state import MAY_SEND_AGAIN, LedgerState, SendState, Status
from runner.model import Action, Send
from runner.planning.quota import china_time
from runner.words import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with a send, and why."""

    action: Action
    reason: str
    remedy: str = ""


def decide(send: Send, digest: str, *, appid: str, state: LedgerState, now: datetime) -> Decision:
    """Decide on one send by its window and by what the ledger remembers of it.

    Args:
        send: what to send.
        digest: its `send_digest`.
        appid: of its account.
        state: the folded ledger.
        now: the present moment, aware.
    """
    revisions = state.revisions(appid, send.id)
    unknown = next((known for known in revisions if known.status is Status.OPEN), None)
    if unknown is not None:
        return Decision(
            action=Action.UNKNOWN,
            reason=_("posted {when}, no answer recorded").format(when=china_time(unknown.at)),
        )
    known = state.send(appid, send.id, send.revision)
    if known is not None and known.happened:
        return _already(known, digest)
    newer = max((k.revision for k in revisions if k.happened and k.revision > send.revision), default=None)
    if newer is not None:
        return _conflict(
            _("revision {number} was sent already").format(number=newer),
            _("set revision to {number}, or above to send again").format(number=newer),
        )
    earlier = max((k for k in revisions if k.happened), key=lambda k: k.revision, default=None)
    return (
        _split_conflict(send, appid, state)
        or _list_conflict(send, appid, state)
        or _by_window(send, now, known, earlier)
    )


def list_id(send: Send) -> str:
    """Name what the batches of one openid list have in common."""
    return send.id.rpartition("#")[0]


def _already(known: SendState, digest: str) -> Decision:
    if known.digest and known.digest != digest:
        return _conflict(
            _("edited after it was sent {when}").format(when=china_time(known.at)),
            _("revert the edit, or set revision: {number} to send the new text as well").format(
                number=known.revision + 1
            ),
        )
    done = {
        Status.ACCEPTED: _("accepted {when}, msg_id {msg_id}; delivery not confirmed yet"),
        Status.FAILED: _("WeChat gave it up (msg_id {msg_id}); raise revision to try again"),
        Status.RECALLED: _("sent {when} and recalled"),
        Status.BASELINE: _("sent before this ledger was begun"),
    }
    reason = done.get(known.status, _("sent {when}, msg_id {msg_id}"))
    return Decision(
        action=Action.DONE,
        reason=reason.format(when=china_time(known.at), msg_id=known.msg_id or "?"),
        remedy=_("`campaign status` asks WeChat") if known.status is Status.ACCEPTED else "",
    )


def _split_conflict(send: Send, appid: str, state: LedgerState) -> Decision | None:
    """Look for the campaign's message under the ids it had before `for_each` or openids came or went."""
    others = [s for s in state.split_otherwise(appid, send.id) if s.status not in MAY_SEND_AGAIN]
    known = max(others, key=lambda other: other.revision, default=None)
    if known is None or known.revision < send.revision:
        return None
    return _conflict(
        _("{send} of the same campaign was sent, or may have been, {when}").format(
            send=known.send, when=china_time(known.at)
        ),
        _("take the edit of for_each or openids back, or set revision: {number} to send again").format(
            number=known.revision + 1
        ),
    )


def _list_conflict(send: Send, appid: str, state: LedgerState) -> Decision | None:
    if send.batch is None:
        return None
    begun = state.lists(appid, list_id(send), send.revision)
    if not begun - {send.batch.list_sha256}:
        return None
    return _conflict(
        _("the openid list was edited after a part of it had been sent"),
        _("restore the list; put new openids into a campaign of their own"),
    )


def _by_window(send: Send, now: datetime, known: SendState | None, earlier: SendState | None) -> Decision:
    if send.not_after is not None and now > send.not_after:
        return Decision(
            action=Action.EXPIRED,
            reason=_("its window ended {when}").format(when=china_time(send.not_after)),
            remedy=_("move not_after to send it after all"),
        )
    if send.not_before is not None and now < send.not_before:
        reason = _("its window begins {when}").format(when=china_time(send.not_before))
        return Decision(action=Action.WAIT, reason=reason)
    if known is not None:
        return Decision(action=Action.SEND, reason=_("try again: {why}").format(why=known.why_said))
    if earlier is not None and earlier.status is not Status.FAILED:
        # Who reviews it should know that these followers have had it once.
        said = _("again: revision {number} was sent {when}")
        if earlier.status is Status.BASELINE:  # dated when it was written down
            said = _("again: revision {number} was sent before this ledger was begun")
        said = said.format(number=earlier.revision, when=china_time(earlier.at))
        return Decision(action=Action.SEND, reason=said)
    return Decision(action=Action.SEND, reason=_("new"))


def _conflict(reason: str, remedy: str) -> Decision:
    return Decision(action=Action.CONFLICT, reason=reason, remedy=remedy)
