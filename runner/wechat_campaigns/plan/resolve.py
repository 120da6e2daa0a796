"""Rendered sends and read-only answers in, ids and audience out: tags by name, material by name, uploads.

`fetch_remote_facts` is the only part that calls WeChat, and only through reads; the rest is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.content import Upload
from wechat_campaigns.core.diagnostics import Diagnostic
from wechat_campaigns.core.errors import ApiError, CampaignError, PolicyError, UsageError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.model import Audience, Clock, Filter, PlanAction, Send
from wechat_campaigns.core.names import close_matches
from wechat_campaigns.core.settings import Account
from wechat_campaigns.core.threads import ASKED_AT_A_TIME, map_in_threads
from wechat_campaigns.ledger.fold import LedgerState
from wechat_campaigns.messages import Draft
from wechat_campaigns.plan.decision import DecisionContext, decide, ended_recently
from wechat_campaigns.plan.draft_box import BoxEntry, StoredDraft, draft_problem, fetch_drafts
from wechat_campaigns.plan.hints import first_of
from wechat_campaigns.plan.plan import OPEN, Resolution
from wechat_campaigns.plan.unknown_sends import stored_resend
from wechat_campaigns.render.content import check_stored_draft
from wechat_campaigns.render.openids import MIN_BATCH

if TYPE_CHECKING:  # an offline plan does without it
    from wechat_campaigns.wechat.endpoints import ReadOnlyApi

PAGE = 20
"""Items of one batchget_material page. Source: batchGetMaterial, read 2026-11."""
MAX_PAGES = 500
NEAREST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """What one account's read-only calls said; `offline` when nobody asked."""

    offline: bool = False
    error: CampaignError | None = None
    """Why the account could not be asked; it is planned as if offline, and its sends are blocked."""
    past_known: bool = True
    """False when what the ledger says of its sends is not certain either."""
    tags: tuple[Mapping[str, Any], ...] = ()
    followers: int | None = None
    materials: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """media_ids by (kind, name); more than one means the name is ambiguous."""
    draft_box: tuple[BoxEntry, ...] = ()
    """Its drafts; listed when a campaign names one by its title."""
    drafts: Mapping[str, StoredDraft | None] = field(default_factory=dict)
    """What was read of existing drafts, by media_id; None where the draft does not exist."""
    quota: Mapping[str, Any] | None = None
    """`{daily_limit, used, remain}` of mass/sendall calls."""
    strangers: frozenset[str] = field(default=frozenset(), repr=False)
    """Openids that do not follow the account; asked of lists that leave them out."""
    as_of: datetime | None = None


OFFLINE = RemoteFacts(offline=True)


def fetch_remote_facts(
    sends: Iterable[Send],
    api: ReadOnlyApi,
    clock: Clock,
    *,
    again: Iterable[Send] = (),
    made_drafts: Iterable[str] = (),
) -> RemoteFacts:
    """Make the reads these sends of one account need, each once.

    Args:
        again: sends to be posted once more, of which only the recipients are asked about.
        made_drafts: media_ids of drafts that this program made for the sends.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat did not answer a read.
    """
    sends, as_of = tuple(sends), clock()
    filters = [send.filter for send in (*sends, *again) if not send.by_hand]  # of those a person chooses
    by_tag = any(one.tag is not None or one.tag_id is not None for one in filters)
    wanted = {pair for send in sends for pair in send.content.names()}
    listed = [openid for one in filters if one.skip_unsubscribed for openid in one.openids]
    named = [send.content for send in sends if isinstance(send.content, Draft)]
    box, drafts = fetch_drafts(named, api, made_drafts)
    return RemoteFacts(
        tags=tuple(api.tags_get()) if by_tag else (),
        followers=int(api.user_get()["total"]) if any(one.is_to_all for one in filters) else None,
        materials=find_materials(wanted, api),
        draft_box=box,
        drafts=drafts,
        quota=api.openapi_quota_get("/cgi-bin/message/mass/sendall") if filters and sends else None,
        strangers=frozenset(strangers(listed, api)),
        as_of=as_of,
    )


def resolve(send: Send, appid: str, known: RemoteFacts, state: LedgerState, now: datetime) -> Resolution:
    """Resolve a send's tag and material names to WeChat ids.

    Args:
        send: its draft as it was read, see `with_stored_draft`.
        known: the account's reads, or `OFFLINE`.
        state: for uploads that can be reused.
        now: decides whether a short-lived upload may be.

    Returns:
        Ids and audience, and a problem for each name WeChat does not know.
    """
    tag, audience, problems = _recipients(send, known)
    if not known.offline:
        problems += _draft_problems(send, known)
    skipped = _skipped(send, known)
    named: dict[tuple[str, str], str] = {}
    for pair in () if known.offline else send.content.names():
        ids = known.materials.get(pair, ())
        if len(ids) == 1:
            named[pair] = ids[0]
        else:
            problems.append(_no_material(send, pair, len(ids), known))
    needed = tuple((upload, _reusable(upload, appid, state, now)) for upload in send.content.uploads())
    return Resolution(
        tag_id=int(tag["id"]) if "id" in tag else send.filter.tag_id,
        tag=str(tag["name"]) if "name" in tag else None,
        audience=audience,
        uploads=needed,
        material_ids=named,
        draft=(send.content.fingerprint or None) if isinstance(send.content, Draft) else None,
        skipped=skipped,
        problems=tuple(problems),
    )


def _draft_problems(send: Send, known: RemoteFacts) -> list[Diagnostic]:
    """Return that the draft of a send is missing, or which limits of WeChat its articles break."""
    if not isinstance(send.content, Draft):
        return []
    if missing := draft_problem(send, known.draft_box):
        return [missing]
    found = (finding.at(send.location) for finding in check_stored_draft(send.content))
    return [problem for problem in found if problem.level == "error"]


def _skipped(send: Send, known: RemoteFacts) -> tuple[int, ...]:
    if not send.filter.skip_unsubscribed:
        return ()
    return tuple(index for index, openid in enumerate(send.filter.openids) if openid in known.strangers)


def as_stored(send: Send, body: Mapping[str, Any], known: RemoteFacts) -> Resolution:
    """Return whom a stored body reaches; what its names stood for is in it."""
    tag_id = body.get("filter", {}).get("tag_id")
    tag, audience, _gone = _recipients(_by_tag_id(send, tag_id), known)
    return Resolution(tag_id=tag_id, tag=str(tag["name"]) if "name" in tag else None, audience=audience)


def _by_tag_id(send: Send, tag_id: int | None) -> Send:
    return replace(send, filter=Filter(tag_id=tag_id)) if tag_id is not None else send


COUNT_AGAIN_AFTER: Final = timedelta(minutes=1)
"""How old a count may be when it is used: the plan and an account's sends of one minute share it."""

COUNTED: Final = ("tags/get", "user/get")
"""The sources of counts that WeChat told."""


@dataclass(slots=True)
class AudienceCounter:
    """Counts the audiences of one account for its sends, again where the plan's count is no longer new."""

    api: ReadOnlyApi
    clock: Clock
    _asked: dict[bool, RemoteFacts] = field(default_factory=dict)
    """What was asked last; True: of everyone, False: of tags."""

    def count(self, send: Send, resolved: Resolution) -> Audience:
        """Count a send's audience, at most a minute ago; an openid list counts itself.

        Returns:
            The audience, its count None when WeChat does not answer or the tag is gone.
        """
        planned = resolved.audience
        if send.by_hand or send.filter.openids or (planned.source in COUNTED and self._is_new(planned.as_of)):
            return planned
        to_all = send.filter.is_to_all
        facts = self._asked.get(to_all, OFFLINE)
        if not self._is_new(facts.as_of):
            try:
                facts = fetch_remote_facts((), self.api, self.clock, again=[send])
            except CampaignError:
                return Audience(count=None, source="unknown")
            self._asked[to_all] = facts
        return _recipients(_by_tag_id(send, resolved.tag_id), facts)[1]

    def _is_new(self, as_of: datetime | None) -> bool:
        return as_of is not None and timedelta() <= self.clock() - as_of < COUNT_AGAIN_AFTER


def _recipients(send: Send, known: RemoteFacts) -> tuple[Mapping[str, Any], Audience, list[Diagnostic]]:
    if send.by_hand:
        return {}, Audience(count=None, source="console"), []
    if send.filter.openids:
        left = len(send.filter.openids) - len(_skipped(send, known))
        what = _("fewer than {least} openids of the list follow the account").format(least=MIN_BATCH)
        hint = _("compare the list with the followers of this account")
        too_few = _recipients_problem(send, "openid-count", what, hint)
        return {}, Audience(count=left, source="openids"), [too_few] if left < MIN_BATCH else []
    if known.offline:
        return {}, Audience(count=None, source="unknown offline"), []
    if send.filter.is_to_all:
        return {}, Audience(count=known.followers, source="user/get", as_of=known.as_of), []
    tag, problem = _tag(send, known)
    if problem is not None:
        return {}, Audience(count=None, source="unknown"), [problem]
    return tag, Audience(count=int(tag.get("count", 0)), source="tags/get", as_of=known.as_of), []


def _tag(send: Send, known: RemoteFacts) -> tuple[Mapping[str, Any], Diagnostic | None]:
    by_name = send.filter.tag is not None
    wanted, field_name = (send.filter.tag, "name") if by_name else (send.filter.tag_id, "id")
    found = [tag for tag in known.tags if tag.get(field_name) == wanted]
    if len(found) == 1:
        return found[0], None
    names = [str(tag["name"]) for tag in known.tags]
    close = close_matches(str(wanted), names, most=NEAREST, cutoff=0.3) or names[:NEAREST]
    what = _("the account has more than one tag {value}") if found else _("the account has no tag {value}")
    hint = _("create the tag in the WeChat console first; `campaign tags` lists all tags")
    if close:
        hint = _("did you mean {names}? `campaign {command}` lists all")
    if not found and str(wanted).strip("“”‘’「」\"'") in names:
        hint = _("write the tag without quotes around it")
    hint = hint.format(names=_(", ").join(close), command="tags")
    return {}, _recipients_problem(send, "unknown-tag", what.format(value=wanted), hint)


def _recipients_problem(send: Send, rule: str, what: str, hint: str) -> Diagnostic:
    line, column = send.filter_position
    place = replace(send.location, line=line, column=column) if line else send.location
    return Diagnostic(location=place, path=send.filter_path, rule=rule, message=what, hint=hint)


def find_materials(wanted: set[tuple[str, str]], api: ReadOnlyApi) -> dict[tuple[str, str], tuple[str, ...]]:
    """Read the material lists that some (kind, name) pairs need: the media_ids of every pair in them."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind in sorted({kind for kind, _name in wanted}):
        for item in _all_items(kind, api):
            pair = (kind, str(item.get("name", "")))
            found[pair] = (*found.get(pair, ()), str(item["media_id"]))
    return found


def _all_items(kind: str, api: ReadOnlyApi) -> Iterable[Mapping[str, Any]]:
    for page in range(MAX_PAGES):
        answer = api.material_batchget_material(kind, page * PAGE, PAGE)
        items = answer.get("item", [])
        yield from items
        if not items or (page + 1) * PAGE >= int(answer["total_count"]):
            return
    raise UsageError(
        _("the account has more than {count} materials of type {kind}, too many to search by name").format(
            count=MAX_PAGES * PAGE, kind=_(kind)
        ),
        hint=_("use the `media_id` instead of the name"),
        location="material/batchget_material",
    )


def _no_material(send: Send, pair: tuple[str, str], count: int, known: RemoteFacts) -> Diagnostic:
    kind, name = pair
    if count:
        rule, message = "ambiguous-name", _("the account has {count} materials of type {kind} named {name}")
        hint = _("rename them in the WeChat console, or use the `media_id`")
    else:
        rule, message = "unknown-name", _("the account has no material of type {kind} named {name}")
        hint = _("check the material list in the WeChat console")
        if close := close_matches(name, [n for k, n in known.materials if k == kind], most=NEAREST):
            hint = _("did you mean {names}?").format(names=_(", ").join(close))
    message = message.format(count=count, name=name, kind=_(kind))
    return Diagnostic(location=send.location, path="$.content", rule=rule, message=message, hint=hint)


def _reusable(upload: Upload, appid: str, state: LedgerState, now: datetime) -> str | None:
    known = state.stream(appid).uploads.get(upload.key)
    if known is None or (upload.life is not None and now - known.at > upload.life):
        return None
    return known.result


def refresh(
    sends: Iterable[Send],
    context: DecisionContext,
    *,
    connect: Callable[[Account], ReadOnlyApi],
    clock: Clock,
) -> dict[str, RemoteFacts]:
    """Ask WeChat what a plan needs, once for each account that has something to send.

    Returns:
        By account name; of an account that could not be asked, the error, so that the others go on.

    Raises:
        PolicyError: these settings or this address may receive no secret, of whichever account.
    """
    concerned: dict[str, list[Send]] = {}
    again: dict[str, list[Send]] = {}
    for send in sends:
        decided = decide(send, context.content_digest(send), context)
        if (stored := stored_resend(decided)) is not None:
            again.setdefault(send.account, []).append(stored)
        elif decided.action in OPEN or (
            # Only a wrong clock may say that the window ended: the answers tell the time.
            decided.action is PlanAction.EXPIRED and ended_recently(send, context.now)
        ):
            concerned.setdefault(send.account, []).append(send)
    accounts, state = context.settings.environment.accounts, context.state
    names = sorted(concerned.keys() | again.keys())

    def asked(name: str) -> RemoteFacts:
        appid, mine = accounts[name].appid, concerned.get(name, ())
        made = (state.draft(appid, send.id, send.revision) for send in mine)
        try:
            with closing(connect(accounts[name])) as api:
                return fetch_remote_facts(
                    mine,
                    api,
                    clock,
                    again=again.get(name, ()),
                    made_drafts=[record.media_id for record in made if record is not None],
                )
        except PolicyError:
            raise
        except CampaignError as error:
            error.add_context(_("account {name}").format(name=name))
            return RemoteFacts(offline=True, error=error)

    return dict(zip(names, map_in_threads(asked, names, ASKED_AT_A_TIME), strict=True))


# --- openids of a list that do not follow the account, by their rows --------------------------------------

PER_CALL: Final = 100
"""Openids of one user/info/batchget. Source: batchUserInfo, read 2026-11."""
REFUSING: Final = frozenset({40003, 49003})
"""What it answers when one of them is of another account, or made up: it does not say which."""
SHOWN_ROWS: Final = 5
MAX_REFUSED: Final = 20
"""Openids of a refused list that are looked for; with more, the whole list is to be compared."""


def strangers(openids: Sequence[str], api: ReadOnlyApi) -> Iterator[str]:
    """Yield those of some openids that do not follow the account, in their order.

    Raises:
        ApiError, NotSentError, NoResponseError: WeChat did not answer.
    """
    for start in range(0, len(openids), PER_CALL):
        yield from _among(openids[start : start + PER_CALL], api)


def _among(openids: Sequence[str], api: ReadOnlyApi) -> Iterator[str]:
    try:
        users = api.user_info_batchget(openids)
    except ApiError as error:
        if error.errcode not in REFUSING:
            raise
        if len(openids) == 1:
            yield from openids
            return
        middle = len(openids) // 2
        yield from _among(openids[:middle], api)
        yield from _among(openids[middle:], api)
        return
    left = {user["openid"] for user in users if not int(user["subscribe"])}
    yield from (openid for openid in openids if openid in left)


def refused_notes(recipients: Filter, api: ReadOnlyApi) -> tuple[str, ...]:
    """Return the rows of the openids for which WeChat refuses a list, as far as it names them."""
    openids = recipients.openids
    try:
        refused = set(islice(strangers(openids, api), MAX_REFUSED))
    except CampaignError:
        return ()
    rows = rows_text(recipients, (index for index, openid in enumerate(openids) if openid in refused))
    note = _("not followers of this account: {rows}; remove them, or set `skip_unsubscribed: true`")
    return (note.format(rows=rows),) if rows else ()


def rows_text(recipients: Filter, indexes: Iterable[int]) -> str:
    """Write which rows some openids stand in, and no openid: `row 3, row 12 and 4 more`."""
    rows = [recipients.rows[index] for index in indexes if index < len(recipients.rows)]
    return first_of([_("row {number}").format(number=number) for number in rows], SHOWN_ROWS)
