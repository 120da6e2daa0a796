"""Push each event of the ledger to an address or a program, once a run has ended or waits.

The ledger keeps how far the receiver has a stream; what it did not take is pushed by the next run that writes
there. So none is left out, and each stream comes in order; an event may come twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wechat_campaigns.core.digest import sha256
from wechat_campaigns.core.errors import CampaignError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.core.redact import redact
from wechat_campaigns.core.settings import SANDBOX, Account, Audit
from wechat_campaigns.ledger.events import LedgerKind
from wechat_campaigns.ledger.trust import has_valid_mac
from wechat_campaigns.protocol.events import Entry, Event
from wechat_campaigns.report.sanitize import FORMAT_VERSION
from wechat_campaigns.workspace import OnlineWorkspace

if TYPE_CHECKING:
    from wechat_campaigns.ledger.opened import OpenedLedger
    from wechat_campaigns.notify.target import Taker

AT_ONCE: Final = 100
"""Events of one request."""
MOST_S: Final = 10.0
"""After this time no further request is begun."""


def push_appended(workspace: OnlineWorkspace, ledger: OpenedLedger, *, warn: Callable[[str], None]) -> None:
    """Push what was appended through a ledger, and what the receiver still lacks of those streams.

    Args:
        ledger: no send by it may wait for this.
        warn: is called when the receiver did not take everything.
    """
    from wechat_campaigns.notify.target import taker  # needs HTTP

    audit, environment = workspace.settings.audit, workspace.settings.environment
    if audit is None or (audit.command and environment.api == SANDBOX):
        return
    failure, ends = "", time.monotonic() + MOST_S
    try:
        push = taker(workspace, "command" if audit.command else "webhook", audit, "audit")
        for stream in tuple(ledger.appended):
            known = ledger.known_events(stream)
            recorded = _last_recorded(workspace, audit, stream, known)
            missing = [event for event in known if event.seq > recorded]
            if all("pushed" in event.data for event in missing):  # this was called before
                continue
            pushed, failure = _push(push, environment.name, missing, recorded, ends)
            if pushed > recorded and (account := environment.by_appid.get(stream)) is not None:
                data = {"day": workspace.clock().date().isoformat(), "notices": [], "pushed": pushed}
                data["to"] = _receiver(workspace, audit, account)
                with suppress(CampaignError):  # the next run pushes them again
                    ledger.append(Entry(stream=stream, kind=LedgerKind.NOTIFIED, data=data))
            if failure:
                break
    except CampaignError as error:
        failure = error.message
    except Exception as fault:  # whatever it is, what was sent stays reported
        failure = type(fault).__name__
    if failure:
        message = _(
            "Warning: `audit` did not take every event: {reason}. No send is affected. The next run that "
            "writes to the ledger pushes what is missing."
        )
        warn(message.format(reason=failure))


def _push(push: Taker, environment: str, events: Sequence[Event], last: int, ends: float) -> tuple[int, str]:
    """Push events of one stream until the receiver does not take some.

    Args:
        last: the event up to which the receiver has the stream.

    Returns:
        The same afterwards, and why not all were taken.
    """
    for start in range(0, len(events), AT_ONCE):
        if time.monotonic() > ends:
            return last, _("it took longer than {seconds:g} s").format(seconds=MOST_S)
        some = events[start : start + AT_ONCE]
        head = {"format_version": FORMAT_VERSION, "environment": environment}
        if reason := push({**head, "events": [_masked(event.as_dict()) for event in some]}):
            return last, reason
        for event in some:  # not beyond one that another run wrote and this one has not read
            last += event.seq == last + 1
    return last, ""


def _last_recorded(workspace: OnlineWorkspace, audit: Audit, stream: str, events: Sequence[Event]) -> int:
    """Return up to which event the receiver has a stream; 0 where no signed event says so."""
    account = workspace.settings.environment.by_appid.get(stream)
    told = [one for one in events if one.kind == LedgerKind.NOTIFIED and "pushed" in one.data]
    if account is None or not told:
        return 0
    key, to = workspace.secrets.mac_key(account), _receiver(workspace, audit, account)
    mine = (one for one in reversed(told) if one.data.get("to") == to and has_valid_mac(one, key))
    return next((one.data["pushed"] for one in mine), 0)


def _receiver(workspace: OnlineWorkspace, audit: Audit, account: Account) -> str:
    """Return a digest of where the settings push to, from which nobody without the AppSecret finds it."""
    secrets = workspace.secrets
    where = list(audit.command) or [
        secrets.other(audit.url, name=_("`url` of `{setting}`").format(setting="audit"))
    ]
    return sha256([secrets.mac_key(account).hex(), *where])[:16]


def _masked(value: Any) -> Any:
    """Mask in plain data what no reader may see: somebody may have written it into a reason."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {name: _masked(one) for name, one in value.items()}
    return [*map(_masked, value)] if isinstance(value, list | tuple) else value
