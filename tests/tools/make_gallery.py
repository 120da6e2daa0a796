"""Take the pictures of docs/articles.md: one article in every theme, by day and in dark mode; and the boxes.

Run `python -m tests.tools.make_gallery`, with names of pictures for a few of them; it needs Chromium.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw
from selenium.webdriver import Chrome

from tests.support.browser import open_browser
from tests.support.sample_article import FILES, TEXT, TITLE, article_page, sample_body
from wechat_campaigns.core.model import Article, Media
from wechat_campaigns.render.article import image_bytes
from wechat_campaigns.render.article.page import Pictures

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
BOXES = "\n\n".join(re.findall(r"^::: .*?^:::$", TEXT, re.MULTILINE | re.DOTALL))
BOX_THEMES = ("default", "cards", "festive")
ENDS = """
return [...document.querySelectorAll(".article-body > section > *")]
  .map(block => block.getBoundingClientRect().bottom + 6);
"""
WIDTH, SCALE = 375, 1.5
GAP, EDGE, RADIUS, PAUSE = 24, 10, 34, 18
LARGEST_WIDTH = 1280


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or (*COLOURS, "boxes")
    with open_browser(flags=("hide-scrollbars",)) as chrome, tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        for name in names:
            if name == "boxes":
                shots = [_shoot(chrome, page, theme, BOXES) for theme in BOX_THEMES]
                _save(_phones(shots), name)
            else:
                shots = [_shoot(chrome, page, name, TEXT, dark=dark) for dark in (False, True)]
                _save(_phones(shots, _ends(chrome)), name)


def _shoot(chrome: Chrome, page: Path, theme: str, text: str, *, dark: bool = False) -> Image.Image:
    """Photograph the whole of an article as wide as a phone."""
    body = sample_body(theme, COLOURS[theme], text)
    cover = Media(media_id="COVER")
    article = Article(title=TITLE, author="山野茶社", html=body.html, images=body.images, cover=cover)
    pictures = Pictures(lambda file: image_bytes(file, FILES))
    page.write_text(article_page(article, pictures, dark=dark), encoding="utf-8")
    _size(chrome, 800)
    chrome.get(page.as_uri())
    _size(chrome, chrome.execute_script("return document.querySelector('.article').offsetHeight"))
    return Image.open(io.BytesIO(chrome.get_screenshot_as_png())).convert("RGB")


def _ends(chrome: Chrome) -> list[int]:
    """Return where the blocks of the article that was photographed last end, in pixels of the picture."""
    return [round(end * SCALE) for end in chrome.execute_script(ENDS)]


def _size(chrome: Chrome, height: int) -> None:
    chrome.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": WIDTH, "height": height, "deviceScaleFactor": SCALE, "mobile": False},
    )


def _phones(shots: list[Image.Image], ends: list[int] | None = None) -> Image.Image:
    """Set each shot on one phone, or on two that part where a block ends nearest to the middle."""
    width = shots[0].width
    longest = max(shot.height for shot in shots)
    cuts = [0, *([min(ends, key=lambda end: abs(end - longest // 2))] if ends else []), longest]
    spans = list(pairwise(cuts))
    height = max(bottom - top for top, bottom in spans) + 2 * PAUSE
    parts = [(shot, span) for shot in shots for span in spans]
    step = width + 2 * EDGE + GAP
    sheet = Image.new("RGB", (step * len(parts) + GAP, height + 2 * (EDGE + GAP)), "#e9ebe8")
    draw = ImageDraw.Draw(sheet)
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), RADIUS - EDGE, fill=255)
    for index, (shot, (top, bottom)) in enumerate(parts):
        left = GAP + index * step
        frame = (left, GAP, left + width + 2 * EDGE, GAP + height + 2 * EDGE)
        draw.rounded_rectangle(frame, RADIUS, fill="#23262a")
        screen = Image.new("RGB", (width, height), shot.getpixel((2, shot.height - 2)))
        screen.paste(shot.crop((0, top, width, min(shot.height, bottom))), (0, PAUSE if top else 0))
        sheet.paste(screen, (left + EDGE, GAP + EDGE), mask)
    return sheet


def _save(picture: Image.Image, name: str) -> None:
    target = TARGET / f"{name}.webp"
    picture.thumbnail((LARGEST_WIDTH, picture.height), Image.Resampling.LANCZOS)
    picture.save(target, quality=70, method=6)
    print(f"{target.relative_to(ROOT)}: {picture.size} {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
