"""What a person is told, and told to do, about a send whose call did not simply end."""

from __future__ import annotations

from wechat_campaigns.core.i18n import _


def msg_id_hint(send_id: str) -> str:
    """Say what to do about a send that WeChat took without naming its msg_id."""
    return _(
        "find it in the WeChat console, then run `campaign ledger settle '{send}' --sent MSG_ID`"
    ).format(send=send_id)


def not_resent_message(why: str) -> str:
    """Say that an unknown send was left as it is."""
    return _("not resent: {why}").format(why=why)


def settle_hint(send_id: str) -> str:
    """Say how a person clears up a send that nothing repeats any more."""
    return _(
        "check in the WeChat console whether it was sent, then run `campaign ledger settle "
        "'{send}' --sent MSG_ID` or `--not-sent`"
    ).format(send=send_id)


def foreign_hint(send_id: str) -> str:
    """Say what to do about a send whose key somebody else has used."""
    return _(
        "check in the WeChat console whether it was sent, then run `campaign ledger settle '{send}' --sent "
        "MSG_ID` or `--not-sent`; if another folder sends from this AppID, set a different `namespace:` in "
        "the settings of each folder"
    ).format(send=send_id)


def edited_draft_hint(send_id: str) -> str:
    """Say what to do about an unknown send whose draft was edited since."""
    return _(
        "revert the edit in the WeChat console and run `campaign apply` again; or check in the WeChat "
        "console whether it was sent, then run `campaign ledger settle '{send}' --sent MSG_ID` or "
        "`--not-sent`"
    ).format(send=send_id)


def resend_hint(send_id: str) -> str:
    """Say what to do about an unknown send whose campaign does not say any more what was posted."""
    return _(
        "revert the edit and run `campaign apply` again; or send the old content: `campaign apply "
        "--resend '{send}'`; or check the WeChat console, then run `campaign ledger settle "
        "'{send}'`"
    ).format(send=send_id)


def apply_again_hint(seconds: int) -> str:
    """Say how an unknown send is cleared up."""
    return _(
        "run `campaign apply` again in {seconds} s: it resends with the same clientmsgid, so "
        "WeChat sends it only once"
    ).format(seconds=seconds)
