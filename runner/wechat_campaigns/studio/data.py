"""Write campaigns and problems as the page's script reads them, and what its phone shows of a send."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from wechat_campaigns.core.content import FileInfo
from wechat_campaigns.core.diagnostics import Diagnostic, Location, by_level
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError, InvalidError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import PlanAction, Send
from wechat_campaigns.core.redact import escape_invisible
from wechat_campaigns.messages import Articles, Images, Newspic
from wechat_campaigns.protocol.keys import SendId, normalize_id
from wechat_campaigns.render.phone import GAP, bubble, post, reader
from wechat_campaigns.report.phrases import recipients, status_counts, window
from wechat_campaigns.report.plan_view import PlanView, Row
from wechat_campaigns.source.load import CampaignFile
from wechat_campaigns.studio.desk import Picture

TONES: Final = {
    PlanAction.INVALID: "error",
    PlanAction.UNKNOWN: "alert",
    PlanAction.CONFLICT: "alert",
    PlanAction.BLOCKED: "alert",
    PlanAction.SEND: "due",
    PlanAction.HAND_OVER: "due",
    PlanAction.HANDED_OVER: "later",
    PlanAction.RESEND: "due",
    PlanAction.WAITS_FOR_APPROVAL: "alert",
    PlanAction.SCHEDULED: "later",
    PlanAction.DRAFT: "later",
    PlanAction.SENT: "done",
    PlanAction.EXPIRED: "over",
}
"""A colour for each action, what matters most first."""


def overview_data(files: Sequence[CampaignFile], plan: PlanView) -> dict[str, Any]:
    """List the campaigns, each with where its sends stand, then sends whose file is gone."""
    rows: dict[str, list[Row]] = {}
    for row in plan.rows:
        rows.setdefault(_campaign_of(row, files), []).append(row)
    known = [(item.id, item.display_path) for item in files]
    named = {normalize_id(name) for name, _file in known}
    lost = [(name, "") for name in rows if name not in named]
    return {
        "campaigns": [
            _campaign(name, file, rows.get(normalize_id(name), [])) for name, file in [*known, *lost]
        ],
    }


def error_data(error: CampaignError) -> dict[str, Any]:
    """Write why something cannot be shown; problems of files with their places."""
    unplaced = Diagnostic(location=Location(file=""), rule="", message=str(error), hint=error.hint)
    return {"problems": problems_data(error.problems if isinstance(error, InvalidError) else (unplaced,))}


def picture_data(campaign: str, picture: Picture) -> dict[str, Any]:
    """Write a campaign's picture: its sends for the phone, its problems."""
    problems = problems_data(picture.problems)
    if picture.fault is not None:
        problems += error_data(picture.fault)["problems"]
    return {
        "id": campaign,
        "stale": picture.stale,
        "at": f"{picture.at:%H:%M:%S}",
        "sends": [_send(send, picture.timezone) for send in picture.sends],
        "problems": problems,
    }


def problems_data(problems: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """List problems once, errors first, advice last, each with its place and a link to it in the editor."""
    ordered = sorted(dict.fromkeys(problems), key=by_level)
    return [
        {
            "level": problem.level,
            "rule": problem.rule,
            "message": escape_invisible(problem.message),
            "hint": escape_invisible(problem.hint),
            "place": escape_invisible(str(problem.location)),
            "href": editor_url(problem.location),
        }
        for problem in ordered
    ]


def editor_url(location: Location) -> str:
    """Write the address that opens a place in VS Code, and in editors made of it; empty for no file.

    Source: VS Code, Opening VS Code with URLs, read 2026-11.
    """
    path = Path(location.file).absolute()
    if not path.is_file():
        return ""
    line = f":{location.line}:{location.column or 1}" if location.line is not None else ""
    return f"vscode://file/{quote(path.as_posix().lstrip('/'))}{line}"


def _campaign_of(row: Row, files: Sequence[CampaignFile]) -> str:
    """Return the campaign of a row; an invalid file is listed under its path."""
    if row.planned is not None:
        return normalize_id(row.planned.send.campaign)
    by_path = {item.display_path: item.id for item in files}
    try:
        return normalize_id(by_path.get(row.id) or SendId.parse(row.id).campaign)
    except ValueError:
        return normalize_id(row.id)


def _campaign(name: str, file: str, rows: Sequence[Row]) -> dict[str, Any]:
    actions = [row.action for row in rows]
    worst = min(actions, key=list(TONES).index, default=None)
    counts = {action: actions.count(action) for action in TONES}
    word = rows[0].status if len(rows) == 1 else status_counts(counts)
    described = [row.planned.send.description for row in rows if row.planned is not None]
    return {
        "id": name,
        "description": escape_invisible(next(filter(None, described), "")),
        "file": file,
        "href": editor_url(Location(file=file)) if file else "",
        "summary": escape_invisible(next((row.content for row in rows if row.content), "")),
        "tone": TONES[worst] if worst is not None else "over",
        "word": word or _("(empty)"),
        "rows": {row.id: _row(row) for row in rows},
    }


def _row(row: Row) -> dict[str, Any]:
    words = {"status": row.status, "reason": row.reason, "hint": row.hint, "followers": row.followers}
    return {**{key: escape_invisible(text) for key, text in words.items()}, "tone": TONES[row.action]}


def _send(send: Send, timezone: str) -> dict[str, Any]:
    pages = [
        {"title": escape_invisible(title), "url": shown_url(send, number)}
        for number, title in enumerate(pages_of(send), 1)
    ]
    named = SendId.parse(send.id)
    batch = f"#{named.batch}" if named.batch is not None else ""
    return {
        "id": send.id,
        "entry": escape_invisible(f"{named.entry or ''}{batch}"),
        "description": escape_invisible(send.description),
        "account": escape_invisible(send.account),
        "shown_account": escape_invisible(send.shown_account),
        "kind": send.content.kind_name(),
        "to": escape_invisible(recipients(send.filter)),
        "when": window(send, timezone),
        "file": str(send.location),
        "href": editor_url(send.location),
        "message": shown_url(send),
        "pages": pages,
        "themed": isinstance(send.content, Articles),
    }


def words() -> dict[str, str]:
    """Return the words that `studio.js` writes itself, by its names; it fills in the `{…}`."""
    return {
        "live": _("Live"),
        "connecting": _("Connecting…"),
        "lost": _(
            "Connection lost: this is how it was at {time}. Start `campaign studio` again if it has ended."
        ),
        "trouble": _("Saves are not seen any more: {reason}"),
        "behind": _("What others did since is not shown: {reason}"),
        "stale": _("The newest save has errors. The phone shows the last save without errors, from {time}."),
        "broken": _("This campaign cannot be shown until its errors are corrected."),
        "gone": _("The campaign file is missing; only the ledger knows this send."),
        "none": _("No campaign matches."),
        "empty": _("No campaigns yet: run `campaign new` to write the first."),
        "no_problems": _("No problems"),
        "problems": _("Problems"),
        "open": _("Open in the editor"),
        "copy": _("Copy the path"),
        "copied": _("Copied"),
        "chat": _("Chat"),
        "article": _("Article text"),
        "article_n": _("Article {number}"),
        "post": _("Picture post"),
        "to": _("To"),
        "when": _("When"),
        "account": _("Account"),
        "kind": _("Kind"),
        "status": _("Status"),
        "followers": _("Followers"),
        "file": _("File"),
        "send": _("Send"),
        "description": _("Description"),
        "plan": _("Plan"),
        "calendar": _("Calendar"),
        "results": _("Results"),
        "phone_of": _("What a follower sees of {send}"),
        "saved": _("as of {time}"),
    }


SEARCH: Final = (
    N_("Find"), N_("Replace"), N_("next"), N_("previous"), N_("all"), N_("match case"), N_("regexp"),
    N_("by word"), N_("replace"), N_("replace all"), N_("close"),
)  # fmt: skip
"""What the editor's search says, as it has it in English."""


def writing_words() -> dict[str, Any]:
    """Return the words of what only a studio that writes has; as `words`."""
    return {
        "today": _("Today"),
        "needs_you": _("Needs somebody"),
        "goes_next": _("Goes out with the next apply"),
        "is_scheduled": _("Scheduled, or not ready"),
        "was_sent": _("Sent"),
        "is_over": _("Window is over"),
        "and_more": _("and {count} more"),
        "in_work": _("In work"),
        "in_review": _("in review"),
        "is_written": _("being written"),
        "nothing_yet": _("Nothing waits here. Begin with a new message."),
        "no_change_yet": _("nothing changed yet"),
        "no_works": _("Nothing is in work. Edit a message, or begin a new one."),
        "work_help": _(
            "A piece of work is yours alone until you send it for review. What you write in one never mixes "
            "with another."
        ),
        "comma": _(", "),
        "new_message": _("New message"),
        "what_about": _("What is it about? The words become the title and the name of its file."),
        "words_example": _("Spring tea has arrived"),
        "kinds": [
            ["mpnews", _("An article"), _("Text with pictures that opens as a page")],
            ["text", _("A text"), _("A few lines in the chat")],
            ["newspic", _("A picture post"), _("Up to 20 pictures with a title and a short text")],
        ],
        "paste_page": _("From another editor"),
        "paste_help": _("Paste from 秀米, 135, Word, 飞书 or WPS, or choose a page that you saved"),
        "paste_again": _("Paste the article again"),
        "paste_here": _("Click here, then paste with Ctrl+V"),
        "or_saved_page": _("Or a saved page:"),
        "saved_page": _("Saved page"),
        "reading": _("Reading the article and its pictures…"),
        "good": _("OK"),
        "cancel": _("Cancel"),
        "copy_title": _("A copy"),
        "copy_of": _("Copy an earlier message"),
        "beginning": _("Beginning…"),
        "working": _("Working…"),
        "edit": _("Edit"),
        "messages_of_work": _("Messages in this piece of work"),
        "one_more": _("Add a message"),
        "take_in": _("Take in what changed for everybody"),
        "both_changed": _("Both changed"),
        "both_help": _("Somebody else changed these files too. Choose for each what stays."),
        "mine": _("Mine"),
        "theirs": _("Theirs"),
        "take_mine": _("Keep mine"),
        "take_theirs": _("Take theirs"),
        "keep_mine": _("Keep mine"),
        "removed": _("removed"),
        "send_for_review": _("Send for review"),
        "send_again": _("Send again"),
        "one_sentence": _("In one sentence: what changes, and why?"),
        "as_person": _("As {name} <{email}>"),
        "who_are_you": _("Who are you? The name stands in the history of the campaigns."),
        "your_name": _("Name"),
        "your_email": _("Email address"),
        "another_request": _("Open another request"),
        "the_request": _("The request"),
        "request_open": _("open"),
        "request_merged": _("merged"),
        "request_closed": _("closed"),
        "checks_running": _("Its checks are running."),
        "checks_passed": _("Its checks passed."),
        "checks_failed": _("Its checks failed."),
        "discard": _("Discard"),
        "discard_help": _("Puts this piece of work away. What was sent for review stays there."),
        "discard_sure": _("Discard this piece of work?"),
        "unsaved": _("Not saved yet…"),
        "all_saved": _("Saved at {time}"),
        "not_saved": _("Not saved"),
        "again": _("Try again"),
        "unreachable": _("the studio does not answer"),
        "unreachable_hint": _("keep this page open, and start `campaign studio` again"),
        "required": _("required"),
        "none_chosen": _("as in the settings"),
        "clear": _("Clear"),
        "remove": _("Remove"),
        "earlier": _("Move to the front"),
        "later": _("Move to the back"),
        "replace": _("Replace"),
        "choose_file": _("Choose a file, or drop it here"),
        "add_picture": _("Add a picture, or drop it here"),
        "choose_list": _("Choose a list (Excel, CSV)"),
        "list_help": _("A list of openids from Excel; service accounts (服务号) only."),
        "by_tag": _("A tag"),
        "by_list": _("A list"),
        "to_all": _("Everybody"),
        "tag_name": _("Name of the tag"),
        "hold": _("Stop this account"),
        "hold_why": _(
            "Nothing more is sent for account {account}, from any machine, until somebody ends the hold. Why?"
        ),
        "held": _("The account is on hold."),
        "to_all_warning": _("Every follower of the account would receive this."),
        "to_all_yes": _("Yes, to everybody"),
        "too_large": _("{name} is larger than 20 MB"),
        "html_body": _("This article came from another editor: correct words below, or paste it again."),
        "editor": {
            "toolbar": _("Format"),
            "heading": _("Heading"),
            "subheading": _("Subheading"),
            "bold": _("Bold"),
            "italic": _("Italic"),
            "list": _("List"),
            "numbered": _("Numbered list"),
            "quote": _("Quote"),
            "link": _("Link"),
            "picture": _("Picture"),
            "table": _("Table"),
            "divider": _("Divider"),
            "undo": _("Undo"),
            "redo": _("Redo"),
            "find": _("Find"),
            "source": _("Source"),
            "visual": _("Visual"),
            "ok": _("OK"),
            "cancel": _("Cancel"),
            "remove": _("Remove"),
            "words": _("Words"),
            "address": _("Address"),
            "rows": _("Rows"),
            "columns": _("Columns"),
            "alt": _("What it shows"),
            "caption": _("Caption"),
            "width": _("Width, such as 50%"),
            "editPicture": _("Describe this picture"),
            "pictureMissing": _("No picture:"),
            "uploading": _("Uploading {name}"),
            "uploadFailed": _("{name} was not uploaded"),
            "pasting": _("Pasting"),
            "cell": _("Row {row}, column {column}"),
            "addRow": _("Add row"),
            "addColumn": _("Add column"),
            "align": _("Align"),
            "deleteRow": _("Delete row"),
            "deleteColumn": _("Delete column"),
            "deleteTable": _("Delete table"),
            "boxes": {
                "card": _("Card"),
                "tip": _("Tip"),
                "warning": _("Warning"),
                "quote": _("Quote"),
                "columns": _("Columns"),
                "follow": _("Follow"),
                "earlier": _("Earlier articles"),
                "signature": _("Signature"),
            },
            "search": {word: _(word) for word in SEARCH},
        },
    }


_FOREIGN = re.compile(r'(<(?:img|image)\b[^>]*?\b(?:src|href)=")(?!/media/|data:)[^"]*"')
_STYLE = re.compile(r'\bstyle="[^"]*"')
_FOREIGN_GROUND = re.compile(r"url\((?!/media/|data:|#)[^)]*\)")


def shown_url(send: Send, number: int = 0) -> str:
    """Return the address of a send's bubble, or of the page behind its card of this number, from 1.

    The address is another one whenever what it shows is.
    """
    values = {"send": send.id, "n": number, "v": sha256(repr((send.shown_account, send.content)))[:16]}
    return f"/shown?{urlencode(values)}"


def pages_of(send: Send) -> tuple[str, ...]:
    """List the titles of what opens as a page of its own."""
    match send.content:
        case Articles():
            return tuple(article.title for article in send.content.articles)
        case Newspic() | Images():
            return (send.content.title or "",)
    return ()


def shown_html(send: Send, number: int, *, dark: bool) -> Markup:
    """Return what is behind `shown_url`, as a fragment."""
    if not number:
        return bubble(send, address=media_url)
    if isinstance(send.content, Articles):
        article = send.content.articles[number - 1]
        html = reader(article, address=media_url, dark=dark, account=send.shown_account)
        return Markup(local_pictures(html))  # noqa: S704 - `reader` wrote it
    return post(send, address=media_url, dark=dark)


def media_url(file: FileInfo, *, times: int = 1) -> str:  # noqa: ARG001 - see `page.Address`
    """Return where the page finds a file."""
    return f"/media/{file.sha256}"


def local_pictures(html: str) -> str:
    """Return HTML with a grey box for each picture that the page would request from elsewhere."""
    html = _FOREIGN.sub(lambda found: f'{found[1]}{GAP}"', html)
    return _STYLE.sub(lambda style: _FOREIGN_GROUND.sub(lambda _found: f"url({GAP})", style[0]), html)
