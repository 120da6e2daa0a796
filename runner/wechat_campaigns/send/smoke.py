"""Make three calls that can reach nobody, and compare each answer with the documented one.

No body here could be sent, for three reasons of which each alone is enough: it names recipients that do not
exist, content that does not exist, and a clientmsgid that is too long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wechat_campaigns.core.errors import ApiError, WeChatError
from wechat_campaigns.wechat.endpoints import MASS_GET, MASS_SEND, MASS_SENDALL, WeChatApi

NO_JOB: Final = 1
"""Jobs count from 1000000001 and from 3147483649.

Source: answers that developers reported up to 2026, read 2026-11.
"""
NO_OPENID: Final = "wechat-campaigns-smoke"
"""An openid has 28 characters, and a list at least two of them."""
NO_TAG: Final = 2**31 - 1
"""An account has at most 100 tags, numbered from 100."""
NOTHING: Final[Mapping[str, Any]] = {
    "msgtype": "mpnews",
    "mpnews": {"media_id": "wechat-campaigns-smoke"},
    "send_ignore_reprint": 0,
    "clientmsgid": "wechat-campaigns-smoke-33-bytes-.",
}
"""An article that no draft box holds, with a key of 33 bytes where 32 are the most."""
TO_NO_OPENID: Final = {"touser": [NO_OPENID], **NOTHING}
TO_NO_TAG: Final = {"filter": {"is_to_all": False, "tag_id": NO_TAG}, **NOTHING}


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeCall:
    """One call and the errcodes that the vendor's pages give for it."""

    path: str
    make: Callable[[WeChatApi], object]
    expected: tuple[int, ...]


CALLS: Final = (
    # Source: massmsgget; an answer that a developer with a test account reported, 2026-06.
    SmokeCall(path=MASS_GET, make=lambda api: api.mass_get(NO_JOB), expected=(40059,)),
    # Source: massSend (服务号 only); an answer that a developer with a test account reported, 2026-06.
    SmokeCall(path=MASS_SEND, make=lambda api: api.mass_send(TO_NO_OPENID), expected=(48001,)),
    # Source: sendAll. No page says which of the three faults is looked at first.
    SmokeCall(
        path=MASS_SENDALL,
        make=lambda api: api.mass_sendall(TO_NO_TAG),
        expected=(45067, 40152, 40007, 40008),
    ),
)
"""The read first. Then the call that every test account refuses: an account that answers it in another way is
not one, and `sendall` is not called."""
BUSY: Final = frozenset({-1, 45009, 45011, 268488001})
"""These answers prove nothing: WeChat is busy or does not count further. -1 and 268488001 were also given to
wrong arguments. Source: answers that developers reported up to 2024, read
2026-11."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeAnswer:
    """What became of one call."""

    call: SmokeCall
    errcode: int | None = None
    """0: WeChat accepted it; None: no call was made, or it got no usable answer."""
    errmsg: str = ""
    error: WeChatError | None = None
    """Why there is no usable answer."""
    as_expected: bool = False

    @property
    def is_made(self) -> bool:
        """Whether the call was made at all."""
        return self.errcode is not None or self.error is not None


def smoke(api: WeChatApi) -> tuple[SmokeAnswer, ...]:
    """Make the calls in order; the first answer that is not the expected one is the last call.

    Args:
        api: of a test account, or of an account of the sandbox.

    Returns:
        An answer for each of `CALLS`, also for those that were not made.

    Raises:
        CampaignError: there is no access_token, so no call was made.
    """
    api.mass_ready()
    answers: list[SmokeAnswer] = []
    for call in CALLS:
        stopped = any(not answer.as_expected for answer in answers)
        answers.append(SmokeAnswer(call=call) if stopped else _make(api, call))
    return tuple(answers)


def _make(api: WeChatApi, call: SmokeCall) -> SmokeAnswer:
    try:
        call.make(api)
    except ApiError as error:
        if error.endpoint != call.path:  # about a new access_token, not about this call
            return SmokeAnswer(call=call, error=error)
        # An answer that names a job beside its errcode contradicts itself.
        fits = error.errcode in call.expected and not error.answer.get("msg_id")
        return SmokeAnswer(call=call, errcode=error.errcode, errmsg=error.errmsg, as_expected=fits)
    except WeChatError as error:
        return SmokeAnswer(call=call, error=error)
    return SmokeAnswer(call=call, errcode=0)
