"""The sandbox's own events, plain and encrypted, through a real server into the ledger and the status."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from werkzeug.serving import make_server

from tests.support.playground import SERVICE, Playground
from tests.support.served import served
from tests.support.studio import until
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.sqlite import SqliteLedger
from wechat_campaigns.report.send_status import send_status
from wechat_campaigns.send.jobs import refresh_job_status
from wechat_campaigns.wechat.callback import CallbackApp, Credentials

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TEXT = "filter: {tag: 会员}\nmsgtype: text\ncontent: 周年庆今晚开始\n"
MODES = pytest.mark.parametrize("aes_key", ["", KEY], ids=["plain", "safe"])


@contextmanager
def receiving(playground: Playground, aes_key: str) -> Iterator[str]:
    """Serve the app for the sandbox's service account; gives its URL."""
    receiver = CallbackApp(
        accounts={"main": Credentials(appid=SERVICE, token="token", aes_key=aes_key)},
        ledger=lambda: SqliteLedger(playground.ledger_file, playground.clock),
        clock=lambda: datetime.now(UTC),
    )
    with served(make_server("127.0.0.1", 0, receiver, threaded=True)) as server:
        yield f"http://127.0.0.1:{server.port}/main"


def switch(playground: Playground, **switches: object) -> None:
    playground.sandbox.control("POST", "accounts", {"appid": SERVICE, **switches})


def wait_for_events(playground: Playground) -> None:
    def delivered() -> bool:
        events = playground.sandbox.control("GET", "events")["events"]
        return bool(events) and all(event["state"] == "delivered" for event in events)

    until(delivered)


@MODES
def test_callback_records_an_event_of_the_sandbox(playground: Playground, aes_key: str) -> None:
    playground.write("sale.yaml", TEXT)
    with receiving(playground, aes_key) as url:
        switch(playground, callback={"url": url, "token": "token", "aes_key": aes_key})
        assert playground.apply() is ExitCode.OK
        wait_for_events(playground)
    events = [event for event in playground.ledger().read(SERVICE) if event.kind is LedgerKind.CALLBACK]
    (job,) = playground.sandbox.jobs()
    assert [event.data["msg_id"] for event in events] == [job["msg_id"]]
    assert events[0].data["sent"] == job["delivered"]
    assert not any(openid in str(events[0].as_dict()) for openid in playground.sandbox.openids())


@pytest.mark.deep
@MODES
def test_status_explains_a_failure_from_its_event(playground: Playground, aes_key: str) -> None:
    playground.write("sale.yaml", TEXT)
    with receiving(playground, aes_key) as url:
        callback = {"url": url, "token": "token", "aes_key": aes_key}
        switch(playground, callback=callback, verdict="err(20008)")
        playground.apply()
        wait_for_events(playground)
    state = playground.state()
    accounts = {SERVICE: playground.settings.environment.accounts["service"]}
    refresh_job_status(
        list(state.sends), accounts=accounts, ledger=playground.ledger(), state=state,
        connect=lambda account: playground.connect(account, read_only=True),
    )  # fmt: skip
    row = send_status(state.stream(SERVICE).find("sale", 1), state, playground.clock())
    assert row.known.fate == "delivery_failed"
    assert row.note == "err(20008): WeChat's review classified the message as fraud"
