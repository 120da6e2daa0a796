"""Show the pages of `tests/articles/editors/` before and after: as saved, and as a follower reads them.

Run `python -m tests.tools.show_editor_pages FOLDER`; it needs Chromium. Each page is imported and sent to a
sandbox by the real commands; what these say is printed. The folder gets a picture of each pair and
`all.webp`, which is docs/images/editors.webp.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.browser import open_browser
from tests.support.editor_pages import PAGES, send_page
from tests.support.playground import Sandbox
from wechat_campaigns.cli.main import run
from wechat_sandbox.server import embedded

WIDTH, HEIGHT, EDGE, ROW = 375, 480, 12, 2
AS_LOADED = """
for (const article of document.querySelectorAll('#js_content')) article.style = 'visibility: visible';
for (const picture of document.querySelectorAll('img[data-src]')) picture.src = picture.dataset.src;
"""
"""What the scripts of a published article do."""
LOADED = "return [...document.images].every(picture => picture.complete)"


def main(folder: Path) -> None:
    """Write NAME.png for each page and all.webp for all; print what the commands say."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    with embedded() as url, open_browser(flags=("hide-scrollbars",)) as chrome:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        for page in PAGES:
            print(f"== {page.stem}", flush=True)
            with tempfile.TemporaryDirectory() as place:
                sandbox = Sandbox(url)
                sandbox.reset()
                sent = send_page(page, sandbox, Path(place))
                run(["validate", "--dir", str(sent.folder)])
                pairs.append(_beside(_shot(chrome, sent.saved.as_uri()), _shot(chrome, sent.address)))
            pairs[-1].save(folder / f"{page.stem}.png")
    rows = [pairs[start : start + ROW] for start in range(0, len(pairs), ROW)]
    width, height = pairs[0].size
    sheet = Image.new("RGB", (width * ROW, height * len(rows)), "#e9ebe8")
    for line, row in enumerate(rows):
        for column, pair in enumerate(row):
            sheet.paste(pair, (column * width, line * height))
    sheet.thumbnail((sheet.width // 2, sheet.height // 2), Image.Resampling.LANCZOS)
    sheet.save(folder / "all.webp", quality=70, method=6)


def _shot(chrome: Chrome, address: str) -> Image.Image:
    chrome.get(address)
    chrome.execute_script(AS_LOADED)
    WebDriverWait(chrome, 30).until(lambda _chrome: chrome.execute_script(LOADED))
    return Image.open(io.BytesIO(chrome.get_screenshot_as_png())).convert("RGB")


def _beside(*shots: Image.Image) -> Image.Image:
    step = WIDTH + EDGE
    pair = Image.new("RGB", (step * len(shots) + 2 * EDGE, HEIGHT + 2 * EDGE), "#e9ebe8")
    draw = ImageDraw.Draw(pair)
    for index, shot in enumerate(shots):
        left = EDGE + index * step
        pair.paste(shot.crop((0, 0, WIDTH, HEIGHT)), (left, EDGE))
        draw.rectangle((left - 1, EDGE - 1, left + WIDTH, EDGE + HEIGHT), outline="#b8bcb6")
    return pair


if __name__ == "__main__":
    main(Path(sys.argv[1]))
