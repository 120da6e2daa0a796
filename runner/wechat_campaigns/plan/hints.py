"""What a person is told, and told to do, about a send whose call did not simply end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import list_id, quoted
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.records import answer_text, existing_job_id, job_id, reason_text, wechat_answer
from wechat_campaigns.plan.quota import china_time
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.protocol.state import Fate, SendState

START_AGAIN: Final = N_("run `campaign plan` to see what would be sent now, then `campaign apply` again")
"""Of a run whose ground moved after it began."""


def _of_send(hint: str) -> Callable[[str, str], str]:
    """Make a hint that takes the id of a send and the `env_option` of its environment."""
    return lambda send_id, env: _(hint).format(send=quoted(send_id), env=env)


msg_id_hint = _of_send(
    N_(
        "find it in the WeChat console, then run `campaign ledger settle {send}{env} --sent MSG_ID "
        "--reason REASON`"
    )
)
"""Of a send that WeChat took without naming its msg_id."""
settle_hint = _of_send(
    N_(
        "check in the WeChat console whether it was sent, then run `campaign ledger settle "
        "{send}{env} --reason REASON` with `--sent MSG_ID` or `--not-sent`"
    )
)
"""Of a send that nothing repeats any more."""
edited_draft_hint = _of_send(
    N_(
        "revert the edit in the WeChat console and run `campaign apply{env}` again; or check in the WeChat "
        "console whether it was sent, then run `campaign ledger settle {send}{env} --reason REASON` with "
        "`--sent MSG_ID` or `--not-sent`"
    )
)
"""Of an unknown send whose draft was edited since."""
resend_hint = _of_send(
    N_(
        "revert the edit and run `campaign apply{env}` again; or send the old content: `campaign apply "
        "--resend {send}{env}`; or check the WeChat console, then run `campaign ledger settle "
        "{send}{env} --reason REASON` with `--sent MSG_ID` or `--not-sent`"
    )
)
"""Of an unknown send whose campaign does not say any more what was posted."""


def foreign_hint(send_id: str, env: str, msg_id: int | None = None) -> str:
    """Return how a send is settled whose key a job has that this ledger did not record.

    Args:
        msg_id: of that job, as WeChat named it.
    """
    hint = _(
        "check in the WeChat console whether it was sent; if so, run `campaign ledger settle {send}{env} "
        "--sent {msg_id} --reason REASON`, otherwise the same with `--not-sent`; if another folder sends "
        "from this AppID, set a different `namespace:` in the settings of each folder"
    )
    return hint.format(send=send_id, env=env, msg_id=msg_id or "MSG_ID")


def edited_by_hand_hint(media_id: str) -> str:
    """Return how the edit of a draft that this program made is sent."""
    return _(
        "copy the edit into the campaign and delete the draft in the WeChat console, so that "
        "the next run makes a new one; or send it as it is: `content: {{media_id: {media_id}}}`"
    ).format(media_id=media_id)


def apply_again_hint(seconds: int, env: str) -> str:
    """Return how an unknown send is cleared up; `env` is the `apply_option` of the environment."""
    return _(
        "run `campaign apply{env}` again in {seconds} s: it resends with the same clientmsgid, so "
        "WeChat sends it only once"
    ).format(seconds=seconds, env=env)


def not_resent_message(why: str) -> str:
    """Return why an unknown send is left as it is."""
    return _("not resent: {why}").format(why=why)


HELD_SINCE: Final = N_("its account was put on hold or released after this run began")


def explain(decision: Decision, facts: DecisionInput, environment: Environment) -> tuple[str, str]:
    """Word the reason of a decision, and what to do about it; empty where nothing is to be done.

    Args:
        environment: of the commands of a hint.
    """
    is_unknown = decision.action in (Action.RESEND, Action.UNKNOWN)
    if decision.reason is Reason.CLOCK_SKEW:
        return _clock_skew(facts.clock_skew)
    if decision.reason is Reason.HELD_SINCE:
        return not_resent_message(_(HELD_SINCE)) if is_unknown else _(HELD_SINCE), _(START_AGAIN)
    if is_unknown:
        return _unknown(decision, facts, environment)
    words = _conflict if decision.action is Action.CONFLICT else _pending_or_sent
    return words(decision, facts)


def _at(known: SendState | None, facts: DecisionInput) -> str:
    return china_time(known.at, facts.now) if known is not None else _("at an unknown time")


def _pending_or_sent(decision: Decision, facts: DecisionInput) -> tuple[str, str]:
    known = decision.send_state
    match decision.reason:
        case Reason.SENT:
            return _sent(known, facts)
        case Reason.REJECTED_BEFORE:
            return _("repeats a failed attempt: {why}").format(
                why=reason_text(known) if known is not None else ""
            ), ""
        case Reason.WINDOW_NOT_OPEN if facts.not_before is not None:
            starts = china_time(facts.not_before, facts.now)
            return _("its send window starts {when}").format(when=starts), ""
        case Reason.WINDOW_ENDED if facts.not_after is not None:
            ended = china_time(facts.not_after, facts.now)
            return _("its send window ended {when}").format(when=ended), _(
                "set a later `not_after` to send it anyway, or `ready: false`, or remove the file"
            )
    if known is None or known.fate is Fate.DELIVERY_FAILED:
        return _("new"), ""
    # Who reviews it should know that these followers have had it once.
    message = _("sent again on purpose: revision {number} was sent {when}")
    if known.fate is Fate.BASELINE:  # dated when it was written down
        message = _("sent again on purpose: revision {number} was sent before this ledger was initialized")
    return message.format(number=known.revision, when=_at(known, facts)), ""


def _sent(known: SendState | None, facts: DecisionInput) -> tuple[str, str]:
    status = known.fate if known is not None else Fate.SENT
    done = {
        Fate.ACCEPTED: _("accepted by WeChat {when}, msg_id {msg_id}; delivery is not confirmed yet"),
        Fate.DELIVERY_FAILED: _("delivery failed (msg_id {msg_id}); raise `revision` to send it again"),
        Fate.RECALLED: _("sent {when} and recalled"),
        Fate.BASELINE: _("sent before this ledger was initialized"),
    }
    reason = done.get(status, _("sent {when}, msg_id {msg_id}"))
    return (
        reason.format(when=_at(known, facts), msg_id=(job_id(known) if known is not None else None) or "?"),
        _("run `campaign status` to query WeChat") if status is Fate.ACCEPTED else "",
    )


def _conflict(decision: Decision, facts: DecisionInput) -> tuple[str, str]:
    known = decision.send_state
    name, number = (known.send, known.revision) if known is not None else ("?", 0)
    entry = SendId.parse(facts.id).entry
    key = f"for_each.{entry}.revision" if entry else "revision"
    match decision.reason:
        case Reason.EDITED:
            reason = _("edited after it was sent {when}")
            hint = _("revert the edit, or set `{key}: {number}` to send the new version as well")
            number += 1
        case Reason.NEWER_REVISION:
            reason = _("revision {number} was already sent")
            hint = _("set `{key}` to {number}, or higher to send it again")
        case Reason.SPLIT:
            reason = _("{send}, another part of this campaign, was sent or may have been sent {when}")
            hint = _("revert the edit of `for_each` or `openids`, or set `revision: {number}` to send again")
            number += 1
        case Reason.LIST_EDITED:
            reason = _("the openid list was edited after part of it had been sent")
            hint = _("restore the list; put new openids into a separate campaign")
        case _:
            reason = _(
                "the same content was sent {when} as {send}, to the same recipients or to some of them, and "
                "that campaign is gone or has other content now"
            )
            name = list_id(name)
            hint = _(
                "if the file was renamed or moved, write `formerly: [{send}]` or, where that id is in use "
                "again, run `campaign ledger baseline`; otherwise change the content"
            )
    return (
        reason.format(send=name, when=_at(known, facts), number=number),
        hint.format(send=name, number=number, key=key),
    )


_FOR_A_PERSON: Final = {
    Reason.FORGED: N_("an event of this send was not written with this AppSecret, or is a copy"),
    Reason.TWO_IDS: N_("it may have been sent under two ids, and WeChat detects a repeat only under one"),
}


def _unknown(decision: Decision, facts: DecisionInput, environment: Environment) -> tuple[str, str]:
    known, env = decision.send_state, environment.env_option
    when, name = _at(known, facts), known.send if known is not None else facts.id
    answer = answer_text(known)
    match decision.reason:
        case Reason.RESPONSE_PENDING:
            since = (known.open_since if known is not None else None) or facts.now
            wait = since + facts.resend_after - facts.now
            reason = _("posted {when}, the response may still arrive").format(when=when)
            if known is not None and wechat_answer(known) is not None:
                reason = _("posted {when}, {answer}").format(when=when, answer=answer)
            return reason, apply_again_hint(ceil(wait.total_seconds()) + 1, environment.apply_option)
        case Reason.TOO_LATE_TO_RESEND:
            reason = _("posted {when}, {answer}; too old to resend safely")
            return reason.format(when=when, answer=answer), settle_hint(name, env)
        case Reason.CONTENT_CHANGED:
            reason = _("posted {when} with different content, {answer}")
            return reason.format(when=when, answer=answer), resend_hint(name, env)
        case Reason.KEY_USED:
            reason = _(
                "{answer}; another ledger or program created it, or a call that was settled as not sent"
            )
            msg_id = existing_job_id(known) if known is not None else None
            return reason.format(answer=answer), foreign_hint(name, env, msg_id)
        case Reason.FORGED | Reason.TWO_IDS:
            return _(_FOR_A_PERSON[decision.reason]), settle_hint(name, env)
        case Reason.WINDOW_ENDED if known is not None and known.intent is not None:
            ended = china_time(datetime.fromisoformat(known.data["not_after"]), facts.now)
            return _("its send window ended {when}, so it is not resent").format(when=ended), settle_hint(
                name, env
            )
    return _("posted {when}, {answer}").format(when=when, answer=answer), ""


def _clock_skew(error: timedelta) -> tuple[str, str]:
    """Word how far this machine's clock is from WeChat's, and what to do."""
    message = _("the clock of this machine and WeChat's differ by {minutes} minutes, so nothing is sent")
    hint = _("set the clock of this machine with NTP, then run the same command again")
    return message.format(minutes=max(1, int(abs(error).total_seconds() // 60))), hint
