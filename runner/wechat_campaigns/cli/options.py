"""Declare the options that several commands share, and read what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import MAXYEAR, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from wechat_campaigns.cli.completers import environments
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.patterns import recordable

F = TypeVar("F", bound=Callable[..., object])
Declaration = Callable[[F], F]


class Lines(click.types.StringParamType):
    """A text; a variable of the environment holds one in each line, as a value may hold blanks."""

    envvar_list_splitter = "\n"


class Words(click.types.StringParamType):
    """Words of a few, with commas between them, as a tuple."""

    name = "words"

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = choices

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType.convert`."""
        if not isinstance(value, str):
            return value
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        for word in words:
            if word not in self.choices:
                message = _("'{word}' is not one of: {choices}")
                self.fail(message.format(word=word, choices=_(", ").join(self.choices)), param, ctx)
        return words


class DecisionOption(click.Option):
    """An option that overrides a rule or makes calls; a coding agent may use it in the sandbox only."""


class WriteOption(DecisionOption):
    """An option with which a command that else only reads changes WeChat."""


class PathKind(str):
    """What click calls a path; where a message begins with it, in the language in use."""

    def title(self) -> str:
        """See `str.title`, which click writes it by."""
        return _(super().title())


class EffectOption(click.Option):
    """A flag that says what a run may reach; the command gets a context of another type in its place."""

    effect: Effect


class OnlineOption(EffectOption):
    """A flag with which a command that else looks at files, or at the ledger, queries WeChat."""

    effect = Effect.WECHAT_READ


class OfflineOption(EffectOption):
    """A flag with which a command looks at files alone."""

    effect = Effect.NONE


def _path(**checks: bool) -> click.Path[Path]:
    kind = click.Path(path_type=Path, **checks)
    kind.name = PathKind(kind.name)  # click names it here, before anybody chose a language
    return kind


FILE: Final = _path(dir_okay=False)
"""A file named on the command line."""
EXISTING_FILE: Final = _path(dir_okay=False, exists=True)
FOLDER: Final = _path(file_okay=False)
DIR: Final = click.option(
    "--dir",
    "directory",
    envvar="CAMPAIGN_DIR",
    default="campaigns",
    show_default=True,
    type=FOLDER,
    help="The campaigns folder.",
)
ENV: Final = click.option(
    "--env",
    envvar="CAMPAIGN_ENV",
    metavar="NAME",
    shell_complete=environments,
    help="The environment in _settings.yaml.",
)
VAR: Final = click.option(
    "--var",
    envvar="CAMPAIGN_VAR",
    type=Lines(),
    metavar="NAME=VALUE",
    multiple=True,
    help="A template variable; repeatable.",
)
NO_COLOR: Final = click.option(
    "--no-color",
    envvar="CAMPAIGN_NO_COLOR",
    is_flag=True,
    help="Use no colours; NO_COLOR does the same.",
)
QUIET: Final = click.option(
    "--quiet", "-q", envvar="CAMPAIGN_QUIET", is_flag=True, help="Show no progress on standard error."
)
FORMAT: Final = click.option(
    "--format",
    "-o",
    "format_",
    envvar="CAMPAIGN_FORMAT",
    metavar="FORMAT",
    help="The format of standard output.",
)
VERBOSE: Final = click.option(
    "--verbose",
    envvar="CAMPAIGN_VERBOSE",
    is_flag=True,
    help="Show each HTTP call on standard error, without tokens and texts.",
)
LOG_FILE: Final = click.option(
    "--log-file",
    envvar="CAMPAIGN_LOG_FILE",
    type=FILE,
    help="Append what the run does to a file, each event as a line of JSON.",
)
GLOBAL: Final = (DIR, ENV, VAR, FORMAT, QUIET, NO_COLOR, VERBOSE, LOG_FILE)
"""The options that also go before the command; each reads a variable of the environment."""
DISPLAY: Final = frozenset({"quiet", "no_color"})
EVERYWHERE: Final = (QUIET, NO_COLOR, VERBOSE, LOG_FILE)
"""The options of every command, also of one that shows no progress and no colours."""
AUTO_APPROVE: Final = click.option("--auto-approve", is_flag=True, help="Do not ask for confirmation.")

KINDS: Final = "KIND: "
"""Ends the part of `--report`'s help that is the same for every command."""


class Day(click.DateTime):
    """Parse a day or a month; the message for anything else shows the shape as users write it."""

    def __init__(self, shape: str = "YYYY-MM-DD") -> None:
        super().__init__([shape.replace("YYYY", "%Y").replace("MM", "%m").replace("DD", "%d")])
        self.shape = shape

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.DateTime.convert`."""
        try:
            day: datetime = super().convert(value, param, ctx)
        except click.BadParameter:
            message = _("'{text}' does not have the form {shape}").format(text=value, shape=self.shape)
            self.fail(message, param, ctx)
        if day.year == MAXYEAR:
            self.fail(_("the year {year} has no end that a calendar knows").format(year=MAXYEAR), param, ctx)
        return day


def reason_option(text: str, *, required: bool = True) -> Declaration[Any]:
    """Declare `--reason`, which the ledger records."""
    # Whatever a terminal writes: a hold must not end at the bytes of its reason.
    return click.option("--reason", required=required, help=text, callback=_recordable)


def _recordable(_context: click.Context, _option: click.Parameter, reason: str | None) -> str | None:
    return recordable(reason) if reason is not None else None


def format_options(formats: Sequence[str]) -> tuple[Declaration[Any], ...]:
    """Declare `--format` and `--report` of a command that has these output formats."""
    if not formats:
        return ()
    return (
        click.option(
            "--format",
            "-o",
            "format_",
            envvar="CAMPAIGN_FORMAT",
            default="text",
            show_default=True,
            type=click.Choice(formats),
            help="The format of standard output.",
        ),
        click.option(
            "--report",
            "reports",
            metavar="KIND=FILE",
            multiple=True,
            help=f"Also write the result to a file; repeatable. {KINDS}{', '.join(formats)}.",
        ),
    )


def read_options(values: dict[str, Any], formats: Sequence[str]) -> dict[str, Any]:
    """Take the shared options out of all values of a command, as the fields of its `Context`.

    Raises:
        UsageError: a value is not a pair, or names a KIND that is not in `formats`.
    """
    return {
        "root": values.pop("directory", Path("campaigns")),
        "environment": values.pop("env", None),
        "format": values.pop("format_", "text"),
        "reports": tuple(_report(pair, formats) for pair in values.pop("reports", ())),
        "variables": dict(_pair(pair, "--var NAME=VALUE") for pair in values.pop("var", ())),
        "no_color": values.pop("no_color", False),
        "quiet": values.pop("quiet", False),
    }


def _report(pair: str, formats: Sequence[str]) -> tuple[str, Path]:
    kind, file = _pair(pair, "--report KIND=FILE")
    if kind not in formats:
        raise format_error(kind, formats)
    return kind, Path(file)


def format_error(name: str, formats: Iterable[str]) -> UsageError:
    """Make the error for an output format that a command does not have."""
    return UsageError(
        _("this command does not support the format {name}").format(name=name),
        hint=_("use one of: {names}").format(names=_(", ").join(formats)),
    )


def _pair(text: str, shape: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(
            _("'{text}' does not have the form {shape}").format(text=text, shape=shape),
            hint=_("write {shape}").format(shape=shape),
        )
    return key, value
