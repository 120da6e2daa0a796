"""Any number of distinct campaigns, every msgtype among them, in Chinese; the same ones for the same seed."""

import hashlib
import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

PER_FOLDER = 500
# fmt: off
_WORDS = [
    "春茶", "新品", "会员", "周年庆", "今晚", "门店", "满减", "限时", "礼盒", "茉莉", "乌龙", "咖啡",
    "早鸟", "预约", "折扣", "三里屯", "静安", "天河", "包邮", "积分", "兑换", "首杯", "半价", "联名",
    "杯子", "抽奖", "直播", "开抢", "提醒", "周末", "手冲", "冷萃", "桂花", "龙井", "秋冬", "上新",
    "故事", "城市", "漫步", "生日",
]
# fmt: on
_CITIES = ["北京", "上海", "广州", "深圳", "杭州", "成都", "武汉", "西安", "南京", "苏州"]

SETTINGS: dict[str, Any] = {
    "vars": {"brand": "示例商城"},
    "policy": {"allow_to_all": True, "duplicate_content_days": 0},
}


def write_campaigns(root: Path, count: int, *, seed: int = 1, settings: dict[str, Any] | None = None) -> None:
    """Write `count` campaigns and the files they name below `root`, JSON being YAML where it is short."""
    root.mkdir(parents=True)
    (root / "_settings.yaml").write_text(_json(settings or SETTINGS), encoding="utf-8")
    for number in range(count):
        folder = root / f"{number // PER_FOLDER:04d}"
        if number % PER_FOLDER == 0:
            folder.mkdir()
        text = campaign(number, folder, random.Random(f"{seed}.{number}"))
        (folder / f"{number:06d}.yaml").write_text(text, encoding="utf-8")


def campaign(number: int, folder: Path, chance: random.Random) -> str:
    """Write the YAML of one campaign; of fifty, 34 are texts and one has an article of its own."""
    msgtype, content = _KINDS[number % len(_KINDS)](number, folder, chance)
    day, hour = chance.randint(1, 28), chance.randint(8, 20)
    start, discount = f"{chance.randint(10, 22)}:30", chance.randint(5, 9)
    tag = f"{chance.choice(_CITIES)}会员{number}" if number % 3 else "{{ city }}" + f"会员{number}"
    return (
        f"# 第 {number} 号\n"
        f"description: {_phrase(chance, 6)}\n"
        f"owner: crm-{number % 7}\n"
        f"labels: {{season: '{chance.choice(['spring', 'summer', 'autumn', 'winter'])}'}}\n"
        f"filter:\n  tag: '{tag}'\n"
        f"msgtype: {msgtype}\n"
        f"content:{content}"
        f"vars: {{city: {chance.choice(_CITIES)}, start: '{start}', discount: {discount}}}\n"
        # One in twelve is scheduled. A window that began days ago would be a warning to nearly each of them.
        + (f"not_before: '2099-12-{day:02d}T{hour:02d}:00:00+08:00'\n" if number % 12 == 0 else "")
        + "not_after: '2099-12-31T22:00:00+08:00'\n"
    )


def _phrase(chance: random.Random, words: int) -> str:
    return "".join(chance.choices(_WORDS, k=words))


def _text(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    lines = [
        f"{{{{ brand }}}} {_phrase(chance, 5)}，今晚 {{{{ start }}}} 开始，全场 {{{{ discount }}}} 折。",
        *(f"{_phrase(chance, 9)}，{_phrase(chance, 6)}！" for _ in range(chance.randint(1, 4))),
        f"第 {number} 期，回复 TD 退订。",
    ]
    return "text", " |\n" + "".join(f"  {line}\n" for line in lines)


def _plain_text(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    return "text", f" {_phrase(chance, 20)}，第 {number} 期。\n"


def _text_file(number: int, folder: Path, chance: random.Random) -> tuple[str, str]:
    (folder / f"{number:06d}.txt").write_text(_text(number, folder, chance)[1][3:], encoding="utf-8")
    return "text", f" {{text_file: {number:06d}.txt}}\n"


def _article(number: int, folder: Path, chance: random.Random) -> tuple[str, str]:
    said = f"{_phrase(chance, 60)}，**{_phrase(chance, 4)}**。"
    body = f"## {_phrase(chance, 3)}\n\n{said}\n\n- {_phrase(chance, 8)}\n"
    (folder / f"{number:06d}.md").write_text(body, encoding="utf-8")
    (folder / f"{number:06d}.png").write_bytes(png(number))
    article = (
        f"\n  articles:\n    - title: {_phrase(chance, 4)}\n      body: {number:06d}.md\n"
        f"      cover: {{file: {number:06d}.png}}\n"
    )
    return "mpnews", article


def _draft(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    return "mpnews", f" {{media_id: {_media_id(number, chance)}}}\n"


def _newspic(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    images = "".join(
        f"      - {{media_id: {_media_id(number, chance)}}}\n" for _ in range(chance.randint(1, 4))
    )
    newspic = f"    title: {_phrase(chance, 4)}\n    text: {_phrase(chance, 30)}\n    images:\n{images}"
    return "mpnews", f"\n  newspic:\n{newspic}"


def _voice(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    return "voice", f"\n  media_id: {_media_id(number, chance)}\n"


def _images(number: int, folder: Path, chance: random.Random) -> tuple[str, str]:
    (folder / f"{number:06d}.png").write_bytes(png(number))
    named = f"    - {{media_id: {_media_id(number, chance)}}}\n    - {{file: {number:06d}.png}}\n"
    return "image", f"\n  images:\n{named}  recommend: {_phrase(chance, 5)}\n"


def _mpvideo(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    words = f"  title: {_phrase(chance, 4)}\n  description: {_phrase(chance, 12)}\n"
    return "mpvideo", f"\n  media_id: {_media_id(number, chance)}\n{words}"


def _wxcard(number: int, _folder: Path, chance: random.Random) -> tuple[str, str]:
    return "wxcard", f" {{card_id: {_media_id(number, chance)}}}\n"


def _media_id(number: int, chance: random.Random) -> str:
    return "M" + hashlib.sha256(f"{number}.{chance.random()}".encode()).hexdigest()[:42]


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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


Maker = Callable[[int, Path, random.Random], tuple[str, str]]
_KINDS: tuple[Maker, ...] = (
    *(_text, _plain_text) * 12, *(_text,) * 6, *(_text_file,) * 4,
    *(_draft, _newspic) * 2, *(_voice,) * 3, *(_images,) * 3, *(_mpvideo,) * 3, *(_wxcard,) * 2, _article,
)  # fmt: skip
