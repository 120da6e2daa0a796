"""The workspace of a command, with its options, and how it prints results and progress."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import click

from wechat_campaigns.cli.options import OF_FILES, OF_LEDGER, Effect
from wechat_campaigns.cli.output import error_label, print_message, print_result, print_text, wants_color
from wechat_campaigns.core.diagnostics import Diagnostic, Location
from wechat_campaigns.core.errors import CampaignError, ExitCode, InvalidError, UsageError, worst_exit_code
from wechat_campaigns.core.files import file_errors, write_file
from wechat_campaigns.core.i18n import LocalizedMessage, _
from wechat_campaigns.core.names import full_id
from wechat_campaigns.report.problems import Formats, failure_data, problem_formats, problems_text
from wechat_campaigns.report.sanitize import FORMAT_VERSION, guarded, inert, json_text
from wechat_campaigns.report.terminal import TextOptions
from wechat_campaigns.workspace import LedgerWorkspace, OnlineWorkspace, Workspace

if TYPE_CHECKING:
    from wechat_campaigns.core.settings import Account

T = TypeVar("T")
Item = TypeVar("Item")

WIDTH_WITHOUT_TERMINAL = 120
_TAKES_ENV: Final = re.compile(
    r"`(campaign (?:plan|approve|withdraw|apply|preview|drafts|status|recall|report|archive|doctor|hold"
    r"|unhold|tags|listen|ledger [a-z]+)(?![a-z])[^`]*)`"
)


def one_of(option: str, values: Iterable[str]) -> str:
    """Return the hint to add an option with one of the values that there are."""
    return _("add `{option}` with one of: {names}").format(option=option, names=_(", ").join(values))


@dataclass(kw_only=True)
class Context(Workspace):
    """One run of a command that looks at files."""

    format: str = "text"
    reports: Sequence[tuple[str, Path]] = ()
    """Kind and file; a kind may be written to several files."""
    quiet: bool = False
    reported: bool = False
    """Whether the files of `--report` are written."""
    filed: set[Path] = field(default_factory=set)
    """Those that are."""

    @property
    def text_options(self) -> TextOptions:
        """How text is drawn on this terminal."""
        import shutil

        return TextOptions(
            width=shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns,
            color=self.color,
            timezone=self.settings.policy.timezone,
        )

    @property
    def color(self) -> bool:
        """Whether standard output shows colours."""
        return wants_color(sys.stdout, os.environ)

    def show_progress(self, text: str) -> None:
        """Print progress on standard error, unless `--quiet` was given."""
        if not self.quiet:
            print_message(text)

    def guarded(self, text: str) -> str:
        """Return a text between GitHub's marks, so that no command in it is obeyed."""
        return guarded(text, secrets.token_hex(16))

    def account(self, name: str | None) -> Account:
        """Find an account by name, or the default one.

        Raises:
            UsageError: the environment has no such account.
        """
        environment = self.settings.environment
        chosen = name or environment.default_account
        if chosen is None:
            message = _("environment {name} has no default account").format(name=environment.name)
            raise UsageError(message, hint=one_of("--account", environment.accounts))
        if chosen not in environment.accounts:
            message = _("environment {name} has no account {account}")
            raise UsageError(
                message.format(name=environment.name, account=chosen),
                hint=_("use one of: {names}").format(names=_(", ").join(environment.accounts)),
            )
        return environment.accounts[chosen]

    def full_id(self, send_id: str) -> str:
        """Return an id from the command line with the namespace of the settings."""
        return full_id(self.settings.namespace, send_id)

    def output(
        self, formats: Mapping[str, Callable[[], str | bytes]], *, quotes_campaigns: bool = True
    ) -> None:
        """Print the result in the format of `--format`, and write the files of `--report`.

        Args:
            formats: those of bytes are for `--report` only.
            quotes_campaigns: whether the text may hold what a campaign says; GitHub then obeys nothing in it.

        Raises:
            UsageError: the format is for files only, or a file cannot be written.
        """
        formats = {kind: cache(written) for kind, written in formats.items()}  # printed and filed alike
        text = formats[self.format]()
        if isinstance(text, bytes):
            raise UsageError(
                _("{format} is not text and cannot be printed").format(format=self.format),
                hint=_("write it to a file: `--report {format}=FILE`").format(format=self.format),
                location=f"--format {self.format}",
            )
        in_github = os.environ.get("GITHUB_ACTIONS") == "true"
        try:
            if text and self.format == "text" and quotes_campaigns:
                print_text(text, self.guarded if in_github else str)
            elif text:
                print_result(text)
        finally:  # a terminal that was closed takes nothing more; the files still do
            self._write_reports(formats)

    def output_data(
        self, text: Callable[[], str], data: Mapping[str, Any], *, quotes_campaigns: bool = True
    ) -> None:
        """Print a result: text for people, data for programs. Arguments and errors as of `output`."""
        self.output(_text_and_json(text, data), quotes_campaigns=quotes_campaigns)

    def output_at_end(self, formats: Formats) -> ExitCode:
        """Print the result of what cannot be undone; where that fails, on standard error.

        Returns:
            The exit code of that failure: the result itself may have a worse one.
        """
        try:
            self.output(formats)
        except UsageError as error:
            print_message(f"{formats['text']()}\n{error_label()}{error}\n→ {error.hint}")
            return error.exit_code
        return ExitCode.OK

    def output_sentence(self, sentence: str, **facts: object) -> ExitCode:
        """Print a sentence for people, its facts for programs; what it returns is as of `output_at_end`."""
        return self.output_at_end(_text_and_json(lambda: sentence, facts))

    def report_failure(self, error: CampaignError, command: str) -> None:
        """Write the report of a run that ended in an error, if none is written yet, where a format has one.

        Standard output has none as text: people read the error on standard error. A table has none at all.
        """
        on_stdout = self.format != "text"
        error.is_reported = True
        if self.reported or not (on_stdout or self.reports):
            return
        environment = self.environment or "default"
        with suppress(CampaignError):
            environment = self.settings.environment.name
        settings_file = (self.root / "_settings.yaml").as_posix()
        formats = failure_forms(error, command=command, environment=environment, settings_file=settings_file)
        try:
            if on_stdout and self.format in formats:
                print_result(formats[self.format]())
            self._write_reports(formats)
        except UsageError as unwritten:
            # The first error is the one to be printed last; this one must not take its place.
            print_message(f"{unwritten}")

    def _write_reports(self, formats: Mapping[str, Callable[[], str | bytes]]) -> None:
        self.reported = True
        for kind, path in self.reports:
            if kind not in formats:  # an error is not a table
                continue
            text = formats[kind]()
            data = text if isinstance(text, bytes) else f"{text}\n".encode()
            write_file(path, data, f"--report {kind}={path}")
            self.filed.add(path)

    def remove_unwritten(self) -> None:
        """Remove the files of `--report` that this run did not write: they would pass for its own."""
        for _kind, path in self.reports:
            with suppress(UsageError), file_errors(path):
                real = Path(os.path.realpath(path))
                if path not in self.filed and real.is_file():
                    real.unlink()


class LedgerContext(Context, LedgerWorkspace):
    """One run of a command that also reads the ledger where the settings keep it."""

    def tell_unverified(self) -> None:
        """Print which accounts' events were shown without their AppSecret; a rehearsal needs none."""
        if self.unverified and not self.is_sandbox:
            from wechat_campaigns.report.phrases import unverified_text

            print_message(unverified_text(self.unverified))

    def tell_holds(self, holds: Mapping[str, tuple[str, str]]) -> None:
        """Print which accounts are on hold, from `holds_of`."""
        for said, hint in holds.values():
            print_message(f"{said}\n→ {hint}")


class OnlineContext(LedgerContext, OnlineWorkspace):
    """One run of a command that connects to WeChat and reads secrets."""

    def __enter__(self) -> Self:
        from wechat_campaigns.notify.audit import push_appended

        self.push = partial(push_appended, warn=print_message)
        return super().__enter__()

    def read_each(self, read: Callable[[Account], T]) -> tuple[dict[str, T], ExitCode]:
        """Return what is read of each account selected, by name, and the worst exit code of those that fail.

        One alone that fails ends the command.
        """
        found, failed = each_of(self.selected_accounts, read)
        return found, show_failed({_("account {name}").format(name=name): failed[name] for name in failed})


def each_of(
    items: Mapping[str, Item], action: Callable[[Item], T]
) -> tuple[dict[str, T], dict[str, CampaignError]]:
    """Do something for each of several accounts or sends, by name; an error of one stops no other.

    Raises:
        CampaignError: there is only one, and it failed.
        Abort: a person stopped it; names those that were done.
    """
    made, failed = dict[str, T](), dict[str, CampaignError]()
    for name, item in items.items():
        try:
            made[name] = action(item)
        except CampaignError as error:
            if len(items) == 1:
                raise
            failed[name] = error
        except (KeyboardInterrupt, click.Abort) as stopped:
            if not made:
                raise
            message = _("Interrupted after {count:,} of {total:,}: {names}.")
            names = _(", ").join(made)
            raise click.Abort(message.format(count=len(made), total=len(items), names=names)) from stopped
    return made, failed


def show_failed(failed: Mapping[str, CampaignError]) -> ExitCode:
    """Print the errors of accounts or sends, by name; return the worst exit code."""
    for name, error in failed.items():
        error.add_context(name)
        print_message(f"{error_label()}{error}\n→ {error.hint}")
    return worst_exit_code(error.exit_code for error in failed.values())


def context_of(effect: Effect) -> type[Context]:
    """Return the context of a command by its effect: its type is all that the command can reach."""
    if effect in OF_FILES:
        return Context
    return LedgerContext if effect in OF_LEDGER else OnlineContext


def failure_forms(error: CampaignError, *, command: str, environment: str, settings_file: str) -> Formats:
    """Return the report of a failed run by kind.

    Args:
        error: what ended it; tokens, AppSecrets and openids were masked as it was made.
        command: such as `plan` or `ledger init`.
        settings_file: where an error that belongs to no file is shown.
    """
    from wechat_campaigns.report.markdown import failure_markdown

    message = _(": ").join(filter(None, [error.location, error.message]))
    problems: tuple[Diagnostic, ...] = (
        Diagnostic(
            location=Location(file=settings_file),
            rule=f"run-{error.exit_code.name.lower()}",
            message=message,
            hint=error.hint,
        ),
    )
    if isinstance(error, InvalidError):
        problems = error.problems
    failed = _("{command} failed: {error}").format(command=command, error=message)
    text = f"{problems_text(problems)}\n\n{inert(failed)}\n→ {inert(error.hint)}"
    title = _("campaign {command} failed").format(command=command)

    def html() -> str:
        from wechat_campaigns.report.html import failure_html  # needs Jinja

        return failure_html(title, str(error), error.hint, problems)

    return {
        **problem_formats(problems),
        "text": lambda: text,
        "json": lambda: json_text(failure_data(error, problems)),
        "markdown": lambda: failure_markdown(error, problems, command=command, environment=environment),
        "html": html,
    }


def with_environment(hint: str, env_option: str) -> str:
    """Add ` --env NAME` to the commands that take an environment and name none."""

    def named(text: str) -> str:
        return _TAKES_ENV.sub(
            lambda found: found[0] if "--env" in found[1] else f"`{found[1]}{env_option}`", text
        )

    return (
        LocalizedMessage(named(hint), named(hint.english))
        if isinstance(hint, LocalizedMessage)
        else named(hint)
    )


def _text_and_json(text: Callable[[], str], data: Mapping[str, Any]) -> Formats:
    return {"text": text, "json": lambda: json_text({"format_version": FORMAT_VERSION, **data})}
