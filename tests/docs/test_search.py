"""Who looks for a word in the pages finds it, in both languages."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.browser import open_browser
from tests.support.served import QuietHandler, served
from tests.support.source import ROOT

pytestmark = pytest.mark.deep
TITLES = (By.CSS_SELECTOR, ".md-search-result__article h1")
WORDS = ("图注", "合并请求", "withdrawal")
"""Words that stand inside sentences."""


class _Site(QuietHandler, SimpleHTTPRequestHandler):
    """Gives the files of a folder."""


def test_words_inside_a_sentence_are_found(tmp_path: Path) -> None:
    build(load_config(str(ROOT / ".mkdocs.yml"), site_dir=str(tmp_path)))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, directory=str(tmp_path)))
    with served(server), open_browser(language="zh") as browser:
        for word in WORDS:
            browser.get(f"http://127.0.0.1:{server.server_port}/?q={word}")
            WebDriverWait(browser, 30).until(lambda seen: seen.find_elements(*TITLES))
            having = [page for page in (ROOT / "docs").rglob("*.md") if word in page.read_text("utf-8")]
            assert len(browser.find_elements(*TITLES)) >= len(having) * 0.7, word
