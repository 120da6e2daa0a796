"""Run the steps of a CI job: plan outputs, comment, issue, notifications, pictures."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from wechat_campaigns.cli.context import Context, OnlineContext
from wechat_campaigns.cli.options import DIR, ENV, EXISTING_FILE, FILE, FOLDER, Effect
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command, group
from wechat_campaigns.code_host.ci_run import CiRun, current_run
from wechat_campaigns.core.errors import CampaignError, CodeHostError, ExitCode, UsageError, require_extra
from wechat_campaigns.core.files import opened_to_write, repository_path, write_file
from wechat_campaigns.core.i18n import N_, _, ngettext
from wechat_campaigns.plan import planfile

if TYPE_CHECKING:
    from wechat_campaigns.code_host.rest import CodeHost


@group(
    dict.fromkeys(("publish", "outputs", "issue", "notify", "phones"), "ci"),
    examples={"campaign ci publish report.md": N_("update the comment of a pull request")},
)
def ci() -> None:
    """Steps of a CI job: show a plan, pass on its digest, notify, keep an issue.

    See docs/pull-requests.md.
    """


@command(
    effect=Effect.NONE,
    examples={
        "campaign ci outputs plan.json": N_(
            "pass `plan_digest`, `pending`, `due`, `coming`, `held` and `waits` to later steps"
        )
    },
)
@click.argument("plan_file", type=FILE)
def outputs(context: Context, plan_file: Path) -> int:
    """Pass a plan file's digest to later steps: through GITHUB_OUTPUT, or on standard output.

    Prints plan_digest, pending (sends and resends that the digest covers), due (sends that apply would make
    or resolve now, once they are approved), coming (sends that become due within the plan's horizon), held
    (sends that are blocked, in conflict, or were missed) and waits (sends that no approval covers, which
    `apply --approved-only` leaves out).
    """
    data = planfile.read(plan_file)
    sends = data["sends"]
    values = {
        "plan_digest": data["plan_digest"],
        "pending": sum(send["covered"] for send in sends),
        "due": sum(planfile.is_due(send, data) for send in sends),
        "coming": sum(send["coming"] for send in sends),
        "held": sum(send["held"] for send in sends),
        "waits": sum(planfile.waits_for_approval(send) for send in sends),
    }
    lines = "\n".join(f"{name}={value}" for name, value in values.items())
    if target := os.environ.get("GITHUB_OUTPUT"):
        with opened_to_write(Path(target), flags=os.O_APPEND) as file:
            file.write(f"{lines}\n".encode())
    context.output_data(lambda: lines, values, quotes_campaigns=False)
    return ExitCode.OK


AUTHOR = click.option(
    "--author",
    default="github-actions[bot]",
    show_default=True,
    help="The user that writes the comment or issue.",
)


@command(
    effect=Effect.CODE_HOST,
    examples={"campaign ci publish report.md": N_("update the comment of a pull request")},
)
@click.argument("report", type=EXISTING_FILE)
@AUTHOR
def publish(context: Context, report: Path, author: str) -> int:
    """Add a Markdown report to the job summary, and keep one comment of the pull request up to date.

    The comment requires GITHUB_TOKEN with `pull-requests: write`. A pull request from a fork has no such
    token: the report then appears only in the summary, and the step does not fail.
    """
    text = report.read_text(encoding="utf-8", errors="replace")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with opened_to_write(Path(summary), flags=os.O_APPEND) as out:
            out.write(f"{text}\n".encode())

    def comment(code_host: CodeHost, run: CiRun) -> tuple[int | None, str]:
        from wechat_campaigns.code_host.rest import comment_body, upsert

        if run.number is None:
            return None, _("no comment was written: this run does not belong to a GitHub pull request")
        upsert(code_host, run.repository, run.number, comment_body(text, run.head), author=author)
        return run.number, _("#{number} is up to date").format(number=run.number)

    return _written(context, comment)


def _written(context: Context, write: Callable[[CodeHost, CiRun], tuple[int | None, str]]) -> int:
    """Write to GitHub, where this is a run of it with a token; print what was done. It never fails a job.

    Args:
        write: returns the number of the pull request or issue, if there is one, and what was done.
    """
    from wechat_campaigns.code_host.merged_requests import github

    run, token, number = current_run(), os.environ.get("GITHUB_TOKEN"), None
    if run is None or run.service != "GitHub":
        note = _("nothing was written: this run is not a GitHub run")
    elif not token:
        note = _("nothing was written: `GITHUB_TOKEN` is not set; the job summary shows the report")
    else:
        try:
            number, note = write(github(os.environ, token, Path("campaigns")), run)
        except CodeHostError as error:
            note = _("nothing was written: {error}; the job summary shows the report")
            # Unlike `str`, this keeps the English of the code host.
            note = note.format(error=_(": ").join(filter(None, (error.location, error.message))))
    print_message(note)
    context.output_data(str, {"number": number, "note": note})
    return ExitCode.OK


@command(
    effect=Effect.CODE_HOST,
    examples={
        "campaign ci issue report.md": N_("open the issue, or update it"),
        "campaign ci issue report.md --done": N_("close the issue, if one is open"),
    },
)
@click.argument("report", type=EXISTING_FILE)
@click.option("--done", is_flag=True, help="Close the issue: nothing needs attention any more.")
@AUTHOR
def issue(context: Context, report: Path, done: bool, author: str) -> int:
    """Open or update one issue of the GitHub repository with a Markdown report of `campaign status`.

    Requires GITHUB_TOKEN with `issues: write`. Without it the step does not fail: the job summary shows the
    report.
    """
    text = report.read_text(encoding="utf-8", errors="replace")

    def keep(code_host: CodeHost, run: CiRun) -> tuple[int | None, str]:
        from wechat_campaigns.code_host.rest import close_issue, upsert_issue

        number = (close_issue if done else upsert_issue)(code_host, run.repository, text, author=author)
        if number is None:
            return None, _("nothing needs attention, and no issue is open")
        note = _("issue #{number} is closed") if done else _("#{number} is up to date")
        return number, note.format(number=number)

    return _written(context, keep)


@command(
    effect=Effect.LEDGER_RECORD,
    options=(DIR, ENV),
    examples={
        "campaign ci notify plan.json": N_("notify approvers and duty, once a day of each send"),
        "campaign ci notify plan.json --fail-on-held": N_("and fail if expected sends are not made"),
    },
)
@click.argument("plan_file", type=FILE)
@click.option(
    "--fail-on-held",
    is_flag=True,
    help="Exit code 5 if sends are blocked, in conflict, or were missed; in a scheduled run once a day for "
    "each cause.",
)
def notify(context: OnlineContext, plan_file: Path, fail_on_held: bool) -> int:
    """Notify targets of the sends that a plan file would make, and of those that it should make but does not.

    That is, of `approval_needed`, `held` and `scheduled_missed` in `notify.when`. The ledger records what
    was notified, so each send is reported once a day, however often a plan is made; a send that was made
    meanwhile is left out. A notification that fails is a warning; a plan file that was edited or has expired
    is refused.
    """
    from wechat_campaigns.cli.notifications import code_of_held
    from wechat_campaigns.cli.notifications import notify as notify_targets
    from wechat_campaigns.code_host.ci_run import current_run
    from wechat_campaigns.guard.run import check_ci_run
    from wechat_campaigns.notify.notices import plan_notices

    if (run := current_run()) is not None:
        check_ci_run(run)
    data = planfile.read(plan_file)
    planfile.check_whole(data)
    planfile.check_usable(data, context.settings.environment.name, context.clock())
    state = None
    with suppress(CampaignError):  # the notification reads it too, and warns
        state = context.state()
    notices = list(plan_notices(data, state, timezone=context.settings.policy.timezone))
    new, taken = notify_targets(context, notices, commit=data.get("commit"))
    message = _("Nothing new to report, or no target of `notify` wants it.")
    if taken:
        message = ngettext(
            "Reported {count} send that waits for approval or is held back.",
            "Reported {count} sends that wait for approval or are held back.",
            taken,
        ).format(count=taken)
    elif new:
        message = _("Warning: nobody was notified; the next run tries again.")
    print_message(message)
    context.output_data(str, {"reported": taken, "note": message})
    return code_of_held(context, notices) if fail_on_held else ExitCode.OK


@command(
    effect=Effect.NONE,
    examples={"campaign ci phones plan.html phones": N_("a picture of each message, for the artifact")},
)
@click.argument("page", type=FILE)
@click.argument("folder", type=FOLDER)
def phones(context: Context, page: Path, folder: Path) -> int:
    """Write a picture of each message of a plan page: `message-1.png` and so on.

    Uses Chromium or Chrome if this machine has one, without network and without the variables of this
    command. Without one, the exit code is 0 and the page alone shows the messages.
    """
    require_extra("articles", needed_for=_("pictures of the phones"))
    taken: list[Path] = []
    note = ""
    try:
        for picture in take_pictures(page, folder, os.environ):
            taken.append(picture)  # noqa: PERF402 - those before an error count
    except NoPictureError as error:
        reason = error.args[0]
        note = _("no pictures of the phones: {reason}; the page shows them").format(reason=reason)
    if len(taken) == MOST:
        note = _("pictures of the first {count} messages; the page shows all").format(count=MOST)
    if note:
        print_message(note)
    files = [str(picture) for picture in taken]
    data = {"pictures": [*map(repository_path, files)], "note": note}
    context.output_data(lambda: "\n".join(files), data, quotes_campaigns=False)
    return ExitCode.OK


# Campaigns of strangers are on the page: its own policy forbids scripts, and Chromium gets neither network
# nor secrets. (Chromium itself needs scripts to write a picture.)
BROWSERS: Final = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
MOST: Final = 30
"""Messages of a plan that get a picture."""
WIDTH, HEIGHT, MARGIN = 840, 8000, 12
"""CSS pixels: two phones side by side; a longer message is cut."""
SECONDS: Final = 60
"""For one picture."""
_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=127.0.0.1:9",
    f"--window-size={WIDTH},{HEIGHT}",
)
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "FONTCONFIG_FILE", "FONTCONFIG_PATH")
_MESSAGE = re.compile(r'<section class="message[^"]*" id="(message-\d+)">')
_STYLE_END: Final = "</style></head>"
_ALONE: Final = """
main > :not(:has(#{id})), section:has(#{id}) > h2, .messages > :not(#{id}) {{ display: none !important }}
.unfold {{ display: none !important }}
main {{ padding: {margin}px !important }} section {{ margin: 0 !important }}
.message {{ border: 0 !important; padding: 0 !important }}
.article {{ max-height: none !important }}
"""
"""What leaves one message on the page, whole."""


class NoPictureError(Exception):
    """Chromium is missing, or made no picture; the message is for people."""


def take_pictures(page: Path, folder: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Write `message-1.png` and so on, named like the places of the page.

    Args:
        page: what `plan --report html=FILE` wrote.
        folder: made when it is missing.
        environ: of this process; Chromium gets a few harmless variables of it.

    Yields:
        Each picture when it is written; at most `MOST`.

    Raises:
        UsageError: the page is missing or another one.
        NoPictureError: Chromium is missing, or fails.
    """
    try:
        html = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        html = ""
    if _STYLE_END not in html:
        raise UsageError(
            _("the file is missing, or not a plan page"),
            location=str(page),
            hint=_("write it with `campaign plan --report {format}=FILE`").format(format="html"),
        )
    messages = _MESSAGE.findall(html)[:MOST]
    browser = _browser(environ) if messages else ""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        for message in messages:
            style = _ALONE.format(id=message, margin=MARGIN)
            alone = Path(name) / f"{message}.html"
            alone.write_text(html.replace(_STYLE_END, f"{style}{_STYLE_END}", 1), encoding="utf-8")
            picture = _cropped(_photograph(browser, alone, environ))
            write_file(folder / f"{message}.png", picture)
            yield folder / f"{message}.png"


def picture_of(html: bytes, environ: Mapping[str, str]) -> bytes:
    """Return a picture of a page of ours. Raises NoPictureError, MissingExtraError as `ci phones`."""
    require_extra("articles", needed_for=_("pictures of the phones"))
    browser = _browser(environ)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        page = Path(name) / "page.html"
        page.write_bytes(html)
        return _cropped(_photograph(browser, page, environ))


def _browser(environ: Mapping[str, str]) -> str:
    path = environ.get("PATH", "")
    found = next(filter(None, (shutil.which(name, path=path) for name in BROWSERS)), None)
    if found is None:
        raise NoPictureError(_("Chromium is not installed"))
    return found


def _photograph(browser: str, page: Path, environ: Mapping[str, str]) -> bytes:
    target, home = page.with_suffix(".png"), page.parent / "home"
    home.mkdir(exist_ok=True)
    own = (f"--user-data-dir={home / 'profile'}", f"--screenshot={target}")
    passed = {name: environ[name] for name in _PASSED_ON if name in environ}
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(  # noqa: S603 - a browser of this machine, a page of ours
            [browser, *_FLAGS, *own, page.as_uri()],
            cwd=page.parent,
            env={**passed, "HOME": str(home), "TMPDIR": str(page.parent)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
    if not target.is_file():
        message = _("{browser} made no picture")
        if os.geteuid() == 0:
            message = _("{browser} does not start as root; run this step as another user")
        raise NoPictureError(message.format(browser=Path(browser).name))
    return target.read_bytes()


def _cropped(picture: bytes) -> bytes:
    """Cut off what is nothing but ground, at the right and below."""
    from PIL import Image, ImageChops  # slow to load; the other commands of CI do without

    whole = Image.open(io.BytesIO(picture)).convert("RGB")
    ground = Image.new("RGB", whole.size, whole.getpixel((0, 0)))
    _left, _top, right, bottom = ImageChops.difference(whole, ground).getbbox() or (0, 0, *whole.size)
    written = io.BytesIO()
    box = (0, 0, min(whole.width, right + MARGIN), min(whole.height, bottom + MARGIN))
    whole.crop(box).save(written, "PNG", optimize=True)
    return written.getvalue()
