"""The catalogs are whole: every message of the source is there, translated, with the same placeholders."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages import Catalog

from tests.support.source import ROOT, RUNNER, trees
from tests.tools.make_catalog import catalogs, read, refreshed
from wechat_campaigns.core.i18n import LANGUAGES
from wechat_campaigns.report.sanitize import inert

CATALOGS = {path.parts[-3]: path for path in catalogs()}
as_written = cache(read)
CALLS = ("_", "N_", "ngettext")
SAYS = ("tell", "say", "echo", "prompt", "confirm", "progress", "section")
"""Functions whose first argument people read."""
SAID = frozenset({"what", "hint", "needed_for", "note", "title", "lead"})
"""Keywords whose value people read."""
APART = ("wechat_sandbox/", "wechat_campaigns/wechat/callback")
"""The sandbox answers as WeChat does, its own calls are for programs; a refused push is for the log."""
PROSE = re.compile(r"[A-Za-z]{2,}")
PAGE = re.compile(r"docs/([a-z-]+)\.md")
NAME = re.compile(r"[a-z]+(-[a-z]+)*")
"""A rule, a kind, an extra: the same in every language."""


def test_every_language_has_a_catalog() -> None:
    assert sorted(CATALOGS) == sorted(set(LANGUAGES) - {"en"})


@pytest.fixture(params=CATALOGS.values(), ids=CATALOGS.keys())
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def catalog(path: Path) -> Catalog:
    return as_written(path)


def test_it_holds_the_words_of_the_source(path: Path) -> None:
    """Nothing new is missing, nothing is left over: else run `python -m tests.tools.make_catalog`."""
    assert path.read_text(encoding="utf-8") == refreshed(path)[0]


def test_everything_is_translated(catalog: Catalog) -> None:
    missing = [message.id for message in catalog if message.id and not all(forms(message.string))]
    assert not missing
    assert not [message.id for message in catalog if message.id and message.fuzzy]
    assert not catalog.obsolete


def test_placeholders_are_kept(catalog: Catalog) -> None:
    for message in catalog:
        if message.id:
            # click fills it in with an English word.
            known = [one for one in fields(forms(message.id)[-1]) if one != "{number_type}"]
            for told in forms(message.string):
                assert fields(told) == known, (message.id, told)


def test_chinese_names_the_chinese_page(catalog: Catalog) -> None:
    named = {page for message in catalog for page in PAGE.findall(" ".join(forms(message.string)))}
    assert named
    assert not [page for page in named if (ROOT / f"docs/{page}.zh-CN.md").exists()]


def test_translations_are_more_than_the_message(catalog: Catalog) -> None:
    copied = [m.id for m in catalog if m.id and isinstance(m.id, str) and m.id == m.string]
    assert all(len(words) < 40 or "`" in words for words in copied), copied


def forms(told: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return told if isinstance(told, tuple) else (told or "",)


def fields(text: str) -> list[str]:
    return sorted(re.findall(r"\{[a-z_]\w*(?:![rs])?(?::[^{}]*)?\}", text))


# --- the source -------------------------------------------------------------------------------


@cache
def calls() -> list[tuple[str, ast.Call]]:
    return [
        (str(path.relative_to(RUNNER)), node)
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def test_messages_are_plain_texts() -> None:
    for name, node in calls():
        if called(node) in CALLS and isinstance(node.func, ast.Name):
            for argument in node.args[: 2 if called(node) == "ngettext" else 1]:
                assert not isinstance(argument, ast.JoinedStr | ast.BinOp), f"{name}:{node.lineno}"


def test_templates_are_filled_with_what_they_name() -> None:
    seen = 0
    for name, node in calls():
        templates = list(filled(node))
        if not templates or any(key.arg is None for key in node.keywords):
            continue
        seen += 1
        names = {field for text in templates for field in names_of(text)}
        assert names == {key.arg for key in node.keywords}, f"{name}:{node.lineno}"
    assert seen > 20


def filled(node: ast.Call) -> Iterator[str]:
    if called(node) == "format" and isinstance(node.func, ast.Attribute):
        inner = node.func.value
        if called(inner) in ("_", "ngettext"):
            for argument in inner.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def names_of(text: str) -> set[str]:
    found = [
        (name, conversion) for _, name, _, conversion in string.Formatter().parse(text) if name is not None
    ]
    assert all(name.isidentifier() and conversion is None for name, conversion in found), text
    return {name for name, _ in found}


def test_nothing_is_said_past_the_catalogs() -> None:
    """A literal where words are said stands in `_()`, so that a new message cannot be forgotten."""
    bare = [
        f"{name}:{node.lineno}: {text!r}"
        for name, node in calls()
        if not name.startswith(APART)
        for argument in said(node)
        for text in literals(argument)
        if PROSE.search(text) and not NAME.fullmatch(text)
    ]
    assert not bare, "\n".join(bare)


def said(node: ast.Call) -> Iterator[ast.expr]:
    yield from (key.value for key in node.keywords if key.arg in SAID)
    first = node.args[0] if node.args else None
    if called(node) != "AssertionError" and called(node).endswith(("Error", "Fault", *SAYS)) and first:
        yield first


def literals(node: ast.AST) -> Iterator[str]:
    """The literal texts of an expression outside `_()`, keys and arguments of other calls left out."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from literals(part)
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            yield from literals(left)
            yield from literals(right)


def test_no_message_is_taken_apart_when_it_is_shown(catalog: Catalog) -> None:
    """Words of command get a blank in reports: nobody could copy `: : : tip` out of a hint."""
    said = [
        text for message in catalog if message.id for text in (*forms(message.id), *forms(message.string))
    ]
    assert [text for text in said if inert(text.replace("\n", " ")) != text.replace("\n", " ")] == []
