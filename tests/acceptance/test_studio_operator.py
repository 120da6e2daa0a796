"""An operator writes in a real Chromium, without a terminal: what the page says is saved, git has."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.support.browser import open_browser
from tests.support.studio import StudioProcess, git, make_checkout, open_studio, picture, until
from wechat_campaigns.source.strict_yaml import read

pytestmark = [pytest.mark.deep, pytest.mark.optional_part, pytest.mark.xdist_group("browser")]

PASTE = """
const data = new DataTransfer();
data.setData("text/html", arguments[0]);
document.querySelector(".paste").dispatchEvent(
  new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
"""
DROP = """
const bytes = Uint8Array.from(atob(arguments[1]), (one) => one.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], arguments[2], { type: "image/jpeg" }));
document.querySelector(arguments[0]).dispatchEvent(
  new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
"""
SET = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', { bubbles: true }))"
PAGE = '<section style="text-align:center"><p><strong>冬日茶会</strong></p><p>第一款</p>{}</section>'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


@pytest.fixture
def studio(shop: Path) -> Iterator[StudioProcess]:
    with open_studio(shop) as opened:
        yield opened


@pytest.fixture
def chrome(studio: StudioProcess) -> Iterator[Chrome]:
    with open_browser(width=1440, height=960) as opened:
        opened.get(studio.address)
        until(lambda: opened.find_elements(By.CSS_SELECTOR, "#today h1"))
        yield opened
        assert [one["message"] for one in opened.get_log("browser")] == []  # type: ignore[no-untyped-call]


def go(chrome: Chrome, studio: StudioProcess, page: str) -> None:
    chrome.get(f"{studio.url}/#{page}")


def one(chrome: Chrome, css: str, text: str = "") -> Any:
    """Find an element once it is there, by its text where several are alike."""

    def found() -> Any:
        with suppress(StaleElementReferenceException):  # drawn again meanwhile
            every = chrome.find_elements(By.CSS_SELECTOR, css)
            return next((one for one in every if one.is_displayed() and text in one.text), None)

    return until(found)


def is_saved(chrome: Chrome) -> bool:
    return "fine" in (one(chrome, "#saved").get_attribute("class") or "")


def sent_file(shop: Path, path: str) -> str:
    """A file of the one branch that was sent for review."""
    git(shop, "fetch", "--quiet", "origin", "+refs/heads/*:refs/seen/*")
    (branch,) = git(shop, "for-each-ref", "--format=%(refname)", "refs/seen/campaign").split()
    return git(shop, "-c", "core.quotePath=false", "show", f"{branch}:campaigns/{path}")


def send_for_review(chrome: Chrome, sentence: str) -> None:
    one(chrome, "#to-review").click()
    box = one(chrome, "#sentence")
    box.clear()
    box.send_keys(sentence)
    if names := chrome.find_elements(By.ID, "person-name"):
        names[0].send_keys("李梅")
        one(chrome, "#person-email").send_keys("mei@example.invalid")
    chrome.find_element(By.CSS_SELECTOR, "#review button.primary").click()
    one(chrome, "#sent-for-review")


def test_a_pasted_article_is_corrected_twice_on_one_branch(
    chrome: Chrome,
    studio: StudioProcess,
    shop: Path,
) -> None:
    shown = f'<p><img src="data:image/jpeg;base64,{base64.b64encode(picture()).decode()}"></p>'
    go(chrome, studio, "/new")
    one(chrome, "#words").send_keys("冬日茶会邀请")
    one(chrome, "button.kind", "From another editor").click()
    one(chrome, ".paste")
    chrome.execute_script(PASTE, PAGE.format(shown))
    words = one(chrome, ".words textarea")
    until(lambda: is_saved(chrome))
    chrome.execute_script(SET, one(chrome, "input[type='datetime-local']"), "2026-12-11T20:00")
    tag = one(chrome, "#form input[list]")
    tag.clear()
    tag.send_keys("会员")
    until(lambda: is_saved(chrome))
    send_for_review(chrome, "冬日茶会的邀请")
    data, faults = read(sent_file(shop, "冬日茶会邀请.yaml"))
    assert faults == ()
    assert (data["filter"], data["not_before"]) == ({"tag": "会员"}, "2026-12-11 20:00")
    assert "ready" not in data
    assert data["content"]["articles"][0]["title"] == "冬日茶会邀请"
    before = sent_file(shop, "冬日茶会邀请/article.html")
    for number, correction in enumerate(("冬日茶会，改", "冬日茶会，再改")):
        chrome.back() if number == 0 else one(chrome, ".rows a[href*='/write/']").click()
        words = one(chrome, ".words textarea")
        words.clear()
        words.send_keys(correction)
        until(lambda: is_saved(chrome))
        send_for_review(chrome, f"改正 {number}")
        assert sent_file(shop, "冬日茶会邀请/article.html") == before.replace("冬日茶会", correction)


def test_a_text_is_changed_where_it_stands(chrome: Chrome, studio: StudioProcess, shop: Path) -> None:
    old = (shop / "campaigns/hello.yaml").read_text(encoding="utf-8")
    go(chrome, studio, "/c/hello")
    until(lambda: chrome.find_element(By.ID, "edit").is_displayed())
    chrome.find_element(By.ID, "edit").click()
    box = one(chrome, "#form textarea")
    box.clear()
    box.send_keys("今晚八点")
    until(lambda: is_saved(chrome))
    until(lambda: "今晚八点" in one(chrome, "#feed").text)
    send_for_review(chrome, "改文字")
    assert sent_file(shop, "hello.yaml") == old.replace("第一版", "今晚八点").strip()


def test_pictures_of_a_post_are_dropped_and_ordered(
    chrome: Chrome, studio: StudioProcess, shop: Path
) -> None:
    go(chrome, studio, "/new")
    one(chrome, "#words").send_keys("周末市集")
    one(chrome, "button.kind", "picture post").click()
    one(chrome, ".drop")
    for name in ("b.jpg", "a.jpg"):
        chrome.execute_script(DROP, ".field.pictures .drop", base64.b64encode(picture()).decode(), name)
        until(lambda name=name: chrome.find_elements(By.CSS_SELECTOR, f".pictures img[alt$='/{name}']"))
    until(lambda: is_saved(chrome))
    files = subprocess.run(["git", "status", "--short"], cwd=shop, capture_output=True, text=True, check=True)
    assert files.stdout.split() in ([], ["??", "studio.log"])
