"""`validate_campaigns`: the problems of every file, in the order in which they are mended."""

from __future__ import annotations

from pathlib import Path

from tests.support.factories import make_settings
from wechat_campaigns.render.compile import validate_campaigns
from wechat_campaigns.source.files import Files


def test_problems_of_a_campaign_are_in_the_order_of_its_lines(tmp_path: Path) -> None:
    root = tmp_path / "campaigns"
    root.mkdir()
    (root / "market.yaml").write_text(
        "filter: {tag: 会员}\nmsgtype: mpnews\ncontent:\n  newspic:\n    title: 标题，不超过 32 字\n"
        "    text: 这里写要发的话\n    images: [{file: a.jpg}, {file: b.jpg}]\n",
        encoding="utf-8",
    )
    problems = validate_campaigns(root, settings=make_settings(), files=Files(root)).problems
    assert [problem.location.line for problem in problems] == [5, 6, 7, 7]
