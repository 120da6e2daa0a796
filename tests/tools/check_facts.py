"""Compare the facts that the code rests on with a folder of saved vendor pages (`.md`).

The facts are read where they live: `core/errcodes.yaml`, `protocol/verdict.py`, `render/limits/table.py`, and
the `Source:` lines of `wechat/endpoints.py`, `payloads.py`, `client.py`. Save each page under the name that
the vendor gives it, such as `api_draft_add.md`; folders below are searched too.

Usage: python -m tests.tools.check_facts FOLDER
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from wechat_campaigns.protocol.verdict import REJECTING
from wechat_campaigns.render import openids
from wechat_campaigns.render.limits import table
from wechat_campaigns.send.preview import PER_DAY
from wechat_sandbox.mass_rules import CLIENTMSGID_BYTES

PACKAGE = Path(__file__).parents[2] / "runner" / "wechat_campaigns"
FILES: Final[Mapping[str, str]] = {
    "全局返回码": "Global_Return_Code",
    "global return codes": "Global_Return_Code",
    "uploadnews": "uploadnewsmsg",
}
"""What a source calls a page → its file, where that is not the same word."""
LIMITS: Final[Mapping[str, tuple[str, str]]] = {
    "TITLE_CHARS_USUAL": ("draft_add", "title"),
    "AUTHOR_CHARS": ("draft_add", "author"),
    "SUMMARY_CHARS": ("draft_add", "digest"),
    "CONTENT_CHARS": ("draft_add", "content"),
    "CONTENT_BYTES": ("draft_add", "content"),
    "URL_BYTES": ("draft_add", "content_source_url"),
    "MAX_ARTICLES": ("uploadnews", "articles"),
    "MAX_IMAGES": ("draft_add", "image"),
    "IMAGE_BYTES": ("addMaterial", "image"),
    "IMAGE_FORMATS": ("addMaterial", "image"),
    "BODY_IMAGE_BYTES": ("uploadImage", ""),
    "BODY_IMAGE_FORMATS": ("uploadImage", ""),
    "VOICE_BYTES": ("addMaterial", "voice"),
    "VOICE_S": ("addMaterial", "voice"),
    "VOICE_FORMATS": ("addMaterial", "voice"),
    "VIDEO_BYTES": ("addMaterial", "video"),
    "VIDEO_FORMATS": ("addMaterial", "video"),
    "MIN_BATCH": ("massSend", "openid"),
    "MAX_BATCH": ("massSend", "openid"),
    "CLIENTMSGID_BYTES": ("sendAll", "clientmsgid"),
    "PREVIEWS_PER_DAY": ("preview", ""),
}
"""A limit → its page, and a word of the line that states it."""
MEASURED: Final = frozenset({"TITLE_CHARS", "TEXT_BYTES", "TEXT_CHARS_USUAL", "SUFFIXES"})
"""Constants of the table that no page states; its comments say where they are from."""
_NAME = re.compile(r"全局返回码|global return codes|[A-Za-z]\w+")
_ROW = re.compile(r"^\|?\s*(-?\d+)\s*\|", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one of some pages has to say."""

    text: str
    """For people: `errcode 45067`."""
    pages: tuple[str, ...]
    pattern: re.Pattern[str]
    near: str = ""
    """A word of the line that has to say it; empty: any line."""

    def lines(self, page: str) -> list[str]:
        """The lines that may say it."""
        return [line for line in page.splitlines() if self.near in line]

    def is_on(self, page: str) -> bool:
        """Whether a page says it."""
        return any(self.pattern.search(line) for line in self.lines(page))


def main(arguments: list[str]) -> int:
    """Print what differs; 1 when something does, 2 when none of the pages is there."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__)
        return 2
    pages, facts = read_pages(Path(arguments[0])), list(all_facts())
    differing = [fact for fact in facts if fact.pages and _found(fact, pages) and not _said(fact, pages)]
    missing = sorted({page for fact in facts if not _found(fact, pages) for page in fact.pages})
    for fact in differing:
        print(f"{' or '.join(_found(fact, pages))}: {fact.text}: missing")
        shown = [line for name in _found(fact, pages) for line in fact.lines(pages[_file(name)]) if fact.near]
        print("".join(f"    the page says: {line.strip()[:150]}\n" for line in shown[:3]), end="")
    for name, code in new_codes(pages):
        print(f"{name}: errcode {code} is not in errcodes.yaml (no difference)")
    if missing:
        print(f"not saved, so not compared: {', '.join(missing)}")
    compared = sum(bool(_found(fact, pages)) for fact in facts)
    print(f"{compared} of {len(facts)} facts compared, {len(differing)} differ")
    return 2 if not compared else bool(differing)


def all_facts() -> Iterator[Fact]:
    """Yield every fact that a page of the vendor is the source of."""
    yield from errcodes()
    yield from limits()
    for module in ("endpoints", "payloads", "client"):
        yield from calls((PACKAGE / "wechat" / f"{module}.py").read_text(encoding="utf-8"))


@cache
def errcode_table() -> dict[str, Any]:
    """Read `errcodes.yaml` with its sources."""
    text = (PACKAGE / "core" / "errcodes.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return data


def errcodes() -> Iterator[Fact]:
    """Yield each errcode with the pages of its source, once more for what counts as rejected."""
    data = errcode_table()
    for code, entry in data["codes"].items():
        # What SDKs and people in the forum report stands on no page.
        if entry["source"] not in ("sdk", "field"):
            yield _code(code, names_in(data["sources"][entry["source"]].partition(", read")[0]))
    for source, codes in REJECTING.items():
        pages = names_in(source.partition(":")[0])
        yield from (_code(code, pages, " (a certain rejection)") for code in sorted(codes))


def _code(code: int, pages: tuple[str, ...], what: str = "") -> Fact:
    return Fact(text=f"errcode {code}{what}", pages=pages, pattern=re.compile(rf"(?<![\d-]){code}(?!\d)"))


def names_in(source: str) -> tuple[str, ...]:
    """List the pages of a source: `createTag, batchTagging and the tag pages beside them` has two."""
    parts = re.split(r", | and ", source.replace("(", ", ").replace(")", ""))
    return tuple(part.strip() for part in parts if _NAME.fullmatch(part.strip()))


def limits() -> Iterator[Fact]:
    """Yield each limit with its page; a format is a word of it."""
    values = {name: value for name, value in vars(table).items() if name.isupper() and name not in MEASURED}
    values |= {"MIN_BATCH": openids.MIN_BATCH, "MAX_BATCH": openids.MAX_BATCH}
    values |= {"CLIENTMSGID_BYTES": CLIENTMSGID_BYTES, "PREVIEWS_PER_DAY": PER_DAY}
    for name, value in values.items():
        page, near = LIMITS[name]
        for part in value if isinstance(value, tuple) else (value,):
            pattern = re.compile("|".join(forms(part)), re.IGNORECASE)
            where = f" (beside `{near}`)" if near else ""
            yield Fact(text=f"{name} {part}{where}", pages=(page,), pattern=pattern, near=near)


def forms(value: int | str) -> Iterator[str]:
    """Yield the ways in which pages write a number: 20000, 20,000, 2万, and 10M or 10 MB for bytes."""
    if isinstance(value, str):
        yield "jpe?g" if value == "jpeg" else re.escape(value)
        return
    yield from (rf"(?<![\d.,]){form}(?!\d|,\d)" for form in (str(value), f"{value:,}"))
    if value % 10_000 == 0:
        yield rf"(?<![\d.]){value // 10_000}\s*万"
    for unit, sizes in {"M": (1024**2, 1_000_000), "K": (1024, 1000)}.items():
        yield from (rf"(?<![\d.]){value // size}\s*{unit}" for size in sizes if value % size == 0)


def calls(source: str) -> Iterator[Fact]:
    """Yield path and keys of each function whose docstring names its page.

    Its keys are those of the objects that it makes, itself or by a function of its module.
    """
    tree = ast.parse(source)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    paths = dict(_constants(tree))
    for function in functions.values():
        doc = ast.get_docstring(function) or ""
        pages = names_in(re.split(r" \(|, read|\. ", doc.partition("Source: ")[2])[0])
        code = _with_helpers(function, functions)
        for path in sorted({paths[name] for name in _names(code) if name in paths} if pages else ()):
            pattern = re.compile(rf"{re.escape(path)}(?![\w/])")
            yield Fact(text=f"path {path}", pages=pages, pattern=pattern)
        for key in sorted(_keys(code) if pages else ()):
            pattern = re.compile(rf"(?<![\w.]){re.escape(key)}(?!\w)")
            yield Fact(text=f"key {key}", pages=pages, pattern=pattern)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The paths that a module names."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            target, value = node.targets[0], node.value.value
            if isinstance(target, ast.Name) and isinstance(value, str) and value.startswith("/"):
                yield target.id, value


def _with_helpers(function: ast.FunctionDef, functions: Mapping[str, ast.FunctionDef]) -> ast.Module:
    """A function with every function of its module that it comes to.

    Without the one that makes an object which is taken out again: `_images` where `images` is popped.
    """
    reached, queue = {function.name: function}, [function]
    unused = {f"_{key}" for key in _taken(function)}
    while queue:
        used = _names(queue.pop()) - reached.keys() - unused
        fresh = {name: functions[name] for name in used & functions.keys()}
        reached |= fresh
        queue += fresh.values()
    return ast.Module(list(reached.values()), [])


def _names(code: ast.AST) -> set[str]:
    """The names in use, and the methods of the object itself."""
    nodes = list(ast.walk(code))
    own = {node.attr for node in nodes if isinstance(node, ast.Attribute)
           and isinstance(node.value, ast.Name) and node.value.id == "self"}  # fmt: skip
    return own | {node.id for node in nodes if isinstance(node, ast.Name)}


def _keys(code: ast.Module) -> set[str]:
    """The keys that are written: by `{"key": …}` or `body["key"] = …`, and not taken out again."""
    written: set[str] = set()
    for node in ast.walk(code):
        if isinstance(node, ast.Dict):
            written |= _texts(node.keys)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            written |= _texts([node.slice])
    return written - _taken(code)


def _taken(code: ast.AST) -> set[str]:
    """The keys that are taken out of an object by `pop`."""
    popped = [node.args for node in ast.walk(code) if isinstance(node, ast.Call)
              and isinstance(node.func, ast.Attribute) and node.func.attr == "pop"]  # fmt: skip
    return {key for args in popped for key in _texts(args)}


def _texts(nodes: Iterable[ast.expr | None]) -> set[str]:
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {value for value in values if isinstance(value, str)}


def read_pages(folder: Path) -> dict[str, str]:
    """Read the pages by file name; copies of one page, such as 服务号's and 公众号's, are read as one."""
    pages: dict[str, str] = {}
    for path in sorted(folder.rglob("*.md")):
        name = _file(path.stem)
        pages[name] = "\n".join([pages.get(name, ""), path.read_text(encoding="utf-8")])
    return pages


def _file(name: str) -> str:
    """The name of a page as a file has it, whatever its spelling: `api_draft_add` is `draft_add`."""
    return re.sub(r"[\W_]", "", FILES.get(name, name).lower().removeprefix("api_"))


def _found(fact: Fact, pages: Mapping[str, str]) -> list[str]:
    return [name for name in fact.pages if _file(name) in pages]


def _said(fact: Fact, pages: Mapping[str, str]) -> bool:
    return any(fact.is_on(pages[_file(name)]) for name in _found(fact, pages))


def new_codes(pages: Mapping[str, str]) -> Iterable[tuple[str, int]]:
    """List the errcodes in tables of the mass and draft pages that the code does not know."""
    data = errcode_table()
    for name in names_in(f"{data['sources']['mass']}, {data['sources']['draft']}"):
        rows = map(int, _ROW.findall(pages.get(_file(name), "")))
        yield from ((name, code) for code in sorted({*rows} - {0, *data["codes"]}))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
