"""The inbox page in a real Chromium, as its reader uses it: clicks, keys, live arrivals, hostile content."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.browser import open_browser
from tests.support.playground import SERVICE, Sandbox
from wechat_sandbox.server import embedded

pytestmark = [pytest.mark.deep, pytest.mark.optional_part]

PATIENCE_S = 30
HOSTILE = (
    """</script><script>top.hit=1</script>"'><img src=x onerror="top.hit=1">"""
    """<a href="javascript:top.hit=1">x</a>"""
)
CAMPAIGNS = Path(__file__).parents[2] / "campaigns"
FILES = {
    "image": CAMPAIGNS / "autumn/poster/front.jpg",
    "voice": CAMPAIGNS / "welcome/greeting/chime.mp3",
    "video": CAMPAIGNS / "autumn/film/tea.mp4",
}


@dataclass
class Inbox:
    """The page, and an account that sends to it."""

    chrome: Chrome
    sandbox: Sandbox

    def post(self, path: str, body: Any) -> Any:
        answer = self.sandbox.call(path, body)
        assert answer.get("errcode", 0) == 0, answer
        return answer

    def to_all(self, msgtype: str, body: Any, key: str = "") -> int:
        sent = {"filter": {"is_to_all": True}, "msgtype": msgtype, key or msgtype: body}
        msg_id: int = self.post("message/mass/sendall", sent)["msg_id"]
        return msg_id

    def preview(self, msgtype: str, body: Any) -> None:
        self.post("message/mass/preview", {"towxname": "tester1", "msgtype": msgtype, msgtype: body})

    def store(self, kind: str, media_id: str, **more: Any) -> str:
        """Put a real file of a kind on WeChat."""
        data = base64.b64encode(FILES["video" if kind == "mpvideo" else kind].read_bytes()).decode()
        self.sandbox.media(media_id, kind, data_base64=data, **more)
        return media_id

    def draft(self, media_id: str, *articles: dict[str, Any]) -> str:
        self.sandbox.media(media_id, "news", articles=list(articles))
        return media_id

    def open(self, path: str = "/") -> None:
        self.chrome.get(self.sandbox.url + path)
        self.until(lambda: self.all("#list [role=option], #nothing:not([hidden])"))

    def all(self, css: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str) -> WebElement:
        found: WebElement = self.until(
            lambda: next((node for node in self.all(css) if node.is_displayed()), None)
        )
        return found

    def click(self, css: str) -> None:
        """Click, again when the page has just redrawn what was to be clicked."""

        def clicked() -> bool:
            self.one(css).click()
            return True

        self.until(clicked)

    def texts(self, css: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)"
        found: list[str] = self.chrome.execute_script(script, css)
        return found

    def until(self, holds: Callable[[], Any]) -> Any:
        wait = WebDriverWait(self.chrome, PATIENCE_S, 0.05, [StaleElementReferenceException])
        return wait.until(lambda _chrome: holds())

    def assert_shows(self, css: str, text: str) -> None:
        """Wait until an element of these shows the text; fail with what they show instead."""
        try:
            self.until(lambda: any(text in found for found in self.texts(css)))
        except TimeoutException:
            raise AssertionError(f"{css} shows {self.texts(css)}, not {text!r}") from None

    def press(self, *keys: str) -> None:
        self.chrome.switch_to.active_element.send_keys(*keys)

    def focused(self, attribute: str) -> str | None:
        return self.chrome.switch_to.active_element.get_attribute(attribute)


def article(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "content": "<p>正文</p>", "author": "作者", **more}


def attack(inbox: Inbox) -> str:
    """Send an attack in every field there is; the openid of the follower who got it all."""
    openid = "o" + "x" * 27
    person = {"openid": openid, "nickname": HOSTILE, "wxname": HOSTILE, "tags": [HOSTILE]}
    hostile = {"appid": SERVICE, "name": HOSTILE, "followers": [person]}
    inbox.sandbox.control("POST", "seed", {"accounts": [hostile]})
    for kind in ("image", "voice"):
        inbox.store(kind, HOSTILE + kind, name=HOSTILE)
    inbox.store("mpvideo", HOSTILE, title=HOSTILE, description=HOSTILE)
    fields = ("title", "author", "digest", "content_source_url", "thumb_media_id", "pic_crop_235_1")
    attacked = dict.fromkeys(fields, HOSTILE)
    inbox.draft(
        "N", {**attacked, "content": HOSTILE * 3}, {**attacked, "article_type": "newspic", "content": HOSTILE}
    )
    inbox.to_all("text", {"content": HOSTILE})
    inbox.to_all("voice", {"media_id": HOSTILE + "voice"})
    inbox.to_all(
        "image", {"media_ids": [HOSTILE + "image"] * 2, "title": HOSTILE, "recommend": HOSTILE}, "images"
    )
    inbox.to_all("mpvideo", {"media_id": HOSTILE})
    inbox.to_all("wxcard", {"card_id": HOSTILE})
    inbox.to_all("mpnews", {"media_id": "N"})
    inbox.post("message/mass/preview", {"touser": openid, "msgtype": "text", "text": {"content": HOSTILE}})
    return openid


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    with open_browser() as started:
        yield started


@pytest.fixture
def inbox(chrome: Chrome, sandbox: Sandbox) -> Iterator[Inbox]:
    """The page before it is opened; whatever a test does, the console stays silent."""
    sandbox.control("POST", "accounts", {"appid": SERVICE, "quota": False, "retired_cards": True})
    chrome.get(f"{sandbox.url}/inbox/icon.svg")
    chrome.execute_script("localStorage.clear()")
    chrome.get_log("browser")
    yield Inbox(chrome, sandbox)
    assert [entry["message"] for entry in chrome.get_log("browser")] == []


def test_click_through_accounts_followers_and_tags(inbox: Inbox) -> None:
    inbox.open()
    inbox.all("#accounts [role=option]")[1].click()
    inbox.assert_shows("#phone-title", "示例订阅号")
    second = inbox.all("#list [role=option]")[1]
    name = second.find_element(By.TAG_NAME, "strong").text
    second.click()
    inbox.assert_shows("#details .name", name)
    inbox.click("#tag option:nth-child(2)")
    inbox.assert_shows("#range", "1–6 of 6")
    assert len(inbox.all("#list [role=option]")) == 6


def test_article_cards_open_at_phone_width_and_close(inbox: Inbox) -> None:
    inbox.store("image", "COVER")
    first, second = article("第一篇", thumb_media_id="COVER", digest="摘要"), article("第二篇")
    inbox.to_all("mpnews", {"media_id": inbox.draft("N", first, second)})
    inbox.open()
    large, small = inbox.one(".card.large"), inbox.one(".card.small")
    assert large.size["height"] > 2 * small.size["height"]
    assert inbox.chrome.execute_script("return document.querySelector('.large img').naturalWidth") > 0
    small.click()
    frame = inbox.one("#frame")
    assert (frame.size["width"], frame.get_attribute("title")) == (375, "第二篇")
    inbox.click("#back")
    assert not inbox.one("#phone").find_element(By.ID, "page").is_displayed()


def test_inbox_draws_every_kind_of_message(inbox: Inbox) -> None:
    for kind in ("image", "voice", "video"):
        inbox.store(kind, kind.upper())
    inbox.store("mpvideo", "FILM", title="片名", description="说明")
    inbox.to_all(
        "text", {"content": '一行\n二行 <a href="https://example.com/a?b=1&c=2">链接</a> http://e.com/x。'}
    )
    inbox.to_all("voice", {"media_id": "VOICE"})
    inbox.to_all("image", {"media_id": "IMAGE"})
    inbox.to_all("image", {"media_ids": ["IMAGE", "IMAGE"], "title": "两张"}, "images")
    inbox.to_all("mpvideo", {"media_id": "FILM"})
    inbox.to_all("wxcard", {"card_id": "pCARD"})
    pictures = {"image_list": [{"image_media_id": "IMAGE"}] * 2}
    post = article("贴图标题", article_type="newspic", image_info=pictures)
    inbox.to_all("mpnews", {"media_id": inbox.draft("P", post)})
    inbox.preview("text", {"content": "词"})
    inbox.open()
    for css in (
        ".voice",
        ".album.one img",
        ".album.many",
        ".film video",
        ".coupon",
        ".card.pictures",
        ".mark.preview",
    ):
        assert inbox.one(f"#feed {css}")
    links = [node.get_attribute("href") for node in inbox.all("#feed .bubble a")]
    assert links == ["https://example.com/a?b=1&c=2", "http://e.com/x"]
    assert {node.get_attribute("rel") for node in inbox.all("#feed .bubble a")} == {"noopener noreferrer"}
    assert inbox.one("#feed .bubble").size["height"] > 60


def test_voice_and_video_play_from_stored_bytes_while_messages_arrive(inbox: Inbox) -> None:
    inbox.store("voice", "VOICE")
    inbox.store("mpvideo", "FILM")
    inbox.to_all("voice", {"media_id": "VOICE"})
    inbox.to_all("mpvideo", {"media_id": "FILM"})
    inbox.open()
    inbox.assert_shows(".voice .length", "″")
    inbox.click(".voice")
    for playing in ("'audio').currentTime", "'video').videoWidth"):
        script = f"return document.querySelector({playing} > 0"
        assert inbox.until(lambda script=script: inbox.chrome.execute_script(script))
    inbox.chrome.execute_script("document.querySelector('audio').marked = true")
    inbox.to_all("text", {"content": "新"})
    inbox.assert_shows("#feed .bubble", "新")
    assert inbox.chrome.execute_script("return document.querySelector('audio').marked") is True


def test_new_send_appears_without_a_reload(inbox: Inbox) -> None:
    inbox.open()
    inbox.assert_shows("#banner", "Nothing has arrived")
    msg_id = inbox.to_all("text", {"content": "刚刚到"})
    inbox.assert_shows("#feed .bubble", "刚刚到")
    inbox.assert_shows("#said", "刚刚到")
    inbox.assert_shows("#feed .mark", f"msg_id {msg_id}")
    inbox.assert_shows("#list .unread .unseen", "1 unread")
    assert len(inbox.all("#list .unread")) == 49, "the open phone has read its message"


def test_send_links_to_its_recipients(inbox: Inbox) -> None:
    sent = {
        "filter": {"tag_id": 2},
        "msgtype": "text",
        "text": {"content": "给星标"},
        "clientmsgid": "k" * 32,
    }
    inbox.post("message/mass/sendall", sent)
    inbox.open()
    inbox.click("#tab-sends")
    inbox.assert_shows("#list [role=option]", "给星标")
    inbox.click("#list [role=option]")
    inbox.assert_shows("#details dd", "k" * 32)
    inbox.assert_shows("#details dd", "6 of 6")
    inbox.click("#details button")
    inbox.assert_shows("#range", "1–6 of 6")
    inbox.click("#chip button")
    inbox.assert_shows("#range", "of 60")


def test_list_says_why_fewer_received_a_send(inbox: Inbox) -> None:
    inbox.sandbox.control("POST", "accounts", {"appid": SERVICE, "quota": True})
    for number in range(5):  # the fifth of a month reaches nobody
        sent = {"filter": {"tag_id": 2}, "msgtype": "text", "text": {"content": f"第 {number} 次"}}
        inbox.post("message/mass/sendall", {**sent, "clientmsgid": f"{number}" * 32})
    inbox.open()
    inbox.click("#tab-sends")
    inbox.assert_shows("#list .reach", "0 of 6")
    inbox.assert_shows("#list .missed", "6 not reached: four this month already")
    assert len(inbox.all("#list .missed")) == 1


def test_hostile_text_in_every_field_of_the_inbox_runs_nothing(inbox: Inbox) -> None:
    openid = attack(inbox)
    inbox.open(f"/#{SERVICE}/{openid}")
    inbox.assert_shows("#feed .bubble", "<script>top.hit=1</script>")
    inbox.assert_shows("#details .name", HOSTILE)
    inbox.click("#tab-sends")
    inbox.assert_shows("#list strong", "<script>")
    cards = inbox.all(".card, .album")
    assert len(cards) == 3
    for card in cards:
        card.click()
        inbox.chrome.switch_to.frame(inbox.one("#frame"))
        inbox.one("h1")
        assert inbox.all("script, [onerror], a[href^=javascript], img[src=x]") == []
        inbox.chrome.switch_to.default_content()
        inbox.click("#back")
    assert inbox.chrome.execute_script("return window.hit ?? null") is None
    assert len(inbox.all("script")) == 1
    assert inbox.all("[onerror], a[href^=javascript], img[src=x]") == []
    asked = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
    assert [one for one in inbox.chrome.execute_script(asked) if not one.startswith(inbox.sandbox.url)] == []


def test_light_and_dark_follow_the_system_and_the_reader(inbox: Inbox) -> None:
    def shade() -> int:
        script = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
        return int(inbox.chrome.execute_script(script))

    inbox.open()
    wish = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    inbox.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", wish)
    assert shade() < 60
    inbox.click("#theme")
    assert shade() > 200
    inbox.open()
    assert shade() > 200
    inbox.click("#theme")
    inbox.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert shade() < 60


def test_language_is_the_readers_choice(inbox: Inbox) -> None:
    inbox.open()
    assert inbox.one("#tab-sends").text == "Sends and previews"
    assert inbox.chrome.title == "Inbox · WeChat sandbox"
    inbox.click("#language")
    inbox.assert_shows("#range", "共 60")
    inbox.open()
    assert inbox.one("#tab-sends").text == "群发与预览"
    assert inbox.chrome.title == "收件箱 · 微信沙箱"
    assert inbox.one("html").get_attribute("lang") == "zh-CN"


def test_keyboard_alone_is_enough(inbox: Inbox) -> None:
    inbox.to_all("text", {"content": "上"})
    inbox.to_all("mpnews", {"media_id": inbox.draft("N", article("篇"))})
    inbox.open()
    inbox.press(Keys.TAB)
    assert inbox.focused("id") == "skip"
    inbox.chrome.execute_script("document.querySelector('#list [tabindex=\"0\"]').focus()")
    inbox.press(Keys.ARROW_DOWN)
    second = inbox.sandbox.openids()[1]
    inbox.assert_shows("#details code", second)
    inbox.until(lambda: inbox.all(f"[data-key='{second}'][aria-selected=true]"))
    assert inbox.focused("data-key") == second
    inbox.chrome.execute_script("document.querySelector('#feed [tabindex=\"0\"]').focus()")
    inbox.press(Keys.ARROW_UP)
    inbox.assert_shows("#details dd", "text · Text")
    outline = inbox.chrome.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    inbox.press(Keys.ARROW_DOWN)
    inbox.press(Keys.TAB)
    inbox.press(Keys.ENTER)
    inbox.until(lambda: inbox.focused("id") == "back")
    inbox.press(Keys.ESCAPE)
    inbox.until(lambda: "card" in str(inbox.focused("class")))


def test_reset_moves_the_page_to_an_existing_follower(inbox: Inbox) -> None:
    person = {"openid": "o" + "y" * 27, "nickname": "过客"}
    inbox.sandbox.control("POST", "seed", {"accounts": [{"appid": SERVICE, "followers": [person]}]})
    inbox.open(f"/#{SERVICE}/{person['openid']}")
    inbox.assert_shows("#details .name", "过客")
    inbox.sandbox.reset()
    inbox.until(lambda: "过客" not in inbox.texts("#details .name"))
    assert len(inbox.texts("#details .name")) == 1


def test_inbox_reports_that_the_sandbox_ended(chrome: Chrome) -> None:
    with embedded() as url:
        page = Inbox(chrome, Sandbox(url))
        page.open()
    page.assert_shows("#live", "connection lost")
    assert len(page.all("#list [role=option]")) == 50
    chrome.get_log("browser")
