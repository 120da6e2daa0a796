"""A mail goes over TLS to a server whose certificate holds, or not at all; what fails names no secret."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.mail_server import PASSWORD, USER, MailServer, mail_server
from wechat_campaigns.notify import mail as module
from wechat_campaigns.notify.mail import MailError, mail, send_mail
from wechat_campaigns.notify.mail import mail_server as read

NOW = datetime(2026, 12, 1, 11, 30, tzinfo=UTC)
TEXT = "环境 production 的群发：已受理 1 次\n✓ 周年庆 (main) → 1,204 位粉丝\n.\nhttps://ci.example/1"
TO = ("duty@example.com", "lead@example.com")


def address(server: MailServer, scheme: str = "smtp", password: str = PASSWORD) -> str:
    return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{server.port}"


def hand_over(server: MailServer, scheme: str = "smtp", password: str = PASSWORD) -> None:
    message = mail(TEXT, sender=USER, recipients=TO, now=NOW)
    send_mail(message, read(address(server, scheme, password)), trusted=server.certificate)


@pytest.mark.parametrize(("tls", "scheme"), [("starttls", "smtp"), ("whole", "smtps")])
def test_mail_arrives_over_tls(tmp_path: Path, tls: str, scheme: str) -> None:
    """Subject, text and recipients as they were written, Chinese and a lone dot among it."""
    with mail_server(tmp_path, tls=tls) as server:
        hand_over(server, scheme)
    (message,) = server.mails
    assert message["Subject"] == "环境 production 的群发：已受理 1 次"
    assert (message["From"], message["To"]) == (USER, "duty@example.com, lead@example.com")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == TEXT.splitlines()
    assert server.envelopes == [(USER, list(TO))]


def test_server_without_tls_gets_neither_password_nor_text(tmp_path: Path) -> None:
    """Somebody between may have cut STARTTLS out of its answer."""
    with mail_server(tmp_path, tls="none") as server:
        with pytest.raises(MailError, match="offers no TLS"):
            hand_over(server)
        assert server.mails == []


@pytest.mark.parametrize(
    ("host", "trusted"), [("localhost", False), ("elsewhere.example", True)], ids=["unknown", "other-name"]
)
def test_certificate_must_hold(tmp_path: Path, host: str, trusted: bool) -> None:
    """Of an authority that is trusted, and for this very host."""
    with mail_server(tmp_path, host=host) as server:
        message = mail(TEXT, sender=USER, recipients=TO, now=NOW)
        with pytest.raises(MailError, match="certificate of the mail server is not trusted"):
            send_mail(message, read(address(server)), trusted=server.certificate if trusted else True)
        assert server.mails == []


def test_refusals_are_worded_without_what_was_given(tmp_path: Path) -> None:
    """A wrong password, one recipient of two, both, a full box."""
    with mail_server(tmp_path) as server:
        with pytest.raises(MailError, match=r"refused the login \(535\)") as refused:
            hand_over(server, password="wrong-secret")
        server.refused = {TO[0]}
        with pytest.raises(MailError, match="refused 1 recipient"):
            hand_over(server)
        server.refused = set(TO)
        with pytest.raises(MailError, match="refused 2 recipients"):
            hand_over(server)
        server.refused, server.answer = set(), f"452 no room for {PASSWORD}"
        with pytest.raises(MailError, match="answered 452") as full:
            hand_over(server)
    for error in (refused, full):
        assert PASSWORD not in str(error.value)
        assert "wrong-secret" not in str(error.value)


@pytest.mark.deep
def test_silent_and_slow_servers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One never answers, the other a byte at a time; a closed port is told at once."""
    monkeypatch.setattr(module, "STEP_S", 0.2)
    monkeypatch.setattr(module, "WHOLE_S", 0.6)
    message = mail(TEXT, sender=USER, recipients=TO, now=NOW)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(MailError, match="did not answer within"):
        send_mail(message, read(f"smtp://127.0.0.1:{silent.getsockname()[1]}"), trusted=True)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as slow:

        def drip() -> None:
            connection, _peer = slow.accept()
            with connection:
                while not over.is_set():
                    connection.send(b"2")
                    time.sleep(0.05)

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(MailError, match="took longer than"):
            send_mail(message, read(f"smtp://127.0.0.1:{slow.getsockname()[1]}"), trusted=True)
        over.set()
        thread.join()
    with pytest.raises(MailError, match=r"cannot be reached \(ConnectionRefusedError\)"):
        send_mail(message, read("smtps://127.0.0.1:9"), trusted=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "https://a:b@c",
        "smtp://",
        "smtp://u:very-secret@h/path",
        "smtp://u:very-secret@h:x",
        "0" * 32,
    ],
)
def test_an_address_that_is_none_is_not_repeated(text: str) -> None:
    """It may be any secret of the machine."""
    with pytest.raises(MailError) as error:
        read(text)
    assert "very-secret" not in str(error.value)


def test_default_ports_and_user_as_mail_address() -> None:
    """Port 465 starts with TLS, 587 has STARTTLS."""
    one, other = read("smtps://a@b.cn:p%2Fw@smtp.example.com"), read("smtp://smtp.example.com")
    assert (one.port, one.starts_with_tls, one.user, one.password) == (465, True, "a@b.cn", "p/w")
    assert (other.port, other.starts_with_tls, other.user) == (587, False, "")
    assert "p/w" not in repr(one)


@pytest.mark.parametrize(
    "bad", ["a@b.cn\r\nBcc: x@y.cn", "a@b.cn, x@y.cn", "<a@b.cn>", "", "a", 'a@b.cn"', "a@b.cn\n"]
)
def test_no_address_can_be_another_header(bad: str) -> None:
    """Neither as sender nor as recipient."""
    for sender, recipients in ((bad, TO), (USER, (TO[0], bad))):
        with pytest.raises(MailError, match="not a mail address"):
            mail(TEXT, sender=sender, recipients=recipients, now=NOW)


def test_no_text_can_be_another_header() -> None:
    """The subject is one line, whatever characters it has."""
    message = mail("sale\u2028\x0bBcc: x@y.cn\nBcc: x@y.cn", sender=USER, recipients=TO, now=NOW)
    assert message["Bcc"] is None
    assert b"\nBcc" not in message.as_bytes().partition(b"\r\n\r\n")[0]
