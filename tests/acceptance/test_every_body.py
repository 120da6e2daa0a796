"""The JSON of every kind of message to every kind of recipient, by the real client to a strict sandbox."""

import re
from typing import Any

import pytest

from tests.support.every_body import FILTERS, MESSAGES, OPENIDS, post_every_body
from tests.support.messages import EXAMPLES
from tests.support.playground import Sandbox
from tests.tools import show_bodies

pytestmark = pytest.mark.deep

MASS = "/cgi-bin/message/mass"
BODIES: dict[str, dict[str, Any]] = {
    name: {"msgtype": content.msgtype, **EXAMPLES[name][1]} for name, content in MESSAGES.items()
}
RECIPIENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "to a tag": (f"{MASS}/sendall", {"filter": {"is_to_all": False, "tag_id": 2}}),
    "to everyone": (f"{MASS}/sendall", {"filter": {"is_to_all": True}}),
    "to openids": (f"{MASS}/send", {"touser": list(OPENIDS)}),
    "preview by openid": (f"{MASS}/preview", {"touser": OPENIDS[0]}),
    "preview by name": (f"{MASS}/preview", {"towxname": "tester2"}),
}


def test_every_message_to_every_recipient(sandbox: Sandbox) -> None:
    """Each body is its message and its recipients; only a send has a clientmsgid, only articles more.

    A strict sandbox takes them all but the card, which WeChat retired. A preview shows one picture.
    """
    client_ids, posted = [], {}
    for one in post_every_body(sandbox):
        body = dict(one.body)
        if not one.path.endswith("/preview"):
            client_ids.append(body.pop("clientmsgid"))
        posted[one.message, one.recipients] = (one.path, body, one.errcode)

    expected = {}
    for message, body in BODIES.items():
        for recipients, (path, whom) in RECIPIENTS.items():
            is_preview = path.endswith("/preview")
            content = BODIES["image"] if is_preview and message == "images" else body
            more = {} if is_preview or message != "mpnews" else {"send_ignore_reprint": 0}
            errcode = 45113 if message == "wxcard" else 0
            expected[message, recipients] = (path, {**content, **whom, **more}, errcode)
    assert posted == expected
    assert len(set(client_ids)) == len(client_ids) == len(FILTERS) * len(MESSAGES)
    assert all(re.fullmatch("[0-9a-f]{32}", client_id) for client_id in client_ids)
    assert len(sandbox.jobs()) == len(FILTERS) * (len(MESSAGES) - 1)


def test_the_tool_prints_them_without_openids(capsys: pytest.CaptureFixture[str]) -> None:
    show_bodies.main()
    printed = capsys.readouterr().out
    assert printed.count("\n") == 2 * len(BODIES) * len(RECIPIENTS)
    assert "text to openids: POST /cgi-bin/message/mass/send, errcode 0\n" in printed
    assert '"touser": ["OPENID1", "OPENID2"]' in printed
    assert not [openid for openid in OPENIDS if openid in printed]
