"""What a person is told, and told to do, about a send whose call did not simply end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import list_id, quoted
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.account import AccountState
from wechat_campaigns.ledger.approvals import withdrawal_of
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import (
    SeenByHand,
    answer_text,
    existing_job_id,
    job_id,
    reason_text,
    wechat_answer,
)
from wechat_campaigns.plan.quota import CHINA, china_time
from wechat_campaigns.protocol.decide import Action, Decision, DecisionInput, Reason
from wechat_campaigns.protocol.keys import SendId
from wechat_campaigns.protocol.state import Fate, SendState, Status

START_AGAIN: Final = N_("run `campaign plan` to see what would be sent now, then `campaign apply` again")
"""Of a run whose ground moved after it began."""


def first_of(texts: Sequence[str], most: int, *, separator: str = N_(", ")) -> str:
    """List the first texts, and how many more there are: `row 3, row 12 and 4 more`."""
    listed, more = _(separator).join(texts[:most]), len(texts) - most
    return _("{listed} and {count} more").format(listed=listed, count=more) if more > 0 else listed


def on_hold(name: str, reason: str, env: str) -> tuple[str, str]:
    """Return that an account is on hold by its ledger, and how that ends."""
    return (
        _("account {name} is on hold: {why}").format(name=name, why=reason or _("no reason was given")),
        _("run `campaign unhold {name}{env} --reason REASON` to lift the hold").format(name=name, env=env),
    )


def holds_of(environment: Environment, state: LedgerState, now: datetime) -> dict[str, tuple[str, str]]:
    """Return, by AppID, what `on_hold` writes of each account that was read and is on hold by its ledger."""
    accounts, env = environment.accounts.values(), environment.env_option
    read = [one for one in accounts if state.read is None or one.appid in state.read]
    found = ((one, state.stream(one.appid).hold_reason(now)) for one in read)
    return {one.appid: on_hold(one.name, reason, env) for one, reason in found if reason is not None}


def msg_id_hint(send_id: str, env: str) -> str:
    """Return how a send is settled that WeChat took without naming its msg_id.

    Args:
        env: the `env_option` of its environment.
    """
    hint = _(
        "find it in the WeChat console, then run `campaign ledger settle {send}{env} --sent MSG_ID "
        "--reason REASON`"
    )
    return hint.format(send=quoted(send_id), env=env)


def settle_hint(send_id: str, env: str, instead: str = "", *, sent: str = "--sent MSG_ID") -> str:
    """Return how a send is settled, as `sent` or not; `instead` is what would spare that."""
    hint = _(
        "check in the WeChat console whether it was sent, then run `campaign ledger settle "
        "{send}{env} --reason REASON` with `{sent}` or `--not-sent`"
    )
    settle = hint.format(send=quoted(send_id), env=env, sent=sent)
    return _("{instead}; or {settle}").format(instead=instead, settle=settle) if instead else settle


def seen_text(seen: SeenByHand, known: SendState) -> str:
    """Write what the console shows of a send by hand; empty where nothing differs."""
    edited = _("its draft was edited in the WeChat console after it was handed over")
    figures = _("the figures have an article with its title, sent on {day} (msg_data_id {number})")
    job = _("WeChat reported a mass message that the ledger did not send (msg_id {number})")
    since = ""
    if seen.missing_since:
        since = f"{datetime.fromisoformat(seen.missing_since).astimezone(CHINA):%Y-%m-%d %H:%M}"
    gone, missing = _("its draft was not found at {when} and later"), _("its draft was not found at {when}")
    found = [gone.format(when=since)] if seen.is_gone else []
    found += [figures.format(day=day, number=number) for number, day in seen.published]
    found += [job.format(number=number) for number in seen.jobs]
    sent = _("perhaps sent: {evidence}").format(evidence=_(", ").join(found)) if found else ""
    other = missing.format(when=since) if since and not seen.is_gone else ""
    if seen.used_by:
        other = _("its draft was used by {send}").format(send=seen.used_by)
    return _("; ").join(filter(None, [sent, other, edited if seen.is_edited(known) else ""]))


class Stop(NamedTuple):
    """Why a person must not send a draft in hand, and what to do with it."""

    code: str = ""
    """`withdrawn` or `hold`; empty while the draft may be sent."""
    note: str = ""
    hint: str = ""


def what_stops(account: AccountState, known: SendState, now: datetime, env: str) -> Stop:
    """Return what keeps a person from sending what was handed over.

    Args:
        env: the `env_option` of the environment.
    """
    if known.fate is not Fate.HANDED_OVER or known.origin is None:
        return Stop()
    title = next(iter(known.data.get("titles", ())), "")
    settle = f"campaign ledger settle {quoted(known.send)}{env} --not-sent --reason REASON"
    ends = filter(None, (withdrawal_of(account, known.send), account.withdrawals.get("")))
    if any(one.seq > known.origin.seq for one in ends):
        note = _("withdrawn: do not send the draft {title} in the WeChat console").format(title=title)
        hint = _("delete the draft in the WeChat console, then run `{command}`").format(command=settle)
        return Stop("withdrawn", note, hint)
    if (why := account.hold_reason(now)) is not None:
        note = _("on hold ({why}): do not send the draft {title} in the WeChat console")
        hint = _("wait until the hold has ended; or delete the draft, then run `{command}`")
        note = note.format(why=why or _("no reason was given"), title=title)
        return Stop("hold", note, hint.format(command=settle))
    return Stop()


def edited_draft_hint(send_id: str, env: str) -> str:
    """Return what to do about an unknown send whose draft was edited since."""
    instead = _("revert the edit in the WeChat console and run `campaign apply{env}` again")
    return settle_hint(send_id, env, instead.format(env=env))


def resend_hint(send_id: str, env: str) -> str:
    """Return what to do about an unknown send whose campaign does not say any more what was posted."""
    instead = _(
        "revert the edit and run `campaign apply{env}` again; or send the old content: `campaign apply "
        "--resend {send}{env}`"
    )
    return settle_hint(send_id, env, instead.format(send=quoted(send_id), env=env))


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
    return hint.format(send=quoted(send_id), env=env, msg_id=msg_id or "MSG_ID")


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
    ).format(seconds=max(seconds, 1), env=env)


def not_resent_message(why: str) -> str:
    """Return why an unknown send is left as it is."""
    return _("not resent: {why}").format(why=why)


ACCOUNT_LEFT: Final = N_("add the account to the environment again, then run `campaign apply`")
"""Of an unknown send that no run of these settings can resolve or settle."""
HELD_SINCE: Final = N_("its account was put on hold or released after this run began")


def explain(
    decision: Decision, facts: DecisionInput, environment: Environment, *, for_account: bool = False
) -> tuple[str, str]:
    """Word the reason of a decision, and what to do about it; empty where nothing is to be done.

    Args:
        environment: of the commands of a hint.
        for_account: as in `Send`; the entries of such a campaign have no revision of their own.
    """
    known, reason = decision.send_state, decision.reason
    is_unknown = decision.action in (Action.RESEND, Action.UNKNOWN)
    if reason is Reason.CLOCK_SKEW:
        return _clock_skew(facts.clock_skew)
    if reason is Reason.HELD_SINCE:
        return not_resent_message(_(HELD_SINCE)) if is_unknown else _(HELD_SINCE), _(START_AGAIN)
    if known is None:
        return _pending(reason, facts)
    when = china_time(known.at, facts.now)
    if is_unknown:
        return _unknown(known, reason, facts, environment, when)
    if decision.action is Action.CONFLICT:
        return _conflict(known, reason, facts, when, for_account=for_account, env=environment.env_option)
    if decision.action is Action.SENT:
        return _sent(known, when)
    if reason is Reason.REJECTED_BEFORE:
        return _("repeats a failed attempt: {why}").format(why=reason_text(known)), ""
    if known.fate is Fate.DELIVERY_FAILED:
        return _("new"), ""
    # Who reviews it should know that these followers have had it once.
    message = _("sent again on purpose: revision {number} was sent {when}")
    if known.fate is Fate.BASELINE:
        message = _("sent again on purpose: a person recorded {when} that revision {number} was sent")
    return message.format(number=known.revision, when=when), ""


def draft_taken_by(send_id: str) -> tuple[str, str]:
    """Return why a send conflicts whose draft another one of the plan sends, and what to do."""
    reason = _("{send} of this plan sends the same draft, and a draft is sent once").format(send=send_id)
    return reason, _("use another draft, or delete one of the two campaigns")


def _pending(reason: Reason, facts: DecisionInput) -> tuple[str, str]:
    match reason:
        case Reason.WINDOW_NOT_OPEN if facts.not_before is not None:
            starts = china_time(facts.not_before, facts.now)
            return _("its send window starts {when}").format(when=starts), ""
        case Reason.WINDOW_ENDED if facts.not_after is not None:
            ended = china_time(facts.not_after, facts.now)
            return _("its send window ended {when}").format(when=ended), _(
                "set a later `not_after` to send it anyway, or `ready: false`, or remove the file"
            )
    return _("new"), ""


def _sent(known: SendState, when: str) -> tuple[str, str]:
    done = {
        Fate.ACCEPTED: _("accepted by WeChat {when}, msg_id {msg_id}; delivery is not confirmed yet"),
        Fate.DELIVERY_FAILED: _("delivery failed (msg_id {msg_id}); raise `revision` to send it again"),
        Fate.RECALLED: _("sent {when} and recalled"),
        Fate.BASELINE: _("sent before: a person recorded it {when}"),
    }
    sent = _("sent {when}, msg_id {msg_id}") if job_id(known) else _("sent {when}")
    reason = done.get(known.fate, sent)
    hint = _("run `campaign status` to query WeChat") if known.fate is Fate.ACCEPTED else ""
    hint = recalled_hint() if known.fate is Fate.RECALLED else hint
    return reason.format(when=when, msg_id=job_id(known) or "?"), hint


def recalled_hint(key: str = "revision") -> str:
    """Return what to do after a recall."""
    return _("correct it, then raise `{key}` by 1 to send it again").format(key=key)


def _conflict(
    known: SendState, code: Reason, facts: DecisionInput, when: str, *, for_account: bool, env: str
) -> tuple[str, str]:
    name, number = known.send, known.revision
    entry = SendId.parse(facts.id).entry if not for_account else None
    key = f"for_each.{entry}.revision" if entry else "revision"
    match code:
        case Reason.EDITED if known.fate is Fate.RECALLED:
            reason, hint = _("sent {when} and recalled"), recalled_hint(key)
        case Reason.EDITED:
            reason = _("edited after it was sent {when}")
            hint = _(
                "revert the edit, or set `{key}: {number}` to send the new version as well; rename the file "
                "if another campaign was sent under this id"
            )
            number += 1
        case Reason.NEWER_REVISION:
            reason = _("revision {number} was already sent")
            hint = _("set `{key}` to {number}, or higher to send it again")
        case Reason.SPLIT:
            reason = _("{send}, another part of this campaign, was sent or may have been sent {when}")
            hint = _("revert the edit of `for_each` or `openids`, or set `revision: {number}` to send again")
            if for_account and known.status is not Status.ACCEPTED:
                return reason.format(send=name, when=when), settle_hint(name, env)
            if for_account and SendId.parse(name).entry is not None:
                hint = _(
                    "give the account its old name back in the settings, or revert the edit of `for_each`; "
                    "or set `revision: {number}` to send again"
                )
            number += 1
        case Reason.DRAFT_TAKEN:
            return _draft_taken(known, when, env)
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
    hint = hint.format(send=quoted(name), number=number, key=key)
    return reason.format(send=name, when=when, number=number), hint


def _draft_taken(known: SendState, when: str, env: str) -> tuple[str, str]:
    reason, another = (
        _("its draft was posted {when} by {send} and may have been sent"),
        _("use another draft"),
    )
    if known.status is Status.ACCEPTED:
        reason = _("its draft was handed over {when} for {send}, and a person sent it")
        return reason.format(when=when, send=known.send), another
    if known.is_by_hand:
        reason = _("its draft was handed over {when} for {send}: only a person sends it")
    return reason.format(when=when, send=known.send), settle_hint(
        known.send, env, another, sent="--sent" if known.is_by_hand else "--sent MSG_ID"
    )


_FOR_A_PERSON: Final = {
    Reason.FORGED: N_(
        "an event of this send was not written with this AppSecret or ledger_key, or is a copy"
    ),
    Reason.BY_HAND: N_("it may have been sent, and is not resent while its campaign says `send: by_hand`"),
    Reason.TWO_IDS: N_("it may have been sent under two ids, and WeChat detects a repeat only under one"),
}


def _unknown(
    known: SendState, code: Reason, facts: DecisionInput, environment: Environment, when: str
) -> tuple[str, str]:
    name, env, answer = known.send, environment.env_option, answer_text(known)
    if words := _FOR_A_PERSON.get(code):
        return _(words), settle_hint(name, env)
    match code:
        case Reason.HANDED_OVER:
            return _("handed over {when}: a person sends it in the WeChat console").format(when=when), ""
        case Reason.EDITED:
            instead = _("revert the edit; for the new text, delete the draft in the WeChat console")
            reason = _("edited after it was handed over {when}")
            return reason.format(when=when), settle_hint(name, env, instead, sent="--sent")
        case Reason.RESPONSE_PENDING:
            wait = (known.open_since or facts.now) + facts.resend_after - facts.now
            reason = _("posted {when}, the response may still arrive").format(when=when)
            if wechat_answer(known) is not None:
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
            return reason.format(answer=answer), foreign_hint(name, env, existing_job_id(known))
        case Reason.WINDOW_ENDED:
            ended = china_time(datetime.fromisoformat(known.data["not_after"]), facts.now)
            reason = _("its send window ended {when}, so it is not resent")
            return reason.format(when=ended), settle_hint(name, env)
    return _("posted {when}, {answer}").format(when=when, answer=answer), ""


def _clock_skew(error: timedelta) -> tuple[str, str]:
    """Word how far this machine's clock is from WeChat's, and what to do."""
    message = _("the clock of this machine and WeChat's differ by {minutes} minutes, so nothing is sent")
    hint = _("set the clock of this machine with NTP, then run the same command again")
    return message.format(minutes=max(1, int(abs(error).total_seconds() // 60))), hint
