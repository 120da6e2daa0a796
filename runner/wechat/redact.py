"""Takes any text, gives it without secrets: the one place that knows what must not be read by anybody."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote

_MASK = "***"
_NAMES = r"access_token|refresh_token|component_access_token|authorizer_access_token|app_?secret|secret"
_VALUE = re.compile(
    rf"""(?P<name>(?:{_NAMES})(?:["']|%22)?\s*(?:=|:|%3D|%3A)\s*)
         (?: (?P<quote>["']|%22) .*? (?P=quote) | [^\s&"'<>,;)\]}}]+ )""",
    re.IGNORECASE | re.VERBOSE,
)
# An openid is 28 characters of base64url that begin with an o.
_OPENID = re.compile(r"(?<![\w-])o[A-Za-z0-9_-]{27}(?![\w-])", re.ASCII)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask tokens, AppSecrets and openids.

    Args:
        text: what is about to be shown, logged or written.
        secrets: values to mask wherever they stand, in clear or percent-encoded.

    Returns:
        The text with `***` in their place; text without any comes back as it was.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # Encoded first: a secret that ends in a percent sign begins its own encoded form.
        text = text.replace(quote(secret, safe=""), _MASK).replace(secret, _MASK)
    text = _VALUE.sub(rf"\g<name>{_MASK}", text)
    return _OPENID.sub(f"o{_MASK}", text)


class _RedactingFilter(logging.Filter):
    """Rewrites a record before any handler sees it: urllib3 logs each path with its query."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


_FILTER = _RedactingFilter()


def redact_logs() -> None:
    """Keep secrets out of what the HTTP library logs, at any level; calling it again changes nothing."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry", "urllib3.connection", "requests"):
        logging.getLogger(name).addFilter(_FILTER)
