"""Choose the language of the command line, of click's own words too."""

import gettext
import os
from typing import Final

from wechat_campaigns.cli.output import print_message
from wechat_campaigns.core.i18n import CATALOGS, DOMAIN, N_, Language, ngettext, set_language

CLICKS_WORDS: Final = (
    N_("Usage:"),
    N_("Usage: {usage}"),
    N_("[OPTIONS]"),
    N_("COMMAND [ARGS]..."),
    N_("Options"),
    N_("Commands"),
    N_("Show this message and exit."),
    N_("default: {default}"),
    N_("required"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such option: {name}"),
    N_("No such option {name!r}."),
    N_("No such command {name!r}."),
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    ngettext("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments.", 1),
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
NO_CATALOG: Final = (
    "The words of the language {language} are English here: its catalog {problem}. Install anew."
)


def choose(language: Language) -> None:
    """Use a language from here on; without its catalog it stays English, with a message."""
    try:
        set_language(language)
    except OSError as error:
        problem = "is not installed" if isinstance(error, FileNotFoundError) else "cannot be read"
        print_message(NO_CATALOG.format(language=language, problem=problem))
        return
    if language == "en":
        gettext.textdomain("messages")
        return
    # Libraries that use gettext's functions, click among them, find the catalog by this variable.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, str(CATALOGS))
    gettext.textdomain(DOMAIN)
