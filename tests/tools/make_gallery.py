"""Take the pictures of docs/themes.md: one article in every theme, by day and in dark mode.

Run `python -m tests.tools.make_gallery`, with names of themes for a few of them; it needs Chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from selenium.webdriver import Chrome

from tests.support.browser import open_browser
from tests.support.sample_article import FILES, TITLE, sample_body
from wechat_campaigns.core.model import Article, Media
from wechat_campaigns.render.article import image_bytes
from wechat_campaigns.render.article.page import Pictures, frame_document
from wechat_campaigns.render.article.theme import BUILTIN_THEMES

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "images" / "themes"
COLOURS = {
    "default": "#07c160",
    "elegant": "#8a6d3b",
    "simple": "#1a73e8",
    "numbered": "#2f6fdb",
    "cards": "#0f8b6d",
    "magazine": "#c8372d",
    "festive": "#c2272d",
    "fresh": "#3f9b74",
}
"""Each theme in a colour that suits it."""
WIDTH, PHONES = 375, 2
SCALE = 1.5
GAP, EDGE, RADIUS = 24, 10, 34
LARGEST_WIDTH = 1280


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or BUILTIN_THEMES
    with open_browser(flags=("hide-scrollbars",)) as chrome, tempfile.TemporaryDirectory() as folder:
        for name in names:
            shots = [_shoot(chrome, name, dark, Path(folder) / "page.html") for dark in (False, True)]
            _save(_phones(shots), name)


def _shoot(chrome: Chrome, theme: str, dark: bool, page: Path) -> Image.Image:
    body = sample_body(theme, COLOURS[theme])
    assert not body.findings, body.findings
    cover = Media(media_id="COVER")
    sample = Article(title=TITLE, author="山野茶社", html=body.html, images=body.images, cover=cover)
    pictures = Pictures(lambda file: image_bytes(file, FILES))
    page.write_text(frame_document(sample, pictures=pictures, dark=dark), encoding="utf-8")
    _size(chrome, 800)
    chrome.get(page.as_uri())
    height = chrome.execute_script("return document.querySelector('.article').offsetHeight")
    _size(chrome, height)
    return Image.open(io.BytesIO(chrome.get_screenshot_as_png())).convert("RGB")


def _size(chrome: Chrome, height: int) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTH, "height": height, "deviceScaleFactor": SCALE, "mobile": False},
    )


def _phones(shots: list[Image.Image]) -> Image.Image:
    """Set each shot on phones side by side, from top to bottom."""
    width = shots[0].width
    height = -(-max(shot.height for shot in shots) // PHONES)
    count = PHONES * len(shots)
    sheet = Image.new("RGB", ((width + 2 * EDGE + GAP) * count + GAP, height + 2 * (EDGE + GAP)), "#e9ebe8")
    for index in range(count):
        shot, part = shots[index // PHONES], index % PHONES
        left = GAP + index * (width + 2 * EDGE + GAP)
        ground = shot.getpixel((2, shot.height - 2))
        screen = Image.new("RGB", (width, height), ground)
        screen.paste(shot.crop((0, part * height, width, min(shot.height, (part + 1) * height))))
        draw = ImageDraw.Draw(sheet)
        draw.rounded_rectangle(
            (left, GAP, left + width + 2 * EDGE, GAP + height + 2 * EDGE), RADIUS, fill="#23262a"
        )
        mask = Image.new("L", screen.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width, height), RADIUS - EDGE, fill=255)
        sheet.paste(screen, (left + EDGE, GAP + EDGE), mask)
    return sheet


def _save(picture: Image.Image, name: str) -> None:
    target = TARGET / f"{name}.webp"
    picture.thumbnail((LARGEST_WIDTH, picture.height), Image.Resampling.LANCZOS)
    picture.save(target, quality=70, method=6)
    print(f"{target.relative_to(ROOT)}: {picture.size} {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
