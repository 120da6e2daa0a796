"""What a person is told, and told to do, about a send whose call did not simply end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.names import quoted

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
    """Say that an unknown send was left as it is."""
    return _("not resent: {why}").format(why=why)
