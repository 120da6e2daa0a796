"""Words that the program translates and that no line of it marks: its catalog has them by this list.

They come from click, from the system, and from codes and headings, which are translated as they are shown.
"""

from typing import Final

CLICKS_WORDS: Final = (
    "Usage:",
    "Usage: {usage}",
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Options",
    "Commands",
    "Show this message and exit.",
    "default: {default}",
    "required",
    "Error: {message}",
    "Try '{command} {option}' for help.",
    "Missing argument",
    "Missing option",
    "Missing command.",
    "No such option: {name}",
    "No such option {name!r}.",
    "No such command {name!r}.",
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
    "Option {name!r} does not take a value.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "{value!r} is not a valid {number_type}.",
    "{value} is not in the range {range}.",
    ("{value!r} is not {choice}.", "{value!r} is not one of {choices}."),
    ("{value!r} does not match the format {format}.", "{value!r} does not match the formats {formats}."),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    "{name} {filename!r} is not writable.",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is not readable.",
    "Path",
    "File",
    "Directory",
    "Error: invalid input",
    "Aborted!",
)
"""What click says itself; it looks for it in our catalog, by gettext's own functions."""
SYSTEM_REASONS: Final = (
    "No such file or directory", "Permission denied", "Operation not permitted",
    "Is a directory", "Not a directory", "No space left on device", "Read-only file system",
    "Connection refused",
)  # fmt: skip
"""The system's words, which it has in English alone."""
HEADINGS = (
    "Action", "Result", "Status", "Send", "To", "Followers", "Content",
    "When", "Reason", "Account", "Time", "Note", "Tag",
    "Updated", "Used by", "Addressed", "Sent", "Left out", "Failed",
)  # fmt: skip
"""What stands above columns; names of WeChat's own fields are the same in every language."""
STATUSES = (
    "send", "hand over", "handed over", "resend", "scheduled", "waits for approval",
    "draft", "expired", "sent", "blocked",
    "conflict", "unknown", "invalid", "rejected", "accepted", "delivery failed",
    "recalled", "baseline", "skipped", "ok", "warning", "error", "advice",
    "not sent",
)  # fmt: skip
"""Codes of actions, statuses, outcomes and grades; in English the code is the word."""

FOREIGN_WORDS: Final[dict[str, tuple[str | tuple[str, str], ...]]] = {
    "runner/wechat_campaigns/cli/help_pages.py": CLICKS_WORDS,
    "runner/wechat_campaigns/core/errors.py": SYSTEM_REASONS,
    "runner/wechat_campaigns/report/phrases.py": (*HEADINGS, *STATUSES),
}
"""By the file beside whose messages the catalog lists them; two texts are one and many."""
