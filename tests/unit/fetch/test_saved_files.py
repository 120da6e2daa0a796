"""A saved page and a draft of the console become files: each picture once, a campaign without templates."""

import base64
from pathlib import Path
from typing import Any

import pytest

from wechat_campaigns.fetch.public_download import Downloader, DownloadLimits
from wechat_campaigns.fetch.saved_files import DraftFiles, SavedPictures
from wechat_campaigns.source.scaffold import literal

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 90
OWN = "http://mmbiz.qpic.cn/mmbiz_png/a/0?wx_fmt=png"


@pytest.fixture
def saved(tmp_path: Path) -> SavedPictures:
    (tmp_path / "web/page_files").mkdir(parents=True)
    (tmp_path / "web/page_files/a b.png").write_bytes(PNG)
    (tmp_path / "outside.png").write_bytes(PNG)
    nobody = Downloader(resolve=lambda *_where: [])
    return SavedPictures(page=tmp_path / "web/page.html", folder=tmp_path / "c/tea", downloader=nobody)


def test_one_picture_is_one_file_whatever_names_it(saved: SavedPictures) -> None:
    inline = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    for address in ("page_files/a%20b.png", "./page_files/a b.png", inline):
        saved.save(address)
    assert set(saved.names.values()) == {"01.png"}
    assert [file.name for file in saved.folder.iterdir()] == ["01.png"]
    assert (saved.folder / "01.png").read_bytes() == PNG


@pytest.mark.parametrize(
    "address",
    [
        "../outside.png", "/etc/passwd", "file:///etc/passwd", "page_files/none.png", "data:text/html,x",
        "data:image/png;base64,!", "data:image/svg+xml,<svg></svg>", "https://a.example/a.png",
        "//a.example/a.png", "https://a.example/\ud800", "\ud800.png", "data:image/png,\ud800",
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_noted_with_the_reason(saved: SavedPictures, address: str) -> None:
    saved.save(address)
    assert saved.names == {}
    assert saved.failed[address].message
    assert not saved.folder.exists()


def test_pictures_are_counted_wherever_they_come_from(saved: SavedPictures) -> None:
    saved.downloader.limits = DownloadLimits(files=2)
    addresses = ("page_files/a b.png", "https://a.example/a.png", "page_files/./a b.png")
    for address in addresses:
        saved.save(address)
    assert saved.failed[addresses[2]].message == "more than 2 pictures"


class RecordedPictures:
    """A host that has the pictures of WeChat, and whoever else is asked."""

    limits = DownloadLimits()

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, url: str) -> bytes:
        self.asked.append(url)
        return PNG


def draft_files(folder: Path, *items: dict[str, Any]) -> tuple[DraftFiles, SavedPictures]:
    pictures = SavedPictures(folder=folder / "spring")
    pictures.downloader = RecordedPictures()  # type: ignore[assignment]
    return DraftFiles(id="2026/spring", news_items=items, save=pictures.save), pictures


def test_pictures_become_files(tmp_path: Path) -> None:
    html = f'<p>茶</p><img data-src="{OWN}"><section style="background-image:url({OWN})">杯</section>'
    item = {"title": "春茶", "content": html, "thumb_url": OWN, "thumb_media_id": "C"}
    files, pictures = draft_files(tmp_path, item)
    text = files.campaign_text()
    assert "      cover: {file: spring/01.png}\n" in text.replace('"', "")
    assert "      body: spring/article.html\n" in text.replace('"', "")
    (body,) = files.bodies.values()
    assert body.count("01.png") == 2
    assert "mmbiz" not in body
    assert [file.name for file in pictures.folder.iterdir()] == ["01.png"]


def test_no_file_of_this_machine_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(PNG)
    inline = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    html = f'<img src="../secret.png"><img src="file:///etc/passwd"><img src="{inline}">'
    files, pictures = draft_files(tmp_path, {"title": "春茶", "content": html})
    files.campaign_text()
    assert list(pictures.names) == [inline]
    assert set(pictures.failed) == {"../secret.png", "file:///etc/passwd"}


def test_what_is_not_saved_stays_in_wechat(tmp_path: Path) -> None:
    item = {"title": "春茶", "content": f'<img src="{OWN}">', "thumb_url": OWN, "thumb_media_id": "C"}
    files = DraftFiles(id="spring", news_items=[item], save=lambda _address: None)
    assert "      cover: {media_id: C}\n" in files.campaign_text()
    assert OWN in files.bodies["article.html"]


def test_a_digest_of_several_articles_is_left_out(tmp_path: Path) -> None:
    usual = {"content": "<p>x</p>", "digest": "摘要", "only_fans_can_comment": 1}
    items = [{"title": title, **usual} for title in "甲乙"]
    files, _pictures = draft_files(tmp_path, *items)
    text = files.campaign_text()
    assert "摘要" not in text
    assert text.count("only_fans_can_comment: true") == 2
    assert sorted(files.bodies) == ["article-1.html", "article-2.html"]


@pytest.mark.parametrize("text", ["{{ x }}", "{% if %}", "{# 注 #}", "{{{", "没有"])
def test_a_text_is_no_template(text: str) -> None:
    import jinja2

    assert jinja2.Template(literal(text)).render() == text
