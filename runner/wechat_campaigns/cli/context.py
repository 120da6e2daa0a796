"""What every command shares: a workspace, its own options, the way to print."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from wechat_campaigns.cli.options import Command, Options, forms_of, no_such_form, read_options, with_options
from wechat_campaigns.cli.streams import hand_out, tell, writing
from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError
from wechat_campaigns.core.model import Send
from wechat_campaigns.core.words import _
from wechat_campaigns.workspace import Workspace

if TYPE_CHECKING:
    from wechat_campaigns.report.text import Look

WIDTH_WITHOUT_TERMINAL = 120


def shared(command: Command) -> Command:
    """Give a command the shared options and, in place of them, a `Context` as first argument."""
    kinds = forms_of(command)

    @wraps(command)
    def wrapper(**words: Any) -> int:
        with Context.of(read_options(words, kinds)) as context:
            try:
                return command(context, **words)
            except CampaignError as error:
                context.give_failure(error, command.__name__)
                raise

    return with_options(wrapper, kinds)


@dataclass(kw_only=True)
class Context(Workspace):
    """One run of the command: its workspace, and how its results are given."""

    options: Options
    reported: bool = False
    """Whether the files of `--output` are written."""

    @classmethod
    def of(cls, options: Options) -> Context:
        """Open what the options name."""
        return cls(
            root=options.root,
            environment=options.environment,
            variables=options.variables,
            fix_images=options.fix_images,
            options=options,
        )

    @property
    def look(self) -> Look:
        """How text is drawn here."""
        import shutil

        from wechat_campaigns.report.text import Look

        return Look(
            width=shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns,
            color=self.color,
            timezone=self.settings.policy.timezone,
        )

    @property
    def color(self) -> bool:
        """Whether standard output shows colours."""
        return not self.options.no_color and "NO_COLOR" not in os.environ and sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Tell people what is going on, on standard error."""
        if not self.options.quiet:
            tell(text)

    def guarded(self, text: str) -> str:
        """Put a text between GitHub's marks that let nothing in it be obeyed."""
        import secrets

        from wechat_campaigns.report.neutral import guarded

        return guarded(text, secrets.token_hex(16))

    @property
    def drawing(self) -> bool:
        """Whether a progress bar can be drawn on standard error."""
        return not self.options.quiet and sys.stderr.isatty()

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Draw a bar on standard error while the block runs, on a terminal only.

        Yields:
            What to call with the number that is done.
        """
        if not self.drawing:
            yield lambda _done: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def give(self, forms: Mapping[str, Callable[[], str]]) -> None:
        """Print the result in the format asked for, and write the files asked for.

        Raises:
            UsageError: this command has no such form, or a file cannot be written.
        """
        text = _form(forms, self.options.format)
        if text and self.options.format == "text" and os.environ.get("GITHUB_ACTIONS") == "true":
            text = self.guarded(text)
        if text:
            hand_out(text)
        self._write(forms)

    def give_at_last(self, forms: Mapping[str, Callable[[], str]]) -> ExitCode:
        """Give the result of what cannot be undone; where that fails, people are told all the same.

        Returns:
            What the failure counts for: the result itself may have something worse to say.
        """
        try:
            self.give(forms)
        except UsageError as error:
            tell(f"{forms['text']()}\n{_('Error')}: {error}\n→ {error.hint}")
            return error.exit_code
        return ExitCode.OK

    def conclude(self, said: str, **facts: object) -> ExitCode:
        """Give the result of a command that did one thing: a sentence for people, its facts for programs.

        Returns:
            As `give_at_last`.
        """
        from wechat_campaigns.report.neutral import FORMAT_VERSION, json_text

        data = {"format_version": FORMAT_VERSION, **facts}
        return self.give_at_last({"text": lambda: said, "json": lambda: json_text(data)})

    def give_failure(self, error: CampaignError, command: str) -> None:
        """Give the report asked for, if it is not given yet: a run that failed has one too.

        Standard output has none as text, which people read on standard error.
        """
        shown = self.options.format != "text"
        if (
            command not in ("plan", "apply", "validate")
            or self.reported
            or not (shown or self.options.outputs)
        ):
            return
        from wechat_campaigns.report.failure import failure_forms

        environment = self.options.environment or "default"
        with suppress(CampaignError):
            environment = self.settings.environment.name
        settings_file = (self.options.root / "_settings.yaml").as_posix()
        forms = failure_forms(error, command=command, environment=environment, settings_file=settings_file)
        try:
            if shown:
                hand_out(forms[self.options.format]())
            self._write(forms)
        except UsageError as unwritten:
            # The first error is the one to be told; this one must not take its place.
            self.say(f"{unwritten}")

    def _write(self, forms: Mapping[str, Callable[[], str]]) -> None:
        self.reported = True
        for kind, path in self.options.outputs:
            text = _form(forms, kind) + "\n"
            with writing(path, f"--output {kind}={path}"):
                path.write_text(text, encoding="utf-8", newline="\n")


def campaign_of(send_id: str) -> str:
    """Name the campaign of a send: `sale` of `sale[beijing]#2`."""
    return send_id.partition("[")[0].partition("#")[0]


def no_send(wanted: str, sends: Iterable[Send]) -> UsageError:
    """Say that none of some sends is the one wanted, and which there are."""
    ids = ", ".join(send.id for send in sends)
    return UsageError(
        _("there is no send {name}").format(name=wanted), hint=_("one of: {names}").format(names=ids)
    )


def _form(forms: Mapping[str, Callable[[], str]], kind: str) -> str:
    if kind not in forms:
        raise no_such_form(kind, forms)
    return forms[kind]()
