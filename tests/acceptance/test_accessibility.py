"""Every page the program makes, in Chromium, light and dark: nothing serious for axe, whole on a phone."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from tests.support.browser import open_browser
from tests.support.npm_packages import node_modules
from tests.support.studio import open_studio, until
from wechat_campaigns.core.files import state_folder
from wechat_sandbox.server import embedded

pytestmark = [
    pytest.mark.deep,
    pytest.mark.optional_part,
    pytest.mark.xdist_group("browser"),
    pytest.mark.timeout(300),
]

ROOT = Path(__file__).parents[2]
PAGES = (
    "plan.html", "report.html", "calendar.html", "failed.html", "article.html", "text.html",
    "archive/*tea.spring-tea*/index.html", "archive/*welcome.members*/index.html",
)  # fmt: skip
STUDIO = ("c/tea/spring-tea", "c/autumn/tasting", "calendar")
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
BEYOND = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
WEIGHTY = ("serious", "critical")


@pytest.fixture(scope="module")
def axe() -> str:
    modules = node_modules("axe", {"axe-core": "4.10.3"}, ["axe-core", "axe-core/axe.min.js"])
    return (modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsal of the examples, with every page it can make."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "campaigns", folder / "campaigns")
    for words in (
        ["plan", "--report", "html=plan.html"],
        ["apply", "--auto-approve"],
        ["report", "--report", "html=report.html"],
        ["calendar", "--report", "html=calendar.html"],
        ["render", "tea/spring-tea", "--report", "html=article.html"],
        ["render", "welcome/members", "--report", "html=text.html"],
        ["archive"],
    ):
        subprocess.run(
            [sys.executable, "-m", "wechat_campaigns", *words],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    failing = ["plan", "--env", "nowhere", "--report", "html=failed.html"]
    subprocess.run([sys.executable, "-m", "wechat_campaigns", *failing], cwd=folder, capture_output=True)
    return folder


@pytest.fixture(scope="module", params=["light", "dark"])
def chrome(request: pytest.FixtureRequest) -> Iterator[Chrome]:
    with open_browser(width=1280, height=900) as opened:
        scheme = {"features": [{"name": "prefers-color-scheme", "value": request.param}]}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme)
        # The pages let in no script; axe is let in by the browser, not by the page.
        opened.execute_cdp_cmd("Page.enable", {})
        opened.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        opened.set_script_timeout(60)
        yield opened


def findings(chrome: Chrome, axe: str, address: str) -> list[str]:
    """What axe calls serious on a page, each with the first place, but not inside articles."""
    chrome.get(address)
    if address.startswith("http"):
        time.sleep(1)  # it draws itself
    chrome.execute_script(axe)
    scope = "{exclude: [['.article-body']]}, {iframes: false}"
    run = f"const done = arguments[0]; axe.run({scope}).then(done, e => done(String(e)))"
    told = chrome.execute_async_script(run)
    assert isinstance(told, dict), told
    return [
        f"{one['impact']} {one['id']}: {one['help']}: {json.dumps(one['nodes'][0]['target'])} "
        f"{one['nodes'][0]['failureSummary']} ({len(one['nodes'])} places)"
        for one in told["violations"]
        if one["impact"] in WEIGHTY
    ]


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_serious_accessibility_violation(
    chrome: Chrome, axe: str, folder: Path, page: str
) -> None:
    assert findings(chrome, axe, next(folder.glob(page)).as_uri()) == []


@pytest.fixture
def phone(chrome: Chrome) -> Iterator[Chrome]:
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    yield chrome
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_page_scrolls_sideways_on_a_phone(phone: Chrome, folder: Path) -> None:
    """At 390 pixels: files, the inbox with its messages, the studio with a phone and with a page."""
    addresses = [next(folder.glob(page)).as_uri() for page in PAGES]
    with (
        embedded(state_folder(folder / "campaigns", os.environ) / "sandbox.sandbox.sqlite3") as url,
        open_studio(folder) as studio,
    ):
        phone.get(studio.address)
        for address in (*addresses, url, *(f"{studio.url}/#/{page}" for page in STUDIO)):
            phone.get("about:blank")
            phone.get(address)
            if address.startswith("http"):
                time.sleep(2)  # it draws itself
            assert (address, phone.execute_script(BEYOND)) == (address, 0)


def test_inbox_has_no_serious_accessibility_violation(chrome: Chrome, axe: str, folder: Path) -> None:
    with embedded(state_folder(folder / "campaigns", os.environ) / "sandbox.sandbox.sqlite3") as url:
        assert findings(chrome, axe, url) == []


@pytest.mark.parametrize("page", STUDIO)
def test_studio_has_no_serious_accessibility_violation(
    chrome: Chrome, axe: str, folder: Path, page: str
) -> None:
    with open_studio(folder) as studio:
        chrome.get(studio.address)
        until(lambda: chrome.find_elements("css selector", "#campaigns li"))
        assert findings(chrome, axe, f"{studio.url}/#/{page}") == []
