"""Seeds: accounts, tags and followers from YAML, JSON or the built-in default, written into the state."""

import base64
import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_sandbox import accounts, store
from wechat_sandbox.answers import INTEGER, NAME, TEXT, body_of, check
from wechat_sandbox.followers import add_tag, list_tags, members, numbers_of, save_members

SECRET = "0" * 32
MAX_INVENTED = 1_000_000
"""How many followers can be invented for one account."""
SYSTEM_TAG = (2, "星标组")
TAGS = ("会员", "北京", "上海", "广州", "深圳", "新客", "内测")
FAMILY_NAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN_NAMES = (
    "子涵", "晨曦", "思远", "雨桐", "浩然", "静怡", "嘉豪", "小满", "明轩", "晓燕", "一诺", "清扬", "阿宝",
)  # fmt: skip

DEFAULT: dict[str, Any] = {
    "accounts": [
        {"appid": "wx0000000000000001", "kind": "service", "name": "示例服务号", "followers": 60},
        {"appid": "wx0000000000000002", "kind": "subscription", "name": "示例订阅号", "followers": 60},
        {"appid": "wx0000000000000003", "kind": "test", "name": "示例测试号", "followers": 60},
    ]
}

FOLLOWER: Final = body_of(
    {"openid": NAME, "nickname": TEXT, "wxname": TEXT, "tags": {"type": "array", "items": NAME}}, ("openid",)
)
TAG: Final = body_of({"id": {**INTEGER, "minimum": 0, "maximum": 2**31 - 1}, "name": NAME}, ("name",))
ACCOUNT: Final = body_of(
    {
        "appid": NAME,
        "kind": accounts.KIND,
        "secret": TEXT,
        "name": TEXT,
        "tags": {"type": "array", "items": {"anyOf": [NAME, TAG]}},
        "followers": {
            "anyOf": [
                {**INTEGER, "minimum": 0, "maximum": MAX_INVENTED},
                {"type": "array", "items": FOLLOWER},
            ]
        },
        "options": body_of(accounts.SWITCHES),
    },
    ("appid",),
)
SEED: Final = body_of({"accounts": {"type": "array", "items": ACCOUNT}}, ("accounts",))


def read(path: Path) -> dict[str, Any]:
    """Read a seed file, YAML or JSON, not yet checked.

    Raises:
        UsageError: It cannot be read or is not a mapping.
    """
    line = ""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        data, line = None, f":{mark.line + 1}" if mark is not None else ""
    if not isinstance(data, dict):
        raise UsageError(
            _("the seed file is not a mapping in YAML or JSON"),
            location=f"{path}{line}",
            hint=_("correct the seed file as described in docs/sandbox.md"),
        )
    return data


def plant(db: sqlite3.Connection, seed: Mapping[str, Any], now: float) -> dict[str, int]:
    """Write a seed into the state; what is there already stays or is brought up to date.

    Args:
        seed: `accounts`, a list of `appid`, `kind`, `secret`, `name`, `options`, `tags` (names, or objects of
            id and name) and `followers` (how many to make up, or a list of openid, nickname, wxname, tags).
        now: when they followed, seconds since 1970.

    Returns:
        How many followers each appid has now.

    Raises:
        ValueError: Something in the seed is unknown, missing or of the wrong type.
    """
    check(seed, SEED)
    return {item["appid"]: _plant_account(db, item, now) for item in seed["accounts"]}


def _plant_account(db: sqlite3.Connection, item: Mapping[str, Any], now: float) -> int:
    """Write one account with its tags and followers; how many followers it has."""
    appid, followers = item["appid"], item.get("followers", 0)
    is_number = not isinstance(followers, list)
    new = replace(accounts.NOBODY, appid=appid, kind="service", secret=SECRET, name=appid)
    account = accounts.find(db, appid) or new
    account = replace(
        account,
        **{key: item[key] for key in ("kind", "secret", "name") if key in item},
        options=accounts.options_from(item.get("options", {}), account.options),
    )
    named = [
        tag if isinstance(tag, dict) else {"name": tag} for tag in item.get("tags", TAGS if is_number else ())
    ]
    people = followers if not is_number else invent(appid, int(followers), [tag["name"] for tag in named])
    numbers = _plant_followers(db, appid, people, now)
    _plant_tags(db, appid, named, people, numbers)
    account = replace(account, subscribed=account.subscribed | store.set_of(numbers))
    accounts.save(db, account)
    return account.subscribed.bit_count()


def openid_of(appid: str, number: int) -> str:
    """Make up the openid of a follower: 28 characters, `o` first, always the same."""
    digest = hashlib.sha256(f"{appid}:{number}".encode()).digest()
    head = base64.urlsafe_b64encode(hashlib.sha256(appid.encode()).digest())[:5].decode()
    return f"o{head}{base64.urlsafe_b64encode(digest)[:22].decode()}"


def invent(appid: str, count: int, tag_names: list[str]) -> list[dict[str, Any]]:
    """Make up followers: names, WeChat names `tester1`…, and at most three tags each, always the same.

    Args:
        count: how many.
        tag_names: the tags to give out; the star mark goes to every tenth.

    Returns:
        Followers as a seed lists them.
    """
    people = []
    first, others = (tag_names[0], tag_names[1:]) if tag_names else ("", [])
    for number in range(count):
        chance = hashlib.sha256(f"{appid}/{number}".encode()).digest()
        given_name = GIVEN_NAMES[chance[1] % len(GIVEN_NAMES)]
        names = [first] if first and chance[2] % 2 else []
        names += [others[chance[3] % len(others)]] if others and chance[3] % 8 else []
        names += [SYSTEM_TAG[1]] if number % 10 == 0 else []
        person = {
            "openid": openid_of(appid, number),
            "nickname": FAMILY_NAMES[chance[0] % len(FAMILY_NAMES)] + given_name,
            "wxname": f"tester{number + 1}",
            "tags": names,
        }
        people.append(person)
    return people


def _plant_followers(db: sqlite3.Connection, appid: str, people: list[Any], now: float) -> list[int]:
    """Write followers, new or changed; their numbers in the same order."""
    numbers = numbers_of(db, appid, [person["openid"] for person in people])
    free = db.execute("SELECT COALESCE(MAX(n) + 1, 0) FROM follower WHERE appid = ?", (appid,)).fetchone()[0]
    for person in people:
        if person["openid"] not in numbers:
            numbers[person["openid"]] = free
            free += 1
    db.executemany(
        "INSERT OR REPLACE INTO follower VALUES (?, ?, ?, ?, ?, ?)",
        (
            (appid, numbers[p["openid"]], p["openid"], p.get("nickname", ""), p.get("wxname", ""), int(now))
            for p in people
        ),
    )
    return [numbers[person["openid"]] for person in people]


def _plant_tags(
    db: sqlite3.Connection, appid: str, named: list[Any], people: list[Any], numbers: list[int]
) -> None:
    """Create the tags that are missing, the system tag too, and add the followers that have them."""
    tagging: dict[str, list[int]] = {tag["name"]: [] for tag in ({"name": SYSTEM_TAG[1]}, *named)}
    for person, number in zip(people, numbers, strict=True):
        for name in person.get("tags", ()):
            tagging.setdefault(name, []).append(number)
    wished = {SYSTEM_TAG[1]: SYSTEM_TAG[0], **{tag["name"]: tag["id"] for tag in named if "id" in tag}}
    tagged = {tag["name"]: (tag["id"], members(tag)) for tag in list_tags(db, appid)}
    for name, added in tagging.items():
        tag_id, before = tagged.get(name) or (add_tag(db, appid, name, wished.get(name)), 0)
        save_members(db, appid, tag_id, before | store.set_of(added))
