"""A pending send and what the ledger knows of it in, what a reviewer of the plan should know out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from wechat_campaigns.core.content import Content, MediaIds
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.digest import canonical, hashes, sample, sha256
from wechat_campaigns.core.i18n import _, ngettext
from wechat_campaigns.core.model import Send, compute_message_digest, filter_form
from wechat_campaigns.core.names import list_id, quoted
from wechat_campaigns.core.settings import Policy
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.ledger.records import DraftRecord, is_to_all, may_have_reached
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.decision import DecisionContext
from wechat_campaigns.plan.draft_box import StoredDraft
from wechat_campaigns.plan.hints import edited_by_hand_hint
from wechat_campaigns.plan.plan import PENDING, PlannedSend, Resolution
from wechat_campaigns.plan.policy.rules import words
from wechat_campaigns.plan.quota import bounds, china_time, counts, period, quota_limit, quota_used
from wechat_campaigns.plan.resolve import rows_text
from wechat_campaigns.protocol.decide import Reason
from wechat_campaigns.protocol.events import EMPTY
from wechat_campaigns.protocol.keys import Message, SendId, normalize_id
from wechat_campaigns.protocol.state import Fate, SendState
from wechat_campaigns.render.content import check_stored_draft

LONG_OPEN = timedelta(days=1)
YEAR = timedelta(days=365)
NEAR = timedelta(days=60)
"""How near a window is to these days, a year off, that has the wrong year by the look of it."""


def draft_warnings(
    send: Send, resolved: Resolution, known: DraftRecord | None, drafts: Mapping[str, StoredDraft | None]
) -> tuple[Diagnostic, ...]:
    """Return what is odd about the draft made for a send: edited by hand, changed by WeChat, or left behind.

    Args:
        known: the draft made for it last.
        drafts: as they are now, by media_id.
    """
    if known is None or not send.content.needs_draft:
        return ()
    if set(send.content.names()) - set(resolved.material_ids):
        return ()
    stored = drafts.get(known.media_id)
    if not _same_articles(send.content, resolved, known):
        rule = "draft-unused"
        what = _("draft {media_id} was made before the last edit: apply makes a new one for this send")
        hint = _("delete the old one in the WeChat console, if nothing uses it")
    # One that is gone is made again.
    elif stored is not None and known.stored_digest not in (None, stored.fingerprint):
        rule = "draft-edited"
        what = _("draft {media_id} was edited by hand since it was made: apply refuses to send it")
        hint = edited_by_hand_hint(known.media_id)
    elif known.stored_changes:
        rule = "draft-changed"
        what = _("the draft {media_id} of this send lost a part at WeChat: {changes}")
        hint = _("check the draft in the WeChat console: apply refuses one that lost a part")
    else:
        return ()
    told = what.format(media_id=known.media_id, changes=_("; ").join(known.stored_changes))
    return (warning(send, rule, told, hint),)


def _same_articles(content: Content, resolved: Resolution, known: DraftRecord) -> bool:
    """Return whether a draft that was made is what a content would make of it now."""
    done = {upload.key: result for upload, result in resolved.uploads if result is not None}
    if len(done) < len(resolved.uploads):
        return False  # a picture that is not uploaded yet was not in it
    ids = MediaIds(upload_results=done, material_ids=resolved.material_ids)
    return sha256(content.draft_articles(ids)) == known.sha256


def stored_draft_warnings(draft: Draft, send: Send, *, offline: bool) -> tuple[Diagnostic, ...]:
    """Return that the draft that a send names was not read, or what is odd about its articles."""
    if offline:
        what = _("the draft {name} cannot be read offline: its articles are neither shown nor checked")
        hint = _("run `campaign plan` without `--offline`")
        return (warning(send, "draft-unread", what.format(name=draft.name), hint),)
    found = (finding.at(send.location) for finding in check_stored_draft(draft))
    return tuple(problem for problem in found if problem.level != "error")


def shared_draft_warning(send: Send, taken_by: str) -> Diagnostic:
    """Warn of a draft of the console that another send takes out of the draft box first.

    The pages disagree whether it may then be sent once more: one says that its media_id ends, another
    that only the articles' links differ. The safe reading is that it ends.
    """
    what = _("{send} uses the same draft, which may no longer exist after that send (40007)")
    hint = _("make a separate draft for each send, or write the articles in the campaign")
    return warning(send, "draft-shared", what.format(send=taken_by), hint)


def unsubscribed_warnings(send: Send, resolved: Resolution) -> tuple[Diagnostic, ...]:
    """Return which rows of a list are left out because they do not follow the account any more."""
    if not resolved.skipped:
        return ()
    what = _("left out because they do not follow the account: {count:,} openids ({rows})").format(
        count=len(resolved.skipped), rows=rows_text(send.filter, resolved.skipped)
    )
    return (warning(send, "unsubscribed", what, _("remove these rows from the list")),)


def former_id_warnings(send: Send, appid: str, state: LedgerState) -> tuple[Diagnostic, ...]:
    """Warn of a former id that nothing was sent under: with a typing error in it, the send is a second one.

    Args:
        state: the folded ledger; one without a past of the account knows no id.
    """
    if state.stream(appid).head == EMPTY:
        return ()
    groups: dict[str, list[str]] = {}
    for name in send.formerly:
        key = SendId.parse(name).entry
        # A former key stands under each former id of the campaign, and need not be known under all.
        own = key == SendId.parse(send.id).entry
        groups.setdefault(name if own else f"[{key}]", []).append(name)
    return tuple(
        warning(
            send,
            "formerly-unknown",
            _("the ledger has no send `{id}`, so this former id has no effect").format(id=names[0]),
            _("correct the id; remove it if nothing was sent under it"),
            path="$.formerly",
        )
        for names in groups.values()
        if not any(_is_known(name, send, appid, state) for name in names)
    )


def quota_by_hand_warnings(planned: PlannedSend, state: LedgerState, now: datetime) -> Iterator[Diagnostic]:
    """Warn of a send for which no allowance is left if people send what was handed over to them."""
    send, account, kind = planned.send, planned.account, planned.account.kind
    at = max(now, send.not_before or now)
    begins, limit = bounds(kind, at)[0], quota_limit(kind)
    waiting = [
        one.send
        for one in state.stream(account.appid).all_sends()
        if one.fate is Fate.HANDED_OVER
        and counts(kind, is_to_all(one))
        and datetime.fromisoformat(one.data.get("not_after") or one.data["at"]) >= begins
    ]
    used = quota_used(account.appid, kind, state, at)
    if waiting and counts(kind, send.filter.is_to_all) and used + len(waiting) >= limit:
        what = _("a person may still send {names}: then the quota of {period}, which is {limit}, is used")
        what = what.format(names=_(", ").join(waiting), period=period(kind, at), limit=limit)
        hint = _("run `campaign ledger settle` for what nobody will send, or set another day in `not_before`")
        yield warning(send, "quota-handed-over", what, hint, path="$")


def window_warnings(send: Send, policy: Policy, now: datetime) -> tuple[Diagnostic, ...]:
    """Warn of a window that was written for another day, or in which nothing may be sent."""
    opens, closes = send.not_before, send.not_after
    found: list[Diagnostic] = []

    def warn(rule: str, what: str, hint: str, key: str = "not_before") -> None:
        found.append(warning(send, rule, what, hint, path=f"$.{key}"))

    moment, key = (opens, "not_before") if opens is not None else (closes, "not_after")
    if moment is not None and min(abs(moment - now - YEAR), abs(moment - now + YEAR)) <= NEAR:
        when = moment.astimezone(policy.zone)
        what = _("`{key}` is about a year from now ({when:%Y-%m-%d})").format(key=key, when=when)
        warn("window-year", what, _("check the year"), key)
    elif opens is not None and now - opens > LONG_OPEN and (closes is None or closes >= now):
        days = (now - opens).days
        what = ngettext(
            "its send window began {count} day ago, so it is sent at once",
            "its send window began {count} days ago, so it is sent at once",
            days,
        ).format(count=days)
        warn("window-old", what, _("check `not_before`"))
    if opens is not None and closes is not None and _is_quiet(opens, closes, policy):
        what = _("its whole send window is within the quiet hours ({hours})").format(hours=policy.quiet_hours)
        warn("window-quiet", what, _("move the window, or agree on an exception to `quiet_hours`"))
    return tuple(found)


def _is_quiet(opens: datetime, closes: datetime, policy: Policy) -> bool:
    """Return whether a window lies within one night of the quiet hours."""
    if policy.quiet_hours is None or closes - opens >= LONG_OPEN:
        return False
    begin, end = (time.fromisoformat(part) for part in policy.quiet_hours.split("-"))
    first, last = (moment.astimezone(policy.zone) for moment in (opens, closes))
    length = (datetime.combine(first, end) - datetime.combine(first, begin)) % timedelta(days=1)
    since = (datetime.combine(first, first.time()) - datetime.combine(first, begin)) % timedelta(days=1)
    return since < length and since + (last - first) <= length


def _is_known(name: str, send: Send, appid: str, state: LedgerState) -> bool:
    former, stream = SendId.parse(normalize_id(name)), state.stream(appid)
    # An id of the campaign stands for the same entry: a new entry has no former one.
    if former.entry in (None, normalize_id(SendId.parse(send.id).entry or "")):
        return any(True for _known in stream.in_place_of(SendId(former.campaign)))
    return any(SendId.parse(id_).entry == former.entry for id_, _known in stream.in_place_of(former))


def warning(send: Send, rule: str, what: str, hint: str, *, path: str = "$.content") -> Diagnostic:
    """Return what a reviewer should know of a send, at its campaign."""
    return Diagnostic(location=send.location, path=path, rule=rule, message=what, hint=hint, level="warning")


# --- what a message is known by when its file moves -------------------------------------------------------

# The same content under another id is the protocol's to find. Edited content is another message by every
# digest, so only its words show that it is perhaps the one that followers have had.

OPENIDS = 256
"""Of each batch: a list that shares one openid in fifty is found in all but one case of 175."""
WORDS = 64
ALIKE = 2 / 3
ALIKE_UNDER_ONE_NAME = 1 / 2
"""How much of its words and pairs of words is in the new text; less where the file kept its name."""

_OPENIDS = b"openids"
_Past = dict[tuple[str, bytes], list[SendState]]
"""By AppID and recipients: what was sent lately, and what its intent or baseline keeps."""


def identity(send: Send, content_digest: str) -> dict[str, Any]:
    """Return what an intent or a baseline keeps of a message to know it by, without an openid."""
    digest, seen = compute_message_digest(send), words(send.content.visible)
    kept: dict[str, Any] = {
        "send": send.id,
        "revision": send.revision,
        "content_digest": content_digest,
        "message_digest": digest,
        "words_sample": sample(seen, send.msgtype, WORDS),
        "filter": filter_form(send),
    }
    if send.formerly:
        kept["formerly"] = list(send.formerly)
    if send.batch is not None:
        kept |= {"batch": send.batch.index, "list_sha256": send.batch.list_sha256}
        kept["openids_sample"] = sample(send.filter.openids, digest, OPENIDS)
    return kept


def with_rename_warnings(sends: Sequence[PlannedSend], context: DecisionContext) -> list[PlannedSend]:
    """Warn of each new send that reads like one to the same recipients whose campaign is gone.

    Only within the days of `duplicate_content_days`: a folder whose old files are deleted stays quiet.
    """
    state, settings = context.state, context.settings
    since = {
        appid: context.now - timedelta(days=settings.policy_of(one).duplicate_content_days)
        for appid, one in settings.environment.by_appid.items()
    }
    renamed = {(one.account.appid, normalize_id(name)) for one in sends for name in one.send.formerly}
    past: _Past = {}
    for record in state.sends_since(min(since.values(), default=context.now)):
        is_lately = may_have_reached(record) and record.at > since.get(record.appid, context.now)
        if is_lately and (record.appid, normalize_id(record.send)) not in renamed:
            past.setdefault((record.appid, _recipients(record.data.get("filter"))), []).append(record)
    return [one.with_warnings([*_rename_warning(one, past, context)]) for one in sends]


def _rename_warning(planned: PlannedSend, past: _Past, context: DecisionContext) -> Iterator[Diagnostic]:
    send, appid, state = planned.send, planned.account.appid, context.state
    is_new = planned.action in PENDING and planned.code is not Reason.REVISION_RAISED
    if not past or not is_new or (send.batch is not None and send.batch.index > 1):
        return
    records = past.get((appid, _OPENIDS if send.filter.openids else canonical(filter_form(send))))
    if not records:
        return
    seen = hashes(words(send.content.visible), send.msgtype)
    mine = state.stream(appid).aliases(send.id)
    for record in sorted(records, key=lambda one: one.at, reverse=True):
        name = normalize_id(record.send)
        message = Message(appid, name, record.revision, record.content_digest)
        if name not in mine and _reads_like(record, seen, send) and not context.is_kept(message):
            what = _(
                "{send} was sent with nearly the same text {when}, to the same recipients or another list, "
                "and its campaign is gone or has other content now"
            )
            former = list_id(record.send)
            what = what.format(send=former, when=china_time(record.at, context.now))
            hint = _("if it is this message, renamed and edited, write `formerly: [{send}]`")
            yield warning(send, "perhaps-renamed", what, hint.format(send=quoted(former)), path="$")
            return


def _recipients(form: Any) -> bytes:
    """Return recipients as they are written, all lists of openids alike: a renamed one may have grown."""
    return _OPENIDS if isinstance(form, dict) and "openids" in form else canonical(form)


def _reads_like(record: SendState, seen: frozenset[str], send: Send) -> bool:
    kept = str(record.data.get("words_sample", "")).split()
    least = ALIKE_UNDER_ONE_NAME if _file_name(record.send) == _file_name(send.id) else ALIKE
    return bool(kept) and len(seen.intersection(kept)) / len(kept) >= least


def _file_name(send_id: str) -> str:
    return normalize_id(SendId.parse(send_id).campaign).rpartition("/")[2]
