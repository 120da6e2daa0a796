"""Mask secrets and openids in any text: the one list of what must never be shown."""

import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from wechat_campaigns.core.i18n import LocalizedMessage
from wechat_campaigns.core.patterns import OPENID

MASK: Final = "***"
"""What stands in the place of a secret."""
_NAMES = (
    r"access_token|refresh_token|component_access_token|authorizer_access_token"
    r"|(?:app|client)[_-]?secret|secret(?:[_-]?key)?|(?:encoding)?[_-]?aes[_-]?key|密钥|密码|口令|令牌"
)
_VALUE = re.compile(
    rf"""(?P<name>(?:(?:{_NAMES})(?:["']|%22)?\s*(?:=|:|：|＝|%3D|%3A)|\b(?:passw(?:or)?d|token)=)\s*)
         # What a message advises to write, `secret: {{env: NAME}}` or `secret: …`, is not a value.
         (?!\{{(?:env|command|file)\b|…|\{{…|`)
         (?: (?P<quote>["']|%22) .*? (?P=quote) | [^\s&"'<>,;)\]}}]+ )""",
    re.IGNORECASE | re.VERBOSE,
)
_USERINFO = re.compile(r"(?<=://)[^\s/@`'\"?#]+@|(?<![\w/])[^\s/@:`'\"]+:[^\s/@`'\"]+@(?=[\w.-]+:)")
"""Who logs in at an address, `://user:password@` or `user:password@host:`; a user alone may be a token."""
_SHAPED = re.compile(
    r"""(?<!clientmsgid\ )(?<![0-9A-Za-z_-])
        (?: [0-9A-Fa-f]{32}                                  # an AppSecret
          | (?=[A-Za-z]*[0-9])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{43}=?  # an EncodingAESKey
          | (?:gh[pousr]_|github_pat_|glpat-|gldt-|glcbt-|xox[abprs]-)[A-Za-z0-9_-]{8,}  # tokens of forges
          | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*
        )(?![0-9A-Za-z_-])
      | (?<=[?&])(?:key|sign|access_token|token)=[^\s&"'`<>]+ # a chat robot's address
      | (?<=/)(?:hook|services)/[A-Za-z0-9_/-]{8,}""",
    re.VERBOSE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask tokens, AppSecrets and openids.

    Args:
        secrets: values to mask wherever they stand, in clear or percent-encoded.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # Encoded first: a secret that ends in a percent sign begins its own encoded form.
        text = text.replace(quote(secret, safe=""), MASK).replace(secret, MASK)
    text = _VALUE.sub(rf"\g<name>{MASK}", text)
    return OPENID.sub(f"o{MASK}", text)


@lru_cache(maxsize=256)  # one hint stands in thousands of problems
def redact_message(text: str) -> str:
    """Mask what looks like a secret in a message about a file that somebody wrote.

    More than `redact` masks, because in a file a secret may stand in the wrong place, without its name:
    AppSecrets, EncodingAESKeys, tokens, and the user of an address, which may be a token alone.
    """
    return _SHAPED.sub(MASK, _USERINFO.sub(f"{MASK}@", redact(text)))


def redact_localized(text: str) -> str:
    """As `redact_message`; a message in another language keeps its English, masked too."""
    masked = redact_message(text)
    if isinstance(text, LocalizedMessage):
        return LocalizedMessage(masked, redact_message(text.english))
    return masked


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
