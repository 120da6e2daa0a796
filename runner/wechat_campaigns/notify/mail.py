"""A text in, a mail out, over SMTP with TLS: no password and no text leaves in the clear."""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

from wechat_campaigns.core.deadline import DeadlineError, within
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.sessions import certificates, tls_context
from wechat_campaigns.core.settings import NotifyTarget

STEP_S: Final = 5.0
"""How long one step of the conversation may take."""
WHOLE_S: Final = 20.0
"""How long all of it may take, whatever a server does."""
ADDRESS: Final = re.compile(r"[0-9A-Za-z!#$%&'*+/=?^_`{|}~.-]+@[0-9A-Za-z][0-9A-Za-z.-]*")
"""A mail address of ASCII characters, without a name and without quotation marks."""
_PORTS: Final = {"smtps": 465, "smtp": 587}
_OURSELVES: Final = "[127.0.0.1]"
"""What is said at HELO: the name of this machine is nobody's business, and looking it up may take long."""


class MailError(OSError):
    """A mail was not sent; its text holds nothing of the server's address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed over, and as whom."""

    host: str
    port: int
    starts_with_tls: bool
    """Else STARTTLS comes first; a server that has none is refused."""
    user: str = ""
    password: str = field(default="", repr=False)


def mail_to(text: str, address: str, target: NotifyTarget, *, now: datetime) -> None:
    """Mail a text to the recipients of a target. Raises `MailError` when it was not taken."""
    server = mail_server(address)
    sender = target.sender or server.user
    message = mail(text, sender=sender, recipients=target.to, now=now)
    send_mail(message, server, trusted=certificates(os.environ))


def mail_server(address: str) -> MailServer:
    """Read `smtps://USER:PASSWORD@HOST[:PORT]` (TLS from the start) or `smtp://…` (STARTTLS).

    User and password are percent-encoded where they hold `/`, `?`, `#`, `:` or `%`; an `@` may stay.

    Raises:
        MailError: it is not such an address.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        host = None
    if not host or parts.scheme not in _PORTS or parts.path.strip("/") or parts.query or parts.fragment:
        raise MailError(_("the address is not `smtps://USER:PASSWORD@HOST` or `smtp://USER:PASSWORD@HOST`"))
    return MailServer(
        host=host, port=port, starts_with_tls=parts.scheme == "smtps", user=user, password=password
    )


def mail(text: str, *, sender: str, recipients: Sequence[str], now: datetime) -> EmailMessage:
    """Write a mail; its subject is the first line of the text.

    Args:
        sender: an address, without a name.
        recipients: the same.

    Raises:
        MailError: one of them is not an address, or holds what would be another header.
    """
    if not all(map(ADDRESS.fullmatch, (sender, *recipients))):
        raise MailError(_("`from` (or the user of `url`) or `to` is not a mail address"))
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(text.partition("\n")[0].splitlines())
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Date"], message["Message-ID"] = format_datetime(now), make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # no absent colleague's machine answers it (RFC 3834)
    message.set_content(text, cte="base64")
    return message


def send_mail(message: EmailMessage, server: MailServer, *, trusted: str | bool) -> None:
    """Hand a mail to a server.

    Args:
        trusted: as `core.sessions.certificates` gives it.

    Raises:
        MailError: it was not taken, or not by all recipients.
    """
    try:
        refused = within(WHOLE_S, lambda: _handed_over(message, server, tls_context(trusted)))
    except DeadlineError:
        raise MailError(_("the mail server took longer than {seconds:g} s").format(seconds=WHOLE_S)) from None
    except Exception as error:  # whatever it is, it must not end what has sent
        raise MailError(_reason(error)) from None
    if refused:
        raise MailError(_refused(len(refused)))


def _handed_over(message: EmailMessage, server: MailServer, tls: ssl.SSLContext) -> Collection[object]:
    with _connected(server, tls) as client:
        if not server.starts_with_tls:
            client.starttls(context=tls)
        if server.user:
            client.login(server.user, server.password)
        return client.send_message(message)


def _connected(server: MailServer, tls: ssl.SSLContext) -> smtplib.SMTP:
    host, port = server.host, server.port
    if server.starts_with_tls:
        return smtplib.SMTP_SSL(host, port, _OURSELVES, timeout=STEP_S, context=tls)
    return smtplib.SMTP(host, port, _OURSELVES, timeout=STEP_S)


def _refused(count: int) -> str:
    message = ngettext(
        "the mail server refused {count} recipient", "the mail server refused {count} recipients", count
    )
    return message.format(count=count)


def _reason(error: Exception) -> str:
    """Word an error by its kind: the server's own text may repeat what it was given."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return _("the mail server refused the login ({code})").format(code=error.smtp_code)
        case smtplib.SMTPNotSupportedError():
            return _("the mail server offers no TLS (STARTTLS), or no login")
        case smtplib.SMTPRecipientsRefused():
            return _refused(len(error.recipients))
        case smtplib.SMTPResponseException():
            return _("the mail server answered {code}").format(code=error.smtp_code)
        case ssl.SSLCertVerificationError():
            return _("the certificate of the mail server is not trusted")
        case _ if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            return _("the mail server did not answer within {seconds:g} s").format(seconds=STEP_S)
        case _:
            return _("the mail server cannot be reached ({error})").format(error=type(error).__name__)
