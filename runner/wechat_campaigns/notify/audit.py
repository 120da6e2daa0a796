"""Push each event of the ledger to an address or a program, after it was kept and beside all else.

The ledger keeps how far the receiver has a stream; what it did not take is pushed by the next run that writes
there. So none is left out, and each stream comes in order; an event may come twice.
"""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any, Final

from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import SANDBOX, Audit, Secret
from wechat_campaigns.core.threads import has_room
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.trust import has_valid_mac
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.workspace import OnlineWorkspace

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
        self._failure: str | None = None

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
        push: Callable[[dict[str, Any]], str | None] | None = None
        while (waiting := self._waiting.get()) is not None:
            try:
                if self._failure is None:  # else by the next run: a stream comes in order
                    push = push or self._receiver()
                    self._failure = self._push_stream(push, *waiting)
            except CampaignError as error:
                self._failure = error.message
            except Exception as fault:  # whatever it is, what was sent stays reported
                self._failure = type(fault).__name__

    def _push_stream(
        self,
        push: Callable[[dict[str, Any]], str | None],
        before: Sequence[Event],
        events: Sequence[Event],
    ) -> str | None:
        stream = events[0].stream
        if stream not in self._recorded:
            self._recorded[stream] = self._pushed[stream] = self._last_recorded(stream, before)
        missing = [event for event in (*before, *events) if event.seq > self._pushed[stream]]
        for first in range(0, len(missing), AT_ONCE):
            some = missing[first : first + AT_ONCE]
            body = {"format_version": 1, "environment": self._workspace.settings.environment.name}
            if reason := push({**body, "events": [_masked(event.as_dict()) for event in some]}):
                return reason
            for event in some:  # not beyond one that another run wrote and this one has not read
                self._pushed[stream] += event.seq == self._pushed[stream] + 1
        return None

    def _last_recorded(self, stream: str, events: Sequence[Event]) -> int:
        """Return up to which event the receiver has a stream; 0 where no signed event says so."""
        account = self._workspace.settings.environment.by_appid.get(stream)
        told = [one for one in events if one.kind == LedgerKind.NOTIFIED and "pushed" in one.data]
        if account is None or not told:
            return 0
        key = self._workspace.secrets.mac_key(account)
        return next((one.data["pushed"] for one in reversed(told) if has_valid_mac(one, key)), 0)

    def _receiver(self) -> Callable[[Mapping[str, Any]], str | None]:
        """Return what pushes JSON, by settings that may be obeyed; that returns why it failed, or None."""
        from wechat_campaigns.guard.plan_checks import program_failure
        from wechat_campaigns.notify.target import PROGRAM_S, webhook_failure

        audit, secrets = self._workspace.settings.audit or Audit(), self._workspace.secrets
        if audit.command:
            secrets.check_place(Secret(command=audit.command))
            folder = self._workspace.root.resolve().parent
            return lambda body: program_failure(audit.command, json.dumps(body), folder, timeout_s=PROGRAM_S)
        address = secrets.other(audit.url, name=_("`url` of `audit`"))
        key = secrets.other(audit.secret, name=_("`secret` of `audit`")) if audit.secret else ""
        return lambda body: webhook_failure(address, key, body, datetime.now(UTC))

    def _end(self) -> None:
        """Wait a little for what is being pushed, warn of what is not, and record what the receiver has."""
        self._waiting.put(None)
        self._thread.join(END_S)
        reason = self._failure
        if self._thread.is_alive():
            reason = _("it took longer than {seconds:g} s").format(seconds=END_S)
        if reason is not None:
            message = _(
                "Warning: `audit` did not take every event: {reason}. No send is affected. The next run that "
                "writes to the ledger pushes what is missing."
            )
            self._warn(message.format(reason=reason))
        data = {"day": self._workspace.clock().date().isoformat(), "notices": []}
        for stream, last in dict(self._pushed).items():
            if last > self._recorded[stream] and stream in self._workspace.settings.environment.by_appid:
                entry = Entry(stream=stream, kind=LedgerKind.NOTIFIED, data={**data, "pushed": last})
                try:
                    self._workspace.ledger.append(entry)
                except CampaignError:  # the next run pushes them again
                    continue


def _masked(value: Any) -> Any:
    """Mask in plain data what no reader may see: somebody may have written it into a reason."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    return [*map(_masked, value)] if isinstance(value, list | tuple) else value
