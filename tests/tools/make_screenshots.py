"""Take the pictures of docs/images/ from the real program, in each language: plan page, studio and inbox.

Run `python -m tests.tools.make_screenshots`; it needs Chromium and works in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome

from tests.support.browser import BROWSER_LANGUAGE, open_browser
from tests.support.studio import open_studio
from wechat_campaigns.core.i18n import LANGUAGES, Language
from wechat_campaigns.core.state_folder import SANDBOX_LEDGER_FILE, state_folder
from wechat_sandbox.server import embedded

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SHOWN = ("autumn/tasting", "autumn/poster", "welcome/members")
WRITTEN = "tea/spring-tea"
SETTLING_S = 2.0
LARGEST_WIDTH = 1280
PLAN_HEIGHT = 1900


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        with tempfile.TemporaryDirectory() as name:
            _rehearse(Path(name), language, "" if language == "en" else ".zh-CN")


def _rehearse(folder: Path, language: Language, suffix: str) -> None:
    """Plan, photograph the page and the studio, apply, photograph the phones."""
    shutil.copytree(ROOT / "campaigns", folder / "campaigns")
    _campaign(folder, language, "plan", *SHOWN, "--report", "html=plan.html")
    browser_language, flags = BROWSER_LANGUAGE[language], ("hide-scrollbars",)
    with open_browser(width=1280, height=960, language=browser_language, flags=flags) as chrome:
        chrome.set_window_size(1280, PLAN_HEIGHT)  # down to the phones
        _photograph(chrome, (folder / "plan.html").as_uri(), f"plan{suffix}")
        chrome.set_window_size(1280, 960)
        with open_studio(folder, language=language) as studio:
            chrome.get(studio.address)
            _photograph(chrome, f"{studio.url}/#/c/{WRITTEN}", f"studio{suffix}")
        _campaign(folder, language, "apply", "--auto-approve", "--quiet")
        with embedded(state_folder(folder / "campaigns", os.environ) / SANDBOX_LEDGER_FILE) as url:
            _photograph(chrome, f"{url}?lang={language}", f"inbox{suffix}")


def _campaign(folder: Path, language: Language, *words: str) -> None:
    command = [sys.executable, "-m", "wechat_campaigns", "--lang", language, *words]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _photograph(chrome: Chrome, address: str, name: str) -> None:
    chrome.get(address)
    time.sleep(SETTLING_S)  # pictures, and the inbox's first live update
    target = IMAGES / f"{name}.png"
    chrome.save_screenshot(str(target))
    picture = Image.open(target).convert("RGB")
    picture.thumbnail((LARGEST_WIDTH, PLAN_HEIGHT))
    picture.quantize(128).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
