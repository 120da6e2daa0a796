"""Write the findings of `campaign doctor`, and the answers to `--smoke`, as text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, _, ngettext, status_word
from wechat_campaigns.core.settings import Account
from wechat_campaigns.plan.doctor import Check, Severity
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.report.terminal import painted
from wechat_campaigns.report.text import TextOptions
from wechat_campaigns.send.smoke import BUSY, CALLS, SmokeAnswer, SmokeCall
from wechat_campaigns.wechat.endpoints import MASS_GET, MASS_SEND, MASS_SENDALL

_STYLE = {Severity.OK: "32", Severity.WARNING: "33", Severity.ERROR: "1;31"}
_PURPOSES = {
    MASS_GET: N_("the status of a job that does not exist"),
    MASS_SEND: N_("an article that does not exist, to an openid that does not exist"),
    MASS_SENDALL: N_("an article that does not exist, to a tag that does not exist, with a key of 33 bytes"),
}
_NO_TEST_ACCOUNT = N_(
    "check `kind` and the AppID in the settings: every test account (测试号) rejects a send to openids"
)


def doctor_text(checks: Sequence[Check], options: TextOptions) -> str:
    """Write one line a check, its hint below it, and a summary."""
    lines = []
    for check in checks:
        grade = painted(status_word(check.grade), _STYLE[check.grade] if options.color else "")
        lines.append(_(": ").join([grade, line(check.name), line(check.message)]))
        lines += [f"    → {line(check.hint)}"] if check.hint else []
    counts = {grade: sum(check.grade is grade for check in checks) for grade in Severity}
    totals = [_total(grade, count) for grade, count in counts.items() if count]
    return "\n".join([*lines, "", _(", ").join(totals)])


def _total(grade: Severity, count: int) -> str:
    """Write how many checks have a grade: `13 ok`, `2 warnings`."""
    if grade is Severity.ERROR:
        return ngettext("{count:,} error", "{count:,} errors", count).format(count=count)
    if grade is Severity.WARNING:
        return ngettext("{count:,} warning", "{count:,} warnings", count).format(count=count)
    return _("{count} ok").format(count=count)


def doctor_data(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the findings as plain data."""
    return {
        "checks": [
            {"name": check.name, "grade": check.grade.value, "message": check.message, "hint": check.hint}
            for check in checks
        ]
    }


def calls_text(account: Account) -> str:
    """List the calls before they are made."""
    title = _("Three calls as {name} ({appid}). None of them can reach a follower or use the send quota:")
    rows = [f"  {_name(call)}: {_(_PURPOSES[call.path])}" for call in CALLS]
    return "\n".join([title.format(name=account.name, appid=account.appid), *rows])


def smoke_text(answers: Sequence[SmokeAnswer], options: TextOptions) -> str:
    """Write one line a call, its hint below it, and a summary."""
    return doctor_text([_check(answer) for answer in answers], options)


def smoke_data(account: Account, answers: Sequence[SmokeAnswer]) -> dict[str, Any]:
    """Return the answers as plain data; `errcode` is null where no call was made or no answer came."""
    calls = [
        {
            "call": answer.call.path,
            "expected": list(answer.call.expected),
            "errcode": answer.errcode,
            "errmsg": answer.errmsg,
            "made": answer.is_made,
            "as_expected": answer.as_expected,
        }
        for answer in answers
    ]
    return {"account": account.name, "appid": account.appid, "calls": calls}


def smoke_exit_code(answers: Sequence[SmokeAnswer]) -> ExitCode:
    """Choose the exit code: 4 unless WeChat answered every call as documented."""
    return ExitCode.OK if all(answer.as_expected for answer in answers) else ExitCode.WECHAT


def _name(call: SmokeCall) -> str:
    return call.path.removeprefix("/cgi-bin/")


def _check(answer: SmokeAnswer) -> Check:
    name, expected = _name(answer.call), _(" or ").join(map(str, answer.call.expected))
    if not answer.is_made:
        message = _("expected {expected}; not called, because an earlier answer was not the expected one")
        return Check(Severity.WARNING, name, message.format(expected=expected))
    if answer.error is not None:
        message = _("expected {expected}, got no answer: {error}")
        message = message.format(expected=expected, error=answer.error.message)
        return Check(Severity.ERROR, name, message, answer.error.hint, ExitCode.WECHAT)
    message = _("expected {expected}, WeChat answered {errcode} ({errmsg})")
    if answer.errcode == 0:
        message = _("expected {expected}, WeChat accepted the call")
    message = message.format(expected=expected, errcode=answer.errcode, errmsg=answer.errmsg)
    if answer.as_expected:
        return Check(Severity.OK, name, message)
    if answer.errcode in BUSY:
        hint = _("run the command again later: this answer proves nothing")
        return Check(Severity.WARNING, name, message, hint, ExitCode.WECHAT)
    hint = _("run the command again; if the answer stays, report it: WeChat differs from its documentation")
    if answer.call.path == MASS_SEND:
        hint = _(_NO_TEST_ACCOUNT)
    return Check(Severity.ERROR, name, message, hint, ExitCode.WECHAT)
