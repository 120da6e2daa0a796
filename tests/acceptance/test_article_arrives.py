"""The long example article, from Markdown to a follower's phone: what was written is what can be read."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.inbox_page import CAMPAIGNS, Inbox
from tests.support.browser import BLIND, LINES, open_browser
from tests.support.playground import SERVICE, Sandbox, campaigns_on
from wechat_campaigns.cli.main import run
from wechat_campaigns.core.errors import ExitCode

pytestmark = [pytest.mark.deep, pytest.mark.optional_part]

PHONE_PX = 375
# What leaves the screen.
WIDE = """
return [...document.querySelectorAll('body *')]
  .filter(e => !e.parentElement.closest('[style*="overflow-x"]'))
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1).map(e => e.outerHTML.slice(0, 80));
"""


@pytest.fixture
def sent(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copytree(CAMPAIGNS, tmp_path / "campaigns")
    root = campaigns_on(sandbox, tmp_path, "vars: {brand: 山月茶铺}\n")
    assert run(["apply", "tea/spring-tea", "--auto-approve", "--dir", str(root)]) == ExitCode.OK


@pytest.fixture
def inbox(sandbox: Sandbox) -> Iterator[Inbox]:
    with open_browser(width=1440, height=1200, flags=("hide-scrollbars",)) as chrome:
        yield Inbox(chrome, sandbox)


def test_long_article_can_be_read_on_the_phone(sent: None, inbox: Inbox, tmp_path: Path) -> None:
    follower = inbox.sandbox.deliveries()[0]["openid"]
    inbox.open(f"/#{SERVICE}/{follower}")
    inbox.click(".card")
    frame = inbox.one("#frame")
    address = str(frame.get_attribute("src"))
    assert frame.size["width"] == PHONE_PX
    _keep(inbox, tmp_path / "inbox.png")
    inbox.chrome.switch_to.frame(frame)
    inbox.assert_shows("h1", "一杯明前茶")
    assert inbox.chrome.execute_script("return document.documentElement.scrollWidth") <= PHONE_PX
    inbox.until(lambda: inbox.chrome.execute_script(BLIND) == [])
    assert len(inbox.all("img")) >= 8
    assert inbox.chrome.execute_script(WIDE) == []
    assert inbox.chrome.execute_script(LINES) == []
    assert inbox.all("pre")
    assert inbox.all("table")
    inbox.assert_shows("body", "参考与注释")
    _keep(inbox, tmp_path / "article.png", address)


def _keep(inbox: Inbox, file: Path, address: str = "") -> None:
    """Keep a screenshot, of a page in its whole length when it is named, in CAMPAIGN_SCREENSHOTS if set."""
    if address:
        inbox.chrome.switch_to.default_content()
        inbox.chrome.get(address)
        height = inbox.chrome.execute_script("return document.documentElement.scrollHeight")
        size = {"width": PHONE_PX, "height": height, "deviceScaleFactor": 1, "mobile": False}
        inbox.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    folder = os.environ.get("CAMPAIGN_SCREENSHOTS")
    inbox.chrome.save_screenshot(str(Path(folder) / file.name if folder else file))
