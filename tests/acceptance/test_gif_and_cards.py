"""A moving picture and the ways into a mini program reach followers."""

from pathlib import Path

import pytest
from lxml.html import fragment_fromstring
from PIL import Image

from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

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


@pytest.fixture
def root(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A campaign with all three, for an account of the sandbox."""
    root = campaigns_on(sandbox, tmp_path, f"policy: {{allowed_mini_programs: [{APP}]}}\n")
    (root / "tea.md").write_text(ARTICLE, encoding="utf-8")
    (root / "tea.yaml").write_text(CAMPAIGN, encoding="utf-8")
    frames = [Image.new("P", (90, 60), colour) for colour in (10, 120, 200)]
    frames[0].save(root / "pour.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    Image.new("RGB", (1080, 864), (20, 90, 60)).save(root / "card.png")
    return root


def test_gif_link_and_card_arrive(root: Path, sandbox: Sandbox) -> None:
    assert run(["draft", "tea", "--auto-approve", "--dir", str(root)]) == ExitCode.OK
    [item] = sandbox.call("draft/batchget", {"offset": 0, "count": 1, "no_content": 0})["item"]
    html = item["content"]["news_item"][0]["content"]
    page = fragment_fromstring(html, create_parent=True)
    kept = sandbox.call("material/batchget_material", {"type": "image", "offset": 0, "count": 20})["item"]
    [moving] = [one["url"] for one in kept if one["url"].endswith("wx_fmt=gif")]
    assert [one.get("src").removeprefix("https:") for one in page.iter("img")] == [
        moving.removeprefix("http:")
    ]
    [link] = page.xpath("//a[@data-miniprogram-appid]")
    assert (link.get("data-miniprogram-appid"), link.get("data-miniprogram-path")) == (
        APP,
        "pages/index?id=1",
    )
    [card] = page.iter("mp-common-miniprogram")
    assert (card.get("data-miniprogram-appid"), card.get("data-miniprogram-title")) == (APP, "春茶小店")
    assert "mmbiz.qpic.cn" in card.get("data-miniprogram-imageurl")

    assert run(["apply", "--auto-approve", "--dir", str(root)]) == ExitCode.OK
    assert {sent["content"]["articles"][0]["title"] for sent in sandbox.deliveries()} == {"会动的茶"}
    assert not sandbox.call("draft/count", {})["total_count"], "it was the draft that was looked at"
