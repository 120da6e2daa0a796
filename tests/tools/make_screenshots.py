"""Take the pictures of docs/images/ from the real program: a rehearsal's plan page and its inbox.

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

from tests.support.browser import open_browser
from wechat_campaigns.core.state_folder import SANDBOX_LEDGER_FILE, state_folder
from wechat_campaigns.sandbox.server import embedded

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SHOWN = ("autumn/tasting", "autumn/poster", "welcome/members")
SETTLING_S = 2.0
LARGEST_WIDTH = 1280


def main() -> None:
    """Plan, photograph the page, apply, photograph the phones."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "campaigns", folder / "campaigns")
        _campaign(folder, "plan", *SHOWN, "--report", "html=plan.html")
        _campaign(folder, "apply", "--auto-approve", "--quiet")
        with open_browser(width=1280, height=960) as chrome:
            _photograph(chrome, (folder / "plan.html").as_uri(), "plan")
            with embedded(state_folder(folder / "campaigns", os.environ) / SANDBOX_LEDGER_FILE) as url:
                _photograph(chrome, url, "inbox")


def _campaign(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "wechat_campaigns", *words]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _photograph(chrome: Chrome, address: str, name: str) -> None:
    chrome.get(address)
    time.sleep(SETTLING_S)  # pictures, and the inbox's first live update
    target = IMAGES / f"{name}.png"
    chrome.save_screenshot(str(target))
    picture = Image.open(target).convert("RGB")
    picture.thumbnail((LARGEST_WIDTH, LARGEST_WIDTH))
    picture.quantize(128).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
