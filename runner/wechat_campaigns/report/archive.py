"""Build the archive of a send as files in memory: what was posted, who agreed to it, what came of it.

The same ledger, figures, language and version give the same bytes.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any, Final

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.i18n import N_, _, status_word
from wechat_campaigns.core.model import Send
from wechat_campaigns.ledger import records
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.fold import Key, LedgerState, key_of
from wechat_campaigns.ledger.shapes import fits
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.hints import seen_text
from wechat_campaigns.plan.quota import CHINA, china_day
from wechat_campaigns.protocol.events import Event, EventKind
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import SendState
from wechat_campaigns.render.phone import Data, page
from wechat_campaigns.report.history import ReportLine
from wechat_campaigns.report.html import RecordTable, archive_html, archives_html
from wechat_campaigns.report.phrases import recipients, recorded_recipients
from wechat_campaigns.report.sanitize import json_text
from wechat_campaigns.report.send_status import reach

MESSAGE: Final = "message.html"
PICTURE: Final = "message.png"
AGREED: Final = {
    "typed": N_("{user} typed the confirmation at a terminal"),
    "reviewed": N_("as the reviewed plan; no question was asked (`--auto-approve`)"),
    "auto_approve": N_("no question was asked (`--auto-approve`)"),
}
"""How a run was agreed to, by the word in its intent."""
EVENTS: Final[Mapping[str, str]] = {
    EventKind.INTENT: N_("about to be posted by {user}"),
    EventKind.HANDED_OVER: N_("its draft was handed over by {user}: a person sends it in the WeChat console"),
    EventKind.RESEND: N_("about to be posted once more by {user}, with the same clientmsgid"),
    EventKind.ACCEPTED: N_("WeChat accepted it: msg_id {msg_id}"),
    EventKind.DUPLICATE: N_("WeChat answered 45065: it has a job with this clientmsgid, msg_id {msg_id}"),
    EventKind.IN_USE: N_("WeChat answered 45066: it was creating a job with this clientmsgid"),
    EventKind.REJECTED: N_("WeChat made no job: errcode {errcode}"),
    EventKind.SETTLED: N_("{user} recorded the outcome: {reason}"),
    EventKind.BASELINE: N_("{user} recorded that it was sent before: {reason}"),
    LedgerKind.APPROVED: N_("approved by {approver} ({who})"),
    LedgerKind.DRAFT: N_("the draft was made in WeChat"),
    LedgerKind.PREVIEW: N_("a tester received a preview"),
    LedgerKind.STATUS: N_("WeChat was asked and answered {msg_status}"),
    LedgerKind.CALLBACK: N_("WeChat reported the end: {status}, sent to {sent} of {addressed}"),
    LedgerKind.RECALL: N_("recalled by {user}: {reason}"),
}
"""What each event of a send says, in words."""
_TITLE = re.compile("<title>(.*?)</title>")
_UNSAFE = re.compile(r"[^\w\[\]#-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedSend:
    """One send with all that its archive is made from."""

    environment: str
    record: SendState
    state: LedgerState
    events: Sequence[Event]
    """Of this send, in order."""
    articles: Sequence[ReportLine]
    """Those that WeChat has figures of: which are still missing depends on the day."""
    message: Send | None
    """What was posted; None where neither the campaigns folder nor the ledger has all of it."""
    approvals: Sequence[Event] = ()
    """By which it was sent."""
    unverified: Sequence[str] = ()
    """Accounts whose events were read without their AppSecret."""
    earlier: bytes = b""
    """The page of the message in an earlier archive."""

    @property
    def why_not_shown(self) -> str:
        """Why the archive has no page of the message, and what to do; empty when it has one."""
        if self.message is not None and isinstance(self.message.content, Draft):
            return _(
                "A draft of the WeChat console was sent. WeChat has removed it: only its links are here."
            )
        if self.message is not None or self.earlier:
            return ""
        message = _("The campaigns folder does not render the message that was sent.")
        if not (commit := _actor(self.record).get("commit", "").removesuffix("-dirty")):
            return message
        hint = _("Check out commit {commit} and run `campaign archive` again.")
        return f"{message} {hint.format(commit=commit)}"


def archive_name(record: SendState) -> str:
    """Return the folder of a send: its day in China, its id and a part of its digest."""
    key = sha256([record.appid, normalize_id(record.send), record.revision])[:8]
    readable = _UNSAFE.sub(".", record.send)[:60].strip(".")
    return f"{china_day(record.at).isoformat()}_{readable}_r{record.revision}_{key}"


def archive_files(
    archive: ArchivedSend, *, data: Data, photograph: Callable[[bytes], bytes | None] = lambda _page: None
) -> dict[str, bytes]:
    """Make the files of an archive by path; none holds an openid.

    Args:
        data: reads a file that the message carries.
        photograph: returns a picture of a page as PNG, or of the one archived before for an empty page.
    """
    note = archive.why_not_shown
    events = "".join(f"{json_text(event.as_dict())}\n" for event in archive.events)
    files = {"events.jsonl": events.encode()}
    if archive.message is not None and not note:
        to = recipients(archive.message.filter)
        files[MESSAGE] = page(archive.message, data=data, to=to).encode()
    if not note and (picture := photograph(files.get(MESSAGE, b""))) is not None:
        files[PICTURE] = picture
    title = _TITLE.search(files.get(MESSAGE, archive.earlier).decode())
    html = archive_html(
        archive.record,
        [*_tables(archive), _told(archive.events)],
        archive.articles,
        title=unescape(title[1]) if title else records.text_of(archive.record) or archive.record.send,
        note=note,
        has_picture=PICTURE in files,
        unverified=archive.unverified,
    )
    files["index.html"] = html.encode()
    if MESSAGE in files and archive.message is not None:
        for upload in archive.message.content.uploads():
            if (file := upload.file) is not None:
                files[f"media/{file.sha256}.{file.format}"] = data(file)
    return files


def archive_index(
    archived: Iterable[SendState], titles: Mapping[str, str], unverified: Sequence[str] = ()
) -> bytes:
    """Make the page that leads to each archive of a folder.

    Args:
        titles: what followers read of a send, by its archive's name, where that is known.
        unverified: accounts whose events were read without their AppSecret.
    """
    rows = []
    for record in archived:
        name, to = archive_name(record), recorded_recipients(records.recipients_of(record))
        title = titles.get(name) or records.text_of(record) or record.send
        cells = _moment(record.at), records.account_of(record), to, status_word(record.fate.value)
        rows.append((name, title, record.send, cells))
    return archives_html(rows, unverified).encode()


def events_by_send(events: Iterable[Event], state: LedgerState) -> Mapping[Key, list[Event]]:
    """Sort events by the send that they are about, those that WeChat pushed among them."""
    jobs = {(one.appid, records.job_id(one)): key_of(one) for one in state.sends}
    found: dict[Key, list[Event]] = {}
    for event in events:
        key, data = None, event.data
        if not fits(event):
            continue
        if event.kind == LedgerKind.CALLBACK:
            key = jobs.get((event.stream, data["msg_id"]))
        elif {"send", "revision"} <= data.keys():
            key = event.stream, normalize_id(data["send"]), data["revision"]
        if key is not None:
            found.setdefault(key, []).append(event)
    return found


def _tables(archive: ArchivedSend) -> list[RecordTable]:
    """Write in words what the ledger has: the plan, who agreed, the outcome."""
    record, actor, job = archive.record, _actor(archive.record), archive.state.job_result(archive.record)
    audience, accepted = records.audience_of(record), records.acceptance(record)
    overrides, agreed = record.data.get("overrides", {}), AGREED.get(actor.get("agreed", ""))
    previews = (event for event in archive.events if event.kind == LedgerKind.PREVIEW)
    settled = (event for event in archive.events if event.kind == EventKind.SETTLED)
    by_hand = record.is_by_hand
    approved = [*map(_approval, archive.approvals)] or [*filter(None, [actor.get("approved")])]
    known = (row.article.url for row in archive.articles if row.article is not None)
    return [
        _table(
            _("Plan"),
            (_("Environment"), archive.environment),
            (_("AppID"), record.appid),
            (_("Posted"), _moment(record.intent.at) if record.intent is not None else None),
            (_("To"), recorded_recipients(records.recipients_of(record))),
            (_("Followers"), f"{audience:,}" if audience is not None else None),
            (_("Commit"), actor.get("commit")),
            (_("Plan digest"), record.data.get("plan_digest")),
            (_("Content digest"), record.content_digest),
        ),
        _table(
            _("Approvals"),
            (_("Approved"), _("; ").join(approved) or _("no approval is recorded")),
            (_("Agreed to"), _(agreed).format(user=actor.get("user", "–")) if agreed else None),
            (_("Handed over by") if by_hand else _("Sent by"), actor.get("user")),
            (_("CI run"), actor.get("run")),
            (_("Previewed"), _(", ").join(_moment(event.at) for event in previews)),
            (_("Overrides"), _("; ").join(f"{rule}{_(': ')}{reason}" for rule, reason in overrides.items())),
            (_("Settled"), _("; ").join(f"{_moment(one.at)} {one.data.get('reason')}" for one in settled)),
        ),
        _table(
            _("Result"),
            (_("Status"), status_word(record.fate.value)),
            (_("Recorded as sent") if by_hand else _("Accepted"), _moment(accepted.at) if accepted else None),
            ("msg_id", records.job_id(record)),
            ("msg_data_id", records.job_id(record, "msg_data_id")),
            ("errcode", records.errcode_of(record)),
            (_("Reason"), records.reason_text(record)),
            (_("Seen in the console"), seen_text(archive.state.stream(record.appid).seen(record), record)),
            (_("Delivery"), reach(job) if job is not None else _("no counts of WeChat were received")),
            (_("Articles"), " ".join(job.links if job is not None and job.links else filter(None, known))),
            (_("Recalled"), _("; ").join(map(_recall, record.recalls))),
        ),
    ]


def _approval(event: Event) -> str:
    data = event.data
    who = _(", ").join(dict.fromkeys((str(data.get("approver", "")), *map(str, data.get("who", ())))))
    about = _("plan {digest}").format(digest=str(data.get("plan_digest", ""))[:12])
    commit = _("commit {commit}").format(commit=data["commit"][:12]) if data.get("commit") else ""
    return _(", ").join(filter(None, [who, _moment(event.at), about, commit, data.get("run", "")]))


def _recall(event: Event) -> str:
    number = event.data.get("article_idx")
    what = _("article {number}").format(number=number) if number else _("all of it")
    words = _moment(event.at), _actor(event).get("user"), what, event.data.get("reason")
    return _(", ").join(map(str, filter(None, words)))


def _told(events: Iterable[Event]) -> RecordTable:
    """Write each event in words, with its number in the ledger and the beginning of its MAC."""
    rows = []
    for event in events:
        facts = defaultdict[str, Any](
            lambda: "–",
            {
                **event.data,
                "user": _actor(event).get("user", "–"),
                "who": _(", ").join(event.data.get("who", ())),
            },
        )
        told = _(EVENTS.get(event.kind, event.kind)).format_map(facts)
        mac = str(event.data.get("mac", event.data.get("signature", "")))[:12] or _("none")
        rows.append(
            (
                _moment(event.at),
                _("{told} · event {seq}, MAC {mac}").format(told=told, seq=event.seq, mac=mac),
            )
        )
    return _("Events of the ledger"), rows


def _table(title: str, *rows: tuple[str, str | int | None]) -> RecordTable:
    """Leave out what is not known."""
    return title, [(name, str(value)) for name, value in rows if value not in (None, "")]


def _actor(record: SendState | Event) -> Mapping[str, Any]:
    actor: Mapping[str, Any] = record.data.get("actor", {})
    return actor


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}"
