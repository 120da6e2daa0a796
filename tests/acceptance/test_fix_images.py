"""`fix_images`: what WeChat would refuse is sent converted, named in the plan, the same everywhere."""

import pytest

from tests.support.playground import PICTURES
from tests.support.shop import MakeShop, Shop
from wechat_campaigns.core.errors import ExitCode

FIXED = "articles: {fix_images: true}\n"
NEWS = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 春茶, body: tea.md, cover: {file: cup.webp}}]}
"""
POST = """\
filter: {tag: 会员}
msgtype: mpnews
content: {newspic: {title: 茶, text: 新茶, images: [{file: cup.webp}]}}
"""


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """An article and a picture post, all of whose pictures are WebP."""
    made = make_shop(more=FIXED)
    made.write(news=NEWS, post=POST)
    (made.folder / "campaigns/cup.webp").write_bytes((PICTURES / "cup.webp").read_bytes())
    (made.folder / "campaigns/tea.md").write_text("新茶到了。\n\n![茶](cup.webp)\n", encoding="utf-8")
    return made


def test_plan_names_each_converted_picture(shop: Shop) -> None:
    fixed = [
        (send["id"], warning["path"])
        for send in shop.plan()["sends"]
        for warning in send["warnings"]
        if warning["rule"] == "image-fixed"
    ]
    assert sorted(fixed) == [
        ("news", "$.content.articles[0].body"),
        ("news", "$.content.articles[0].cover.file"),
        ("post", "$.content.newspic.images[0].file"),
    ]


@pytest.mark.deep
def test_apply_with_fix_images_sends_what_was_planned(shop: Shop) -> None:
    shop.plan()
    shop.edit("_settings", FIXED, "")
    code, said = shop.run_here("validate")
    assert (code, "tea.md:3" in said, "post.yaml" in said) == (ExitCode.INVALID, True, True), said
    assert shop.apply(*shop.reviewed("digest")) == ExitCode.INVALID
    assert shop.posts() == 0
    shop.add_settings(FIXED)
    assert shop.apply(*shop.reviewed("digest")) == ExitCode.OK
    assert len(shop.sandbox.jobs()) == 2
    uploads = [
        one for one in shop.sandbox.requests() if "material" in one["path"] or "uploadimg" in one["path"]
    ]
    assert uploads
    assert ".webp" not in str(uploads)
