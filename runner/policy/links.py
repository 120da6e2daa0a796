"""Text as a phone reads it in, the hosts that a tap would lead to out; what looks like a host is one.

WeChat makes links of bare hosts in a message, browsers drop what cannot be seen, and read `。` as a dot.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CHINESE_TLDS = tuple(
    _words(
        """中国 中國 公司 网络 網絡 在线 我爱你 网址 网站 網站 商城 集团 商店 移动 信息 香港 台湾 台灣 澳门
        澳門 新加坡 游戏 遊戲 娱乐 購物 购物 餐厅 手机 时尚 机构 組織機構 组织机构 政务 政府 公益 企业 招聘
        健康 中文网 广东 佛山 慈善 八卦 点看 點看 珠宝 大拿 食品 世界 书籍 新闻 家電 嘉里 联通 微博"""
    )
)
_COMMON_TLDS = _words(
    """com cn net org top shop vip xyz cc io co me info biz site online store tech club link fun pro app dev
    live wang ren ltd mobi asia tv ink work click cloud edu gov hk tw us uk jp ru icu"""
)
"""Only before these is `。` between two Latin words read as a dot and not as the end of a sentence."""
_FILES = _words(
    """jpg jpeg png gif webp svg bmp heic pdf doc docx xls xlsx ppt pptx txt csv html htm css js ts json yaml
    yml xml mp3 mp4 avi wav mkv rar gz exe apk ipa dmg psd log ini bak wps"""
)
"""What files end in; none is a top-level domain."""
_NOT_FOLLOWED = frozenset({"mailto", "tel", "sms"})

_SCHEME = re.compile(
    r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{1,30}):(?=[/\\])|(?<![a-z0-9+.-])(https?):", re.IGNORECASE
)
_AFTER_SCHEME = re.compile(r"[/\\]*([^\s<>\"'`）】」》，、；！？]*)")
_SLASHES = re.compile(r"(?<![:/\\a-z0-9])[/\\]{2,}([^\s<>\"'`）】」》，、；！？/\\]+)", re.IGNORECASE)
_RUN = re.compile(r"[a-z0-9_.-]+", re.IGNORECASE)
_CHINESE_RUN = re.compile(r"[a-z0-9_.\u3400-\u9fff-]+", re.IGNORECASE)
_TLD = re.compile(r"xn--[a-z0-9-]+|[a-z]{2,24}", re.IGNORECASE)
_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|[0-9]{1,10}", re.IGNORECASE)
_PATH = re.compile(r"[/\\:?#][^\s<>\"']*")
_MOST_LABELS = 12
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
_TAIL = re.compile(r"([a-z0-9_.-]+\.[a-z0-9-]{2,})[:：]?[^\x00-\x7f.][^.]*", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"'<>，。、；！（）【】「」《》]+")
_HTTP = re.compile(r"https?:", re.IGNORECASE)
_STRANGE_END = re.compile(r"[^\w.\-\[\]:%*~$+=].*", re.DOTALL)


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
    for run in _RUN.finditer(text):
        if run.start() < at or "." not in run[0]:
            continue
        path = _PATH.match(text, run.end())
        is_mail = text[run.start() - 1 : run.start()] == "@" and not (path and path[0][0] in "/\\:?")
        for part in [] if is_mail else re.split(r"\.{2,}", run[0]):
            found = _latin(
                part.strip(".-_").lower().split("."), has_path=path is not None and path[0][0] != "#"
            )
            if found:
                yield found
                at = path.end() if path else at
    for run in _CHINESE_RUN.finditer(text):
        if not run[0].isascii() and "." in run[0]:
            yield from _chinese(run[0].lower().split("."))


def _latin(labels: list[str], *, has_path: bool) -> str | None:
    """Find the host among the labels of a word; None for a number, a version, a file."""
    if len(labels) == 4 and all(_NUMBER.fullmatch(label) for label in labels):
        return ".".join(labels)
    for index in range(len(labels) - 1, 0, -1):
        is_last = index == len(labels) - 1
        if _TLD.fullmatch(labels[index]) and (labels[index] not in _FILES or (is_last and has_path)):
            return ".".join(labels[: index + 1])
    return None


def _chinese(labels: list[str]) -> Iterator[str]:
    """Find the hosts in a word that has Chinese characters in it."""
    for index in range(1, len(labels)):
        before = labels[max(0, index - _MOST_LABELS) : index]
        if not before[-1]:
            continue
        tld = next((tld for tld in _CHINESE_TLDS if labels[index].startswith(tld)), None)
        if tld is not None:
            yield ".".join([*before, tld])
        latin = re.match("[a-z0-9]+", labels[index])
        if latin and latin[0] in _COMMON_TLDS and re.fullmatch("[\u3400-\u9fff]+", before[-1]):
            yield f"{before[-1]}.{latin[0]}"


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
    if in_text and (tail := _TAIL.fullmatch(host)):
        host = tail[1]
    if not host.startswith("["):
        host = host.partition(":")[0]
    host = _STRANGE_END.sub("", host) or host
    return host.strip(".").lower() or whole.lower()


def _until_sentence_ends(host: str) -> str:
    """Cut at a `。` that ends a sentence; keep one that stands for a dot."""
    parts = host.split("。")
    for index, part in enumerate(parts[1:], 1):
        word = re.match(r"[a-z0-9.-]*", part, re.IGNORECASE)
        begins = word[0].lower() if word else ""
        if not ("." in begins.strip(".") or begins in _COMMON_TLDS or begins.startswith("xn--")):
            return "。".join(parts[:index])
    return host


def _dotted(text: str) -> str:
    """Make a dot of a `。` between Latin words before a top-level domain that is used a lot."""

    def dot(found: re.Match[str]) -> str:
        return "." if found[1].lower() in _COMMON_TLDS or "." in found[1] else "。"

    return re.sub(r"(?<=[a-z0-9-])。(?=([a-z0-9-]+(?:[.。][a-z0-9-]+){0,3}))", dot, text, flags=re.IGNORECASE)


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
        for one in text.replace("｡", "．")
        if unicodedata.category(one) != "Cf" and one not in "\u034f\u115f\u1160\u3164\uffa0\ufe0e\ufe0f"
    )
    # Letters that look like others: mathematical, circled.
    return "".join(
        unicodedata.normalize("NFKC", one) if one > "\U0001d3ff" or "①" <= one <= "⓿" else one
        for one in narrow
    )


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def same_host(host: str) -> str:
    """Give one spelling of a host: lower case, and the characters that punycode stands for."""
    return ".".join(_unicode(label) for label in _plain(host).lower().strip(".").split("."))


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).lower()
    except UnicodeError:
        return label
