"""A moving picture and the ways into a mini program reach followers."""

from lxml.html import fragment_fromstring
from PIL import Image

from tests.support.shop import MakeShop

APP = "wx1234567890abcdef"
ARTICLE = f"""会动的茶：

![冲泡](pour.gif)

[打开商店](miniprogram://{APP}/pages/index?id=1)

[![春茶小店](card.png)](miniprogram://{APP}/pages/index "card")
"""
CAMPAIGN = """
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 会动的茶, body: tea.md, cover: {file: card.png}}]}
"""


def test_gif_link_and_card_arrive(make_shop: MakeShop) -> None:
    shop = make_shop(more=f"policy: {{allowed_mini_programs: [{APP}]}}\n")
    shop.write(tea=CAMPAIGN)
    sandbox, root = shop.sandbox, shop.folder / "campaigns"
    (root / "tea.md").write_text(ARTICLE, encoding="utf-8")
    frames = [Image.new("P", (90, 60), colour) for colour in (10, 120, 200)]
    frames[0].save(root / "pour.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    Image.new("RGB", (1080, 864), (20, 90, 60)).save(root / "card.png")
    shop.succeed("preview", "tea", "--to", sandbox.openids()[0])
    [item] = sandbox.call("draft/batchget", {"offset": 0, "count": 1, "no_content": 0})["item"]
    html = item["content"]["news_item"][0]["content"]
    page = fragment_fromstring(html, create_parent=True)
    kept = sandbox.call("material/batchget_material", {"type": "image", "offset": 0, "count": 20})["item"]
    [moving] = [one["url"] for one in kept if one["url"].endswith("wx_fmt=gif")]
    assert [one.get("src").removeprefix("https:") for one in page.iter("img")] == [
        moving.removeprefix("http:")
    ]
    [link] = page.xpath("//a[@data-miniprogram-appid]")
    target = link.get("data-miniprogram-appid"), link.get("data-miniprogram-path")
    assert target == (APP, "pages/index?id=1")
    [card] = page.iter("mp-common-miniprogram")
    assert (card.get("data-miniprogram-appid"), card.get("data-miniprogram-title")) == (APP, "春茶小店")
    assert "mmbiz.qpic.cn" in card.get("data-miniprogram-imageurl")

    shop.succeed("apply", "--auto-approve")
    assert {sent["content"]["articles"][0]["title"] for sent in sandbox.deliveries()} == {"会动的茶"}
    assert not sandbox.call("draft/count", {})["total_count"], "it was the draft that was looked at"
