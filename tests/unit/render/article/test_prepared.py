"""A picture is prepared once for the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

from tests.unit.render.article.making import Make, rules
from wechat_campaigns.core.i18n import set_language
from wechat_campaigns.core.settings import ArticleOptions
from wechat_campaigns.render.article import embed
from wechat_campaigns.source.files import Files

PAGE = PurePosixPath("news.yaml")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    embed._known.clear()
    yield
    set_language("en")


def never() -> bytes:
    raise AssertionError("these bytes are known")


def webp(color: str = "red") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (60, 40), color).save(target, "WEBP")
    return target.getvalue()


def test_known_bytes_are_not_decoded_again(tmp_path: Path) -> None:
    for name in ("a.webp", "b.webp"):
        (tmp_path / name).write_bytes(webp())
    files = Files(tmp_path)
    first, second = files.info(PAGE, "a.webp"), files.info(PAGE, "b.webp")
    made = embed.prepare(first, lambda: files.data(first.path), convert=False)
    assert (made.file, made.note, made.inspection.width) == (first, "", 60)
    assert embed.prepare(second, never, convert=False).file == second
    with pytest.raises(AssertionError):
        embed.prepare(first, never, convert=True)
    converted = embed.prepare(first, lambda: files.data(first.path), convert=True)
    assert (converted.file.format, converted.file.path) == ("jpeg", first.path)
    assert converted.note.startswith("webp ")
    assert embed.prepare(second, never, convert=True).file.path == second.path
    set_language("zh")
    with pytest.raises(AssertionError):
        embed.prepare(first, never, convert=False)


@pytest.mark.slow
@pytest.mark.parametrize("mend", [False, True])
def test_a_second_version_of_an_article_gives_the_same_findings(make: Make, mend: bool) -> None:
    options = ArticleOptions(fix_images=mend)
    first = make("![茶](a.webp)\n", at={"tea/a.webp": webp()}, options=options)
    assert len(embed._known) == 1
    second = make("![茶](a.webp)\n\n又一段\n", options=options)
    assert rules(first) == rules(second) == (["w image-fixed 1"] if mend else ["e image-format 1"])
    assert first.findings == second.findings
    assert first.images == second.images


def test_a_changed_file_is_another_picture(make: Make) -> None:
    for number, color in enumerate(("red", "blue"), 1):
        make("![茶](a.webp)\n", at={"tea/a.webp": webp(color)})
        assert len(embed._known) == number


@pytest.mark.slow
def test_many_pictures_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    monkeypatch.setattr(embed, "KEPT", 2)
    for color in ("red", "blue", "green"):
        make("![茶](a.webp)\n", at={"tea/a.webp": webp(color)})
    assert len(embed._known) == 1
