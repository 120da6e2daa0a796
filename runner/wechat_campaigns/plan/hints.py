"""What a person is told, and told to do, about a send whose call did not simply end."""

from __future__ import annotations

from wechat_campaigns.core.i18n import _


def msg_id_hint(send_id: str) -> str:
    """Say what to do about a send that WeChat took without naming its msg_id."""
    return _("look it up in the console, then `campaign ledger settle '{send}' --sent MSG_ID`").format(
        send=send_id
    )


def not_resent_message(why: str) -> str:
    """Say that an unknown send was left as it is."""
    return _("not repeated: {why}").format(why=why)


def settle_hint(send_id: str) -> str:
    """Say how a person clears up a send that nothing repeats any more."""
    return _(
        "look in the console whether it went out, then `campaign ledger settle '{send}' --sent MSG_ID` or "
        "`--not-sent`"
    ).format(send=send_id)


def foreign_hint(send_id: str) -> str:
    """Say what to do about a send whose key somebody else has used."""
    other = _("if another folder sends from this AppID, give each a `namespace:` of its own in the settings")
    return _("{first}; {then}").format(first=settle_hint(send_id), then=other)


def resend_hint(send_id: str) -> str:
    """Say what to do about an unknown send whose campaign does not say any more what was posted."""
    return _(
        "take the edit back and run apply again; or let the old content go out: "
        "`campaign apply --resend '{send}'`; or look in the console, then `campaign ledger settle '{send}'`"
    ).format(send=send_id)


def apply_again_hint(seconds: int) -> str:
    """Say how an unknown send is cleared up."""
    return _(
        "run apply again in {seconds} s: it repeats with the same clientmsgid, which cannot send twice"
    ).format(seconds=seconds)
