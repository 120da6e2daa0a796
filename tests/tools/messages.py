"""Read from the source every message that is written with its hint beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.support.source import statements, trees

Texts = tuple[str, ...]
"""The texts that an expression may be, templates as they are written."""


def messages(chinese: Mapping[str, str]) -> Iterator[tuple[Path, list[tuple[str, ...]]]]:
    """List the modules with messages: kind, message and hint of each, then both in Chinese."""
    public = {name: texts for tree in trees().values() for name, texts in _returned(tree) if name[0] != "_"}
    for path, tree in trees().items():
        with_hints = any(isinstance(node, ast.keyword) and node.arg == "hint" for node in ast.walk(tree))
        said = set(_said(tree, public)) if with_hints else set()
        rows = sorted(
            (kind, *_joined(what, hint), *_joined(what, hint, chinese)) for kind, what, hint in said
        )
        if rows:
            yield path, rows


def _joined(what: Texts, hint: Texts, words: Mapping[str, str] | None = None) -> tuple[str, str]:
    told = [" / ".join((words or {}).get(text, text) for text in texts) for texts in (what, hint)]
    return told[0], told[1]


def _returned(tree: ast.Module) -> Iterator[tuple[str, Texts]]:
    """The functions that return texts, as they are called: `name()`."""
    for function in (node for node in statements(tree) if isinstance(node, ast.FunctionDef)):
        inner = list(statements(function))
        known = dict(_assigned(inner))
        values = [node.value for node in inner if isinstance(node, ast.Return) and node.value]
        texts = [text for value in values for text in _texts(value, known) if not text.startswith("{")]
        if any(texts):
            yield f"{function.name}()", tuple(filter(None, texts))


def _said(tree: ast.Module, public: Mapping[str, Texts]) -> Iterator[tuple[str, Texts, Texts]]:
    found: dict[int, tuple[str, Texts, Texts]] = {}
    constants = {**public, **dict(_returned(tree)), **dict(_assigned(tree.body))}
    for function in (tree, *(node for node in statements(tree) if isinstance(node, ast.FunctionDef))):
        known = constants if function is tree else constants | dict(_assigned(statements(function)))
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                words = {key.arg: key.value for key in node.keywords}
                what = words.get("what", node.args[0] if node.args else None)
                if what is not None and "hint" in words:
                    kind = node.func.id if node.func.id[0].isupper() else node.func.id.strip("_")
                    # The innermost function comes last: it knows its own names.
                    found[id(node)] = kind, _texts(what, known), _texts(words["hint"], known)
    yield from found.values()


def _texts(node: ast.expr, known: Mapping[str, Texts]) -> Texts:
    """The texts of an expression; what is no text stands in braces."""
    match node:
        case ast.Constant(value=str(text)):
            return (text,)
        case ast.Call():
            return _called(node, known)
        case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other]):
            return (*_texts(one, known), *_texts(other, known))
        case ast.Name(id=name) if name in known:
            return known[name]
    return (f"{{{ast.unparse(node)}}}",)


def _called(node: ast.Call, known: Mapping[str, Texts]) -> Texts:
    match node:
        case ast.Call(func=ast.Name(id="_" | "N_"), args=[inner]):
            return _texts(inner, known)
        case ast.Call(func=ast.Name(id="ngettext"), args=[_, many, _]):
            return _texts(many, known)
        case ast.Call(func=ast.Attribute(value=inner, attr="format")):
            return _texts(inner, known)
        case ast.Call(
            func=ast.Name(id="did_you_mean"), keywords=[ast.keyword(arg="otherwise", value=other), *_]
        ):
            return ("did you mean `{name}`?", *_texts(other, known))
        case ast.Call(func=ast.Name(id="system_hint"), args=[_, other]):
            return _texts(other, known)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return known.get(f"{name}()", ("{…}",))
    return ("{…}",)


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Texts]]:
    """The names that stand for texts: `said = _("…")`; several texts where it is set anew."""
    found: dict[str, Texts] = {}
    for node in nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and node.value:
            texts = tuple(text for text in _texts(node.value, found) if not text.startswith("{"))
            found[target.id] = tuple(dict.fromkeys(found.get(target.id, ()) + texts))
    yield from ((name, texts) for name, texts in found.items() if texts)
