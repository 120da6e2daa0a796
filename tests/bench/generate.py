"""Any number of distinct campaigns in Chinese, most of them texts; the same each time."""

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
    """Write the YAML of one campaign; of fifty, 40 are texts and one has an article of its own."""
    msgtype, content = KINDS.get(number % 50, _text)(number, folder)
    return (
        f"# 第 {number} 号\n"
        f"description: {_phrase(number, 6)}\n"
        f"owner: crm-{number % 7}\n"
        f"filter:\n  tag: '{{{{ city }}}}会员{number}'\n"
        f"msgtype: {msgtype}\n"
        f"content:{content}"
        f"vars: {{city: 北京, start: '{number % 24:02d}:30', discount: {number % 9 + 1}}}\n"
        # One in twelve is scheduled. A window that began days ago would be a warning to nearly each of them.
        + (f"not_before: '2099-12-{number % 28 + 1:02d}T19:00:00+08:00'\n" if number % 12 == 0 else "")
        + "not_after: '2099-12-31T22:00:00+08:00'\n"
    )


def _phrase(number: int, words: int) -> str:
    return "".join(WORDS[(number + step * step) % len(WORDS)] for step in range(words))


def _text(number: int, _folder: Path) -> tuple[str, str]:
    first = f"{{{{ brand }}}} {_phrase(number, 5)}，今晚 {{{{ start }}}} 开始，全场 {{{{ discount }}}} 折。"
    lines = (first, *(f"{_phrase(number + line, 12)}！" for line in range(number % 4)), f"第 {number} 期。")
    return "text", " |\n" + "".join(f"  {line}\n" for line in lines)


def _article(number: int, folder: Path) -> tuple[str, str]:
    words = f"{_phrase(number, 60)}，**{_phrase(number, 4)}**。"
    body = f"## {_phrase(number, 3)}\n\n{words}\n\n- {_phrase(number, 8)}\n"
    (folder / f"{number:06d}.md").write_text(body, encoding="utf-8")
    (folder / f"{number:06d}.png").write_bytes(png(number))
    files = f"body: {number:06d}.md\n      cover: {{file: {number:06d}.png}}\n"
    return "mpnews", f"\n  articles:\n    - title: {_phrase(number, 4)}\n      {files}"


def _images(number: int, folder: Path) -> tuple[str, str]:
    (folder / f"{number:06d}.png").write_bytes(png(number))
    return "image", f"\n  images:\n    - {{media_id: M{number}}}\n    - {{file: {number:06d}.png}}\n"


def _voice(number: int, _folder: Path) -> tuple[str, str]:
    return "voice", f"\n  media_id: M{number}\n"


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


KINDS: dict[int, Callable[[int, Path], tuple[str, str]]] = {
    0: _article, **dict.fromkeys((9, 19, 29), _images), **dict.fromkeys(range(4, 50, 9), _voice),
}  # fmt: skip
"""By the number in a run of fifty; the others are texts."""
