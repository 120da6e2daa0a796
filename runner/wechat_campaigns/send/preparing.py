"""What a send needs at WeChat before its call: its files uploaded, each once, its draft, its previews.

Every upload is recorded as soon as its result is known; a crash between costs one file a second upload, no
more. What WeChat does not know any more is forgotten, so that the next run uploads it again.

A draft is added, read back, and left alone when it was edited. It is recorded before it is read back: when
the answer to `draft/add` is lost, or a crash comes before the record, the next run adds another: the first
stays unsent in the draft box, which costs an entry there. A draft in which readers would lose something is
not handed out.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from wechat_campaigns.core.content import (
    MATERIAL_ADDRESS,
    MEDIA_UPLOAD,
    UPLOADIMG,
    UPLOADVIDEO,
    FileInfo,
    MediaIds,
    Upload,
)
from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import (
    ApiError,
    CampaignError,
    PolicyError,
    StalePlanError,
    UsageError,
    WeChatError,
    reporting_unrecorded,
)
from wechat_campaigns.core.i18n import N_, _, english_text, status_word
from wechat_campaigns.core.names import did_you_mean
from wechat_campaigns.core.redact import OPENID
from wechat_campaigns.core.settings import Tester
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import DraftRecord
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.draft_box import MEDIA_ID_INVALID, draft_fingerprint, read_news_items
from wechat_campaigns.plan.hints import edited_by_hand_hint, first_of
from wechat_campaigns.plan.plan import PlannedSend
from wechat_campaigns.plan.stored_draft import Stored, fingerprint, losses
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.send.posting import AccountWriter
from wechat_campaigns.wechat import payloads
from wechat_campaigns.wechat.endpoints import ReadOnlyApi

UPLOAD_AGAIN_HINT = N_("run the same command again: it uploads the files of this send again")
"""The hint once they are forgotten."""
MAX_DIFFERENCES = 3
"""How many differences an error names."""
LONGEST_WXNAME = 20
_WXNAME = re.compile(r"[A-Za-z0-9][-_A-Za-z0-9]{4,19}")
"""A WeChat ID: 6 to 20 characters, a letter first; old ones may be shorter, or a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyDraft:
    """A draft that can be sent."""

    media_id: str
    mark: str
    """Fingerprint of what is in it."""
    notes: tuple[str, ...] = ()
    """What a person should know: what WeChat changed, which older draft stays behind."""


def prepare(planned: PlannedSend, account: AccountWriter) -> tuple[MediaIds, ReadyDraft | None]:
    """Upload what a send needs and make its draft; nothing is sent.

    Raises:
        UsageError: a material name of it has no media_id.
        CampaignError: as `upload` and `ensure_draft` say.
    """
    check_material_names(planned)
    with forgetting(planned, account):
        ids = upload(planned, account)
        return ids, ensure_draft(planned, ids, account)


def upload(planned: PlannedSend, account: AccountWriter) -> MediaIds:
    """Upload what is missing and name everything.

    Raises:
        ApiError, NotSentError, NoResponseError: an upload failed; nothing was sent.
        StalePlanError: a file changed since it was planned.
    """
    done: dict[str, str] = {}
    material_ids = planned.resolved.material_ids
    for item, reusable in planned.resolved.uploads:
        known = account.state.stream(account.account.appid).uploads.get(item.key)
        # What the plan would reuse may have been forgotten since.
        result = known.result if known and (reusable or item.life is None) else None
        if result is None:
            account.tell(planned.send.id, _progress_message(item))
            result = _upload(item, MediaIds(upload_results=done, material_ids=material_ids), account)
            account.record(LedgerKind.UPLOAD, {"upload": item.key, "result": result})
        done[item.key] = result
    return MediaIds(upload_results=done, material_ids=material_ids)


@contextmanager
def forgetting(planned: PlannedSend, account: AccountWriter) -> Iterator[None]:
    """Forget the uploads of a send when a call of the block finds one of them gone, and pass the error on."""
    try:
        yield
    except ApiError as error:
        if forget_uploads(planned, error.errcode, account):
            error.hint = _(UPLOAD_AGAIN_HINT)
        raise


def forget_uploads(planned: PlannedSend, errcode: int | None, account: AccountWriter) -> bool:
    """Forget what a send's files became, when an errcode says that one of them is gone.

    Somebody deleted it in the console; the answer does not tell which.

    Args:
        errcode: what WeChat answered; only 40007 says it.

    Returns:
        True when there was something to forget.
    """
    if errcode != MEDIA_ID_INVALID:
        return False
    known = account.state.stream(account.account.appid).uploads
    kept = [item.key for item, _ in planned.resolved.uploads if item.key in known]
    for key in kept:
        account.record(LedgerKind.UPLOAD, {"upload": key, "result": None})
    return bool(kept)


def check_material_names(planned: PlannedSend) -> None:
    """Make sure that every name has its media_id: a send that is not due was not asked about.

    Raises:
        UsageError: one has none.
    """
    content = planned.send.content
    if isinstance(content, Draft) and not content.media_id:
        missing, hint = content.name, _("run `campaign drafts` for the drafts that there are")
    elif unnamed := set(content.names()) - set(planned.resolved.material_ids):
        missing = min(name for _kind, name in unnamed)
        hint = _("use the `media_id` instead of the name, or run this command before the send is made")
    else:
        return
    what = _("`{name}` was not found, and the send is {action}: {reason}")
    raise UsageError(
        what.format(name=missing, action=status_word(planned.action), reason=planned.reason),
        hint=hint,
        location=planned.send.id,
    )


def _progress_message(item: Upload) -> str:
    if item.file is None:
        return _("converting the video for a mass message")
    size = max(1, round(item.file.size_bytes / 1024))
    return _("uploading {file}, {size:,} KiB").format(file=item.file.path, size=size)


def _upload(item: Upload, ids: MediaIds, account: AccountWriter) -> str:
    if item.endpoint == UPLOADVIDEO:
        if item.of is None:
            raise AssertionError("a conversion names what it converts")
        source = ids.upload_results[item.of.key]
        return str(account.api.media_uploadvideo(source, item.title, item.description)["media_id"])
    if item.file is None:
        raise AssertionError("an upload without a file is a conversion")
    data = account.workspace.read(item.file)
    if hashlib.sha256(data).hexdigest() != item.file.sha256:
        raise StalePlanError(
            _("the file changed while the plan was applied"),
            hint=_("run the same command again"),
            location=str(item.file.path),
        )
    name = _name(item.file)
    if item.endpoint == UPLOADIMG:
        # WeChat answers with http; phones refuse mixed content, and the host serves both.
        return account.api.media_uploadimg(name, data).replace("http://", "https://", 1)
    if item.endpoint == MATERIAL_ADDRESS:
        return account.api.material_image_url(name, data).replace("http://", "https://", 1)
    if item.endpoint == MEDIA_UPLOAD:
        return str(account.api.media_upload(item.kind, name, data)["media_id"])
    return str(account.api.material_add_material(item.kind, name, data)["media_id"])


def _name(file: FileInfo) -> str:
    """Return the file for WeChat, which goes by the suffix: a mended one by what it has become."""
    return file.path.with_suffix(f".{file.format}").name if file.converted else file.path.name


def ensure_draft(planned: PlannedSend, ids: MediaIds, account: AccountWriter) -> ReadyDraft | None:
    """Add the draft a send needs, or take the one already added for it; None when its content needs none.

    Raises:
        PolicyError: the draft was edited by hand since it was made.
        WeChatError: readers would get other words, pictures or links than were meant.
        ApiError, NotSentError, NoResponseError: no draft; nothing was sent.

    Source: draft_add and getDraft, read 2026-11.
    """
    content = planned.send.content
    if not content.needs_draft:
        return None
    articles = content.draft_articles(ids)
    send, api, state = planned.send, account.api, account.state
    data: dict[str, Any] = {"send": send.id, "revision": send.revision, "sha256": sha256(articles)}
    before = state.draft(planned.account.appid, send.id, send.revision)
    known = before if before is not None and before.sha256 == data["sha256"] else None
    stored = read_news_items(known.media_id, api) if known is not None else None
    if known is None or stored is None:
        known = None
        data["media_id"] = api.draft_add(articles)
        account.record(LedgerKind.DRAFT, data)
        # Right after draft/add, draft/get answered 40007, as a developer reported (2024-09): read once more.
        stored = read_news_items(data["media_id"], api) or api.draft_get(data["media_id"])["news_item"]
    else:
        data["media_id"] = known.media_id
    mark = fingerprint(stored)
    _check(articles, stored, mark, known, data, account)
    notes = _unused_draft_note(before, data)
    return ReadyDraft(media_id=data["media_id"], mark=mark, notes=notes)


def edited_draft_id(intent: Event, *, api: ReadOnlyApi) -> str | None:
    """Return the draft that a stored body would send, when it is not what it was at its first call.

    A draft that is gone is not edited: WeChat has used it up, or refuses the call.

    Raises:
        ApiError, NotSentError, NoResponseError: it could not be read.
    """
    data = intent.data
    if data["body"]["msgtype"] != "mpnews":
        return None
    media_id, noted = str(data["body"]["mpnews"]["media_id"]), data.get("draft")
    if noted is None:
        return None
    return media_id if draft_fingerprint(media_id, api) not in (None, noted) else None


def _check(
    articles: Stored,
    stored: Stored,
    mark: str,
    known: DraftRecord | None,
    data: Mapping[str, Any],
    account: AccountWriter,
) -> None:
    """Refuse a draft that lacks what was given, or that is not what it was when it was made."""
    lost = losses(articles, stored)
    if known is None or known.stored_digest is None:
        # Kept in English whatever the reader speaks: a later run may speak another language.
        changed = [english_text(one) for one in lost]
        account.record(LedgerKind.DRAFT, {**data, "stored": mark, "changed": changed})
    elif known.stored_digest != mark:
        edits = [one for one in lost if english_text(one) not in known.stored_changes]
        raise _draft_edited_error(data["media_id"], edits)
    if lost:
        raise WeChatError(
            _("the stored draft lost part of the article: {losses}").format(losses=_some(lost)),
            hint=_(
                "check the draft in the WeChat console, correct the article and run again; or send "
                "the draft as it is: `content: {{media_id: {media_id}}}`"
            ).format(media_id=data["media_id"]),
            location=_("draft {media_id}").format(media_id=data["media_id"]),
        )


def _draft_edited_error(media_id: str, edits: Sequence[str]) -> PolicyError:
    return PolicyError(
        _("the draft was edited by hand after the program made it: {edits}").format(
            edits=_some(edits) or _("its markup changed")
        ),
        hint=edited_by_hand_hint(media_id),
        location=_("draft {media_id}").format(media_id=media_id),
    )


def _unused_draft_note(before: DraftRecord | None, data: Mapping[str, Any]) -> tuple[str, ...]:
    if before is None or before.sha256 == data["sha256"]:
        return ()
    left = _("draft {media_id}, made before the last edit, stays in the draft box and is not sent")
    return (left.format(media_id=before.media_id),)


def _some(whats: Sequence[str]) -> str:
    return first_of(whats, MAX_DIFFERENCES, separator="; ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who receives a preview."""

    name: str
    """The alias; of a tester outside the settings what a message may call it: an id is private."""
    body: Mapping[str, str]
    """In WeChat's words: `{"towxname": …}` or `{"touser": …}`; kept only as a hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewResult:
    """What became of the previews of one send."""

    notes: tuple[str, ...]
    """What is good to know about the draft shown."""
    errors: Mapping[str, CampaignError]
    """By the recipient's name: those that were not, or perhaps not, delivered."""


def preview_recipients(names: Sequence[str], testers: Mapping[str, Tester]) -> tuple[Recipient, ...]:
    """Return who is meant by aliases of testers, WeChat IDs and openids.

    Raises:
        UsageError: a name has another form; the message does not repeat an openid.
    """
    found = (_recipient(name, testers, number) for number, name in enumerate(names, 1))
    unique: dict[tuple[tuple[str, str], ...], Recipient] = {}
    for one in found:
        unique.setdefault(tuple(one.body.items()), one)
    return tuple(unique.values())


def _recipient(name: str, testers: Mapping[str, Tester], number: int) -> Recipient:
    if (tester := testers.get(name)) is not None:
        body = {"touser": tester.openid} if tester.openid is not None else {"towxname": tester.wxname or name}
        return Recipient(name=name, body=body)
    unnamed = _("tester {number}").format(number=number)
    if OPENID.fullmatch(name):
        return Recipient(name=unnamed, body={"touser": name})
    if _WXNAME.fullmatch(name):
        return Recipient(name=unnamed, body={"towxname": name})
    hint = _("pass a WeChat ID (微信号), or add the tester to `testers` of the settings")
    raise UsageError(
        _("`{name}` is not a tester of the settings, a WeChat ID or an openid").format(
            name=name if len(name) <= LONGEST_WXNAME else unnamed
        ),
        hint=did_you_mean(name, testers, otherwise=hint),
    )


def preview(planned: PlannedSend, to: Sequence[Recipient], account: AccountWriter) -> PreviewResult:
    """Upload what is needed, send a preview to each, record it.

    Raises:
        UsageError: a material name of it has no media_id.
        PolicyError, WeChatError: its draft was edited, or is not what was meant; an upload failed.
        LedgerError: it could not be recorded; its message says so if the preview was sent.

    Source: preview, read 2026-11.
    """
    ids, draft = prepare(planned, account)
    body = payloads.preview_body(planned.send, ids=ids, draft_media_id=draft.media_id if draft else None)
    errors: dict[str, CampaignError] = {}
    for one in to:
        try:
            with forgetting(planned, account):
                account.api.mass_preview({**body, **one.body})
        except WeChatError as error:  # the next tester may be a follower where this one is not
            errors[one.name] = error
            continue
        data = {
            "send": planned.send.id,
            "revision": planned.send.revision,
            "content_digest": planned.content_digest,
            "to": sha256(dict(one.body)),
        }
        with reporting_unrecorded(_("the preview was sent")):
            account.record(LedgerKind.PREVIEW, data)
    return PreviewResult(notes=draft.notes if draft is not None else (), errors=errors)
