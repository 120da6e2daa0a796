"""Measure the studio: from a save until the picture in Chromium is another one, 50 times each.

Run `python -m tests.bench.studio [COUNT]`: a text, then an article of 17,000 characters (with markup) and 20
pictures.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from tests.support.browser import open_browser
from tests.support.studio import SETTINGS, TEXT, StudioProcess, open_studio, until

PICTURES, PARAGRAPHS, SIDE = 20, 100, 800
ARTICLE = """\
filter: {tag: 会员}
msgtype: mpnews
content:
  articles:
    - {title: 长文, body: news/article.md, cover: {file: news/0.jpg}}
"""
WATCH = """
const [wanted, done] = arguments;
const look = () => { if ((READ)?.includes(wanted)) done(Date.now()); else requestAnimationFrame(look); };
look();
"""
FEED = "document.querySelector('#feed').textContent"
FRAME = "document.querySelector('#frames iframe:not(.coming)')?.contentDocument?.body?.textContent"


def write_article(root: Path, mark: str) -> None:
    """Write the article with a mark at its beginning."""
    parts = [f"{mark}\n"]
    for number in range(PARAGRAPHS):
        parts.append("秋天的第一杯茶，从山里到杯里，要走**很长的路**。" * 2 + "\n")
        if number % (PARAGRAPHS // PICTURES) == 0:
            parts.append(f"![第 {number} 张]({number // (PARAGRAPHS // PICTURES)}.jpg)\n")
    (root / "news" / "article.md").write_text("\n".join(parts), encoding="utf-8")


def make_folder(folder: Path) -> Path:
    """Make a campaigns folder with a text and a long article."""
    root = folder / "campaigns"
    (root / "news").mkdir(parents=True)
    (root / "_settings.yaml").write_text(SETTINGS)
    (root / "hello.yaml").write_text(TEXT, encoding="utf-8")
    (root / "news.yaml").write_text(ARTICLE, encoding="utf-8")
    for number in range(PICTURES):
        picture = Image.effect_noise((SIDE, SIDE), 12 + number).convert("RGB")
        picture.save(root / "news" / f"{number}.jpg", quality=80)
    write_article(root, "第零版")
    return root


def measure(chrome: Chrome, studio: StudioProcess, root: Path, name: str, count: int) -> list[float]:
    """Save so often; the milliseconds of each until Chromium shows it."""
    read = FEED if name == "hello" else FRAME
    chrome.get(f"{studio.url}/#/c/{name}")
    until(lambda: chrome.execute_script(f"return {read}"))  # type: ignore[no-untyped-call]
    times = []
    with ThreadPoolExecutor(1) as waiting:
        for number in range(count):
            mark = f"第{number}次保存"
            shown = waiting.submit(chrome.execute_async_script, WATCH.replace("READ", read), mark)
            time.sleep(0.6)
            began = time.time() * 1000
            if name == "hello":
                (root / "hello.yaml").write_text(TEXT.replace("第一版", mark), encoding="utf-8")
            else:
                write_article(root, mark)
            times.append(shown.result() - began)
    return times


def main() -> int:
    """Print median and worst of each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        root = make_folder(Path(folder))
        size = sum(path.stat().st_size for path in (root / "news").glob("*.jpg"))
        with open_studio(Path(folder)) as studio, open_browser(width=1280, height=900) as chrome:
            chrome.set_script_timeout(60)
            chrome.get(studio.address)
            until(lambda: chrome.find_elements("css selector", "#campaigns li"))
            for name, what in (
                ("hello", "a text"),
                ("news", f"an article, {PICTURES} pictures of {size:,} bytes"),
            ):
                times = measure(chrome, studio, root, name, count)
                middle, worst = statistics.median(times), max(times)
                print(f"{what}: median {middle:.0f} ms, worst {worst:.0f} ms of {count} saves")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
