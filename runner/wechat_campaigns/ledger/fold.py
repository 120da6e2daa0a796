"""Events in, the state of every send out: a pure fold, the same in whatever order outcomes arrive.

An intent without an outcome leaves the send *unknown*. `accepted` wins over `rejected` for the same attempt,
because a late answer to a first call must not undo what a resend learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from wechat_campaigns.core.errors import TamperedLedgerError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.ledger.fold_steps import STEPS, UNAUTHENTIC_STEPS
from wechat_campaigns.ledger.records import (
    DraftRecord,
    JobResult,
    QuotaUsage,
    QuotaUses,
    SendRecord,
    SendStatus,
    UploadRecord,
)
from wechat_campaigns.protocol.events import Event
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.protocol.state import StreamState

Key = tuple[str, str, int]
"""AppID, id as `normalize_id` returns it, revision; `LedgerState.key` makes one."""
IsAuthentic = Callable[[Event], bool]
"""Whether an event's mac holds."""


@dataclass(slots=True)
class LedgerState:
    """Everything plan and apply need to know of the past; built only by `fold`."""

    initialized: bool = False
    initialized_for: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, with a mac that holds."""
    production_streams: set[str] = field(default_factory=set)
    """The streams that `ledger init` began, whoever wrote that: a rehearsal begins none."""
    sends: dict[Key, SendRecord] = field(default_factory=dict)
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
    """Whether an event's mac holds, for a run that may act on it; None believes everything."""
    _is_ours: dict[str, bool] = field(default_factory=dict)
    """By stream: whether any of its events with a mac is authentic."""
    campaigns_folders: dict[str, dict[str, Event]] = field(default_factory=dict)
    """By appid and namespace, as `normalize_id` gives it: which campaigns folder uses the ledger."""
    notified: set[str] = field(default_factory=set)
    """Keys of notices that were told, see `notify.notices`."""

    _quota_uses: dict[tuple[str, datetime, datetime], QuotaUses] = field(default_factory=dict)
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

    def is_initialized(self, appid: str) -> bool:
        """Return whether the ledger is initialized for this account too: others may share it."""
        return self.initialized and appid in self.initialized_for

    def has_wrong_secret(self, appid: str) -> bool:
        """Return whether the AppSecret at hand signed no event of an account that has signed ones."""
        return not self._is_ours.get(appid, True)

    def send(self, appid: str, send_id: str, revision: int) -> SendRecord | None:
        """Look one send up, however its id is spelt."""
        return self.sends.get(self.key(appid, send_id, revision))

    def key(self, appid: str, send_id: str, revision: int) -> Key:
        """Make the key of a send."""
        return appid, normalize_id(send_id), revision

    def sends_by_id(self, send_id: str) -> list[SendRecord]:
        """List all sends of this id, at any revision and by any account."""
        id_ = normalize_id(send_id)
        return [record for (_appid, name, _revision), record in self.sends.items() if name == id_]

    def sends_by_content(self, appid: str, digest: str) -> list[SendRecord]:
        """List the sends whose latest attempt carried this content to these recipients."""
        sends = (one for one in self.stream(appid).of_content(digest) if one.content_digest == digest)
        return [self.sends[appid, normalize_id(send.id), send.revision] for send in sends]

    def quota_uses(self, appid: str, begins: datetime, ends: datetime) -> QuotaUses:
        """Count an account's sends that happened, or may have, from `begins` until before `ends`."""
        period = (appid, begins, ends)
        if period not in self._quota_uses:
            uses = self._quota_uses[period] = QuotaUses()
            for record in self.sends.values():
                if record.appid == appid and begins <= record.at < ends and record.may_have_reached:
                    is_baseline = record.status is SendStatus.BASELINE
                    uses.add(QuotaUsage(record.recipients, record.to_all, is_baseline, record.tag_id))
        return self._quota_uses[period]

    def job_result(self, record: SendRecord) -> JobResult | None:
        """Return what the callback event said of a send, if it was received."""
        return self.job_results.get((record.appid, record.msg_id)) if record.msg_id is not None else None

    def unknown_sends(self, appid: str) -> list[SendRecord]:
        """List an account's unknown sends, oldest first."""
        unknown = [s for s in self.sends.values() if s.appid == appid and s.status is SendStatus.UNKNOWN]
        return sorted(unknown, key=lambda state: state.at)

    def add(self, event: Event) -> None:
        """Take one more event into account; event kinds it does not need pass by.

        Raises:
            TamperedLedgerError: it speaks of a send whose intent is missing.
        """
        self._quota_uses = {}
        try:
            believed = self.is_authentic is None or self.is_authentic(event)
            if "mac" in event.data:
                self._is_ours[event.stream] = believed or self._is_ours.get(event.stream, False)
            self.stream(event.stream).add(event, is_authentic=believed)
            step = (STEPS if believed else UNAUTHENTIC_STEPS).get(event.kind)
            if step is not None:
                step(self, event)
        except (KeyError, TypeError, ValueError) as error:
            raise TamperedLedgerError(
                _("event {number} ({kind}) contradicts the events before it").format(
                    number=event.seq, kind=event.kind
                ),
                hint=_(
                    "run `campaign ledger verify`; restore the ledger from a backup before you apply anything"
                ),
                location=event.stream,
            ) from error


def fold(events: Iterable[Event], authentic: IsAuthentic | None = None) -> LedgerState:
    """Fold events, in order within each stream, to the state of every send.

    Args:
        authentic: tells whether a mac holds; None believes all.
    """
    state = LedgerState(is_authentic=authentic)
    for event in events:
        state.add(event)
    return state
