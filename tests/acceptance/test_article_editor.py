"""The studio's editor of articles in a real Chromium, under the studio's own policy."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys

from tests.support.browser import open_browser
from tests.support.npm_packages import alone
from tests.support.optional_parts import skip_or_fail
from tests.support.studio import until
from wechat_campaigns.core.html import design_css
from wechat_campaigns.studio.app import PAGE_POLICY

pytestmark = [pytest.mark.deep, pytest.mark.optional_part, pytest.mark.xdist_group("browser")]

ROOT = Path(__file__).parents[2]
STATIC = resources.files("wechat_campaigns.studio") / "static"
ARTICLES = sorted([*(ROOT / "campaigns").rglob("*.md"), *(ROOT / "tests" / "articles").rglob("*.md")])
PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>编辑</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/design.css"><link rel="stylesheet" href="/editor.css">
<script type="module" src="/page.js"></script><main id="here"></main>
"""
SCRIPT = """import { createEditor } from "/editor.js";
Object.assign(document.querySelector("#here").style, { height: "100vh", margin: "-8px" });
window.changes = []; window.given = [];
window.open_ = (value, more = {}) => {
  window.editor?.destroy();
  window.changes.length = 0;
  window.editor = createEditor({
    parent: document.querySelector("#here"), value, label: "正文", labels: window.labels ?? {},
    onChange: (text) => window.changes.push(text), pictureUrl: (path) => `/picture.png?${path}`,
    upload: async ({ name, size }) => { window.given.push([name, size]); return `news/${name}`; },
    onPasteHtml: async (...both) => { window.given.push(both); return both[1]; }, ...more,
  });
};
"""
FILES = {
    "/": ("text/html", PAGE.encode()),
    "/page.js": ("text/javascript", SCRIPT.encode()),
    "/design.css": ("text/css", design_css().encode()),
    "/editor.js": ("text/javascript", (STATIC / "editor.js").read_bytes()),
    "/editor.css": ("text/css", (STATIC / "editor.css").read_bytes()),
    "/picture.png": ("image/png", (ROOT / "tests" / "articles" / "images" / "cup.png").read_bytes()),
}


class Site(BaseHTTPRequestHandler):
    """A page with the editor alone, with what the studio answers beside it."""

    def do_GET(self) -> None:
        kind, body = FILES[self.path.partition("?")[0]]
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Security-Policy", PAGE_POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Chrome]:
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Site) as server,
        open_browser(width=1440, height=900, language="zh") as chrome,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chrome.get(f"http://127.0.0.1:{server.server_port}/")
        until(lambda: run(chrome, "return Boolean(window.open_)"))
        yield chrome
        server.shutdown()


@pytest.fixture
def chrome(opened: Chrome) -> Iterator[Chrome]:
    """A page whose policy has refused nothing, and whose console is empty, when the test is over."""
    yield opened
    assert [one["message"] for one in opened.get_log("browser")] == []  # type: ignore[no-untyped-call]


def run(chrome: Chrome, script: str, *values: object) -> Any:
    return chrome.execute_script(script, *values)  # type: ignore[no-untyped-call]


def begin(chrome: Chrome, text: str, at: int = 0) -> None:
    """Open the editor on a text, with the caret in a line of it."""
    run(chrome, "open_(arguments[0]); if (arguments[1]) editor.goTo(arguments[1])", text, at)


def value(chrome: Chrome) -> str:
    return str(run(chrome, "return editor.value()"))


def keys(chrome: Chrome, *pressed: str, held: str = Keys.NULL) -> None:
    ActionChains(chrome).key_down(held).send_keys(*pressed).key_up(held).perform()


def press(chrome: Chrome, name: str) -> None:
    chrome.find_element("css selector", f"[data-do={name}]").click()


def compose(chrome: Chrome, *steps: str, final: str) -> None:
    """Type as a Chinese input method does: what is being composed, step by step, then the words chosen."""
    for step in steps:
        end = {"text": step, "selectionStart": len(step), "selectionEnd": len(step)}
        chrome.execute_cdp_cmd("Input.imeSetComposition", end)
    chrome.execute_cdp_cmd("Input.insertText", {"text": final})


def test_what_is_not_touched_keeps_its_bytes(chrome: Chrome) -> None:
    """Every article, opened, then one word typed at the end of a line: the difference is that word."""
    for path in ARTICLES:
        text = path.read_bytes().decode()
        begin(chrome, text)
        assert value(chrome) == text, path
        lines = text.split("\n")
        number = next((n for n in range(len(lines) // 2, len(lines)) if lines[n].strip()[:1].isalnum()), None)
        if number is None:
            continue
        run(chrome, "editor.goTo(arguments[0])", number + 1)
        keys(chrome, Keys.END, "茶")
        changed = value(chrome)
        place = next(n for n, (old, new) in enumerate(zip(text + "\0", changed, strict=False)) if old != new)
        assert changed[:place] + changed[place + 1 :] == text, path
        assert changed.split("\n")[number].count("茶") == lines[number].count("茶") + 1, path
        assert run(chrome, "return changes") == [changed]


@pytest.mark.parametrize(
    "text", ["一\r\n\r\n二\r\n", "一\r\n二\n三\r四", "\ufeff一\n", "", "\n\n", "a  \n\tb\u00a0\n\n\n* c"]
)
def test_odd_bytes_stay(chrome: Chrome, text: str) -> None:
    begin(chrome, text)
    assert value(chrome) == text
    run(chrome, "editor.setValue(arguments[0])", text + "终")
    assert value(chrome) == text + "终"
    assert run(chrome, "return changes") == []


E, UP, DOWN, HOME, BACK = Keys.ENTER, Keys.ARROW_UP, Keys.ARROW_DOWN, Keys.HOME, Keys.BACKSPACE
TYPED = [
    ("一\r\n\r\n二\r\n", 3, [Keys.END, E, "三"], "一\r\n\r\n二\r\n\r\n三\r\n"),
    ("一\n\n二\n", 1, [Keys.END, E, "新"], "一\n\n新\n\n二\n"),
    ("一\n\n二\n", 3, [BACK], "一二\n"),
    ("一\n\n二\n", 3, [E, UP, "间"], "一\n\n间\n\n二\n"),
    ("一\n\n二\n", 2, ["甲"], "一\n\n甲二\n"),  # the caret never stands between two blocks
    ("一\n", 2, ["甲", E, "乙"], "一甲\n\n乙\n"),
    ("", 1, ["## 题", E, "- a", E, "b", E, E, "段", E, "> q", E, "r"], "## 题\n\n- a\n- b\n\n段\n\n> q\n> r"),
    ("一\n\n## 题\n", 3, [HOME, BACK], "一\n\n题\n"),
    ("- a\n- b\n- c\n", 2, [HOME, BACK], "- a\n\nb\n\n- c\n"),
    ("- a\n", 1, [Keys.END, E, Keys.TAB, "b"], "- a\n  - b\n"),
    ("[字](https://a.cn)尾", 1, [Keys.END, *[Keys.ARROW_LEFT] * 2, "词"], "[字词](https://a.cn)尾"),
]


@pytest.mark.parametrize(("text", "at", "pressed", "wanted"), TYPED)
def test_keys_write_paragraphs(chrome: Chrome, text: str, at: int, pressed: list[str], wanted: str) -> None:
    begin(chrome, text, at)
    keys(chrome, *pressed)
    assert value(chrome) == wanted


def test_input_method_composes(chrome: Chrome) -> None:
    begin(chrome, "## 标题\n\n开头**粗**，结尾\n\n- 一\n", 3)
    keys(chrome, Keys.END)
    compose(chrome, "n", "ni", "ni h", "ni hao", final="你好")
    assert value(chrome) == "## 标题\n\n开头**粗**，结尾你好\n\n- 一\n"
    run(chrome, "editor.goTo(1)")
    compose(chrome, "x", "xin", final="新")
    assert value(chrome).startswith("## 新标题\n\n")
    run(chrome, "editor.goTo(5)")
    keys(chrome, Keys.END, Keys.ENTER)
    compose(chrome, "e", "er", final="二")
    assert value(chrome) == "## 新标题\n\n开头**粗**，结尾你好\n\n- 一\n- 二\n"
    compose(chrome, "s", "sa", final="")
    assert value(chrome).endswith("- 一\n- 二\n")


BUTTONS = ("heading ## 一", "subheading ### 一", "subheading 一", "bold **一**", "bold 一", "list - 一")
BUTTONS += ("numbered 1. 一", "numbered 一", "quote > 一", "quote 一", "divider 一\n\n---")


def test_buttons_write_markdown(chrome: Chrome) -> None:
    begin(chrome, "一\n\n二\n", 1)
    keys(chrome, Keys.END, held=Keys.SHIFT)
    for name, _, text in (one.partition(" ") for one in BUTTONS):
        press(chrome, name)
        assert value(chrome) == f"{text}\n\n二\n"
    for _ in BUTTONS:
        press(chrome, "undo")
    assert value(chrome) == "一\n\n二\n"
    press(chrome, "redo")
    assert value(chrome) == "## 一\n\n二\n"
    assert chrome.find_element("css selector", "[data-do=heading]").get_attribute("aria-pressed") == "true"


def test_link_is_asked_for_and_taken_away(chrome: Chrome) -> None:
    begin(chrome, "看这里\n", 1)
    keys(chrome, Keys.END, held=Keys.SHIFT)
    keys(chrome, "k", held=Keys.CONTROL)
    keys(chrome, Keys.TAB, "https://example.com/a", Keys.ENTER)
    assert value(chrome) == "[看这里](https://example.com/a)\n"
    press(chrome, "link")
    assert run(chrome, "return document.querySelector('[name=address]').value") == "https://example.com/a"
    chrome.find_element("css selector", "[data-do=remove]").click()
    assert value(chrome) == "看这里\n"


GIVE = """const [kind, name, html, text] = arguments;
const data = new DataTransfer();
if (name) data.items.add(new File([new Uint8Array(8)], name, { type: "image/png" }));
if (html) data.setData("text/html", html);
if (text) data.setData("text/plain", text);
const place = document.querySelector(".cm-line"), box = place.getBoundingClientRect();
const more = { bubbles: true, cancelable: true, clientX: box.left + 2, clientY: box.top + box.height / 2 };
if (kind === "paste") place.dispatchEvent(new ClipboardEvent("paste", { ...more, clipboardData: data }));
else place.dispatchEvent(new DragEvent("drop", { ...more, dataTransfer: data }));
"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_pictures_come_by_paste_and_drop(chrome: Chrome, kind: str) -> None:
    begin(chrome, "一\n\n二\n", 1)
    run(chrome, GIVE, kind, "茶 园.png", "", "")
    until(lambda: "news" in value(chrome))
    assert value(chrome) == "一\n\n![茶 园](<news/茶 园.png>)\n\n二\n"
    assert run(chrome, "return given.at(-1)") == ["茶 园.png", 8]
    until(lambda: run(chrome, "return document.querySelector('.e-picture img')?.naturalWidth"))
    chrome.find_element("css selector", ".e-picture").click()
    keys(chrome, "清晨", Keys.TAB, "说明", Keys.TAB, "50%", Keys.ENTER)
    assert value(chrome) == '一\n\n![清晨](<news/茶 园.png> "说明"){width=50%}\n\n二\n'


def test_failed_upload_is_said(chrome: Chrome) -> None:
    run(chrome, "open_('一\\n', { upload: async () => { throw new Error('太大') } })")
    run(chrome, GIVE, "paste", "大.png", "", "")
    until(lambda: "太大" in chrome.find_element("css selector", ".e-status").text)
    assert value(chrome) == "一\n"


def test_html_is_handed_over_and_text_is_pasted(chrome: Chrome) -> None:
    begin(chrome, "一\n", 1)
    run(chrome, GIVE, "paste", "", "<p><b>秀米</b></p>", "**秀米**")
    until(lambda: "秀米" in value(chrome))
    assert value(chrome) == "**秀米**一\n"
    assert run(chrome, "return given.at(-1)") == ["<p><b>秀米</b></p>", "**秀米**"]
    run(chrome, GIVE, "paste", "", "", "{{ price }}")
    assert value(chrome) == "**秀米**{{ price }}一\n"


TABLE = "前\n\n| 茶   | 价 |\n|:--|--:|\n| 龙井\\|特级 | {{ price | yuan }} |\n\n后\n"


def test_only_the_cell_that_was_typed_in_changes(chrome: Chrome) -> None:
    begin(chrome, TABLE, 1)
    keys(chrome, Keys.ARROW_DOWN, Keys.TAB, Keys.TAB)
    assert chrome.switch_to.active_element.text == "龙井|特级"
    keys(chrome, Keys.END, "|新")
    compose(chrome, "c", "cha", final="茶")
    assert value(chrome) == TABLE.replace("特级", "特级\\|新茶")
    keys(chrome, Keys.TAB)
    assert chrome.switch_to.active_element.text == "{{ price | yuan }}"
    keys(chrome, Keys.ESCAPE, "乙")
    assert value(chrome).endswith("\n\n乙后\n")
    keys(chrome, "z", held=Keys.CONTROL)
    keys(chrome, "z", held=Keys.CONTROL)
    assert "新茶" not in value(chrome)


def test_table_is_made_and_grows(chrome: Chrome) -> None:
    begin(chrome, "前\n", 1)
    press(chrome, "table")
    keys(chrome, "2", Keys.TAB, "2", Keys.ENTER)
    keys(chrome, "甲", Keys.TAB, "乙", Keys.TAB, "丙", Keys.TAB, "丁", Keys.TAB, "戊")
    made = "前\n\n| 甲 | 乙 |\n| --- | --- |\n| 丙 | 丁 |\n| 戊 |  |\n\n"
    assert value(chrome) == made
    tool = "//*[@class='e-table-tools']/button[.='{}']"
    chrome.find_element("xpath", tool.format("Add column")).click()
    keys(chrome, "己")
    assert value(chrome) == "前\n\n| 甲 |  | 乙 |\n| --- | --- | --- |\n| 丙 |  | 丁 |\n| 戊 | 己 |  |\n\n"
    chrome.find_element("xpath", tool.format("Delete column")).click()
    assert value(chrome) == made
    keys(chrome, Keys.ENTER, "完")
    assert value(chrome) == f"{made}完"


def test_source_and_visual_change_places(chrome: Chrome) -> None:
    text = f"# 题\n\n**粗** {{{{ a }}}} [字](https://a.cn)\n\n::: tip\n水温\n:::\n\n![图](a.png)\n\n{TABLE}"
    begin(chrome, text)
    shown = chrome.find_element("css selector", ".cm-content").text
    assert [one for one in ("**", "https://", "![", "# ", ":::", "--") if one in shown] == []
    assert len(chrome.find_elements("css selector", ".e-table, .e-picture img, .e-box-name")) == 3
    press(chrome, "source")
    assert chrome.find_element("css selector", ".cm-content").text.count(":::") == 2
    assert chrome.find_elements("css selector", ".e-table") == []
    press(chrome, "source")
    assert value(chrome) == text
    assert run(chrome, "return changes") == []


def test_read_only_shows_and_writes_nothing(chrome: Chrome) -> None:
    run(chrome, "open_(arguments[0], { readOnly: true })", TABLE)
    chrome.find_element("css selector", ".cm-line").click()
    keys(chrome, "x", Keys.ENTER)
    chrome.find_element("css selector", ".e-cell > div").click()
    keys(chrome, "x")
    assert value(chrome) == TABLE


def test_locked_packages_build_what_is_shipped(tmp_path: Path) -> None:
    """`make editor` on a copy writes the very bytes that the package has."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        skip_or_fail("npm and node must be on PATH to build the editor")
    runner, static = tmp_path / "runner", tmp_path / "runner" / "wechat_campaigns" / "studio" / "static"
    static.mkdir(parents=True)
    without = shutil.ignore_patterns("node_modules")
    shutil.copytree(ROOT / "runner" / "editor", runner / "editor", ignore=without)
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    with alone(ROOT / "build" / "npm" / "editor"):
        done = subprocess.run(["make", "editor"], cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"the editor could not be built: {done.stderr[-1500:]}")
    for name in ("editor.js", "editor.css", "editor.LICENSES.txt"):
        assert (static / name).read_bytes() == (STATIC / name).read_bytes(), name
