"""Text as a phone reads it in, the hosts that a tap would lead to out; what looks like a host is one.

WeChat makes links of bare hosts in a message, browsers drop what cannot be seen, and read `。` as a dot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import unquote


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMON_TLDS = _words(
    """com cn net org top shop vip xyz cc io co me info biz site online store tech club link fun pro app dev
    live ren ltd mobi asia tv ink work click cloud edu gov hk tw us uk jp ru icu xin"""
)
"""Before these a capital letter makes no name of a host: `Evil.Net` is one, `Mr.Wang` is none."""
_NOT_FOLLOWED = frozenset({"mailto", "tel", "sms"})

_SCHEME = re.compile(
    r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}):(?=[/\\])|(?<![a-z0-9+.-])(https?):", re.IGNORECASE
)
_PATH_SIGNS = r"[!#-&(-;=?-_a-~]*"
_AFTER_SCHEME = re.compile(rf"[/\\]*([^\s<>\"'`）】」》，、；！？/\\?#]*{_PATH_SIGNS})")
_SLASHES = re.compile(r"(?<![:/\\a-z0-9])[/\\]{2,}([^\s<>\"'`）】」》，、；！？/\\]+)", re.IGNORECASE)
_RUN = re.compile(
    r"[^\s\x00-,/:-@\[-^`{-\xbf\xd7\xf7\u2000-\u206f\u2e00-\u2e7f\u3000-\u3001\u3003-\u303f\ufe10-\ufe6f\uff00-\uff65]+"
)
"""Characters of hosts in every script, with their marks, and emoji; no blank and no punctuation."""
_LOOSE = r"\u2190-\u2bff\u3040-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff"
"""Chinese characters and emoji: they stand before a host and behind it without a blank."""
_NUMBER = "(?:0x[0-9a-f]{1,8}|[0-9]{1,10})"
_IP = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{3}}(?![a-z0-9.-])", re.IGNORECASE)
_PATH = re.compile(rf"(?:[/\\?#]|:(?=[0-9])){_PATH_SIGNS}")
_MAIL_USER = re.compile("[a-z0-9]@", re.IGNORECASE)
_MOST_LABELS = 12
_LONGEST = 24
"""Characters of a top-level domain, at most."""
_MINI_PROGRAM = re.compile(r"#?小程序:[/\\]{2}[^\s<>\"'/\\]+")
_ATTRIBUTE = re.compile(
    r"(?<![\w-])(?P<name>href|src|data-src|poster|action|formaction|background|xlink:href|cite|srcset|style"
    r"|data-miniprogram-appid|data-miniprogram-path|data-miniprogram-servicetype)"
    r"\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"'>]+))",
    re.IGNORECASE,
)
_CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')]*)|@import\s*[\"']([^\"']*)", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.IGNORECASE)
_TABS = re.compile(r"[\t\r\n]")  # browsers drop them from an address
_SPLIT_HOST = re.compile(r"[/\\?#]")
_TAIL = re.compile(r"([a-z0-9_.-]+\.[a-z0-9-]{2,}(?=[^\x00-\x7f])|[\w.-]+(?=[^\w.-]))[^.]+", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"'<>，。、；！（）【】「」《》]+")
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_UNSEEN = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Beside the category Cf, as in Unicode's Default_Ignorable_Code_Point."""


def in_text(text: str) -> Iterator[str]:
    """Name the hosts of a text message: of its whole and bare addresses, its tags and its mini programs."""
    shown = _plain(text)
    # As it is written and as it looks: `＂` and `＞` end nothing for a browser.
    for tag in (*re.findall(r"<[^>]*>?", text), *re.findall(r"<[^>]*>?", shown)):
        yield from in_attributes(tag)
    for reading in (text, unescape(text)):
        for word in _WORD.findall(_TABS.sub("", reading)):
            for address in _HTTP.split(word)[1:]:
                yield from _behind_user(address)
    yield from _in_words(re.sub(r"</?[a-z][^<>]*>", " ", shown, flags=re.IGNORECASE))


def in_attributes(html: str) -> Iterator[str]:
    """Name the hosts that the attributes of HTML lead to or fetch from: links, pictures, styles."""
    for found in _ATTRIBUTE.finditer(html):
        name, value = found["name"].lower(), found["double"] or found["single"] or found["bare"] or ""
        if name not in ("style", "srcset") and not name.startswith("data-miniprogram"):
            yield from _user_of(unescape(value))
        value = _plain(value)
        if name == "style":
            yield from in_css(value)
        elif name == "data-miniprogram-appid":
            yield value.strip().lower()
        elif name.startswith("data-miniprogram"):
            yield from _whole(unquote(value))[0]  # a page of the program, which may open an address
        else:
            yield from (
                host
                for host in in_address(value)
                if name in ("href", "action", "formaction") or not _is_platforms(host)
            )


def _is_platforms(host: str) -> bool:
    """Tell whether it is where WeChat keeps pictures that were uploaded; nobody can be led there."""
    return host.endswith((".qpic.cn", ".qlogo.cn"))


def in_css(css: str) -> Iterator[str]:
    """Name the hosts that a style fetches from."""
    plain = _CSS_ESCAPE.sub(lambda found: _character(found[1]) if found[1] else found[2], css)
    for url, imported in _CSS_URL.findall(plain):
        yield from (host for host in in_address(url or imported) if not _is_platforms(host))


def in_address(address: str) -> Iterator[str]:
    """Name the host of a value that is one address, as browsers read it; none for a path or an anchor."""
    yield from _user_of(address)
    whole = _TABS.sub("", _plain(address)).strip(" \x00-\x1f")
    if not whole or whole[0] in "#?":
        return
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", whole, re.IGNORECASE)
    if scheme is None:
        slashes = re.match(r"[/\\]{2,}(.*)", whole, re.DOTALL)
        yield from ([_host(slashes[1])] if slashes else _in_words(whole))
        return
    name, rest = scheme[1].lower(), whole[scheme.end() :]
    if name in ("http", "https"):
        yield _host(rest.lstrip("/\\"))
    elif name == "data":
        return  # what it holds is in the address itself
    elif name not in _NOT_FOLLOWED:
        yield _other_app(name, rest)


def _user_of(address: str) -> Iterator[str]:
    """Name the host of an address that has a user; a path or a mail address has none."""
    whole = _TABS.sub("", address).strip(" \x00-\x1f")
    if http := _HTTP.match(whole):
        yield from _behind_user(whole[http.end() :])
    elif whole[:2].strip("/\\") == "":
        yield from _behind_user(whole)


def _behind_user(rest: str) -> Iterator[str]:
    """Name the host behind a user (`https://good.example@evil.example`): never listed, whoever the host is.

    What comes before `@` can be made to look like a host, in more ways than can be told apart.
    """
    _user, at, host = _SPLIT_HOST.split(rest.lstrip("/\\"), maxsplit=1)[0].rpartition("@")
    if at:
        yield f"@{host.partition(':')[0].lower()}"


def _other_app(scheme: str, rest: str) -> str:
    place = _SPLIT_HOST.split(re.sub(r"^[/\\]+", "", rest), maxsplit=1)[0]
    return f"{scheme}://{place}"


def _in_words(text: str) -> Iterator[str]:
    """Name the hosts in running text, whole addresses first."""
    yield from _MINI_PROGRAM.findall(text)
    found, rest = _whole(_MINI_PROGRAM.sub(" ", text))
    yield from found
    for slashed in _SLASHES.findall(rest):
        host = _host(_dotted(slashed), in_text=True)
        if "." in host or ":" in host:  # `//` alone divides words, too
            yield host
    yield from _bare(_dotted(_SLASHES.sub(" ", rest)))


def _whole(text: str) -> tuple[list[str], str]:
    """Take the addresses with a scheme out of a text: their hosts, and what is left."""
    found, left, at = [], [], 0
    for scheme in _SCHEME.finditer(text):
        if scheme.start() < at:
            continue
        after = _AFTER_SCHEME.match(text, scheme.end())
        if after is None:
            continue
        left.append(text[at : scheme.start()])
        at, rest, name = after.end(), after[1], (scheme[1] or scheme[2]).lower()
        if name not in ("http", "https"):
            found.append(_other_app(name, rest))
        elif rest and re.match(r"[\w\[%@]|[^\x00-\x7f]", rest):
            found.append(_host(rest, in_text=True))
            left.append(f" {rest.partition('。')[2]}")  # the next sentence
    return found, " ".join([*left, text[at:]])


def _bare(text: str) -> Iterator[str]:
    at = 0
    while run := _RUN.search(text, at):
        at = run.end()
        if "." not in run[0]:
            continue
        path = _PATH.match(text, run.end())
        has_path = path is not None and path[0][0] != "#"
        if not has_path and _MAIL_USER.fullmatch(text[max(0, run.start() - 2) : run.start()]):
            continue
        for part in re.split(r"\.{2,}", run[0]):
            for host in _in_run(_prose().sub("", part.strip(".-_")), has_path=has_path):
                yield host
                at = path.end() if path else at


@cache
def _prose() -> re.Pattern[str]:
    """Compile what stands before a host without a blank; it takes 20 ms, and few texts need it."""
    return re.compile(rf"^(?:[{_LOOSE}]*[0-9]+\.)?[{_LOOSE}0-9_-]*[{_LOOSE}](?=[a-z0-9])", re.IGNORECASE)


def _in_run(run: str, *, has_path: bool) -> Iterator[str]:
    """Find the hosts among the labels of a word; none in a number, a version, a file, a name."""
    if address := _IP.match(run):
        yield address[0].lower()
        return
    labels, found = run.split("."), False
    for index in range(len(labels) - 1, 0, -1):
        tld = _tld(labels[index])
        # What only begins with a domain ends an address that prose follows: another may follow that.
        if not tld or (found and tld == labels[index]):
            continue
        before = labels[:index] if not found else labels[max(0, index - _MOST_LABELS) : index]
        is_name = len(before) == 1 and not has_path and _reads_as_word(tld)
        is_numbering = not tld.isascii() and "".join(before).isdecimal()
        if not (is_name or is_numbering):
            found = True
            yield ".".join([*before, tld]).lower()


def _tld(label: str) -> str:
    """Return the top-level domain that a label is or, before Chinese or a mark, begins with; else nothing."""
    lower, domains = label.lower(), _tlds()
    latin = re.match("[a-z0-9-]*", lower)
    end = latin.end() if latin else 0
    if lower in domains or (end and (lower[:end] in domains or lower.startswith("xn--"))):
        return label if lower in domains else label[:end]
    return "" if end else next((label[:n] for n in range(_LONGEST, 0, -1) if lower[:n] in domains), "")


def _reads_as_word(tld: str) -> bool:
    """Tell whether a domain is more likely a word: `Wang` in `Mr.Wang`, `It` behind `。`."""
    return tld.istitle() and tld.isascii() and tld.lower() not in _COMMON_TLDS


@cache
def _tlds() -> frozenset[str]:
    lines = (Path(__file__).parent / "tlds.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _host(rest: str, *, in_text: bool = False) -> str:
    """Cut the host out of what follows the slashes: behind the user, before path, port and what is none."""
    whole = _SPLIT_HOST.split(rest, maxsplit=1)[0]
    if in_text:
        whole = _until_sentence_ends(whole)
    decoded = whole
    for _round in range(3):  # a host is decoded once; three times cost nothing
        decoded = unquote(decoded)
    host = _plain(decoded).replace("。", ".")
    host = _SPLIT_HOST.split(host, maxsplit=1)[0].rpartition("@")[2]
    if tail := _TAIL.fullmatch(host.rstrip(".")):
        host = tail[1]
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.strip(".").lower() or whole.lower()


def _until_sentence_ends(host: str) -> str:
    """Cut at a `。` that ends a sentence; keep one that stands for a dot."""
    parts = host.split("。")
    for index, part in enumerate(parts[1:], 1):
        word = re.match(rf"[a-z0-9.-]+|[{_LOOSE}]+", part, re.IGNORECASE)
        begins = word[0] if word else ""
        if not ("." in begins.strip(".") or (_tld(begins) == begins != "" and not _reads_as_word(begins))):
            return "。".join(parts[:index])
    return host


def _dotted(text: str) -> str:
    """Make a dot of a `。` between the letters of two words; before Chinese it ends a sentence."""
    return re.sub(r"(?<=[a-z0-9\u00c0-\u1fff-])。(?=[a-z0-9])", ".", text, flags=re.IGNORECASE)


def _plain(text: str) -> str:
    """Read entities, drop what cannot be seen, and bring full-width characters to their usual form."""
    for _round in range(3):
        read = unescape(text)
        if read == text:
            break
        text = read
    # Not all of NFKC: it would make sentences' ends and brackets into parts of addresses.
    narrow = "".join(
        unicodedata.normalize("NFKC", one)
        if ("！" <= one <= "～" and one not in "，；！？（）") or one in "․﹒"
        else one
        for one in _UNSEEN.sub("", text).replace("｡", "．")
        if unicodedata.category(one) != "Cf"
    )
    # Letters that look like others: mathematical, circled.
    return "".join(
        unicodedata.normalize("NFKC", one) if one > "\U0001d3ff" or "①" <= one <= "⓿" else one
        for one in narrow
    )


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def normalize_host(host: str) -> str:
    """Give one spelling of a host: lower case, and the characters that punycode stands for."""
    return ".".join(_unicode(label) for label in _plain(host).lower().strip(".").split("."))


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).lower()
    except UnicodeError:
        return label
