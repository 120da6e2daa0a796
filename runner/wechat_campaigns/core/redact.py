"""Find in any text what must never be shown, secrets and openids, and characters that cannot be seen."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NewType
from urllib.parse import quote

from wechat_campaigns.core.i18n import LocalizedMessage

# Searched in every text: a pattern that begins with what it consumes is found several times as fast.
OPENID: Final = re.compile(r"o(?<![\w-]o)[A-Za-z0-9_-]{27}(?![\w-])", re.ASCII)
"""An openid: 28 characters of base64url that begin with an o."""

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = (
    f"[{_BIDI}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
    # Any of these, but a joiner only where it joins no emoji, and a selector only behind no emoji or key.
    "(?:(?<![\u200d\ufe0e\ufe0f])"
    f"|(?<![{_EMOJI}\ufe0f]\u200d)(?<=\u200d)|(?<=\u200d)(?![{_EMOJI}])"
    f"|(?<![{_EMOJI}0-9#*][\ufe0e\ufe0f])(?<=[\ufe0e\ufe0f])|(?<=[0-9#*][\ufe0e\ufe0f])(?!\u20e3))"
)
BIDI: Final = re.compile(f"[{_BIDI}]")
"""What turns the order of the characters around it."""
INVISIBLE: Final = re.compile(_UNSEEN)
"""Characters without ink: Default_Ignorable_Code_Point of Unicode 16 and a few more; not the joiners and
selectors of emoji."""
_PRIVATE: Final = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
INVISIBLE_OR_CONTROL: Final = re.compile(
    f"{_UNSEEN}|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff{_PRIVATE}]"
)
"""The same, control characters, what no text may hold, and characters that each font draws as it likes."""

_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")

MASK: Final = "***"
"""What stands in the place of a secret."""
_NAMES = (
    r"access_token|refresh_token|component_access_token|authorizer_access_token"
    r"|(?:app|client)[_-]?secret|secret(?:[_-]?key)?|ledger[_-]?key|(?:encoding)?[_-]?aes[_-]?key|密钥|密码|口令|令牌"
    r"|authorization|x-[a-z-]*(?:key|token)|private-token|api[_-]?key"
)
# `re` compiles these when they are used first: a run without a fault does without them.
_VALUE = rf"""(?ix)
         (?P<name>(?:(?:{_NAMES})(?:["']|%22)?\s*(?:=|:|：|＝|%3D|%3A)|\b(?:passw(?:or)?d|token)=)\s*(?:(?:bearer|basic)\s+)?
           |\bbearer\s+)
         # What a message advises to write, `secret: {{env: NAME}}` or `secret: …`, is not a value.
         (?!\{{(?:env|command|file)\b|…|\{{…|`)
         (?: (?P<quote>["']|%22) .*? (?P=quote) | [^\s&"'<>,;)\]}}]+ )"""
_COOKIES = r"(?i)(\bcookie2?[\"']?:\s*)(?=[^\n]*=)[^\n]+"
_USERINFO = r"(?<=://)[^\s/@`'\"?#]+@|(?<![\w/])[^\s/@:`'\"]+:[^\s/@`'\"]+@(?=[\w.-]+:)"
"""Who logs in at an address, `://user:password@` or `user:password@host:`; a user alone may be a token."""
_SHAPED = r"""(?x)
        (?<!clientmsgid\ )(?<![0-9A-Za-z_-])
        (?: [0-9A-Fa-f]{32}                                  # an AppSecret
          | [0-9]{1,3}_[A-Za-z0-9_-]{64,}                      # an access_token
          | (?=[A-Za-z]*[0-9])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{43}=?  # an EncodingAESKey
          | (?:gh[pousr]_|github_pat_|glpat-|gldt-|glcbt-|xox[abprs]-)[A-Za-z0-9_-]{8,}  # tokens of forges
          | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*
        )(?![0-9A-Za-z_-])
      | (?<=[?&])(?:key|sign|access_token|token)=[^\s&"'`<>]+ # a chat robot's address
      | (?<=/)(?:hook|services)/[A-Za-z0-9_/-]{8,}"""


Masked = NewType("Masked", str)
"""A text as people may see it. No digest is over it, and nothing is compared by it."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask tokens, AppSecrets, headers that log in, and openids.

    Args:
        secrets: values to mask wherever they stand, in clear or percent-encoded.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        # Encoded first: a secret that ends in a percent sign begins its own encoded form.
        text = text.replace(quote(secret, safe=""), MASK).replace(secret, MASK)
    text = re.sub(_COOKIES, rf"\1{MASK}", re.sub(_VALUE, rf"\g<name>{MASK}", text))
    return OPENID.sub(f"o{MASK}", text)


@lru_cache(maxsize=256)  # one hint stands in thousands of problems
def redact_message(text: str) -> str:
    """Mask what looks like a secret in a message about a file that somebody wrote.

    More than `redact` masks, because in a file a secret may stand in the wrong place, without its name:
    AppSecrets, EncodingAESKeys, tokens, and the user of an address, which may be a token alone.
    """
    return re.sub(_SHAPED, MASK, re.sub(_USERINFO, f"{MASK}@", redact(text)))


_KEY: Final = r"[A-Za-z][A-Za-z0-9_.]{0,39}"
_KINDS: Final = {bool: "boolean", int: "integer", float: "number"}
_MAY_BE_A_VALUE: Final = r"\S*\d\S*|\S{41,}"
"""In an errmsg: a word with a digit, such as an address or an id, or a long one."""


def shape_of(value: Any, removed: set[str], *, keep: frozenset[str], own: bool = False) -> Any:
    """Return the shape of a JSON value: its keys, the type of each value, how long a text or list is.

    Args:
        removed: gets the texts that the shape does not have.
        keep: texts that it has.
        own: whether this program made the value, so that its numbers and lists stay, too.
    """
    if isinstance(value, dict):
        return {_shape_of_key(key): shape_of(one, removed, keep=keep, own=own) for key, one in value.items()}
    if isinstance(value, list):
        shapes = [shape_of(one, removed, keep=keep, own=own) for one in value]
        if own or not value:
            return shapes
        return [f"<{len(value)} items>", *{str(shape): shape for shape in shapes}.values()]
    if isinstance(value, str) and value not in keep:
        removed.add(value)
        return f"<text {len(value)}>"
    return value if own or value is None or isinstance(value, str) else f"<{_KINDS[type(value)]}>"


def _shape_of_key(key: str) -> str:
    return key if re.fullmatch(_KEY, key) and redact_message(key) == key else f"<key {len(key)}>"


def redact_errmsg(text: str, removed: Iterable[str] = ()) -> str:
    """Return an errmsg, or a failed program's words, without what was removed elsewhere or may be a value.

    The rid of an errmsg goes, too.
    """
    text = re.sub(r"(?s)[\s,;]*\brid:.*", "", text)
    # Shorter ones are parts of ordinary words.
    text = redact_message(redact(text, (one for one in removed if len(one.encode(errors="replace")) > 3)))
    return re.sub(_MAY_BE_A_VALUE, MASK, re.sub(r"\bhint:\s*\[.*?\]", "hint: […]", text))


def redact_localized(text: str) -> str:
    """As `redact_message`; a message in another language keeps its English, masked too."""
    masked = redact_message(text)
    if isinstance(text, LocalizedMessage):
        return LocalizedMessage(masked, redact_message(text.english))
    return masked


def redact_logs() -> None:
    """Keep secrets out of what the HTTP library logs, at any level; calling it again changes nothing."""
    import logging  # few commands call a server

    for name in ("urllib3.connectionpool", "urllib3.util.retry", "urllib3.connection", "requests"):
        logging.getLogger(name).addFilter(_redact_record)


def _redact_record(record: Any) -> bool:
    """Rewrite a record before any handler sees it: urllib3 logs each path with its query."""
    record.msg, record.args = redact(record.getMessage()), ()
    return True


def escape_invisible(text: str) -> str:
    """Write characters that cannot be seen as what they are, `⟨U+202E⟩`; line feeds and tabs stay."""
    return INVISIBLE_OR_CONTROL.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def recordable(text: str) -> str:
    """Return a word of the command line or the environment as text: bytes that are not UTF-8 are read as GBK.

    Source: PEP 383; GB 18030 extends GBK, what a Chinese terminal writes.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        bytes_of = _NO_BYTE.sub("?", text).encode("utf-8", "surrogateescape")
        return bytes_of.decode("gb18030", "replace")
    return text


def openid_line(text: str) -> int | None:
    """Return the line, from 1, of the first openid in a text; None without any."""
    found = OPENID.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1
