"""Where the links of a message lead: what is not plainly a host of letters, digits, `-` and `.` is foreign.

The policy, the review and the tagging of links all read them here. Browsers and phones repair what is written
oddly, each in its own way; nobody needs such a link, so none of them is followed here.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from html import unescape
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from wechat_article.parts import PLACEHOLDER_SCHEME
from wechat_campaigns.core.html import ArticleText, Link
from wechat_campaigns.core.redact import INVISIBLE

_NEWER_TLDS: Final = ("kids", "merck", "music", "web", "ישראל")
"""Top-level domains that the list of linkify-it, of 2020-11, lacks.

Source: https://data.iana.org/TLD/tlds-alpha-by-domain.txt, version 2026111700.
"""
_SCHEME: Final = (
    r"(?<![A-Za-z0-9+.-])"
    r"(?:https?:(?=[/\\]|[A-Za-z0-9%@\[])|(?:[A-Za-z][A-Za-z0-9+.-]{0,30}|小程序):(?=[/\\]{2}))"
)
_AUTHORITY: Final = r"[/\\]*(?:[^\s<>\"'`/\\?#，、；！？：（）【】「」《》“”‘’。]|。(?=[a-z0-9]))*"
ADDRESS: Final = re.compile(rf"{_SCHEME}{_AUTHORITY}(?:[/\\?#][!#-&(-;=?-_a-~]*)?", re.IGNORECASE)
"""A whole address in running text; Chinese ends its path, and no Chinese can be told from its host."""
SENTENCE_END: Final = re.compile(r"[.,;:!?)\]}]+$")
_START: Final = re.compile(r"([a-z][a-z0-9+.-]*|小程序):", re.IGNORECASE)
_PLACE_END: Final = re.compile(r"[/\\?#]")
_BROWSERS_DROP: Final = re.compile(r"[\t\r\n]")
_PLAIN: Final = re.compile(r"([^\W_](?:[^\W_]|[.-])*?)\.?(?::\d{0,5})?")
_WITH_PORT: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+:\d*")
_PLACEHOLDER: Final = re.compile(f"{PLACEHOLDER_SCHEME}:[0-9a-z-]*")
"""Of a picture that is uploaded later."""
_NO_PLACE: Final = frozenset({"mailto", "tel", "sms"})
_APPID: Final = re.compile("wx[0-9a-f]{16}")
_TAG: Final = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_MAIL: Final = re.compile(
    r"(?<![\w.+-])[a-z0-9][\w.+-]{0,63}@[a-z0-9.-]+(?![a-z0-9.-]*[a-z0-9/])", re.IGNORECASE
)
_CHINESE: Final = r"[\u2190-\u2bff\u3040-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff]"
# A set of whole planes takes long to compile, five times as long where case is ignored. `re` does so at the
# first use, and few texts hold a dot that could be one of a host.
_STUCK: Final = rf"(?<={_CHINESE})(?i:(?=[a-z0-9]))|(?i:(?<=[a-z0-9]))(?={_CHINESE})"
"""Between Chinese or emoji and letters: a host may begin or end there without a blank."""


MAX_CHARS: Final = 20_000
"""Of a text that is read; the limits of WeChat refuse a shorter one already."""


class Host(NamedTuple):
    """Where an address leads."""

    name: str
    """A host in ASCII, the AppID of a mini program, or whatever stands in the place of one."""
    is_plain: bool = False
    """Whether it is a host or an AppID; everything else is on no list."""

    def is_among(self, names: Iterable[str]) -> bool:
        """Return whether it is one of these hosts or below one."""
        known = {_ascii(name.lower()) for name in names}
        return self.is_plain and any(self.name == one or self.name.endswith(f".{one}") for one in known)


def hosts_of(link: Link) -> tuple[Host, ...]:
    """Return where a link leads: its host; of a mini program its AppID, and the hosts that its path names."""
    if not link.appid:
        return tuple(filter(None, [host_of(link.address)]))
    name = link.appid.strip().lower()
    named = [host_of(found[0]) for found in ADDRESS.finditer(unquote(link.address))]
    return (Host(name, _APPID.fullmatch(name) is not None), *filter(None, named))


def host_of(address: str) -> Host | None:
    """Return where one address leads; None for an empty one, an anchor, and a number to call or write to."""
    whole = _BROWSERS_DROP.sub("", address).strip(" \x00-\x1f")
    if not whole or whole[0] in "#?" or _PLACEHOLDER.fullmatch(whole):
        return None
    found = None if _WITH_PORT.fullmatch(_place(whole)) else _START.match(whole)
    scheme = found[1].lower() if found else ""
    rest = whole[len(scheme) + 1 :] if scheme else whole
    place = _place(rest.lstrip("/\\"))
    if scheme in _NO_PLACE or (scheme in ("http", "https") and not place):
        return None
    if scheme not in ("", "http", "https"):
        return Host(f"{scheme}://{place}" if rest[:1] in ("/", "\\") else f"{scheme}:")
    plain = _PLAIN.fullmatch(place)
    if plain is None or unicodedata.normalize("NFKC", plain[1]) != plain[1]:
        return Host(place or whole)
    return Host(_ascii(plain[1].lower()), is_plain=True)


def _place(rest: str) -> str:
    return _PLACE_END.split(rest, maxsplit=1)[0]


def _ascii(host: str) -> str:
    labels = host.strip(".").split(".")
    return ".".join(one if one.isascii() else f"xn--{one.encode('punycode').decode()}" for one in labels)


# --- messages --------------------------------------------------------------------------------------


def in_text(text: str) -> list[Link]:
    """Return the links of a text: of its tags, whole addresses, bare hosts and mini programs.

    Read as it stands and as it looks: phones decode references, drop what cannot be seen and take a
    full-width letter for the usual one.
    """
    text = text[:MAX_CHARS]
    looks = _narrow(text)
    found = [
        link for reading in dict.fromkeys((text, unescape(text), looks)) for link in _in_reading(reading)
    ]
    return list(dict.fromkeys(found))


def _in_reading(text: str) -> Iterator[Link]:
    if "<" in text:
        yield from ArticleText(text).links
    words = _TAG.sub(" ", _BROWSERS_DROP.sub(" ", text))
    for whole in ADDRESS.finditer(words):
        address = SENTENCE_END.sub("", whole[0])
        if host_of(address) is not None:
            yield Link(address, address)
    rest = ADDRESS.sub(" ", words)
    rest = re.sub(r"(?<=[a-z0-9\u00c0-\u1fff-])。(?=[a-z0-9])", ".", _MAIL.sub(" ", rest))
    rest = re.sub(r"@|:(?![/\\0-9])", " ", rest)
    if "." not in rest:
        return
    for reading in dict.fromkeys((rest, re.sub(_STUCK, " ", rest))):
        bare = list(_bare(reading))
        left = re.sub("|".join(map(re.escape, bare)), " ", reading) if bare else reading
        bare += _bare(re.sub(r"[^\w.-]|_|(?<!\w)[.-]+", " ", left))  # behind marks that begin no link
        yield from (Link(one, one) for one in bare)


def _bare(text: str) -> Iterator[str]:
    if "." not in text:
        return
    for found in _linkify().match(text) or ():
        labels = _place(found.text).partition(":")[0].split(".")
        is_numbering = "".join(labels[:-1]).isdecimal() and not labels[-1].isascii()  # `1.公司`
        if not is_numbering:
            yield found.text


@cache
def _linkify() -> Any:
    from linkify_it import LinkifyIt  # few messages need it
    from linkify_it.tlds import TLDS

    finder = LinkifyIt(options={"fuzzy_ip": True, "fuzzy_email": False})
    names = [name.lower() for name in TLDS]
    written = [name[4:].encode().decode("punycode") if name.startswith("xn--") else name for name in names]
    return finder.tlds([*written, *_NEWER_TLDS], keep_old=True)


class _Narrow(dict[int, str | None]):
    """For `str.translate`: what cannot be seen goes, full-width and drawn letters become the usual ones."""

    def __missing__(self, code: int) -> str | None:
        one = chr(code)
        is_drawn = one > "\U0001d3ff" or "①" <= one <= "⓿" or one in "․﹒"
        if unicodedata.category(one) in ("Cf", "Mn") or INVISIBLE.match(one):
            self[code] = None
        elif is_drawn or ("！" <= one <= "～" and one not in "，；！？（）"):
            self[code] = unicodedata.normalize("NFKC", one)
        else:
            self[code] = "。" if one == "｡" else one
        return self[code]


_NARROW: Final = _Narrow()


def _narrow(text: str) -> str:
    """Return a text as it looks, its references read."""
    for _round in range(3):
        text = unescape(text)
    return text.translate(_NARROW)
