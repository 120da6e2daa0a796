"""Take pictures of every page at every width, light, dark and printed, in both languages, to be looked at.

Run `python -m tests.tools.make_matrix FOLDER [PAGE …]`; it needs Chromium, and pypdfium2 for paper. Beside
the pictures it writes sheets of several, and prints which pages scroll sideways.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from selenium.webdriver import Chrome

from tests.support.browser import BROWSER_LANGUAGE, open_browser
from tests.support.studio import open_studio
from tests.tools.make_month import month
from tests.tools.make_week import make_week
from wechat_campaigns.core.i18n import LANGUAGES, Language

SIZES = {390: 844, 1280: 900, 1920: 1080}
"""Widths and heights in CSS pixels: a phone, a notebook, a large screen."""
SCHEMES = ("light", "dark")
LIVE = ("inbox", "studio", "studio-results")
"""Pages that fill the window and draw themselves."""
SETTLING_S = 2.5
HEIGHT = 3200
"""Of a picture; what is below is on another, or on paper."""
A4 = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True, "preferCSSPageSize": True}
SHEETS = (((390, "light"), (390, "dark"), (1280, "light")), ((1280, "dark"), (1920, "light"), (1920, "dark")))


def main(folder: Path, only: Sequence[str]) -> None:
    """Make the pages, then the pictures of those that are named, or of all."""
    pictures = folder.absolute() / "pictures"
    pictures.mkdir(parents=True)
    week = folder.absolute() / "week"
    make_week(week / "campaigns", datetime.now(ZoneInfo("Asia/Shanghai")))
    with month(folder.absolute() / "month") as url:
        for language in LANGUAGES:
            _take(
                pictures,
                language,
                only,
                {**_files(folder.absolute(), language), "inbox": f"{url}?lang={language}"},
            )


def _files(folder: Path, language: Language) -> dict[str, str]:
    """Write the plan of a week and an article beside the pages of the month; their addresses."""
    week, of_month = folder / "week", folder / "month"
    environ = {**os.environ, "CAMPAIGN_STATE_DIR": str(folder / "week.state")}
    plan, article = week / f"plan.{language}.html", week / f"article.{language}.html"
    for words in (
        ["plan", "--report", f"html={plan}"],
        ["render", "shop/story", "--report", f"html={article}"],
    ):
        command = [sys.executable, "-m", "wechat_campaigns", "--lang", language, *words]
        subprocess.run(command, cwd=week, env=environ, check=False, capture_output=True)
    (archive,) = (of_month / f"archive.{language}").glob("*_main-1112-20_*/index.html")
    pages = {"plan": plan, "article": article, "archive": archive}
    pages |= {name: of_month / f"{name}.{language}.html" for name in ("report", "calendar")}
    return {name: page.as_uri() for name, page in pages.items()}


def _take(pictures: Path, language: Language, only: Sequence[str], pages: Mapping[str, str]) -> None:
    with (
        open_studio(pictures.parent / "month", language=language) as studio,
        open_browser(width=1280, height=900, language=BROWSER_LANGUAGE[language]) as chrome,
    ):
        chrome.get(studio.address)
        more = {"studio": f"{studio.url}/#/c/main-1126-20", "studio-results": f"{studio.url}/#/results"}
        for name, address in {**pages, **more}.items():
            if only and name not in only:
                continue
            taken = dict(_photograph(chrome, name, address))
            for (width, scheme), picture in taken.items():
                picture.save(pictures / f"{name}.{language}.{width}.{scheme}.png")
            for number, sizes in enumerate(SHEETS, 1):
                sheet = _sheet([taken[size] for size in sizes])
                sheet.save(pictures / f"sheet.{name}.{language}.{number}.png")
            if name not in LIVE:
                _print(chrome, pictures / f"{name}.{language}.pdf")
            print(f"{name} {language}")


def _photograph(chrome: Chrome, name: str, address: str) -> Iterator[tuple[tuple[int, str], Image.Image]]:
    """Show a page at every size in every scheme."""
    for width, height in SIZES.items():
        for scheme in SCHEMES:
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            chrome.get("about:blank")
            chrome.get(address)
            time.sleep(SETTLING_S if name in LIVE else 0.3)
            root = "document.documentElement"
            beyond = chrome.execute_script(f"return {root}.scrollWidth - {root}.clientWidth")
            if beyond:
                print(f"{name} scrolls sideways by {beyond} pixels at {width}, {scheme}")
            tall = chrome.execute_script(f"return {root}.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": min(tall, HEIGHT), "scale": 1}
            whole = {"captureBeyondViewport": True, "clip": clip}
            shot = chrome.execute_cdp_cmd("Page.captureScreenshot", {} if name in LIVE else whole)
            target = Path(os.environ["CAMPAIGN_STATE_DIR"]) / "shot.png"
            target.write_bytes(base64.b64decode(shot["data"]))
            with Image.open(target) as picture:
                yield (width, scheme), picture.convert("RGB")


def _sheet(pictures: Sequence[Image.Image]) -> Image.Image:
    """Put pictures side by side, each at most 700 pixels wide."""
    scaled = [picture.copy() for picture in pictures]
    for picture in scaled:
        picture.thumbnail((700, 10_000), Image.Resampling.LANCZOS)
    scaled = [picture.crop((0, 0, picture.width, min(picture.height, 1500))) for picture in scaled]
    sheet = Image.new(
        "RGB", (sum(one.width + 8 for one in scaled), max(one.height for one in scaled)), "magenta"
    )
    left = 0
    for picture in scaled:
        sheet.paste(picture, (left, 0))
        left += picture.width + 8
    return sheet


def _print(chrome: Chrome, target: Path) -> None:
    """Print the page on A4, and put its first eight sheets side by side."""
    printed = chrome.execute_cdp_cmd("Page.printToPDF", A4)
    target.write_bytes(base64.b64decode(printed["data"]))
    try:
        import pypdfium2
    except ImportError:
        return
    document = pypdfium2.PdfDocument(target)
    leaves = [document[number].render(scale=1.2).to_pil() for number in range(min(8, len(document)))]
    columns, (width, height) = 4, leaves[0].size
    sheet = Image.new("RGB", (columns * (width + 6), -(-len(leaves) // columns) * (height + 6)), "magenta")
    for number, leaf in enumerate(leaves):
        sheet.paste(leaf, (number % columns * (width + 6), number // columns * (height + 6)))
    sheet.save(target.with_name(f"print.{target.stem}.png"))
    print(f"{target.name}: {len(document)} sheets of paper")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
