"""A command offers the options that it reads, and no other."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

import click
import pytest

from tests.support.commands import COMMANDS
from wechat_campaigns.cli.options import EVERYWHERE, EffectOption
from wechat_campaigns.cli.registry import Command

RENDERING = {"plan_selected", "compile_selected", "prepare", "PastCampaigns"}
READERS = {
    "env": {
        "context.settings",
        "context.account",
        "context.ledger",
        "context.state",
        "context.past",
        *RENDERING,
    },
    "var": {"context.variables", *RENDERING},
    "format_": {"context.output", "context.output_at_end", "context.output_data", "context.output_sentence"},
    "reports": {"context.output", "context.output_at_end", "context.output_data", "context.output_sentence"},
}
"""A shared option to what reads it: an attribute of the context, or a function that gets the context."""


def module_of(command: Command) -> ast.Module:
    assert command.callback is not None
    return ast.parse(inspect.getsource(importlib.import_module(command.callback.__module__)))


def uses(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id


def everywhere() -> list[click.Parameter]:
    return [click.command(declare(lambda: None)).params[0] for declare in EVERYWHERE]


def names(command: click.Command) -> set[str]:
    return {str(param.name) for param in command.params}


CASES = {path: command for path, command in COMMANDS.items() if isinstance(command, Command)}


@pytest.mark.parametrize("path", CASES)
def test_a_shared_option_is_offered_where_it_is_read(path: str) -> None:
    """`--var` without a template would promise what is not done."""
    command = CASES[path]
    found = set(uses(module_of(command)))
    read = {option for option, readers in READERS.items() if readers & found}
    assert names(command) & set(READERS) == read


@pytest.mark.parametrize("path", CASES)
def test_an_option_of_its_own_is_read(path: str) -> None:
    command = CASES[path]
    name = str(command.callback.__name__) if command.callback else ""
    (function,) = (
        node for node in module_of(command).body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    parameters = {argument.arg for argument in function.args.args}
    read = {node.id for node in ast.walk(ast.Module(function.body, [])) if isinstance(node, ast.Name)}
    assert parameters <= read
    reaching = {str(option.name) for option in command.params if isinstance(option, EffectOption)}
    own = names(command) - {*READERS, *(str(option.name) for option in everywhere()), "directory", *reaching}
    if function.args.kwarg is not None:  # passes the others on
        own &= parameters
    assert own == parameters - {"context", "directory"}


@pytest.mark.parametrize("path", CASES)
def test_what_is_shown_can_be_chosen_behind_every_command(path: str) -> None:
    assert {option.name for option in everywhere()} <= names(CASES[path])
