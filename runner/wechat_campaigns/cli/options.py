"""Declare what a command changes and the options that several share, and read what those say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import MAXYEAR, UTC, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import click

from wechat_campaigns.core.errors import CampaignError, UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.names import id_fault
from wechat_campaigns.core.redact import recordable
from wechat_campaigns.core.threads import AT_A_TIME

if TYPE_CHECKING:
    from wechat_campaigns.core.settings import Settings


class Effect(StrEnum):
    """The most that a command changes; what it prints, or writes to a file of an option, does not count."""

    NONE = "none"
    LOCAL = "local"
    LEDGER_READ = "ledger-read"
    LEDGER_COPY = "ledger-copy"
    WECHAT_READ = "wechat-read"
    WECHAT_COPY = "wechat-copy"
    CODE_HOST = "code-host"
    LEDGER_RECORD = "ledger-record"
    LEDGER_DECISION = "ledger-decision"
    WECHAT_WRITE = "wechat-write"


MEANINGS: Final[Mapping[Effect, str]] = {
    Effect.NONE: "changes nothing: looks at files; obeys no address, secret or program of the settings",
    Effect.LOCAL: "changes files of this machine; obeys no address, secret or program of the settings",
    Effect.LEDGER_READ: "changes nothing: connects to the ledger that the settings name, reads no secret",
    Effect.LEDGER_COPY: "writes files of this machine; else as ledger-read",
    Effect.WECHAT_READ: "changes nothing: queries WeChat, and records a final answer",
    Effect.WECHAT_COPY: "queries WeChat, and writes files of this machine",
    Effect.CODE_HOST: "writes a comment on GitHub",
    Effect.LEDGER_RECORD: "records in the ledger what happened, or a stop; never leads to another send",
    Effect.LEDGER_DECISION: "records in the ledger what a person decided about past sends or the rules",
    Effect.WECHAT_WRITE: "changes WeChat: reaches followers or testers, or makes drafts",
}

READING: Final = frozenset({Effect.NONE, Effect.LEDGER_READ, Effect.WECHAT_READ})
OF_FILES: Final = frozenset({Effect.NONE, Effect.LOCAL, Effect.CODE_HOST})
"""What gets a workspace of files: it opens no ledger, reads no secret, and connects to nothing."""
OF_LEDGER: Final = frozenset({Effect.LEDGER_READ, Effect.LEDGER_COPY})
"""What also gets the ledger; every other effect gets WeChat and the secrets."""
OF_PERSONS: Final = frozenset({Effect.LEDGER_DECISION, Effect.WECHAT_WRITE})
"""What a coding agent may do in the sandbox only."""


F = TypeVar("F", bound=Callable[..., object])
Declaration = Callable[[F], F]


Offer = Callable[[click.Context, click.Parameter, str], list[str]]

VARIABLE = "_CAMPAIGN_COMPLETE"
"""The variable by which click's script asks."""


def campaign_ids(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """List the ids that begin with what is typed; none when the folder cannot be read."""
    from wechat_campaigns.source.load import find_campaigns

    try:
        ids = [str(item.file.with_suffix("")) for item in find_campaigns(_root(ctx))[0]]
    except CampaignError:
        return []
    # click hands a word to the shell as it stands.
    return [name for name in ids if name.startswith(incomplete) and id_fault(name) is None]


def _of_settings(names: Callable[[Settings], Iterable[str]]) -> Offer:
    """Offer names of the settings; none when those cannot be read."""

    def offer(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        from wechat_campaigns.source.settings import load_settings

        try:
            settings = load_settings(_root(ctx), environment=ctx.params.get("env"))
        except CampaignError:
            return []
        return [name for name in names(settings) if name.startswith(incomplete)]

    return offer


environments = _of_settings(lambda settings: settings.environment_names)
accounts = _of_settings(lambda settings: settings.environment.accounts)
testers = _of_settings(lambda settings: settings.testers)


def _root(ctx: click.Context) -> Path:
    return ctx.params.get("directory") or Path("campaigns")


class Lines(click.types.StringParamType):
    """A text; a variable of the environment holds one in each line, as a value may hold blanks."""

    envvar_list_splitter = "\n"


class DecisionOption(click.Option):
    """An option that overrides a rule or makes calls; a coding agent may use it in the sandbox only."""


class PathKind(str):
    """What click calls a path; where a message begins with it, in the language in use."""

    def title(self) -> str:
        """See `str.title`, which click writes it by."""
        return _(super().title())


class EffectOption(click.Option):
    """A flag on which depends what a run may reach: its context is of another type."""

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
ACCOUNTS: Final = click.option(
    "--accounts",
    metavar="PATTERN",
    multiple=True,
    shell_complete=accounts,
    help="Only these accounts, by name or pattern; repeatable.",
)
SHARD: Final = click.option(
    "--shard", metavar="K/N", help="Only the K-th of N parts of the accounts, divided by hash of the AppID."
)
JOBS: Final = click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 64), default=AT_A_TIME, show_default=True,
    help="How many accounts at a time.",
)  # fmt: skip
QUIET: Final = click.option("--quiet", "-q", is_flag=True, help="Show no progress on standard error.")
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
        return day


def reason_option(text: str, *, required: bool = True) -> Declaration[Any]:
    """Declare `--reason`, which the ledger records."""
    # Whatever a terminal writes: a hold must not end at the bytes of its reason.
    return click.option("--reason", required=required, help=text, callback=recorded_text)


def recorded_text(_context: click.Context, _option: click.Parameter, reason: str | None) -> str | None:
    """Return a text as the ledger can record it; a callback of click."""
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
    """Remove the shared options from the values of a command, and return them as fields of its `Context`.

    Raises:
        UsageError: a value is not a pair, or names a KIND that is not in `formats`.
    """
    from wechat_campaigns.core.account_selection import read_selection  # a help page does without it

    reports = []
    for kind, file in (_pair(pair, "--report KIND=FILE") for pair in values.pop("reports", ())):
        if kind not in formats:
            raise UsageError(
                _("this command does not support the format {name}").format(name=kind),
                hint=_("use one of: {names}").format(names=_(", ").join(formats)),
            )
        reports.append((kind, Path(file)))
    return {
        "root": values.pop("directory", Path("campaigns")),
        "environment": values.pop("env", None),
        "selection": read_selection(values.pop("accounts", ()), values.pop("shard", None)),
        "format": values.pop("format_", "text"),
        "reports": tuple(reports),
        "variables": dict(_pair(pair, "--var NAME=VALUE") for pair in values.pop("var", ())),
        "quiet": values.pop("quiet", False),
    }


def _pair(text: str, shape: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(
            _("'{text}' does not have the form {shape}").format(text=text, shape=shape),
            hint=_("write {shape}").format(shape=shape),
        )
    return key, value


_AFTER: Final = re.compile(r"\+?(?P<count>[1-9][0-9]{0,3})(?P<unit>[mh])")


def read_moment(option: str, text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Read a moment that is to come.

    Args:
        option: what a message calls it: `--until`.
        text: a time of day (the next one), a moment (without an offset: in `zone`), or `5h`, `+90m`.
        now: aware.

    Raises:
        UsageError: it has another form, or is over.
    """
    moment = _moment(text, now.astimezone(zone))
    if moment is None or moment.year == MAXYEAR:  # which in another zone may have no date at all
        raise UsageError(
            _("{option} {text}: this is not a time").format(option=option, text=text),
            hint=_("write `19:30`, `2026-12-01T19:30+08:00` or `+5h`"),
        )
    if moment.astimezone(UTC) <= now.astimezone(UTC):
        raise UsageError(
            _("{option} {text}: this time has passed").format(option=option, text=text),
            hint=_("use a later time"),
        )
    return moment


def _moment(text: str, now: datetime) -> datetime | None:
    if after := _AFTER.fullmatch(text):
        count = int(after["count"])
        passing = timedelta(hours=count) if after["unit"] == "h" else timedelta(minutes=count)
        # Sums in a zone are of clocks on the wall, and the clocks may change in between.
        return (now.astimezone(UTC) + passing).astimezone(now.tzinfo)
    try:
        if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
            today = datetime.combine(now.date(), time.fromisoformat(text.zfill(5)), now.tzinfo)
            return today if today > now else today + timedelta(days=1)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
