"""Any number of distinct campaigns in Chinese, of every kind that people send; the same each time."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

PER_FOLDER = 500
WORDS = (
    "春茶",
    "新品",
    "会员",
    "周年庆",
    "今晚",
    "门店",
    "满减",
    "礼盒",
    "乌龙",
    "早鸟",
    "三里屯",
    "包邮",
    "半价",
)
SETTINGS: dict[str, Any] = {
    "vars": {"brand": "示例商城"},
    "policy": {"allow_to_all": True, "duplicate_content_days": 0},
}


def write_campaigns(root: Path, count: int, *, settings: dict[str, Any]) -> None:
    """Write `count` campaigns and the files they name below `root`, JSON being YAML where it is short."""
    root.mkdir(parents=True)
    text = json.dumps(settings, ensure_ascii=False, indent=1)
    (root / "_settings.yaml").write_text(text, encoding="utf-8")
    for number in range(count):
        folder = root / f"{number // PER_FOLDER:04d}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number:06d}.yaml").write_text(campaign(number, folder), encoding="utf-8")


def campaign(number: int, folder: Path) -> str:
    """Write the YAML of one campaign: every second has templates, every eighth with words a condition."""
    msgtype, content = _kind(number)(number, folder)
    tag = f"{{{{ city }}}}会员{number}" if number % 2 == 0 else f"会员{number}"
    return (
        f"# 第 {number} 号\n"
        f"description: {_phrase(number, 6)}\n"
        f"owner: crm-{number % 7}\n"
        f"filter:\n  tag: '{tag}'\n"
        f"msgtype: {msgtype}\n"
        f"content:{content}"
        f"vars: {{city: 北京, start: '{number % 24:02d}:30', discount: {number % 9 + 1}}}\n"
        # One in twelve is scheduled. A window that began days ago would be a warning to nearly each of them.
        + (f"not_before: '2099-12-{number % 28 + 1:02d}T19:00:00+08:00'\n" if number % 12 == 0 else "")
        + "not_after: '2099-12-31T22:00:00+08:00'\n"
    )


def _phrase(number: int, words: int) -> str:
    return "".join(WORDS[(number + step * step) % len(WORDS)] for step in range(words))


def _offer(number: int) -> str:
    """Write a sentence that is a template, with a condition, or plain."""
    if number % 8 == 0:
        return (
            "{% if discount < 5 %}全场 {{ discount }} 折{% else %}满 300 减 50{% endif %}，{{ start }} 开始。"
        )
    return "{{ brand }}今晚 {{ start }} 开始，全场 {{ discount }} 折。" if number % 2 == 0 else "今晚开始。"


def _text(number: int, _folder: Path) -> tuple[str, str]:
    first = f"{_phrase(number, 5)}，{_offer(number)}"
    lines = (first, *(f"{_phrase(number + line, 12)}！" for line in range(number % 4)), f"第 {number} 期。")
    return "text", " |\n" + "".join(f"  {line}\n" for line in lines)


def _article(number: int, folder: Path) -> tuple[str, str]:
    """Write an article as editors of HTML export it: a style on each element, and pictures."""
    colour = f"rgb({number % 200}, 124, 89)"
    parts = [PART.format(colour=colour, heading=_phrase(number + part, 3), first=_phrase(number + part, 20),
                         offer=_offer(number), second=_phrase(number + part, 30), part=part,
                         picture=f"{number:06d}-{part % 2}.png") for part in range(3)]  # fmt: skip
    (folder / f"{number:06d}.html").write_text(ARTICLE.format(parts="".join(parts)), encoding="utf-8")
    for part in range(2):
        (folder / f"{number:06d}-{part}.png").write_bytes(png(2 * number + part))
    files = f"body: {number:06d}.html\n      cover: {{file: {number:06d}-0.png}}\n"
    return "mpnews", f"\n  articles:\n    - title: {_phrase(number, 4)}\n      {files}"


def _images(number: int, folder: Path) -> tuple[str, str]:
    (folder / f"{number:06d}.png").write_bytes(png(2 * number))
    recommend = f"  recommend: '{_offer(number)}'\n"
    return (
        "image",
        f"\n  images:\n    - {{media_id: M{number}}}\n    - {{file: {number:06d}.png}}\n{recommend}",
    )


def _voice(number: int, folder: Path) -> tuple[str, str]:
    (folder / f"{number:06d}.mp3").write_bytes(mp3(number))
    return "voice", f"\n  file: {number:06d}.mp3\n"


def _video(number: int, _folder: Path) -> tuple[str, str]:
    title, description = f"title: {_phrase(number, 4)}", f"description: '{_offer(number)}'"
    return "mpvideo", f"\n  media_id: M{number}\n  {title}\n  {description}\n"


MIX: tuple[tuple[int, Callable[[int, Path], tuple[str, str]]], ...] = (
    (40, _text), (13, _article), (25, _images), (11, _voice), (11, _video),
)  # fmt: skip
"""How many of a hundred campaigns are of a kind."""


def _kind(number: int) -> Callable[[int, Path], tuple[str, str]]:
    """Return the kind of a campaign; 37 spreads the kinds over neighbours."""
    place = number * 37 % 100
    for count, kind in MIX:
        place -= count
        if place < 0:
            return kind
    raise AssertionError(number)


ARTICLE = """\
<section style="font-size: 16px; color: rgb(62, 62, 62); box-sizing: border-box;">
{parts}</section>
"""
PART = """\
<section style="margin: 10px 0px; text-align: center; box-sizing: border-box;">
<section style="padding: 6px 20px; background-color: {colour}; border-radius: 20px; box-sizing: border-box;">
<p style="font-size: 1{part}px; color: #ffffff; margin: 0px;"><strong>{heading}</strong></p>
</section>
<p style="text-align: justify; line-height: 1.75em; margin: 0px;">{first}，\
<span style="color: {colour}; text-decoration: underline;">{offer}</span></p>
<p style="text-align: center; margin: 20px 0px;">\
<img src="{picture}" alt="{heading}" style="width: 100%; vertical-align: middle; box-sizing: border-box;"></p>
<p style="text-align: justify; line-height: 1.75em; letter-spacing: 1.5px; margin: 0px;">{second}。</p>
</section>
"""
"""Two pictures, about twenty styled elements, as 秀米 or 135 write them."""


def mp3(number: int) -> bytes:
    """Make two seconds of sound that no other number has."""
    frame = b"\xff\xfb\x90\x00" + number.to_bytes(4, "big") + bytes(409)
    return frame * 77


def png(number: int) -> bytes:
    """Make a small picture of one colour that no other number has."""
    pixel = bytes([number >> 16 & 255, number >> 8 & 255, number & 255])
    rows = b"".join(b"\0" + pixel * 40 for _ in range(40))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
