"""The options every command takes: raw words from the command line in, one `Options` record out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from wechat_campaigns.cli.completing import environments
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.words import _

Command = Callable[..., int]

FORMS = {
    "plan": ("text", "json", "github", "markdown", "html", "sarif", "codequality", "widget", "junit"),
    "apply": ("text", "json", "markdown"),
    "validate": ("text", "json", "github", "sarif", "codequality", "junit"),
    "report": ("text", "json", "markdown", "html", "csv"),
    "calendar": ("text", "json", "html"),
    "render": ("text", "json", "html"),
    "export": (),
    "listen": (),
}
"""What `--format` and `--output` offer, by command; both are missing where there is nothing to choose."""
USUAL_FORMS = ("text", "json")
"""What every other command offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options every command takes."""

    root: Path
    environment: str | None
    format: str
    outputs: Sequence[tuple[str, Path]]
    """Kind and file; a kind may be written to several files."""
    variables: dict[str, str]
    no_color: bool
    quiet: bool
    fix_images: bool = False
    """Mend images whatever the settings say."""


MENDING = ("validate", "render", "plan", "apply", "preview", "draft")
"""The commands with `--fix-images`."""


class Day(click.DateTime):
    """A day, or a month; what is none is told by its shape, not by strftime's."""

    def __init__(self, shape: str = "YYYY-MM-DD") -> None:
        super().__init__([shape.replace("YYYY", "%Y").replace("MM", "%m").replace("DD", "%d")])
        self.shape = shape

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.DateTime.convert`."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            told = _("'{text}' is not of the form {shape}").format(text=value, shape=self.shape)
            self.fail(told, param, ctx)


def forms_of(command: Command) -> tuple[str, ...]:
    """Name the forms a command gives."""
    return FORMS.get(command.__name__, USUAL_FORMS)


def with_options(command: Command, kinds: Sequence[str]) -> Command:
    """Declare the options on a command whose words `read_options` reads."""
    options = (
        click.option(
            "--dir",
            "directory",
            default="campaigns",
            show_default=True,
            type=click.Path(path_type=Path, file_okay=False),
            help="The campaigns folder.",
        ),
        click.option(
            "--env", metavar="NAME", shell_complete=environments, help="Environment of _settings.yaml."
        ),
        *(_of_forms(kinds) if kinds else ()),
        click.option("--var", metavar="NAME=VALUE", multiple=True, help="A template variable; repeatable."),
        click.option("--no-color", is_flag=True, help="No colours; NO_COLOR does the same."),
        click.option("--quiet", "-q", is_flag=True, help="No progress on standard error."),
    )
    if command.__name__ in MENDING:
        mending = "Convert and shrink images that WeChat would refuse, as `articles: {fix_images: true}`."
        command = click.option("--fix-images", is_flag=True, help=mending)(command)
    for option in reversed(options):
        command = option(command)
    return command


def _of_forms(kinds: Sequence[str]) -> tuple[Callable[[Any], Any], ...]:
    told = f"Write the result to a file too; repeatable. KIND: {', '.join(kinds)}."
    return (
        click.option(
            "--format",
            "format_",
            default="text",
            show_default=True,
            type=click.Choice(kinds),
            help="What standard output carries.",
        ),
        click.option("--output", metavar="KIND=FILE", multiple=True, help=told),
    )


def read_options(words: dict[str, Any], kinds: Sequence[str]) -> Options:
    """Take what `with_options` declares out of a command's words.

    Raises:
        UsageError: a pair is none, or names a KIND that the command does not give.
    """
    return Options(
        root=words.pop("directory"),
        environment=words.pop("env"),
        format=words.pop("format_", "text"),
        outputs=tuple(_output(pair, kinds) for pair in words.pop("output", ())),
        variables=dict(_pair(pair, "--var NAME=VALUE") for pair in words.pop("var")),
        no_color=words.pop("no_color"),
        quiet=words.pop("quiet"),
        fix_images=words.pop("fix_images", False),
    )


def _output(pair: str, kinds: Sequence[str]) -> tuple[str, Path]:
    kind, file = _pair(pair, "--output KIND=FILE")
    if kind not in kinds:
        raise no_such_form(kind, kinds)
    return kind, Path(file)


def no_such_form(kind: str, kinds: Iterable[str]) -> UsageError:
    """Make the error for a form that a command does not give."""
    return UsageError(
        _("this command has no {kind} form").format(kind=kind),
        hint=_("choose one of: {choices}").format(choices=", ".join(kinds)),
    )


def _pair(text: str, shape: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(
            _("'{text}' is not of the form {shape}").format(text=text, shape=shape),
            hint=_("write {shape}").format(shape=shape),
        )
    return key, value
