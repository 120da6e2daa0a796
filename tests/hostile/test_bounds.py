"""Files of strangers that cost: each ends within its bounds and is named, and the file beside it is read."""

import io
import os
import resource
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from tests.hostile.corpus.articles import FENCED as FENCED_MARKDOWN
from tests.hostile.corpus.articles import FENCED_PICTURES, MARKDOWN, pictures
from tests.hostile.corpus.case import COLOUR_PIXEL, VARIABLES, article, text
from tests.hostile.corpus.templates import FENCED, FLOODS
from tests.hostile.test_articles import FENCED_THEMES, THEMES
from tests.unit.render.test_openids import with_sheet
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.fence import BOUNDS, MOST, Bound, Bounds, map_fenced
from wechat_campaigns.render import compile as compiling
from wechat_campaigns.render.articles import read_saved_page
from wechat_campaigns.render.compile import Compiler, validate_campaigns
from wechat_campaigns.source.files import Files
from wechat_campaigns.source.settings import load_settings

pytestmark = pytest.mark.deep

PARENT_S = 2.0
"""What the parent of a child that is at its bound needs."""
WHOLE = ("template: nested-silent", "table: many rows")
"""They are let run up to the real bound; the others that cost as much, up to one of a second."""
AMPLE = Bounds(cpu_s=MOST.cpu_s)
"""For what must not depend on how fast the machine is."""
SETTINGS = "environments: {test: {api: sandbox, ledger: sqlite}}\n"
LIST = "filter: {openids: {file: list.xlsx}}\nmsgtype: text\ncontent: a\n"


def _template(content: str) -> dict[str, str | bytes]:
    return {"bad.yaml": text(content, more=VARIABLES)}


def _article(markdown: str = "茶 ![杯](cup.png)", **more: str | bytes) -> dict[str, str | bytes]:
    """Make a campaign with an article; its picture and its style may be given."""
    theme = ", theme: house" if "style" in more else ""
    campaign = article(more=theme).replace("{file: cover.png}", "{media_id: M1}")
    files: dict[str, str | bytes] = {"bad.yaml": campaign, "a.md": markdown}
    files["cup.png"] = more.get("picture", COLOUR_PIXEL)
    return files | ({"_themes/house.css": more["style"]} if theme else {})


def _zipped(name: str, size: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, b"a" * size)
    return made.getvalue()


_LAUGHS = '<!DOCTYPE a [<!ENTITY a0 "ha">' + "".join(
    f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12)
)
_ROWS = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
_ROW = '<row><c t="inlineStr"><is><t>a</t></is></c></row>'
_WIDE = f"<row>{'<c/>' * 4_000_000}</row>"
_ENTRIES = "".join(f"  e{n}: {{vars: {{v: 1}}}}\n" for n in range(20_000))
_NEST = "{% set a = namespace(l=['x']) %}{% for i in range(60) %}{% set a.l = [a.l, a.l] %}{% endfor %}"

CPU, MEMORY, RULE = Bound.CPU, Bound.MEMORY, None
"""The bound that a file breaks, or none of them: its problem is one that a person can mend."""
# fmt: off
FILES: dict[str, tuple[dict[str, str | bytes], Bound | None]] = {
    **{f"template: {name}": (_template(FLOODS[name]), bound) for name, bound in FENCED.items()},
    "template: width": (_template("{{ '%10000000000d' % 1 }}"), MEMORY),
    "template: product": (_template("{{ 'a' * 10**10 }}"), MEMORY),
    "template: nest as text": (_template(_NEST + "{{ a.l|string }}"), CPU),
    "template: a length": (_template('{{ ("%999999999s" % "x")|length }}'), MEMORY),
    "template: a slice": (_template('{{ ("%999999999s" % "x")[:1] }}'), MEMORY),
    "template: a comparison": (_template("{{ 'a' * 900_000_000 == 'b' * 900_000_000 }}"), MEMORY),
    "template: a search": (_template("{{ 'x' in '%600000000d' % 1 }}"), MEMORY),
    "template: a list": (_template("{{ (l * 100_000_000)|length }}"), MEMORY),
    "template: a replacement": (_template("{{ ('a' * 40_000)|replace('a', 'b' * 20_000)|length }}"), MEMORY),
    "yaml: aliases": ({"bad.yaml": "a: &a [x, x]\n" + "".join(
        f"a{n + 1}: &a{n + 1} [*a{n or ''}, *a{n or ''}]\n" for n in range(40))}, RULE),
    "yaml: deep list": ({"bad.yaml": "content: " + "[" * 50_000 + "]" * 50_000}, RULE),
    "yaml: large": ({"bad.yaml": "content: '" + "a" * 10_000_000 + "'\n"}, RULE),
    "yaml: many entries": ({"bad.yaml": text("{{ nope }}") + "for_each:\n" + _ENTRIES}, RULE),
    **{f"article: {name}": (_article(MARKDOWN[name]), RULE) for name in FENCED_MARKDOWN},
    **{f"style: {name}": (_article(style=THEMES[name]), RULE) for name in FENCED_THEMES},
    **{f"picture: {name}": (_article(picture=pictures()[name]), RULE) for name in FENCED_PICTURES},
    "table: zip bomb": ({"bad.yaml": LIST, "list.xlsx": _zipped("xl/workbook.xml", 500_000_000)}, RULE),
    "table: laughs": ({"bad.yaml": LIST, "list.xlsx": with_sheet(f"{_LAUGHS}]><a>&a12;</a>")}, RULE),
    "table: many rows": ({"bad.yaml": LIST, "list.xlsx": with_sheet(_ROWS.format(_ROW * 300_000))}, CPU),
    "table: wide": ({"bad.yaml": LIST, "list.xlsx": with_sheet(_ROWS.format(_WIDE))}, MEMORY),
    "table: no workbook": ({"bad.yaml": LIST, "list.xlsx": _zipped("a", 1)}, RULE),
}
# fmt: on


def _cpu_s(work: Callable[[], object]) -> float:
    """Return the processor time of the child processes that a piece of work starts."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = used()
    work()
    return used() - before


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_and_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, bound = FILES[name]
    root, tried = tmp_path / "campaigns", tmp_path / "tried"
    for path, data in {"_settings.yaml": SETTINGS, "honest.yaml": text("你好"), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data.encode() if isinstance(data, str) else data)
    make = Compiler.make

    def making(self: Compiler, item) -> object:
        with tried.open("a") as file:
            file.write(f"{item.id}\n")
        return make(self, item)

    monkeypatch.setattr(Compiler, "make", making)
    bounds = AMPLE if bound is not CPU else BOUNDS if name in WHOLE else Bounds(cpu_s=1)
    monkeypatch.setattr(compiling, "map_fenced", partial(map_fenced, bounds=bounds))
    found = []
    settings = load_settings(root)
    seconds = _cpu_s(lambda: found.append(validate_campaigns(root, settings=settings, files=Files(root))))
    ((sends, problems),) = found
    problems = [one for one in problems if one.level == "error"]
    assert sends == 1
    assert tried.read_text().split().count("bad") == 1
    assert {Path(one.location.file).stem for one in problems} & {"bad", "a", "house"}
    assert not [one for one in problems if "honest" in one.location.file]
    over = [one.message for one in problems if one.rule == "resource-limit"]
    assert over == ([bound.words] if bound is not None else [])
    assert seconds < bounds.cpu_s + PARENT_S


PAGES = {
    "nested": "<div>" * 200_000 + "茶",
    "attributes": "<p " + "a=b " * 300_000 + ">茶",
    "styles": f'<p style="{"background:" + "url(" * 200_000}">茶',
    "entities": "&amp" * 500_000,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_saved_page_ends(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<meta charset=utf-8><title>a</title>{PAGES[name]}", encoding="utf-8")

    def read() -> None:
        with suppress(UsageError):  # it is refused as too large, or with its bound
            read_saved_page(page)

    assert _cpu_s(read) < BOUNDS.cpu_s + PARENT_S


def test_a_saved_page_that_breaks_a_bound_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>茶</p>", encoding="utf-8")
    module = "wechat_article.page_import.read_page"
    monkeypatch.setattr(module, lambda _text, **_options: os.abort())
    with pytest.raises(UsageError) as caught:
        read_saved_page(page)
    assert Bound.CRASH.words in caught.value.message
    assert caught.value.location == str(page)
