"""Pictures of a saved page become files: decoded, copied from beside it, downloaded; each picture once."""

import base64
from pathlib import Path

import pytest

from wechat_campaigns.fetch.public_download import Downloader
from wechat_campaigns.fetch.saved_pictures import SavedPictures

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 90


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
        "//a.example/a.png",
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_noted_with_the_reason(saved: SavedPictures, address: str) -> None:
    saved.save(address)
    assert saved.names == {}
    assert saved.failed[address].message
    assert not saved.folder.exists()
