"""Push each event of the ledger to an address or a program, after it was kept and beside all else.

The ledger keeps how far the receiver has a stream; what it did not take is pushed by the next run that writes
there. So none is left out, and each stream comes in order; an event may come twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import SANDBOX, Account, Audit
from wechat_campaigns.core.threads import has_room
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.trust import has_valid_mac
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.report.sanitize import FORMAT_VERSION
from wechat_campaigns.workspace import OnlineWorkspace

if TYPE_CHECKING:
    from wechat_campaigns.notify.target import Taker

AT_ONCE: Final = 100
"""Events of one request."""
END_S: Final = 20.0
"""How long a run waits at its end for what is being pushed."""


class AuditPush:
    """What pushes the events that a workspace appends, where its settings have `audit`.

    Args:
        warn: is called once a run at most, when the receiver did not take everything.
    """

    def __init__(self, workspace: OnlineWorkspace, warn: Callable[[str], None]) -> None:
        self._workspace, self._warn = workspace, warn
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._lock = threading.Lock()
        self._waiting = SimpleQueue[tuple[Sequence[Event], Sequence[Event]] | None]()
        self._recorded: dict[str, int] = {}
        """By stream, up to which event the receiver has it, as the ledger says."""
        self._pushed: dict[str, int] = {}
        """The same, as this run goes on."""
        self._missing: dict[str, list[Event]] = {}
        """By stream, what it still lacks."""
        self._failure = ""

    def appended(self, before: Sequence[Event], events: Sequence[Event]) -> None:
        """Push events of one stream that were kept, and what is missing of those that were read before."""
        settings = self._workspace.settings
        if settings.audit is None or (settings.audit.command and settings.environment.api == SANDBOX):
            return
        with self._lock:
            if self._thread.ident is None and has_room():
                self._thread.start()
                self._workspace.stack.callback(self._end)
        self._waiting.put((before, events))

    def _run(self) -> None:
        push: Taker | None = None
        while (waiting := self._waiting.get()) is not None:
            try:
                missing = self._add_missing(*waiting)
                push = push or self._taker()
                self._push_all(push, missing)
            except CampaignError as error:
                self._failure = error.message
            except Exception as fault:  # whatever it is, what was sent stays reported
                self._failure = type(fault).__name__

    def _add_missing(self, before: Sequence[Event], events: Sequence[Event]) -> list[Event]:
        """Return what the receiver lacks of a stream, in order."""
        stream = events[0].stream
        missing = self._missing.setdefault(stream, [])
        missing.extend(events)
        if stream not in self._recorded:
            last = self._recorded[stream] = self._pushed[stream] = self._last_recorded(stream, before)
            missing[:0] = [event for event in before if last < event.seq < missing[0].seq]
        return missing

    def _push_all(self, push: Taker, missing: list[Event]) -> None:
        """Push events until the receiver does not take some; those it took are missing no more."""
        head = {"format_version": FORMAT_VERSION, "environment": self._workspace.settings.environment.name}
        while some := missing[:AT_ONCE]:
            if reason := push({**head, "events": [_masked(event.as_dict()) for event in some]}):
                self._failure = reason
                return
            for event in some:  # not beyond one that another run wrote and this one has not read
                self._pushed[event.stream] += event.seq == self._pushed[event.stream] + 1
            del missing[:AT_ONCE]

    def _last_recorded(self, stream: str, events: Sequence[Event]) -> int:
        """Return up to which event the receiver has a stream; 0 where no signed event says so."""
        account = self._workspace.settings.environment.by_appid.get(stream)
        told = [one for one in events if one.kind == LedgerKind.NOTIFIED and "pushed" in one.data]
        if account is None or not told:
            return 0
        key, to = self._workspace.secrets.mac_key(account), self._receiver(account)
        mine = (one for one in reversed(told) if one.data.get("to") == to and has_valid_mac(one, key))
        return next((one.data["pushed"] for one in mine), 0)

    def _receiver(self, account: Account) -> str:
        """Return a digest of where the settings push to, from which nobody without the AppSecret finds it."""
        audit, secrets = self._workspace.settings.audit or Audit(), self._workspace.secrets
        where = list(audit.command) or [
            secrets.other(audit.url, name=_("`url` of `{setting}`").format(setting="audit"))
        ]
        return sha256([secrets.mac_key(account).hex(), *where])[:16]

    def _taker(self) -> Taker:
        from wechat_campaigns.notify.target import taker  # needs HTTP

        audit = self._workspace.settings.audit or Audit()
        return taker(self._workspace, "command" if audit.command else "webhook", audit, "audit")

    def _end(self) -> None:
        """Wait a little for what is being pushed, warn of what is not, and record what the receiver has."""
        self._waiting.put(None)
        self._thread.join(END_S)
        if self._thread.is_alive():
            self._failure = _("it took longer than {seconds:g} s").format(seconds=END_S)
        if self._thread.is_alive() or any(self._missing.values()):
            message = _(
                "Warning: `audit` did not take every event: {reason}. No send is affected. The next run that "
                "writes to the ledger pushes what is missing."
            )
            self._warn(message.format(reason=self._failure))
        data = {"day": self._workspace.clock().date().isoformat(), "notices": []}
        accounts = self._workspace.settings.environment.by_appid
        for stream, last in dict(self._pushed).items():
            if last > self._recorded[stream] and stream in accounts:
                with suppress(CampaignError):  # the next run pushes them again
                    pushed = {**data, "pushed": last, "to": self._receiver(accounts[stream])}
                    self._workspace.ledger.append(Entry(stream=stream, kind=LedgerKind.NOTIFIED, data=pushed))


def _masked(value: Any) -> Any:
    """Mask in plain data what no reader may see: somebody may have written it into a reason."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    return [*map(_masked, value)] if isinstance(value, list | tuple) else value
