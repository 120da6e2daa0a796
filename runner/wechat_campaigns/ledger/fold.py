"""Events in, the whole of the past out: the protocol folds the sends, this what is remembered beside them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from wechat_campaigns.core.errors import LedgerError, TamperedLedgerError, WrongSecretError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.settings import Environment
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.records import (
    FATE_BY_MSG_STATUS,
    UNRECEIVED,
    CampaignsFolder,
    DraftRecord,
    JobResult,
    QuotaUse,
    UploadRecord,
    job_id,
    posted_tag_id,
    recipients_of,
)
from wechat_campaigns.protocol.events import Event, EventKind, moment
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import Fate, SendState, Status, StreamState

Key = tuple[str, str, int]
"""AppID, id as `normalize_id` returns it, revision; `LedgerState.key` makes one."""
IsAuthentic = Callable[[Event], bool]
"""Whether an event's mac verifies."""


@dataclass(slots=True)
class LedgerState:
    """Everything plan and apply need to know of the past; built only by `fold`."""

    initialized_for: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, with a mac that holds; empty before the first."""
    production_streams: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, also by an event without a valid mac: a rehearsal begins none."""
    uploads: dict[tuple[str, str], UploadRecord] = field(default_factory=dict)
    """By (appid, upload key)."""
    drafts: dict[Key, DraftRecord] = field(default_factory=dict)
    """The latest draft made for each send."""
    made_drafts: dict[tuple[str, str], DraftRecord] = field(default_factory=dict)
    """By (appid, media_id): every draft that was made, the latest of its send or not."""
    previews: set[tuple[str, str]] = field(default_factory=set)
    """(appid, digest) of what a tester has received."""
    preview_times: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every preview; WeChat allows a hundred a day."""
    job_results: dict[tuple[str, int], JobResult] = field(default_factory=dict)
    """By (appid, msg_id): what the callback event said."""
    recalls: list[tuple[str, datetime]] = field(default_factory=list)
    """(appid, when) of every recall; WeChat allows ten a day."""
    streams: dict[str, StreamState] = field(default_factory=dict)
    """By appid: what decides whether a call may begin, and how far the stream was read."""
    is_authentic: IsAuthentic | None = None
    """Whether an event's mac verifies; None counts every event as authentic, for runs that send nothing."""
    _is_ours: dict[str, bool] = field(default_factory=dict)
    """By stream: whether any of its events with a mac is authentic."""
    campaigns_folders: dict[str, dict[str, CampaignsFolder]] = field(default_factory=dict)
    """By appid and namespace, as `normalize_id` gives it: which campaigns folder uses the ledger."""
    notified: set[str] = field(default_factory=set)
    """Keys of notices that were told, see `notify.notices`."""

    _quota_uses: dict[tuple[str, datetime, datetime], Counter[QuotaUse]] = field(default_factory=dict)
    """What `quota_uses` was asked since the last event: a plan asks the same for each of its sends."""

    def stream(self, appid: str) -> StreamState:
        """Return an account's stream, empty when nothing was written yet."""
        if appid not in self.streams:
            self.streams[appid] = StreamState(appid)
        return self.streams[appid]

    def hold_reasons(self, now: datetime) -> Mapping[str, str]:
        """By appid: why nothing may be sent from an account at a moment."""
        held = {appid: stream.holds_at(now) for appid, stream in self.streams.items()}
        return {appid: str(events[-1].data.get("reason", "")) for appid, events in held.items() if events}

    def last_holds(self) -> Mapping[str, str]:
        """By appid: the newest hold or release, see `StreamState`."""
        return {appid: stream.last_hold for appid, stream in self.streams.items()}

    def has_wrong_secret(self, appid: str) -> bool:
        """Return whether the AppSecret at hand signed no event of an account that has signed ones."""
        return not self._is_ours.get(appid, True)

    def key(self, appid: str, send_id: str, revision: int) -> Key:
        """Make the key of a send."""
        return appid, normalize_id(send_id), revision

    @property
    def sends(self) -> Iterator[SendState]:
        """Every send of every account."""
        for stream in self.streams.values():
            for revisions in stream.sends.values():
                yield from revisions.values()

    def send(self, appid: str, send_id: str, revision: int) -> SendState | None:
        """Return a send, by its id in any spelling; None if no event is about it."""
        stream = self.streams.get(appid)
        return stream.sends.get(normalize_id(send_id), {}).get(revision) if stream is not None else None

    def sends_by_id(self, send_id: str) -> list[SendState]:
        """List all sends of this id, at any revision and by any account."""
        name = normalize_id(send_id)
        return [send for stream in self.streams.values() for send in stream.revisions([name])]

    def sends_by_content(self, appid: str, digest: str) -> list[SendState]:
        """List the sends whose latest attempt carried this content to these recipients."""
        return [send for send in self.stream(appid).of_content(digest) if send.content_digest == digest]

    def quota_uses(self, appid: str, begins: datetime, ends: datetime) -> Counter[QuotaUse]:
        """Count an account's sends that happened, or may have, from `begins` until before `ends`."""
        period = (appid, begins, ends)
        if period not in self._quota_uses:
            self._quota_uses[period] = Counter(
                QuotaUse(recipients_of(send), posted_tag_id(send), fate is Fate.BASELINE)
                for send in self.sends
                if send.appid == appid and begins <= send.at < ends and (fate := send.fate) not in UNRECEIVED
            )
        return self._quota_uses[period]

    def job_result(self, send: SendState) -> JobResult | None:
        """Return what the callback event said of a send, if it was received."""
        msg_id = job_id(send)
        return self.job_results.get((send.appid, msg_id)) if msg_id is not None else None

    def unknown_sends(self, appid: str) -> list[SendState]:
        """List an account's unknown sends, oldest first."""
        unknown = (send for send in self.sends if send.appid == appid and send.fate is Fate.UNKNOWN)
        return sorted(unknown, key=lambda send: send.at)

    def add(self, event: Event) -> None:
        """Add one more event; kinds that change nothing here are passed over.

        Raises:
            TamperedLedgerError: it is about a send whose intent is missing.
        """
        self._quota_uses = {}
        try:
            is_authentic = self.is_authentic is None or self.is_authentic(event)
            if "mac" in event.data:
                self._is_ours[event.stream] = is_authentic or self._is_ours.get(event.stream, False)
            stream = self.stream(event.stream)
            if is_authentic and event.kind in _OF_A_SEND:
                _send(stream, event)
            stream.add(event, is_authentic=is_authentic)
            if is_authentic:
                self._add_to_send(stream, event)
                self._add_beside_sends(event)
            elif event.kind == LedgerKind.CALLBACK:  # WeChat signed it
                self._callback(event)
            elif event.kind == LedgerKind.INIT:  # keeps a rehearsal off, and initializes nothing
                self.production_streams.add(event.stream)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) contradicts the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                location=event.stream,
            ) from error

    def _add_to_send(self, stream: StreamState, event: Event) -> None:
        """Add what became of an accepted send; its calls and their ends are in the stream already."""
        data = event.data
        if event.kind in (EventKind.INTENT, EventKind.BASELINE):
            parts = [data.get(name, {}) for name in ("actor", "audience", "body", "filter")]
            if not all(isinstance(part, Mapping) for part in parts):
                raise TypeError(event.kind)  # without the AppSecret anybody may have written it
        if event.kind == EventKind.INTENT and data.get("not_after") is not None:
            moment(data["not_after"])  # a resend is held to it
        elif event.kind == LedgerKind.STATUS:
            send, fate = _send(stream, event), FATE_BY_MSG_STATUS.get(data["msg_status"])
            if fate is not None and send.status is Status.ACCEPTED:
                stream.keep(replace(send, job=fate, ended_at=event.at))
        elif event.kind == LedgerKind.RECALL:
            send, article = _send(stream, event), data.get("article_idx") or 0
            self.recalls.append((event.stream, event.at))
            job = Fate.RECALLED if send.status is Status.ACCEPTED and not article else send.job
            stream.keep(replace(send, job=job, recalled_articles=(*send.recalled_articles, article)))

    def _add_beside_sends(self, event: Event) -> None:
        stream, data = event.stream, event.data
        match event.kind:
            case LedgerKind.CALLBACK:
                self._callback(event)
            case LedgerKind.UPLOAD if data["result"] is None:
                self.uploads.pop((stream, data["upload"]), None)
            case LedgerKind.UPLOAD:
                self.uploads[stream, data["upload"]] = UploadRecord(result=data["result"], at=event.at)
            case LedgerKind.DRAFT:
                self._draft(event)
            case LedgerKind.PREVIEW:
                self.previews.add((stream, data["content_digest"]))
                self.preview_times.append((stream, event.at))
            case LedgerKind.NOTIFIED:
                self.notified.update(data["notices"])
            case LedgerKind.CAMPAIGNS_FOLDER:
                folders = self.campaigns_folders.setdefault(stream, {})
                name = normalize_id(data["namespace"])
                folders.pop(name, None)  # the newest comes last
                folders[name] = CampaignsFolder(
                    namespace=data["namespace"],
                    folder=str(data["folder"]),
                    in_git=bool(data["in_git"]),
                    root=str(data["root"]),
                )
            case LedgerKind.INIT:
                self.initialized_for.add(stream)
                self.production_streams.add(stream)

    def _draft(self, event: Event) -> None:
        data, made = event.data, self.made_drafts
        draft = DraftRecord(
            send=data["send"],
            revision=data["revision"],
            sha256=data["sha256"],
            media_id=data["media_id"],
            stored_digest=data.get("stored"),
            stored_changes=tuple(data.get("changed", ())),
        )
        before = made.get((event.stream, draft.media_id))
        if before is not None and before.stored_digest is not None:
            draft = before  # a copy of an event from before WeChat's version was known does not forget it
        key = self.key(event.stream, draft.send, draft.revision)
        self.drafts[key] = made[event.stream, draft.media_id] = draft

    def _callback(self, event: Event) -> None:
        data = event.data
        names = ("msg_id", "status", "addressed", "sent", "left_out", "failed")
        result = JobResult(
            **{name: data[name] for name in names},
            links=tuple(data.get("links", ())),
            originals=tuple((item["article_idx"], item["url"]) for item in data.get("originals", ())),
        )
        self.job_results.setdefault((event.stream, result.msg_id), result)


_OF_A_SEND: Final = frozenset(
    {EventKind.RESEND, EventKind.ACCEPTED, EventKind.DUPLICATE, EventKind.IN_USE}
    | {EventKind.REJECTED, EventKind.SETTLED, LedgerKind.STATUS, LedgerKind.RECALL}
)
"""What is about a send that the ledger has."""


def _send(stream: StreamState, event: Event) -> SendState:
    return stream.sends[normalize_id(event.data["send"])][event.data["revision"]]


def fold(events: Iterable[Event], authentic: IsAuthentic | None = None) -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        authentic: whether the mac of an event verifies; None counts all as authentic.
    """
    state = LedgerState(is_authentic=authentic)
    for event in events:
        state.add(event)
    return state


def appids_not_on_hold(events: Iterable[Event]) -> list[str]:
    """List the AppIDs that have sends and no hold without an end: they may go on sending."""
    state = fold(events)
    ever = datetime.max.replace(tzinfo=UTC)
    return sorted({send.appid for send in state.sends} - state.hold_reasons(ever).keys())


# Whether a ledger knows the past of an environment's accounts, and is kept for the same followers.


def check_same_followers(state: LedgerState, environment: Environment) -> None:
    """Refuse a sandbox environment whose ledger records production sends.

    Raises:
        LedgerError: however the settings write it, what is only rehearsed would count as sent.
    """
    named = environment.accounts.values()
    production = sorted(account.name for account in named if account.appid in state.production_streams)
    if environment.is_sandbox and production:
        raise LedgerError(
            _("this ledger records production sends of {names}; a sandbox environment cannot use it").format(
                names=_(", ").join(production)
            ),
            hint=_("configure a separate ledger for the sandbox environment, such as `sqlite`"),
            location=_("environment {name}").format(name=environment.name),
        )


def uninitialized_accounts(state: LedgerState, environment: Environment) -> tuple[str, ...]:
    """Return the accounts whose past is not known; in a sandbox, only those of another AppSecret."""
    accounts = environment.accounts.items()
    return tuple(
        sorted(
            name
            for name, account in accounts
            if state.has_wrong_secret(account.appid)
            or not (environment.is_sandbox or account.appid in state.initialized_for)
        )
    )


def wrong_secrets(state: LedgerState, environment: Environment) -> list[str]:
    """List the accounts whose AppSecret is at hand and signed no event of theirs."""
    accounts = environment.accounts.items()
    return [name for name, account in accounts if state.has_wrong_secret(account.appid)]


def wrong_secret_error(names: Collection[str], environment: Environment) -> WrongSecretError:
    """Refuse a root of macs that signed none of an account's events: it proves nothing of who wrote them."""
    roots = {one.root_name for one in environment.accounts.values() if one.name in names}
    key = _(" or ").join(sorted(roots, key=str.lower))
    return WrongSecretError(
        _("no event of {names} in the ledger was signed with this {key}").format(
            names=_(", ").join(names), key=key
        ),
        hint=_(
            "check with `campaign doctor --env {name}` that the {key} is right; if it was changed, or is new "
            "in the settings, run `campaign ledger guard --env {name} --new-secret`"
        ).format(name=environment.name, key=key),
        location=_("environment {name}").format(name=environment.name),
    )


def check_not_rehearsed(events: Iterable[Event], environment: Environment) -> None:
    """Refuse to initialize an account whose stream records what a sandbox did.

    Raises:
        LedgerError: what was only rehearsed would count as sent, previewed or uploaded.
    """
    if any(event.kind in _OF_CALLS for event in events):
        raise LedgerError(
            _(
                "a rehearsal used this ledger before it was initialized: its sends reached nobody, and would "
                "count as sent"
            ),
            hint=_(
                "set another `ledger` for environment {name}: another path, branch or schema, which no "
                "sandbox uses"
            ).format(name=environment.name),
            location=_("environment {name}").format(name=environment.name),
        )


_OF_CALLS: Final = frozenset(
    {EventKind.INTENT, EventKind.BASELINE, LedgerKind.UPLOAD, LedgerKind.DRAFT, LedgerKind.PREVIEW}
)


def uninitialized_error(state: LedgerState, environment: Environment, names: Collection[str]) -> LedgerError:
    """Refuse to send: without the past of these accounts, all their campaigns would count as never sent."""
    if wrong := [name for name in wrong_secrets(state, environment) if name in names]:
        return wrong_secret_error(wrong, environment)
    message, hint = uninitialized_words(names, environment.name)
    if not state.initialized_for:
        message = _("the ledger is empty, so every campaign here would count as never sent")
    return LedgerError(message, hint=hint, location=_("environment {name}").format(name=environment.name))


def uninitialized_words(names: Collection[str], environment: str) -> tuple[str, str]:
    """Return that the ledger knows no past of some accounts, and what to do."""
    message = _("the ledger is not initialized for {names}, so all their campaigns would count as never sent")
    hint = _(
        "run `campaign ledger init --env {name}`, then record earlier sends with "
        "`campaign ledger baseline --env {name}`"
    )
    return message.format(names=_(", ").join(names)), hint.format(name=environment)
