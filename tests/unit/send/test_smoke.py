"""Answers that no sandbox gives: a job for a call that cannot be one, or a rejection that names a job."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import ScriptedApi, api_error, make_account
from wechat_campaigns.core.errors import ApiError, ExitCode
from wechat_campaigns.core.settings import AccountKind
from wechat_campaigns.report.doctor import smoke_data, smoke_exit_code, smoke_text
from wechat_campaigns.report.text import TextOptions
from wechat_campaigns.send.smoke import BUSY, CALLS, NOTHING, smoke
from wechat_campaigns.wechat.endpoints import MASS_GET, MASS_SEND

MISSING, FORBIDDEN = api_error(40059, MASS_GET), api_error(48001, MASS_SEND)
ACCEPTED = {"errcode": 0, "errmsg": "send job submission success", "msg_id": 3147483649}


@pytest.mark.parametrize(
    ("answers", "errcodes", "said"),
    [
        ({"mass_get": {"msg_id": 1, "msg_status": "SEND_SUCCESS"}}, [0, None, None], "accepted the call"),
        ({"mass_send": ACCEPTED}, [40059, 0, None], "check `kind`"),
        ({"mass_send": api_error(48001, MASS_SEND, msg_id=5)}, [40059, 48001, None], "check `kind`"),
        ({"mass_sendall": ACCEPTED}, [40059, 48001, 0], "differs from its documentation"),
        ({"mass_sendall": api_error(45067)}, [40059, 48001, 45067], "3 ok"),
    ],
    ids=["a job 1", "openids are accepted", "48001 with a job", "a send is accepted", "the key is too long"],
)
def test_an_odd_answer_ends_the_run(answers: dict[str, Any], errcodes: list[int | None], said: str) -> None:
    """Each call is made once at most, and none after an answer that was not expected."""
    script = {"mass_get": MISSING, "mass_send": FORBIDDEN, "mass_sendall": api_error(40152)} | answers
    api = ScriptedApi(**script)
    found = smoke(api)
    assert [answer.errcode for answer in found] == errcodes
    assert len(api.calls) == sum(code is not None for code in errcodes)
    assert said in " ".join(smoke_text(found, TextOptions(width=120, color=False)).split())
    as_expected = said == "3 ok"
    assert smoke_exit_code(found) == (ExitCode.OK if as_expected else ExitCode.WECHAT)
    data = smoke_data(make_account("t", kind=AccountKind.TEST), found)
    assert [call["made"] for call in data["calls"]] == [code is not None for code in errcodes]


def test_a_token_that_is_refused_is_no_answer() -> None:
    """Nothing was called, so nothing is printed as an answer."""
    api = ScriptedApi(mass_ready=api_error(40164, "/cgi-bin/stable_token"))
    with pytest.raises(ApiError):
        smoke(api)
    assert [name for name, _args in api.calls] == ["mass_ready"]


def test_the_key_is_too_long_by_one_byte() -> None:
    """Then 45067 proves the limit itself; and no answer is both expected and without meaning."""
    assert len(NOTHING["clientmsgid"].encode()) == 33
    assert not BUSY.intersection(code for call in CALLS for code in call.expected)
