"""Write the log of a run: JSON lines on standard error or in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wechat_campaigns.cli.output import logs_json, print_log, print_message
from wechat_campaigns.core.errors import CampaignError, InvalidError, UsageError
from wechat_campaigns.core.files import opened_to_write
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.run_log import Entry, listen, record

if TYPE_CHECKING:
    from wechat_campaigns.send.outcome import SendOutcome

LOG: Final = "CAMPAIGN_LOG"


def start_json_log(environ: Mapping[str, str]) -> None:
    """Write JSON lines on standard error if `CAMPAIGN_LOG` is `json`; messages for people are then left out.

    Raises:
        UsageError: the variable has another value than `json` or `text`.
    """
    value = environ.get(LOG, "")
    if value not in ("", "text", "json"):
        raise UsageError(
            _("{variable} has an unknown value: {value}").format(variable=LOG, value=value),
            hint=_("set it to `json` or `text`"),
        )
    if logs_json(environ):
        listen(lambda entry: print_log(_line(entry)))


def start_log_file(file: Path) -> None:
    """Append JSON lines to a file that only this user can read.

    Raises:
        UsageError: it cannot be written.
    """
    option = f"--log-file {file}"
    is_complete = True

    def write(entry: Entry) -> None:
        nonlocal is_complete
        # A disk that fills up between a send and its record must not hide what became of the send.
        try:
            with opened_to_write(file, option, flags=os.O_APPEND, mode=0o600) as log:
                log.write(f"{_line(entry)}\n".encode())
        except UsageError as error:
            if is_complete:
                lost = _("Warning: {file} lacks lines of this log: {reason}")
                print_message(lost.format(file=file, reason=error.message))
            is_complete = False

    with opened_to_write(file, option, flags=os.O_APPEND, mode=0o600):
        pass
    listen(write)


def record_error(error: CampaignError) -> None:
    """Record what ended a run: codes and places, not the message, which may quote a campaign."""
    if isinstance(error, InvalidError):
        for problem in error.problems:
            place = problem.location
            record(
                "problem",
                level="info" if problem.level == "advice" else problem.level,
                rule=problem.rule,
                file=place.file,
                line=place.line,
                column=place.column,
            )
    errcode: int | None = getattr(error, "errcode", None)
    name = type(error).__name__
    record("error", level="error", error=name, errcode=errcode, exit_code=int(error.exit_code))


def record_outcome(outcome: SendOutcome) -> None:
    """Record how a send ended."""
    record(
        "send",
        level="error" if outcome.exit_code else "info",
        send=outcome.id,
        account=outcome.account,
        result=str(outcome.result),
        msg_id=outcome.msg_id,
        errcode=outcome.errcode,
    )


def _line(entry: Entry) -> str:
    return json.dumps({"format_version": "1.0", **entry})
