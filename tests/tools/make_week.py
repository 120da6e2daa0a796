"""Write a week of campaigns as a person plans one: 20 sends of two accounts, most kinds, some with problems.

Run `python -m tests.tools.make_week FOLDER`; its pages show what an approver has to judge by.
"""

from __future__ import annotations

import shutil
import sys
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

EXAMPLES = Path(__file__).parents[2] / "campaigns"
SETTINGS = """\
vars: {brand: 山月茶铺}
policy:
  allow_to_all: false
  max_sends_per_apply: 20
articles: {theme: default, brand_color: "#4a7c59"}
"""
TEXTS = (
    ("tasting", "品鉴会周六开席", "北京"),
    ("reminder", "名额只剩三席，回复“我来”即可：https://shop.example.com/seat", "上海"),
    ("coupon", "会员 8 折，周日截止", "会员"),
    ("thanks", "谢谢每一位到店的茶友", "深圳"),
    ("survey", "三道题，帮我们选冬天的茶", "会员"),
    ("opening", "东山口店今天开门", "广州"),
    ("weekend", "周末茶席：两位同行，一位免单", "会员"),
)


def make_week(folder: Path, now: datetime) -> None:
    """Write the campaigns below a folder that does not exist.

    Args:
        now: aware; the week begins on the day after.
    """
    folder.mkdir(parents=True)
    (folder / "_settings.yaml").write_text(SETTINGS, encoding="utf-8")
    for below in ("shop", "daily"):
        shutil.copytree(EXAMPLES / "tea" / "spring-tea", folder / below / "spring-tea")
    shutil.copytree(EXAMPLES / "autumn" / "poster", folder / "shop" / "poster")
    for number, (name, text, tag) in enumerate(TEXTS):
        about = "description: 冬季活动\nowner: 小李\naccount: service\nmsgtype: text\n"
        content = f"{about}content: {text!r}\nfilter: {{tag: {tag}}}\n"
        _write(folder, f"shop/{name}", content + (_window(now, number, 19) if number else ""))
    for number in range(6):
        _write(folder, f"daily/day-{number + 1}", _article(number) + _window(now, number, 8))
    _write(folder, "shop/story", _article(7, "会员") + _window(now, 2, 20))
    _write(folder, "shop/pair", _article(8, "会员", articles=3) + _window(now, 4, 20))
    pictures = "{images: [{file: poster/front.jpg}, {file: poster/back.jpg}]}"
    for name, msgtype, content, recipients in (
        ("poster", "image", pictures, "{tag: 上海}"),
        ("everyone", "text", "年终大促", "{is_to_all: true}"),
        ("nobody", "text", "老茶客见面", "{tag: 老茶客}"),
    ):
        lines = f"account: service\nmsgtype: {msgtype}\ncontent: {content}\nfilter: {recipients}\n"
        _write(folder, f"shop/{name}", lines + (_window(now, 5, 12) if name == "poster" else ""))
    _write(folder, "shop/broken", "msgtype: text\ncontents: 少了一个字段\nfilter: {tag: 会员}\n")
    _write(folder, "daily/past", _article(9) + _window(now, -9, 8))


def _article(number: int, tag: str = "", articles: int = 1) -> str:
    one = (
        "    - title: {title}\n      author: 内容组\n      body: spring-tea/article.md\n"
        "      cover: {{file: spring-tea/images/cover.jpg}}\n"
        "      content_source_url: https://shop.example.com/{number}\n"
    )
    titles = [f"第 {number + 1} 期：一杯茶的路（{part + 1}）" for part in range(articles)]
    account = "account: service\n" if tag else "account: subscription\n"
    recipients = f"filter: {{tag: {tag or '会员'}}}\n"
    listed = "".join(one.format(title=title, number=number) for title in titles)
    prices = "vars: {discount: 8, price_east: 128, price_north: 158, price_top: 198}\n"
    return f"{account}{recipients}msgtype: mpnews\n{prices}content:\n  articles:\n{listed}"


def _window(now: datetime, days: int, hour: int) -> str:
    day = (now + timedelta(days=days + 1)).replace(hour=hour, minute=0, second=0, microsecond=0)
    end = day + timedelta(hours=2)
    return f"not_before: {day.isoformat()}\nnot_after: {end.isoformat()}\n"


def _write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make_week(Path(sys.argv[1]), datetime.now(ZoneInfo("Asia/Shanghai")))
