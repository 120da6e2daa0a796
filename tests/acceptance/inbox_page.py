"""The inbox page as a test drives it: an account that sends, and a browser that looks."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.support.playground import SERVICE, Sandbox

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
    _token: str = ""

    def post(self, path: str, body: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            if not self._token:
                asked = {"grant_type": "client_credential", "appid": SERVICE, "secret": "0" * 32}
                url = f"{self.sandbox.url}/cgi-bin/stable_token"
                self._token = session.post(url, json=asked, timeout=60).json()["access_token"]
            data = json.dumps(body, ensure_ascii=False).encode()
            url = f"{self.sandbox.url}/cgi-bin/{path}?access_token={self._token}"
            answer = session.post(url, data=data, timeout=60).json()
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

    def strangers(self) -> list[str]:
        """Every address the page asked for that is not the sandbox's."""
        script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        asked: list[str] = self.chrome.execute_script(script)
        return [name for name in asked if not name.startswith(self.sandbox.url)]


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
    music = dict.fromkeys(("title", "description", "musicurl", "hqmusicurl"), HOSTILE)
    inbox.post("message/mass/preview", {"touser": openid, "msgtype": "music", "music": music})
    return openid
