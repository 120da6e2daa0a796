"""Pages have a bounded size, and say what they leave out."""

from pathlib import PurePosixPath

import pytest

from wechat_campaigns.core.content import FileInfo, Media
from wechat_campaigns.core.diagnostics import Location
from wechat_campaigns.core.model import Filter, Send
from wechat_campaigns.messages import Article, Articles, BodyImage
from wechat_campaigns.render.phone import MESSAGE_CHARS, PICTURE_BYTES, Pictures, content, page
from wechat_campaigns.report.html import fitted


def _file(number: int, size_bytes: int) -> FileInfo:
    return FileInfo(path=PurePosixPath("a.png"), sha256=f"{number:064x}", size_bytes=size_bytes, format="png")


def _article(files: list[FileInfo], times: int) -> Article:
    images = tuple(BodyImage(placeholder=f"wximg:{file.sha256}", file=file) for file in files)
    html = "".join(f'<img src="{image.placeholder}" alt="a">' for image in images) * times
    return Article(title="茶", html=html, cover=Media(media_id="M"), images=images)


def _send(*articles: Article) -> Send:
    return Send(
        id="a",
        campaign="a",
        account="main",
        revision=1,
        filter=Filter(tag="会员"),
        content=Articles(articles=articles),
        location=Location(file="campaigns/a.yaml"),
    )


@pytest.mark.parametrize(("count", "times"), [(1, 120), (100, 1), (30, 4)])
@pytest.mark.deep
def test_a_page_with_many_pictures_is_bounded(count: int, times: int) -> None:
    files = [_file(number, 900_000) for number in range(count)]
    shown = page(_send(_article(files, times)), data=lambda file: b"\xff" * file.size_bytes, to="")
    assert len(shown) < PICTURE_BYTES + 1_000_000
    assert "data:image/svg+xml" in shown
    assert '<p class="notice warning">' in shown


def test_a_page_within_its_budget_shows_every_picture() -> None:
    shown = page(_send(_article([_file(1, 1_000)], 5)), data=lambda file: b"\xff" * file.size_bytes, to="")
    assert "svg+xml" not in shown
    assert '<p class="notice warning">' not in shown


def test_articles_of_one_page_share_the_budget() -> None:
    pictures = Pictures(lambda file: b"\xff" * file.size_bytes)
    article = _article([_file(1, 900_000)], 20)
    total = sum(len(content(_send(article), address=pictures.address)) for _ in range(10))
    assert total < PICTURE_BYTES + 1_000_000


def test_messages_are_left_out_unmade_once_the_page_is_full() -> None:
    made: list[int] = []

    def block(number: int) -> str:
        made.append(number)
        return "x" * 1_000_000

    text, left_out = fitted(block, range(10_000), MESSAGE_CHARS)
    assert len(text) <= MESSAGE_CHARS
    assert len(made) == MESSAGE_CHARS // 1_000_000 + 1
    assert left_out == 10_000 - MESSAGE_CHARS // 1_000_000
