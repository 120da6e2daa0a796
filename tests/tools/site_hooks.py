"""Hooks of the documentation site: a frame in the page's language, its Markdown beside it, and `llms.txt`.

`llms.txt` follows llmstxt.org: a title, a summary, then a link to each page's Markdown under its section.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rjieba
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure import StructureItem
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

_PALETTES = (("Dark", "换成深色"), ("Light", "换成浅色"))
_HAN = re.compile("[\u4e00-\u9fff]{2,}")
_sections: list[str] = []


def on_env(env: object, *, config: MkDocsConfig, files: Files) -> object:
    """Copy the Markdown of every page next to its address: `articles/` is also `articles.md`."""
    for file in files.documentation_pages():
        target = Path(config.site_dir, file.src_uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content_string, encoding="utf-8")
    return env


def on_nav(nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
    """Remember the sections, in the order of the site's menu."""
    _sections[:] = [f"# {config.site_name}", f"> {config.site_description}", *_listed(nav.items, "Start")]
    return nav


def on_page_context(context: dict[str, Any], *, page: Page, config: MkDocsConfig, nav: Navigation) -> None:
    """Word the frame (menu, search, footer) in the language of the page; the menu begins with it."""
    is_chinese = page.file.src_uri.endswith(".zh-CN.md")
    config.theme["language"] = "zh" if is_chinese else "en"
    for palette, names in zip(config.theme["palette"], _PALETTES, strict=True):
        palette["toggle"]["name"] = names[is_chinese]
    *english, chinese = nav.items
    if is_chinese and isinstance(chinese, Section):
        context["nav"] = Navigation([*chinese.children, Section("English", english)], nav.pages)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Write `llms.txt`, and part the words of Chinese sentences where the search looks for them."""
    Path(config.site_dir, "llms.txt").write_text("\n\n".join(_sections) + "\n", encoding="utf-8")
    file = Path(config.site_dir, "search", "search_index.json")
    index = json.loads(file.read_text("utf-8"))
    for page in index["docs"]:
        for part in ("title", "text"):
            page[part] = _HAN.sub(lambda found: "\u200b".join(["", *rjieba.cut(found[0]), ""]), page[part])
    file.write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


def _listed(items: list[StructureItem], title: str) -> Iterator[str]:
    pages = [item for item in items if isinstance(item, Page)]
    if pages:
        yield f"## {title}"
        yield "\n".join(_line(page) for page in pages)
    for section in (item for item in items if isinstance(item, Section)):
        yield from _listed(section.children, section.title)


def _line(page: Page) -> str:
    text = page.file.content_string
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    return f"- [{heading[1] if heading else page.file.name}]({page.file.src_uri})"
