"""The studio's page in a real Chromium: live on save, scroll kept, faults and a lost connection told."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from tests.support.browser import open_browser
from tests.support.studio import TEXT, StudioProcess, open_studio, until

pytestmark = [pytest.mark.deep, pytest.mark.optional_part, pytest.mark.xdist_group("browser")]

CAMPAIGNS = Path(__file__).parents[2] / "campaigns"
LOADED = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
FRAME = "document.querySelector('#frames iframe:not(.coming)')"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(CAMPAIGNS, tmp_path / "campaigns")
    (tmp_path / "campaigns" / "hello.yaml").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def studio(folder: Path) -> Iterator[StudioProcess]:
    with open_studio(folder) as opened:
        yield opened


@pytest.fixture
def chrome(studio: StudioProcess) -> Iterator[Chrome]:
    with open_browser(width=1280, height=900) as opened:
        opened.get(studio.address)
        until(lambda: opened.find_elements("css selector", "#campaigns li"))
        yield opened


def go(chrome: Chrome, studio: StudioProcess, page: str) -> None:
    chrome.get(f"{studio.url}/#{page}")


def shows(chrome: Chrome, css: str, text: str) -> Callable[[], bool]:
    script = "return document.querySelector(arguments[0])?.textContent ?? ''"
    return lambda: text in chrome.execute_script(script, css)


def run(chrome: Chrome, script: str) -> Any:
    return chrome.execute_script(script)  # type: ignore[no-untyped-call]


def complaints(chrome: Chrome) -> list[str]:
    return [one["message"] for one in chrome.get_log("browser")]  # type: ignore[no-untyped-call]


def test_phone_follows_saves_and_keeps_the_last_good_picture(
    chrome: Chrome, studio: StudioProcess, folder: Path
) -> None:
    file = folder / "campaigns" / "hello.yaml"
    go(chrome, studio, "/c/hello")
    until(shows(chrome, "#feed", "第一版"))
    file.write_text(TEXT.replace("第一版", "第二版"), encoding="utf-8")
    until(shows(chrome, "#feed", "第二版"))
    assert complaints(chrome) == []
    file.write_text(TEXT.replace("第一版", "'{{ nobody }}'"), encoding="utf-8")
    until(shows(chrome, "#notice", "last save without errors"))
    assert shows(chrome, "#feed", "第二版")()
    link = chrome.find_element("css selector", "#problems .place a")
    assert link.get_attribute("href") == f"vscode://file{file}:3:10"
    until(shows(chrome, "#campaigns [aria-current] .state", "invalid"))
    assert "`" not in chrome.find_element("css selector", "#problems").text
    problem = chrome.find_element("css selector", "#problems .problem p").text
    assert chrome.find_element("css selector", "body").text.count(problem) == 1
    assert "for_each" in [one.text for one in chrome.find_elements("css selector", "#problems code")]
    file.write_text(TEXT.replace("第一版", "第三版"), encoding="utf-8")
    until(shows(chrome, "#feed", "第三版"))
    assert not chrome.find_element("css selector", "#notice").is_displayed()
    studio.process.kill()
    until(shows(chrome, "#alarm", "Connection lost"))
    assert chrome.find_element("css selector", "#alarm").is_displayed()


def test_article_keeps_its_place_and_turns_dark(chrome: Chrome, studio: StudioProcess, folder: Path) -> None:
    article = folder / "campaigns" / "tea" / "spring-tea" / "article.md"
    go(chrome, studio, "/c/tea/spring-tea")
    until(lambda: run(chrome, f"return {FRAME}?.contentDocument.body.textContent.includes('每年三月底')"))
    run(chrome, f"{FRAME}.contentWindow.scrollTo(0, 900)")
    article.write_text(article.read_text("utf-8").replace("每年三月底", "每年四月初"), encoding="utf-8")
    until(lambda: run(chrome, f"return {FRAME}?.contentDocument.body.textContent.includes('每年四月初')"))
    assert run(chrome, f"return {FRAME}.contentWindow.scrollY") == 900
    chrome.find_element("css selector", "#dark").click()
    until(lambda: "dark=1" in run(chrome, f"return {FRAME}.src"))
    chrome.find_element("css selector", "[data-size='320']").click()
    assert run(chrome, f"return {FRAME}.clientWidth") == 320
    assert run(chrome, f"return {FRAME}.contentDocument.querySelectorAll('img').length") > 5
    broken = f"return [...{FRAME}.contentDocument.images].filter((one) => !one.naturalWidth).length"
    assert run(chrome, broken) == 0
    assert complaints(chrome) == []


@pytest.mark.parametrize(
    ("page", "touched", "seen"),
    [("autumn/stroll", ".card", "#stage[data-view=page]"), ("welcome/greeting", ".voice", ".voice.playing")],
)
def test_card_opens_and_voice_plays(
    chrome: Chrome, studio: StudioProcess, page: str, touched: str, seen: str
) -> None:
    go(chrome, studio, f"/c/{page}")
    until(lambda: chrome.find_elements("css selector", f"#feed button{touched}"))[0].click()
    assert until(lambda: chrome.find_elements("css selector", seen))


def test_click_while_the_next_campaign_loads_is_no_fault(chrome: Chrome, studio: StudioProcess) -> None:
    go(chrome, studio, "/c/autumn/tasting")
    until(lambda: len(chrome.find_elements("css selector", "#entries button")) == 4)
    run(
        chrome,
        "location.hash = '#/c/hello'; dispatchEvent(new HashChangeEvent('hashchange'));"
        " for (const one of document.querySelectorAll('#entries button, #back')) one.click()",
    )
    until(shows(chrome, "#feed", "第一版"))
    assert complaints(chrome) == []


def test_every_page_fits_a_phone_and_asks_nobody_else(chrome: Chrome, studio: StudioProcess) -> None:
    narrow = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    links = run(
        chrome, "return [...document.querySelectorAll('#campaigns a')].map((one) => one.hash.slice(1))"
    )
    assert len(links) == 10
    for page in [*links, "/plan", "/calendar", "/results"]:
        go(chrome, studio, page)
        name = page.removeprefix("/c/")
        if page.startswith("/c/"):
            until(shows(chrome, "#facts", name))
            send_buttons = len(chrome.find_elements("css selector", "#entries button"))
            for number in range(send_buttons):
                run(chrome, f"document.querySelectorAll('#entries button')[{number}].click()")
        else:
            until(lambda: chrome.find_elements("css selector", "#papers iframe:not(.coming)"))
            assert run(chrome, "return document.querySelector('#papers').clientHeight") > 400
        assert run(chrome, "return document.documentElement.scrollWidth") == 390, page
    assert [one for one in run(chrome, LOADED) if not one.startswith(studio.url)] == []
    assert complaints(chrome) == []
