"""The pages of `tests/articles/editors/`, saved as browsers save them: with their pictures in files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from PIL import Image, ImageDraw

from tests.support.playground import Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.source.scaffold import PLACEHOLDERS

EDITORS = Path(__file__).parents[1] / "articles" / "editors"
PAGES = sorted(EDITORS.glob("*.html"))
_ADDRESS = re.compile(r"https://mmbiz\.qpic\.cn/[\w/]+(?:\?[\w=&;]+)?")
_SIZE = (900, 540)


def save_page(page: Path, folder: Path) -> Path:
    """Write a page and, beside it, a picture for each address in it; return the file of the page."""
    pictures = folder / f"{page.stem}_files"
    pictures.mkdir(parents=True)
    text = page.read_text(encoding="utf-8")
    for number, address in enumerate(sorted(set(_ADDRESS.findall(text)), key=len, reverse=True), 1):
        _draw(address).save(pictures / f"{number}.png")
        text = text.replace(address, f"{pictures.name}/{number}.png")
    saved = folder / page.name
    saved.write_text(text, encoding="utf-8")
    return saved


def _draw(address: str) -> Image.Image:
    """Draw a hill in front of an evening sky, in a colour of its own."""
    red, green, blue = sha256(address.encode()).digest()[:3]
    picture = Image.new("RGB", _SIZE, (60 + red // 3, 60 + green // 3, 60 + blue // 3))
    width, height = _SIZE
    hill = (-width // 3, height // 2, width * 4 // 3, height * 3 // 2)
    ImageDraw.Draw(picture).ellipse(hill, fill=(40 + blue // 4, 70 + red // 4, 40 + green // 4))
    return picture


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page that was imported and sent."""

    saved: Path
    """The page as the browser saved it."""
    folder: Path
    """The campaigns folder."""
    address: str
    """Where the sandbox shows the article, as a follower sees it."""


def send_page(page: Path, sandbox: Sandbox, folder: Path) -> SentPage:
    """Import a page of an editor and send it, by the real commands."""
    saved = save_page(page, folder / "saved")
    root = campaigns_on(sandbox, folder)
    words = ["--dir", str(root), "--quiet"]
    assert run(["import", str(saved), "page", *words]) == ExitCode.OK
    file = root / "page.yaml"
    text = file.read_text(encoding="utf-8").replace("ready: false\n", "")
    text = text.replace(PLACEHOLDERS[1], f"{page.stem} 的文章")
    cover = root / "page" / "cover.jpg"
    if cover.name in text:  # a page without a picture
        _draw("cover").save(cover)
    file.write_text(text, encoding="utf-8")
    assert run(["apply", "--auto-approve", *words]) == ExitCode.OK
    [job] = sandbox.jobs()
    return SentPage(saved, root, f"{sandbox.url}/_sandbox/article/job/{job['msg_id']}/1")
