"""A command offers the options that it reads, and no other."""

import ast
import importlib
import inspect
import json
import socket
from pathlib import Path

import click
import pytest

from tests.support.commands import COMMANDS
from wechat_campaigns.cli.main import run
from wechat_campaigns.cli.options import EffectOption
from wechat_campaigns.cli.registry import Command
from wechat_campaigns.core.errors import ExitCode

RENDERING = {"plan_selected", "compile_selected", "_CommandRun", "PastCampaigns"}
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


def function_of(command: Command) -> ast.FunctionDef:
    name = command.callback.__name__ if command.callback else ""
    (found,) = (
        node for node in module_of(command).body if isinstance(node, ast.FunctionDef) and node.name == name
    )
    return found


def uses(command: Command) -> set[str]:
    """What the command's function and what it calls in its module use: a module holds a family."""
    defined = {
        node.name: node
        for node in module_of(command).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    found, ahead, seen = set[str](), [function_of(command).name], set[str]()
    while ahead:
        name = ahead.pop()
        seen.add(name)
        for node in ast.walk(ast.Module([*defined[name].body], [])):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                found.add(f"{owner.replace('workspace', 'context')}.{node.attr}")
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
                ahead += [node.id] if node.id in defined.keys() - seen else []
    return found


def names(command: click.Command) -> set[str]:
    return {str(param.name) for param in command.params}


CASES = {path: command for path, command in COMMANDS.items() if isinstance(command, Command)}


@pytest.mark.parametrize("path", CASES)
def test_a_shared_option_is_offered_where_it_is_read(path: str) -> None:
    """`--var` without a template would promise what is not done."""
    command = CASES[path]
    found = uses(command)
    read = {option for option, readers in READERS.items() if readers & found}
    assert names(command) & set(READERS) == read


@pytest.mark.parametrize("path", CASES)
def test_an_option_of_its_own_is_read(path: str) -> None:
    command = CASES[path]
    function = function_of(command)
    parameters = {argument.arg for argument in function.args.args}
    read = {node.id for node in ast.walk(ast.Module(function.body, [])) if isinstance(node, ast.Name)}
    assert parameters <= read
    reaching = {str(option.name) for option in command.params if isinstance(option, EffectOption)}
    own = names(command) - {*READERS, "quiet", "directory", *reaching}
    if function.args.kwarg is not None:  # passes the others on
        own &= parameters
    assert own == parameters - {"context", "directory"}


@pytest.mark.parametrize("path", CASES)
def test_what_is_shown_can_be_chosen_behind_every_command(path: str) -> None:
    assert "quiet" in names(CASES[path])


@pytest.mark.slow
def test_an_option_wins_over_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def environment(*words: str) -> object:
        assert run([*words]) == ExitCode.OK
        return json.loads(capsys.readouterr().out)["environment"]

    monkeypatch.chdir(tmp_path)
    run(["init"])
    settings = "default_environment: first\nvars: {brand: x}\nenvironments:\n  first: {api: sandbox}\n"
    Path("campaigns/_settings.yaml").write_text(f"{settings}  second: {{api: sandbox}}\n", encoding="utf-8")
    capsys.readouterr()
    monkeypatch.setenv("CAMPAIGN_ENV", "second")
    monkeypatch.setenv("CAMPAIGN_FORMAT", "json")
    assert environment("plan") == "second"
    assert environment("plan", "--env", "first") == "first"


def test_template_variables_stand_on_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value may hold blanks."""
    monkeypatch.chdir(tmp_path)
    Path("campaigns").mkdir()
    text = "filter: {tag: 会员}\nmsgtype: text\ncontent: '{{ city }}, {{ day }}'\n"
    Path("campaigns/sale.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CAMPAIGN_VAR", "city=New York\nday=Monday")
    assert run(["render", "sale"]) == ExitCode.OK
    assert "New York, Monday" in capsys.readouterr().out


def test_version_uses_no_network_and_no_campaigns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(socket, "socket")
    assert run(["--version"]) == ExitCode.OK
    short = capsys.readouterr().out
    assert run(["version"]) == ExitCode.OK
    assert capsys.readouterr().out == short != ""
