"""The plan's page shows each article as a phone shows it, from the campaign's own files."""

from __future__ import annotations

import re

from tests.support.factories import make_article, make_file, make_send, plan_of
from wechat_campaigns.core.model import Articles, FileInfo
from wechat_campaigns.render.article.page import WIDTHS
from wechat_campaigns.report.html import plan_html

PICTURE = make_file("leaf.png", b"leaf")
DATA = {"leaf.png": b"leaf", "cover.png": b"cover"}


def test_articles_stand_in_frames_of_every_width_with_their_pictures() -> None:
    """Three widths and the dark one for each article, sandboxed, the pictures inside, no placeholder left."""
    articles = Articles(articles=(make_article("春茶", PICTURE), make_article("夏茶")))
    asked: list[str] = []

    def data(file: FileInfo) -> bytes:
        asked.append(file.path.name)
        return DATA[file.path.name]

    html = plan_html(plan_of(make_send(content=articles)), data=data, timezone="Asia/Shanghai")
    frames = re.findall(r"<iframe[^>]*>", html)
    assert len(frames) == 2 * (len(WIDTHS) + 1)
    assert all('sandbox=""' in frame or " sandbox " in frame for frame in frames)
    assert set(asked) == {"leaf.png", "cover.png"}
    assert PICTURE.sha256 not in html
    assert html.count("<h2>春茶</h2>") == 1
