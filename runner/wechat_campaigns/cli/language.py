"""A language in, every word of the command line in it: its messages, its help, and click's own words."""

from __future__ import annotations

import gettext
import os
from copy import copy
from typing import Final

import click

from wechat_campaigns.cli.examples import epilog
from wechat_campaigns.cli.helping import ColumnsFormatter
from wechat_campaigns.cli.streams import tell
from wechat_campaigns.core.words import (
    CATALOGS,
    DOMAIN,
    N_,
    Language,
    _,
    current_language,
    ngettext,
    set_language,
)

CLICKS_WORDS: Final = (
    N_("Usage:"),
    N_("Usage: {usage}"),
    N_("Options"),
    N_("Commands"),
    N_("Show this message and exit."),
    N_("default: {default}"),
    N_("required"),
    N_("Error"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such option: {name}"),
    N_("No such option {name!r}."),
    N_("No such command {name!r}."),
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    N_("Option {name!r} requires an argument."),
    N_("Option {name!r} does not take a value."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("{value!r} is not a valid {number_type}."),
    N_("{value} is not in the range {range}."),
    ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}.", 2),
    ngettext(
        "{value!r} does not match the format {format}.", "{value!r} does not match the formats {formats}.", 2
    ),
    ngettext("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})", 1),
    N_("{name} {filename!r} is not writable."),
    N_("{name} {filename!r} does not exist."),
    N_("{name} {filename!r} is a file."),
    N_("{name} {filename!r} is a directory."),
    N_("{name} {filename!r} is not readable."),
    N_("Path"),
    N_("File"),
    N_("Directory"),
    N_("Error: invalid input"),
    N_("Aborted!"),
)
"""What click says itself; it looks for it in our catalog, by gettext's own functions."""
NO_CATALOG: Final = "The words of the language {language} are English here: its catalog {said}. Install anew."
KINDS: Final = "KIND: "
"""Ends the part of `--output`'s help that is the same for every command."""


class Context(click.Context):
    """Writes help by columns, where the language needs it."""

    def make_formatter(self) -> click.HelpFormatter:
        """See `click.Context.make_formatter`."""
        if current_language() == "en":
            return super().make_formatter()
        return ColumnsFormatter(width=self.terminal_width, max_width=self.max_content_width)


def choose(language: Language) -> None:
    """Speak a language from here on; without its catalog it is English, and said so."""
    try:
        set_language(language)
    except OSError as error:
        said = "is not installed" if isinstance(error, FileNotFoundError) else "cannot be read"
        tell(NO_CATALOG.format(language=language, said=said))
        return
    if language == "en":
        gettext.textdomain("messages")
        return
    # Libraries that use gettext's functions, click among them, find the catalog by this variable.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, str(CATALOGS))
    gettext.textdomain(DOMAIN)


def told(command: click.Command, path: str) -> click.Command:
    """Give a command with its help in the language chosen, and with its examples.

    Args:
        command: stays as it is; the modules of commands are loaded once, the language may change.
        path: the command's words without `campaign`.
    """
    found = copy(command)
    found.context_class = Context
    found.epilog = epilog(path)
    if isinstance(found, click.Group):
        found.commands = {name: told(part, f"{path} {name}".strip()) for name, part in found.commands.items()}
    # In a list of commands click would cut the first sentence off at 45 characters.
    found.short_help = flat(str(command.help)).partition("\n\n")[0]
    if current_language() != "en":
        found.help = _(flat(str(command.help)))
        found.short_help = found.help.partition("\n\n")[0]
        found.params = [_param(param) for param in command.params]
    return found


def flat(text: str) -> str:
    """Bring each paragraph of a docstring onto one line: how it is broken in the source means nothing."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _param(param: click.Parameter) -> click.Parameter:
    if not isinstance(param, click.Option) or not param.help:
        return param
    found = copy(param)
    # One text for all commands, though each names forms of its own.
    head, _kind, kinds = param.help.partition(KINDS)
    text = f"{head}{_kind}"
    found.help = f"{_(text)}{kinds}"
    return found
